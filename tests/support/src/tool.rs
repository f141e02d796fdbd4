//! Running host programs.
use std::process::{Command, Output};

/// Why a host program's result can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program isn't there.
    #[error("{program} is not installed: apt-get install {package} (image/setup does it)")]
    Missing {
        /// The program's name.
        program: String,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// It ended with a failure.
    #[error("{command} failed ({status}): {text}")]
    Failed {
        /// Program and arguments.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The end of its standard error.
        text: String,
    },
    /// It couldn't be started, or a file couldn't be written.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
    /// It said something that can't be understood.
    #[error("{0}")]
    Unexpected(String),
}

/// The Debian package of `program`.
fn package_of(program: &str) -> &'static str {
    match program {
        "flac" | "metaflac" => "flac",
        "ffmpeg" | "ffprobe" => "ffmpeg",
        "lame" => "lame",
        "oggenc" | "oggdec" => "vorbis-tools",
        _ => "(see image/packages)",
    }
}

/// Runs `program` to its end and returns what it wrote to standard output.
///
/// # Errors
/// When it isn't installed, can't be started or ends with a failure.
pub fn run<A: AsRef<std::ffi::OsStr>>(program: &str, arguments: &[A]) -> Result<Vec<u8>, Error> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(std::process::Stdio::null());
    let Output { status, stdout, stderr } = command.output().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Missing { program: program.to_owned(), package: package_of(program) },
        _ => Error::Io(program.to_owned(), error),
    })?;
    if status.success() {
        return Ok(stdout);
    }
    let text = String::from_utf8_lossy(&stderr);
    let start = text.char_indices().rev().nth(400).map_or(0, |(at, _)| at);
    Err(Error::Failed { command: format!("{command:?}"), status, text: text[start..].trim().to_owned() })
}
