//! A line of `tests/play`.
use serde::Serialize;

/// How a file fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The track ended with TransportStatus OK and every frame of the source reached the sink.
    Played,
    /// No frame reached the sink, and the reason was named.
    Refused,
    /// Everything else.
    Failed,
}

/// What the file holds, as the player has read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Frames a second.
    pub rate: Option<u32>,
    /// Significant bits; unknown for lossy codecs, which have none.
    pub bits: Option<u16>,
    /// Channels.
    pub channels: Option<u16>,
}

/// What the sink was opened with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wire {
    /// ALSA's name of the format.
    pub format: String,
    /// ALSA's rate.
    pub rate: u32,
    /// Channels.
    pub channels: u16,
    /// Whether it is DSD inside PCM.
    pub dop: bool,
}

/// The line; what isn't known or can't be measured is null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The file as it was named.
    pub file: String,
    /// How it fared.
    pub state: State,
    /// Why not; null only for `played`.
    pub error: Option<String>,
    /// The codec.
    pub codec: Option<String>,
    /// What the file holds.
    pub source: Option<Source>,
    /// What the sink was opened with.
    pub wire: Option<Wire>,
    /// The track's own frames that reached the sink.
    pub frames: Option<u64>,
    /// Of the source's samples, recovered from what the sink received.
    pub md5: Option<String>,
    /// Of the track's own bytes as the sink received them.
    pub wire_sha256: Option<String>,
    /// Underruns of the sink; null with `--fast`.
    pub xruns: Option<u64>,
    /// From Play's first byte to the first own frame taken by the sink.
    pub start_ms: Option<f64>,
    /// Silent frames since the track before.
    pub gap_frames: Option<u64>,
}
