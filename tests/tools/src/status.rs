//! The player's `/status.json`, as far as it matters here. What isn't there is unknown, not an error.
use serde::Deserialize;

/// The whole page.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The last tracks that were tried, oldest first.
    pub tracks: Vec<Track>,
    /// The engine, as far as the player knows it.
    pub engine: Option<Engine>,
}

/// The engine.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Engine {
    /// What it plays to; none while there is no sound card.
    pub output: Option<String>,
}

/// One track.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Track {
    /// The number that its marks in the ring carry.
    pub id: Option<u64>,
    /// Its URL, as the control point gave it.
    pub uri: String,
    /// The codec's name.
    pub codec: Option<String>,
    /// What the file holds.
    pub source: Option<Source>,
    /// Frames that the file says it holds; of DSD bytes of each channel.
    pub frames: Option<u64>,
    /// Why it couldn't be played, or ended early.
    pub error: Option<Fault>,
}

/// What a file holds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    /// Frames a second.
    pub rate: Option<u32>,
    /// Significant bits.
    pub bits: Option<u16>,
    /// Channels.
    pub channels: Option<u16>,
    /// `integer`, `float`, `lossy` or `dsd`.
    pub encoding: Option<String>,
}

impl Source {
    /// Whether its samples are integers that a wide enough wire can hold.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        self.encoding.as_deref() == Some("integer")
    }
}

impl Source {
    /// Whether it is a one-bit stream.
    #[must_use]
    pub fn is_one_bit(&self) -> bool {
        self.encoding.as_deref() == Some("dsd")
    }
}

/// An error of the player's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Fault {
    /// Its kind, such as `Truncated`.
    pub kind: Option<String>,
    /// For people.
    pub text: Option<String>,
}

impl Status {
    /// Whether the player knows an engine that has an output.
    #[must_use]
    pub fn can_play(&self) -> bool {
        let output = self.engine.as_ref().and_then(|engine| engine.output.as_ref());
        output.is_some_and(|output| !output.is_empty())
    }

    /// The newest entry for a URL.
    #[must_use]
    pub fn track(&self, uri: &str) -> Option<&Track> {
        self.tracks.iter().rev().find(|track| track.uri == uri)
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn unknown_and_missing_fields_are_fine_and_the_newest_entry_counts() {
        let text = r#"{"new":1,"tracks":[{"id":1,"uri":"u"},{"id":2,"uri":"u","codec":null,
            "source":{"rate":44100,"bits":16,"channels":2,"encoding":"integer"},"error":{"kind":"Truncated","text":"t"}}]}"#;
        let status: Status = serde_json::from_str(text).expect("parsed");
        let track = status.track("u").expect("there");
        assert_eq!(track.id, Some(2));
        assert!(track.source.as_ref().is_some_and(super::Source::is_integer));
        assert!(status.track("v").is_none() && !status.can_play());
        for (text, can_play) in [
            (r#"{"engine":null}"#, false),
            (r#"{"engine":{"output":null}}"#, false),
            (r#"{"engine":{"output":""}}"#, false),
            (r#"{"engine":{"output":"hw:0,0"}}"#, true),
        ] {
            let status: Status = serde_json::from_str(text).expect("parsed");
            assert_eq!(status.can_play(), can_play, "{text}");
        }
        assert!(serde_json::from_str::<Status>("{}").expect("parsed").tracks.is_empty());
    }
}
