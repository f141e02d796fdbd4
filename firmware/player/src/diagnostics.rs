//! The log, and the bundle of all that helps to find out what is wrong. Bounded, and without secrets: the network is asked for audio
//! with addresses that may hold somebody's password or a token, and those are taken out of everything that is given away.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// Bytes of the log that are given away; its ring holds twice as much at most.
const LOG: u64 = 128 << 10;
/// Bytes of a file of the agent's that are read at most.
const FILE: u64 = 256 << 10;
/// The ring's files, older one first (agent/src/log/ring.rs).
const RING: [&str; 2] = ["old", "new"];
/// Parts of names whose values nobody needs to see.
const SECRETS: [&str; 5] = ["password", "passphrase", "secret", "token", "psk"];

/// Where everything is.
pub(crate) struct Diagnostics {
    run: PathBuf,
    log: PathBuf,
}

impl Diagnostics {
    /// The agent's directory, and the log's.
    pub(crate) const fn new(run: PathBuf, log: PathBuf) -> Self {
        Self { run, log }
    }

    /// The last lines of the log, secrets taken out; `None` where none is kept.
    pub(crate) fn log(&self) -> Option<String> {
        let parts = RING.map(|name| tail(&self.log.join(name), LOG));
        if parts.iter().all(Option::is_none) {
            return None;
        }
        let all = parts.into_iter().flatten().flatten().collect::<Vec<u8>>();
        let from = all.len().saturating_sub(LOG as usize);
        let text = String::from_utf8_lossy(all.get(from..).unwrap_or_default()).into_owned();
        // What it begins with is most likely the rest of a line.
        let whole = if from == 0 { &text } else { text.split_once('\n').map_or("", |(_, rest)| rest) };
        Some(whole.lines().map(|line| without_secrets(line) + "\n").collect())
    }

    /// The bundle: one JSON document.
    pub(crate) fn bundle(&self, health: &Value, status: &Value) -> String {
        let log = self.log().map(|log| log.lines().map(str::to_owned).collect::<Vec<_>>());
        let bundle = json!({
            "tenuto": env!("CARGO_PKG_VERSION"),
            "health": health,
            "status": status,
            "system": self.document("system.json"),
            "settings": self.document("settings.json"),
            "plan": self.text("plan"),
            "log": log,
        });
        format!("{:#}\n", cleaned(bundle))
    }

    /// The agent's directory.
    pub(crate) fn run_dir(&self) -> &Path {
        &self.run
    }

    /// What the owner has set, as it counts now; `None` where there is no agent.
    pub(crate) fn settings(&self) -> Option<Value> {
        self.object("settings.json")
    }

    /// What the owner has set for the next start, if that is something else.
    pub(crate) fn next_settings(&self) -> Option<Value> {
        self.object("settings.next.json")
    }

    fn object(&self, name: &str) -> Option<Value> {
        let object = Some(cleaned(self.document(name)));
        object.filter(Value::is_object)
    }

    /// A file of the agent's; `null` where there is none.
    fn document(&self, name: &str) -> Value {
        let text = self.text(name);
        text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    fn text(&self, name: &str) -> Option<String> {
        let mut bytes = Vec::new();
        File::open(self.run.join(name)).ok()?.take(FILE).read_to_end(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A file's last bytes.
fn tail(path: &Path, most: u64) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(most))).ok()?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Without secrets in any text, and without the values of what is called one.
fn cleaned(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_secrets(&text)),
        Value::Array(values) => values.into_iter().map(cleaned).collect(),
        Value::Object(fields) => Value::Object(fields.into_iter().map(clean_field).collect::<Map<_, _>>()),
        other => other,
    }
}

fn clean_field((name, value): (String, Value)) -> (String, Value) {
    let lower = name.to_ascii_lowercase();
    let is_secret = SECRETS.iter().any(|secret| lower.contains(secret));
    let value = if is_secret && !value.is_null() { Value::String("…".to_owned()) } else { cleaned(value) };
    (name, value)
}

/// A text in which of each address user, password and query are left out: `http://me:pw@nas/a.flac?token=1` becomes
/// `http://nas/a.flac?…`.
fn without_secrets(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (scheme, after) = rest.split_at(at + "://".len());
        let is_end = |sign: char| sign.is_whitespace() || matches!(sign, '"' | '\'' | '<' | '>' | '`');
        let (address, following) = after.split_at(after.find(is_end).unwrap_or(after.len()));
        let (place, query) = address.split_at(address.find(['?', '#']).unwrap_or(address.len()));
        let (authority, path) = place.split_at(place.find('/').unwrap_or(place.len()));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        clean.extend([scheme, host, path, if query.is_empty() { "" } else { "?…" }]);
        rest = following;
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn addresses_lose_their_secrets_and_nothing_else() {
        for (text, clean) in [
            ("nothing here: a/b @ c?", "nothing here: a/b @ c?"),
            ("http://me:pw@nas:80/a@b.flac?token=1&x=http://y/?z failed", "http://nas:80/a@b.flac?… failed"),
            ("'https://nas/a' and <http://u@b#frag>", "'https://nas/a' and <http://b?…>"),
            ("://@?", "://?…"),
            ("http://nas", "http://nas"),
            ("http://nas?key=ü", "http://nas?…"),
        ] {
            assert_eq!(without_secrets(text), clean);
        }
    }

    #[test]
    fn the_log_is_its_last_lines_and_both_files_of_the_ring() {
        let directory = tempfile::tempdir().unwrap();
        let diagnostics = Diagnostics::new("/nowhere".into(), directory.path().to_owned());
        assert_eq!(diagnostics.log(), None);
        fs::write(directory.path().join("new"), "b http://u:p@h/\n").unwrap();
        assert_eq!(diagnostics.log().unwrap(), "b http://h/\n");
        fs::write(directory.path().join("old"), "a\n".repeat(200_000)).unwrap();
        let log = diagnostics.log().unwrap();
        assert!(log.starts_with("a\na\n") && log.ends_with("\na\nb http://h/\n"));
        assert!((LOG - 10..=LOG).contains(&(log.len() as u64)), "{}", log.len());
    }

    #[test]
    fn the_bundle_holds_what_there_is_and_no_secret() {
        let directory = tempfile::tempdir().unwrap();
        let system =
            r#"{"settings": {"values": {"wifi.password": "geheim123"}}, "knobs": [{"name": "x"}], "token": null}"#;
        fs::write(directory.path().join("system.json"), system).unwrap();
        fs::write(directory.path().join("settings.json"), "no JSON").unwrap();
        fs::write(directory.path().join("plan"), "core=3\n").unwrap();
        let diagnostics = Diagnostics::new(directory.path().to_owned(), directory.path().to_owned());
        let status = json!({ "track": { "uri": "http://nas/a?api_key=geheim456" } });
        let text = diagnostics.bundle(&json!({ "healthy": true }), &status);
        assert!(!text.contains("geheim"), "{text}");
        let bundle: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(bundle["system"]["knobs"][0]["name"], "x");
        assert_eq!(bundle["system"]["token"], Value::Null);
        assert_eq!((&bundle["plan"], &bundle["settings"]), (&"core=3\n".into(), &"no JSON".into()));
        assert_eq!((&bundle["log"], &bundle["health"]["healthy"]), (&Value::Null, &true.into()));
        assert_eq!(bundle["status"]["track"]["uri"], "http://nas/a?…");
    }
}
