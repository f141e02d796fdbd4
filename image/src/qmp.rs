//! QEMU's control socket: its machine protocol (QMP), one JSON object a line.
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// A connection to QEMU.
#[derive(Debug)]
pub struct Qmp {
    replies: BufReader<UnixStream>,
}

impl Qmp {
    /// Connects to the socket. Each answer may take `limit`.
    ///
    /// # Errors
    /// When nobody listens there, or it isn't QEMU.
    pub fn connect(socket: &Path, limit: Duration) -> Result<Self> {
        let stream = UnixStream::connect(socket).context("QEMU's control socket")?;
        stream.set_read_timeout(Some(limit))?;
        let mut qmp = Self { replies: BufReader::new(stream) };
        if qmp.message()?.get("QMP").is_none() {
            bail!("QEMU's control socket doesn't greet");
        }
        qmp.execute("qmp_capabilities", &json!({}))?;
        Ok(qmp)
    }

    /// Executes a command; returns what it returns. Events that come in between are passed over.
    ///
    /// # Errors
    /// QEMU's own, and when there is no answer.
    pub fn execute(&mut self, command: &str, arguments: &Value) -> Result<Value> {
        let request = json!({ "execute": command, "arguments": arguments });
        writeln!(self.replies.get_mut(), "{request}").context("QEMU's control socket")?;
        loop {
            let mut message = self.message()?;
            if let Some(error) = message.get("error") {
                bail!("QEMU refuses {command}: {}", error["desc"].as_str().unwrap_or("no reason given"));
            }
            if message.get("return").is_some() {
                return Ok(message["return"].take());
            }
        }
    }

    fn message(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.replies.read_line(&mut line).context("QEMU's control socket")? == 0 {
            bail!("QEMU has closed its control socket");
        }
        serde_json::from_str(&line).with_context(|| format!("QEMU said {line:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn events_are_passed_over_and_errors_named() {
        let home = tempfile::tempdir().unwrap();
        let socket = home.path().join("qmp");
        let listener = UnixListener::bind(&socket).unwrap();
        let qemu = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut requests = BufReader::new(stream.try_clone().unwrap()).lines();
            writeln!(&stream, r#"{{"QMP":{{"version":{{}}}}}}"#).unwrap();
            for answer in [
                r#"{"return":{}}"#,
                "{\"event\":\"DEVICE_DELETED\"}\n{\"return\":{\"device\":\"disk\"}}",
                r#"{"error":{"class":"GenericError","desc":"no such device"}}"#,
            ] {
                requests.next().unwrap().unwrap();
                writeln!(&stream, "{answer}").unwrap();
            }
        });
        let mut qmp = Qmp::connect(&socket, Duration::from_secs(60)).unwrap();
        assert_eq!(qmp.execute("query-blockstats", &json!({})).unwrap()["device"], "disk");
        let error = qmp.execute("device_del", &json!({ "id": "dac" })).unwrap_err().to_string();
        assert!(error.contains("device_del") && error.contains("no such device"), "{error}");
        qemu.join().unwrap();
    }
}
