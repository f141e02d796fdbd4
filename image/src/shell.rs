//! Commands in the guest, for tests: the other end of the shell that only a test image has, on its second serial port.
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::stop;

/// How long one read waits before the deadline is looked at.
const TICK: Duration = Duration::from_millis(300);

/// A connection to the guest's shell.
#[derive(Debug)]
pub struct Shell {
    stream: UnixStream,
    /// What came and was not used yet.
    pending: Vec<u8>,
    /// Commands sent so far: each answer names its command's number.
    count: u32,
}

/// What a command printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its exit status.
    pub status: u32,
    /// Standard output and standard error.
    pub text: String,
}

impl Shell {
    /// Connects to the port's socket, and waits until the shell answers, at most for `limit`.
    ///
    /// # Errors
    /// When it doesn't.
    pub fn connect(socket: &Path, limit: Duration) -> Result<Self> {
        let deadline = Instant::now() + limit;
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                // A machine that has just been started has made no socket yet.
                Err(error) if error.kind() == ErrorKind::NotFound && Instant::now() < deadline => {
                    stop::check()?;
                    std::thread::sleep(TICK);
                }
                Err(error) => return Err(error).with_context(|| socket.display().to_string()),
            }
        };
        stream.set_read_timeout(Some(TICK))?;
        let mut shell = Self { stream, pending: Vec::new(), count: 0 };
        // What is sent before the shell reads is lost.
        loop {
            stop::check()?;
            let question = shell.send("true")?;
            if let Some(answer) = shell.answer(&question, Instant::now() + 2 * TICK)? {
                return if answer.status == 0 { Ok(shell) } else { bail!("the guest's shell is broken") };
            }
            if Instant::now() > deadline {
                bail!("the guest's shell does not answer within {} s", limit.as_secs());
            }
        }
    }

    /// Runs a command (one line of sh), at most for `limit`.
    ///
    /// # Errors
    /// When there is no answer; a command that fails is an answer.
    pub fn run(&mut self, command: &str, limit: Duration) -> Result<Answer> {
        let question = self.send(command)?;
        match self.answer(&question, Instant::now() + limit)? {
            Some(answer) => Ok(answer),
            None => bail!("the guest has not answered {command:?} within {} s", limit.as_secs()),
        }
    }

    /// Sends a command; returns the token that its answer will have.
    fn send(&mut self, command: &str) -> Result<String> {
        if command.contains('\n') {
            bail!("{command:?} is more than one line");
        }
        self.count += 1;
        let token = format!("answer-{}", self.count);
        writeln!(self.stream, "{token} {command}").context("the guest's shell")?;
        Ok(token)
    }

    fn answer(&mut self, token: &str, deadline: Instant) -> Result<Option<Answer>> {
        let mut buffer = [0; 4096];
        loop {
            if let Some((answer, used)) = parse(&self.pending, token) {
                self.pending.drain(..used);
                return Ok(Some(answer));
            }
            if Instant::now() > deadline {
                return Ok(None);
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => bail!("the guest's serial port is closed"),
                Ok(length) => self.pending.extend_from_slice(&buffer[..length]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error).context("the guest's shell"),
            }
        }
    }
}

/// Finds the line `TOKEN STATUS`; what stands before it, behind any earlier answer, is the text. Also how many bytes that
/// takes.
fn parse(pending: &[u8], token: &str) -> Option<(Answer, usize)> {
    let text = String::from_utf8_lossy(pending);
    let marker = format!("\n{token} ");
    let at = text.find(&marker)?;
    let rest = &text[at + marker.len()..];
    let end = rest.find('\n')?;
    let status = rest[..end].trim().parse().ok()?;
    // An answer that came too late for its own question.
    let stale = text[..at].rfind("\nanswer-").and_then(|line| text[line + 1..at].find('\n').map(|n| line + 1 + n + 1));
    let answer = Answer { status, text: text[stale.unwrap_or(0)..at].to_owned() };
    // Bytes that were no text were replaced; the count is then too large, and nothing of the next answer is there yet.
    Some((answer, (at + marker.len() + end + 1).min(pending.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_what_stands_before_its_token() {
        assert_eq!(parse(b"hello\n\nanswer-2", "answer-2"), None);
        let (answer, used) = parse(b"hello\n\nanswer-2 0\nrest", "answer-2").unwrap();
        assert_eq!(answer, Answer { status: 0, text: "hello\n".into() });
        assert_eq!(used, 18);
        assert_eq!(parse(b"\nanswer-21 0\n", "answer-2"), None);
    }

    #[test]
    fn a_late_answer_is_skipped() {
        let (answer, _) = parse(b"\nanswer-1 0\nls: x\n\nanswer-2 1\n", "answer-2").unwrap();
        assert_eq!(answer, Answer { status: 1, text: "ls: x\n".into() });
    }
}
