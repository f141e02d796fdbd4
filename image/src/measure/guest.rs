//! The guest, with programs that its image hasn't: they come over the network, with the libraries that they need, and lie in the test
//! image's own directory in RAM.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::base::Base;
use crate::command::output;
use crate::play::Player;
use crate::shell::Shell;
use crate::stop;

/// Where they lie, and how much room that takes at most.
const DIRECTORY: &str = "/mnt/tools";
const ROOM: &str = "mount -o remount,size=64m /mnt && mkdir -p /mnt/tools";
/// How long one question to the guest may take.
const ANSWER: Duration = Duration::from_secs(180);
/// How much longer than it should run a program may.
const PATIENCE: Duration = Duration::from_secs(180);

/// What Debian has for it (packages rt-tests and stress-ng).
const DEBIAN: [&str; 2] = ["/usr/bin/cyclictest", "/usr/bin/stress-ng"];

/// The shell, and where what it has started in the background writes.
pub(super) struct Guest {
    shell: Shell,
    loader: String,
}

/// A program that runs in the background.
pub(super) struct Program {
    name: &'static str,
}

impl Program {
    fn file(&self, what: &str) -> String {
        format!("/mnt/{}.{what}", self.name)
    }
}

impl Guest {
    /// Brings the programs.
    ///
    /// # Errors
    /// When one is missing here, or the guest doesn't take them.
    pub(super) fn new(mut shell: Shell, player: &Player, base: &Base, receiver: &Path) -> Result<Self> {
        let directory = tempfile::tempdir().context("making a temporary directory")?;
        let archive = pack(base, receiver, directory.path())?;
        let url = player.serve(&archive);
        let fetch = format!("{ROOM} && wget -q -O - '{url}' | tar xf - -C {DIRECTORY}");
        let answer = shell.run(&fetch, ANSWER)?;
        ensure!(answer.status == 0, "the guest doesn't take the programs: {}", answer.text.trim());
        let loader = Path::new(base.architecture().loader).file_name().context("the loader's name")?;
        Ok(Self { shell, loader: format!("{DIRECTORY}/{}", loader.display()) })
    }

    /// Runs a command, which has to succeed.
    pub(super) fn ask(&mut self, command: &str) -> Result<String> {
        let answer = self.shell.run(command, ANSWER)?;
        if answer.status != 0 {
            bail!("in the guest, {command}: {}", answer.text.trim());
        }
        Ok(answer.text)
    }

    pub(super) fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }

    /// Starts a program in the background; `{}` in the command line stands for the program.
    pub(super) fn start(&mut self, name: &'static str, command: &str) -> Result<Program> {
        let program = Program { name };
        let run = format!("{} --library-path {DIRECTORY} {DIRECTORY}/{name}", self.loader);
        let command = command.replace("{}", &run);
        let (said, ended) = (program.file("said"), program.file("ended"));
        self.ask(&format!("rm -f {said} {ended}; ({command} >{said} 2>&1; echo $? >{ended}) &"))?;
        Ok(program)
    }

    /// Waits until it has said a line that begins so.
    pub(super) fn wait_for(&mut self, program: &Program, word: &str) -> Result<()> {
        let (said, ended) = (program.file("said"), program.file("ended"));
        let until = format!(
            "n=0; until grep -q '^{word}' {said} || [ -e {ended} ] || [ $n -gt 120 ]; do n=$((n+1)); sleep 0.5; done; grep -q '^{word}' {said} || {{ cat {said}; false; }}"
        );
        self.ask(&until).map(drop)
    }

    /// Waits until it has ended well; returns what it has said.
    pub(super) fn said(&mut self, program: &Program, length: Duration) -> Result<String> {
        let start = Instant::now();
        let (said, ended) = (program.file("said"), program.file("ended"));
        loop {
            let status = self.ask(&format!("cat {ended} 2>/dev/null || true"))?;
            match status.trim() {
                "" => {}
                "0" => return self.ask(&format!("cat {said}")),
                status => {
                    bail!("{} has ended with status {status}: {}", program.name, self.ask(&format!("cat {said}"))?)
                }
            }
            stop::check()?;
            if start.elapsed() > length + PATIENCE {
                bail!("{} doesn't end", program.name);
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    /// The last line that it has said when it has ended.
    pub(super) fn last_line(&mut self, program: &Program) -> Result<String> {
        let said = self.said(program, Duration::from_secs(30))?;
        Ok(said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned())
    }
}

/// Puts the programs, their libraries and the loader into one archive, without directories.
fn pack(base: &Base, receiver: &Path, directory: &Path) -> Result<PathBuf> {
    let tree = directory.join("tools");
    fs::create_dir(&tree)?;
    let mut programs: Vec<PathBuf> = DEBIAN.iter().map(|name| base.path(name)).collect();
    programs.push(receiver.to_path_buf());
    if let Some(missing) = programs.iter().find(|program| !program.exists()) {
        bail!("{} is missing: run image/setup measure", missing.display());
    }
    let libraries = base.libraries(&programs)?;
    let loader = base.path(base.architecture().loader);
    for file in programs.iter().chain(libraries.values()).chain([&loader]) {
        let name = file.file_name().with_context(|| file.display().to_string())?;
        fs::copy(file, tree.join(name)).with_context(|| file.display().to_string())?;
    }
    let archive = directory.join("tools.tar");
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(&tree).arg("-cf").arg(&archive).arg(".");
    output(&mut tar, "packing the programs")?;
    Ok(archive)
}
