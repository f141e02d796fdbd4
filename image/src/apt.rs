//! Source packages from suites that the machine itself doesn't follow, by apt's own machinery and a private configuration.
//!
//! The mirror is the one of the machine's apt configuration, and so are proxies and credentials; only the suites differ.
//! Signatures are checked against Debian's archive keyring. The machine's own package lists and packages stay untouched.
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cache;
use crate::command::{output, run};

/// Who may sign: the keys of Debian's archive, from the package debian-archive-keyring.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A private view of Debian's archive.
#[derive(Debug)]
pub struct Apt {
    directory: PathBuf,
    /// If it isn't this machine's.
    architecture: Option<String>,
    /// Held while this lives: another run would change the sources under our feet.
    _lock: File,
}

/// What of Debian's archive is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Archive<'a> {
    /// Suites, on the machine's own mirror; none: the machine's own suites.
    pub suites: &'a [&'a str],
    /// Components.
    pub components: &'a str,
    /// Of which architecture, if not of this machine's.
    pub architecture: Option<&'a str>,
}

impl Default for Archive<'_> {
    fn default() -> Self {
        Self { suites: &[], components: "main", architecture: None }
    }
}

/// A version of a package that is on offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The package's name.
    pub package: String,
    /// Its version.
    pub version: String,
}

impl Apt {
    /// Fetches the package lists of `archive` into `directory`.
    ///
    /// # Errors
    /// When apt isn't configured for Debian, or the lists can't be fetched and verified.
    pub fn update(directory: &Path, archive: &Archive<'_>, log: &Path) -> Result<Self> {
        let named = || directory.display().to_string();
        fs::create_dir_all(directory).with_context(named)?;
        let lock = File::create(directory.join("tenuto.lock")).with_context(named)?;
        cache::hold(&lock, "fetches package lists").with_context(named)?;
        let architecture = archive.architecture.map(str::to_owned);
        let apt = Self { directory: directory.to_path_buf(), architecture, _lock: lock };
        for part in ["lists/partial", "archives/partial"] {
            fs::create_dir_all(directory.join(part)).with_context(|| directory.display().to_string())?;
        }
        let own = own_sources()?;
        let sources: Vec<(String, String)> = match (archive.suites, own.first()) {
            (_, None) => {
                bail!("apt is not configured for Debian's main component (apt-get indextargets lists nothing)")
            }
            ([], _) => own,
            (suites, Some((mirror, _))) => suites.iter().map(|suite| (mirror.clone(), (*suite).to_owned())).collect(),
        };
        let text: Vec<String> = sources
            .iter()
            .map(|(uri, suite)| {
                let components = archive.components;
                format!("Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: {components}\nSigned-By: {KEYRING}\n")
            })
            .collect();
        let file = directory.join("tenuto.sources");
        fs::write(&file, text.join("\n")).with_context(|| file.display().to_string())?;
        let mut update = apt.command("apt-get");
        update.args(["-q", "-o", "APT::Update::Error-Mode=any", "update"]);
        run(&mut update, log, "fetching Debian's package lists")?;
        Ok(apt)
    }

    /// The versions of `package` on offer, newest first.
    ///
    /// # Errors
    /// When apt-cache fails.
    pub fn offers(&self, package: &str) -> Result<Vec<Offer>> {
        let mut madison = self.command("apt-cache");
        madison.args(["madison", package]);
        let text = output(&mut madison, "asking apt for versions")?;
        Ok(text.lines().filter_map(offer).filter(|offer| offer.package == package).collect())
    }

