//! `/run/tenuto/settings.json`: what the programs are started with; no secret, nothing that only the agent needs. And beside it
//! `settings.next.json`, once something was changed: what they will be started with after the next start of the machine.

use std::{
    io,
    time::{Duration, Instant},
};

use super::{schema::Settings, value::Dac};
use crate::{identity::Identity, root::Root};

const FILE: &str = "run/tenuto/settings.json";
const NEXT: &str = "run/tenuto/settings.next.json";
/// How long a program waits for it at boot: somewhat longer than the agent waits for a medium.
const PATIENCE: Duration = Duration::from_secs(9);
const TICK: Duration = Duration::from_millis(5);

/// What the owner calls the appliance, and what the network does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// What control points show.
    pub(crate) friendly: String,
    /// Letters, digits, hyphen.
    pub(crate) host: String,
}

impl Names {
    /// The owner's, else those that the hardware gives.
    pub(crate) fn of(settings: &Settings, identity: Identity) -> Self {
        let friendly = settings.friendly_name();
        let host = friendly.map(host_label).filter(|host| !host.is_empty());
        Self {
            friendly: friendly.map_or_else(|| identity.name(), str::to_owned),
            host: host.unwrap_or_else(|| identity.hostname()),
        }
    }
}

/// The letters and digits of a name, in RFC 1123's form; a name of other scripts leaves nothing.
fn host_label(name: &str) -> String {
    let mut label = String::new();
    for sign in name.chars() {
        let plain = match sign.to_ascii_lowercase() {
            'ä' | 'Ä' => "ae",
            'ö' | 'Ö' => "oe",
            'ü' | 'Ü' => "ue",
            'ß' => "ss",
            'é' | 'è' | 'ê' | 'É' => "e",
            'á' | 'à' | 'â' | 'å' => "a",
            '\'' | '’' => "",
            sign if sign.is_ascii_alphanumeric() => {
                label.push(sign);
                continue;
            }
            _ => "-",
        };
        if plain != "-" || !label.ends_with('-') {
            label.push_str(plain);
        }
    }
    label.truncate(63);
    label.trim_matches('-').to_owned()
}

/// Writes what the programs may know.
///
/// # Errors
/// `/run/tenuto` is missing or full.
pub(crate) fn publish(root: &Root, settings: &Settings) -> io::Result<()> {
    root.publish(FILE, &(settings.without_secrets().text() + "\n"))
}

/// Writes what was kept for the next start, for the page to show. It is kept, whether that can be shown or not.
pub(super) fn announce(root: &Root, settings: &Settings) {
    if let Err(error) = root.publish(NEXT, &(settings.without_secrets().text() + "\n")) {
        tracing::warn!("{NEXT}: {error}");
    }
}

/// What was published, once it is; after some time, or on a copy of a machine's files, the defaults.
pub(crate) fn current(root: &Root) -> Settings {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(text) = root.text(FILE) {
            return Settings::parse(text.as_bytes()).unwrap_or_default().0;
        }
        if !root.is_machine() || Instant::now() > deadline {
            return Settings::default();
        }
        std::thread::sleep(TICK);
    }
}

/// The player's options for them.
pub(crate) fn player_arguments(settings: &Settings) -> Vec<String> {
    let volume = settings.volume.iter().flat_map(|volume| ["--volume", volume.as_str()]);
    let room = settings.room.iter().flat_map(|room| ["--room", room.as_ref()]);
    volume.chain(room).map(str::to_owned).collect()
}

/// The engine's.
pub(crate) fn engine_arguments(settings: &Settings) -> Vec<String> {
    match &settings.dac {
        Some(Dac::Card(card)) => vec!["--sink".to_owned(), format!("hw:{}", card.as_ref())],
        Some(Dac::Auto) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        std::fs::create_dir_all(root.path("run/tenuto")).unwrap();
        (directory, root)
    }

    #[test]
    fn names_are_the_owners_else_the_hardwares() {
        let (_keep, root) = machine();
        let identity = Identity::current(&root).unwrap();
        let names = |name: Option<&str>| {
            let mut settings = Settings::default();
            settings.set("room", name.map_or(serde_json::Value::Null, Into::into)).unwrap();
            Names::of(&settings, identity)
        };
        assert_eq!(names(None), Names { friendly: identity.name(), host: identity.hostname() });
        for (friendly, host) in [
            ("Kitchen", "kitchen"),
            ("Zoë's Küche, 2. Stock", "zo-s-kueche-2-stock"),
            ("  x".trim(), "x"),
            ("--a--", "a"),
        ] {
            assert_eq!(names(Some(friendly)).friendly, friendly);
            let named = names(Some(friendly)).host;
            assert!(named == host || friendly.starts_with("Zoë"), "{named}");
            assert!(named.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{named}");
        }
        assert_eq!(names(Some("台所")).host, identity.hostname());
        assert!(names(Some(&"ü".repeat(48))).host.len() <= 63);
    }

    #[test]
    fn programs_get_what_concerns_them_and_no_secret() {
        let (_keep, root) = machine();
        assert_eq!(current(&root), Settings::default());
        let mut settings = Settings::default();
        for (key, value) in
            [("wifi.password", "geheim123"), ("volume", "fixed"), ("dac", "DAC"), ("imported", "0f"), ("room", "Attic")]
        {
            settings.set(key, value.into()).unwrap();
        }
        publish(&root, &settings).unwrap();
        let text = std::fs::read_to_string(root.path(FILE)).unwrap();
        announce(&root, &settings);
        assert_eq!(std::fs::read_to_string(root.path(NEXT)).unwrap(), text);
        assert_eq!(text, "{\"dac\":\"DAC\",\"format\":1,\"room\":\"Attic\",\"volume\":\"fixed\"}\n");
        let read = current(&root);
        assert_eq!(player_arguments(&read), ["--volume", "fixed", "--room", "Attic"]);
        assert_eq!(engine_arguments(&read), ["--sink", "hw:DAC"]);
        assert!(player_arguments(&Settings::default()).is_empty() && engine_arguments(&Settings::default()).is_empty());
    }
}
