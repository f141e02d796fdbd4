//! The tracks, and what has to be on the wire of them.
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::Value;
use support::decode::{Layout, Reference};
use support::material::{self, DsdShape, DsdWire, Shape};

/// What a track is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Material {
    Flac { rate: u32, bits: u16 },
    Wav { rate: u32, bits: u16 },
    Dsf { multiple: u32 },
}

/// A kind of track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// For people.
    pub(super) name: &'static str,
    material: Material,
}

/// Those that are played alone. (768 kHz is more than FLAC's encoder takes.)
pub(super) const KINDS: [Kind; 4] = [
    Kind { name: "FLAC 44.1/16", material: Material::Flac { rate: 44_100, bits: 16 } },
    Kind { name: "FLAC 192/24", material: Material::Flac { rate: 192_000, bits: 24 } },
    Kind { name: "WAV 768/32", material: Material::Wav { rate: 768_000, bits: 32 } },
    Kind { name: "DSD512 (DSF)", material: Material::Dsf { multiple: 512 } },
];
/// The one that is played while the page is asked for without a pause.
pub(super) const LOADED: Kind = KINDS[1];
/// The one that plays while the DAC is pulled out.
pub(super) const LONG: Kind = KINDS[0];
/// Time for somebody to find the cable, pull it and put it back, s.
pub(super) const LONG_SECONDS: u32 = 240;

/// A track.
pub(super) struct Track {
    pub(super) kind: Kind,
    pub(super) file: PathBuf,
    /// Its length, s.
    pub(super) seconds: u32,
    holds: Holds,
}

enum Holds {
    Pcm(Reference),
    Dsd(DsdShape),
}

impl Track {
    /// Makes a file of so many seconds.
    ///
    /// # Errors
    /// When it can't be written, or `flac` is missing.
    pub(super) fn make(kind: Kind, seconds: u32, directory: &Path) -> Result<Self> {
        let named = |extension: &str| directory.join(format!("track.{extension}"));
        let (file, holds) = match kind.material {
            Material::Flac { rate, bits } => {
                let (file, shape) = (named("flac"), Shape::stereo(rate, bits, rate * seconds));
                material::flac(&file, &shape)?;
                (file, Holds::Pcm(reference(&shape)))
            }
            Material::Wav { rate, bits } => {
                let (file, shape) = (named("wav"), Shape::stereo(rate, bits, rate * seconds));
                material::wav(&file, &shape)?;
                (file, Holds::Pcm(reference(&shape)))
            }
            Material::Dsf { multiple } => {
                let shape = DsdShape::stereo(multiple, 44_100 / 8 * multiple * seconds);
                let file = named("dsf");
                material::dsf(&file, &shape)?;
                (file, Holds::Dsd(shape))
            }
        };
        Ok(Self { kind, file, seconds, holds })
    }

    /// The bytes on a wire as `/status.json` describes it; `None` if they can't be the file's own.
    pub(super) fn on_wire(&self, wire: &Value) -> Option<Vec<u8>> {
        let (format, dop) = (wire["format"].as_str()?, wire["dop"] == true);
        let rate = u32::try_from(wire["rate"].as_u64()?).ok()?;
        match &self.holds {
            Holds::Pcm(reference) => {
                let layout = match format {
                    "S16_LE" => Layout::S16,
                    "S24_3LE" => Layout::S24Packed,
                    "S24_LE" => Layout::S24,
                    "S32_LE" => Layout::S32,
                    _ => return None,
                };
                (rate == reference.rate).then(|| reference.packed(layout))?
            }
            Holds::Dsd(shape) => {
                let wire = match (format, dop) {
                    ("S24_3LE", true) => DsdWire::DopPacked,
                    ("S32_LE", true) => DsdWire::Dop32,
                    ("DSD_U8", _) => DsdWire::Big(1),
                    ("DSD_U16_BE", _) => DsdWire::Big(2),
                    ("DSD_U32_BE", _) => DsdWire::Big(4),
                    ("DSD_U16_LE", _) => DsdWire::Little(2),
                    ("DSD_U32_LE", _) => DsdWire::Little(4),
                    _ => return None,
                };
                (u64::from(rate) * wire.word() as u64 * 8 == u64::from(shape.rate)).then(|| shape.wire(wire))
            }
        }
    }
}

/// What was written is what it holds: nothing decodes it.
fn reference(shape: &Shape) -> Reference {
    Reference { rate: shape.rate, channels: shape.channels, bits: Some(shape.bits), samples: shape.samples() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_wire_that_holds_the_file_is_expected() {
        let shape = Shape::stereo(192_000, 24, 100);
        let kind = KINDS[1];
        let track = Track { kind, file: PathBuf::new(), seconds: 1, holds: Holds::Pcm(reference(&shape)) };
        let bytes = |format: &str, rate: u32| {
            track.on_wire(&json!({ "format": format, "rate": rate, "dop": false })).map(|bytes| bytes.len())
        };
        assert_eq!((bytes("S32_LE", 192_000), bytes("S24_3LE", 192_000)), (Some(800), Some(600)));
        assert_eq!((bytes("S16_LE", 192_000), bytes("S32_LE", 96_000), bytes("S32_BE", 192_000)), (None, None, None));
    }

    #[test]
    fn dsd_is_expected_natively_or_over_pcm() {
        let shape = DsdShape::stereo(512, 400);
        let track = Track { kind: KINDS[3], file: PathBuf::new(), seconds: 1, holds: Holds::Dsd(shape) };
        let bytes = |format: &str, rate: u32, dop: bool| {
            track.on_wire(&json!({ "format": format, "rate": rate, "dop": dop })).map(|bytes| bytes.len())
        };
        assert_eq!(bytes("DSD_U32_BE", 705_600, false), Some(800));
        assert_eq!(bytes("S32_LE", 1_411_200, true), Some(1600));
        assert_eq!((bytes("S32_LE", 176_400, false), bytes("DSD_U32_BE", 352_800, false)), (None, None));
    }
}