    /// Downloads an offered package, verified, and unpacks its files into `target`.
    ///
    /// # Errors
    /// When it can't be downloaded or unpacked.
    pub fn unpack(&self, offer: &Offer, target: &Path, log: &Path) -> Result<()> {
        fs::create_dir_all(target).with_context(|| target.display().to_string())?;
        let wanted = format!("{}={}", offer.package, offer.version);
        let mut download = self.command("apt-get");
        download.args(["-q", "download", &wanted]).current_dir(target);
        run(&mut download, log, &format!("downloading {wanted}"))?;
        for entry in fs::read_dir(target)? {
            let deb = entry?.path();
            if deb.extension().is_some_and(|extension| extension == "deb") {
                let mut unpack = Command::new("dpkg-deb");
                unpack.arg("-x").arg(&deb).arg(target);
                run(&mut unpack, log, &format!("unpacking {wanted}"))?;
                fs::remove_file(&deb)?;
            }
        }
        Ok(())
    }

    /// An apt program that sees our sources, lists and archives only. Options on the command line win over the machine's
    /// configuration, which `APT_CONFIG` would not.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let file = |name: &str| self.directory.join(name).display().to_string();
        for option in [
            format!("Dir::Etc::SourceList={}", file("tenuto.sources")),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
            "Dir::Etc::PreferencesParts=/dev/null".to_owned(),
            format!("Dir::State::Lists={}", file("lists")),
            format!("Dir::Cache={}", self.directory.display()),
            format!("Dir::Cache::Archives={}", file("archives")),
            "Acquire::Languages=none".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
            "Acquire::Retries=3".to_owned(),
            // The download user of a root's apt can't write into a home directory.
            "APT::Sandbox::User=root".to_owned(),
        ] {
            command.arg("-o").arg(option);
        }
        if let Some(architecture) = &self.architecture {
            // What is installed here is of another one, and says nothing.
            for option in [
                format!("APT::Architecture={architecture}"),
                format!("APT::Architectures={architecture}"),
                "Dir::State::Status=/dev/null".to_owned(),
            ] {
                command.arg("-o").arg(option);
            }
        }
        command
    }
}

/// The machine's own Debian sources: (URI, suite), the release itself first.
fn own_sources() -> Result<Vec<(String, String)>> {
    let release = fs::read_to_string("/etc/os-release").context("/etc/os-release")?;
    let codename = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).unwrap_or_default();
    let mut targets = Command::new("apt-get");
    targets.args(["indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]);
    let text = output(&mut targets, "reading apt's configuration")?;
    Ok(sources_of(&text, codename.trim_matches('"')))
}

/// Picks out of `apt-get indextargets` what belongs to the release `codename`.
fn sources_of(targets: &str, codename: &str) -> Vec<(String, String)> {
    let suites = [codename.to_owned(), format!("{codename}-updates"), format!("{codename}-security")];
    let mut found = Vec::new();
    for suite in &suites {
        for line in targets.lines() {
            let mut fields = line.split_whitespace();
            if let (Some(uri), Some(release), Some("main")) = (fields.next(), fields.next(), fields.next())
                && release == suite
                && !found.iter().any(|(_, known)| known == suite)
            {
                found.push((uri.to_owned(), suite.clone()));
            }
        }
    }
    found
}

/// Reads a line of `apt-cache madison`: `package | version | source`.
fn offer(line: &str) -> Option<Offer> {
    let mut fields = line.split('|').map(str::trim);
    Some(Offer { package: fields.next()?.to_owned(), version: fields.next()?.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_comes_first_and_foreign_sources_are_left_out() {
        let targets = "http://other/apt cloud main\nhttp://a/sec trixie-security main\nhttp://a/d trixie contrib\n\
                       http://a/d trixie main\nhttp://a/d trixie-updates main\nhttp://b/d trixie main\n";
        let found = sources_of(targets, "trixie");
        let suites: Vec<&str> = found.iter().map(|(_, suite)| suite.as_str()).collect();
        assert_eq!(suites, ["trixie", "trixie-updates", "trixie-security"]);
        assert_eq!(found[0].0, "http://a/d");
    }

    #[test]
    fn madison_is_read() {
        let found = offer(" linux-source-7.2 | 7.2.13-1 | http://a/debian sid/main amd64 Packages").unwrap();
        assert_eq!(found, Offer { package: "linux-source-7.2".into(), version: "7.2.13-1".into() });
        assert_eq!(offer("rubbish"), None);
    }
}
