//! Signatures of what is published, by minisign. The secret key is the maintainer's: it lies outside of the repository.
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::environment;

/// How every file of minisign begins.
const HEAD: &[u8] = b"untrusted comment:";
/// Larger than any key, bytes.
const MOST: u64 = 4096;

/// A secret key.
#[derive(Debug)]
pub struct Key(PathBuf);

impl Key {
    /// The key in this file; minisign itself is looked for, too, so that nothing is built in vain.
    ///
    /// # Errors
    /// When there is none, it lies in the repository, or minisign is missing.
    pub fn at(path: &Path, repository: &Path) -> Result<Self> {
        let named = || format!("--sign {}: no secret key of minisign (`minisign -G` makes one)", path.display());
        let path = path.canonicalize().with_context(named)?;
        let small = fs::metadata(&path).with_context(named)?.len() <= MOST;
        ensure!(small && fs::read(&path).with_context(named)?.starts_with(HEAD), named());
        if path.starts_with(repository.canonicalize().with_context(|| repository.display().to_string())?) {
            bail!("--sign {}: a secret key has no place in the repository; move it elsewhere", path.display());
        }
        environment::version("minisign", "-v").context("--sign")?;
        Ok(Self(path))
    }

    /// Signs a file: the signature lies beside it, and vouches for `comment`, too. A key with a password asks for it.
    ///
    /// # Errors
    /// When minisign fails.
    pub(super) fn sign(&self, file: &Path, comment: &str) -> Result<()> {
        let mut minisign = Command::new("minisign");
        minisign.arg("-S").arg("-s").arg(&self.0).args(["-t", comment]).arg("-m").arg(file);
        // It talks to whoever has the password.
        let status = minisign.stdout(io::stderr()).status().context("minisign")?;
        ensure!(status.success(), "{}: minisign has not signed it ({status})", file.display());
        Ok(())
    }
}

/// Removes the signature beside a file, if there is one.
///
/// # Errors
/// When it can't be removed.
pub(super) fn remove(file: &Path) -> Result<()> {
    let signature = PathBuf::from(format!("{}.minisig", file.display()));
    match fs::remove_file(&signature) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| signature.display().to_string())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_missing_is_no_key_or_lies_in_the_repository_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let repository = home.path().join("repository");
        fs::create_dir(&repository).unwrap();
        for (name, text, why) in [
            ("missing", None, "no secret key"),
            ("image.img", Some("xyz"), "no secret key"),
            ("repository/key", Some("untrusted comment: x\n"), "no place in the repository"),
        ] {
            let path = home.path().join(name);
            if let Some(text) = text {
                fs::write(&path, text).unwrap();
            }
            let error = format!("{:#}", Key::at(&path, &repository).unwrap_err());
            assert!(error.contains(why) && error.contains(name), "{error}");
        }
    }

    #[test]
    fn an_old_signature_goes_and_none_is_fine() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("image.img.xz");
        fs::write(home.path().join("image.img.xz.minisig"), "").unwrap();
        remove(&file).unwrap();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        remove(&file).unwrap();
    }
}
