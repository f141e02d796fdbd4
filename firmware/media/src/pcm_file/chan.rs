//! Which channel is which in AIFF: the `CHAN` chunk, a Core Audio channel layout ("Apple Core Audio Format Specification 1.0",
//! channel layout chunk), and what holds without one.

use pcm::Speakers;

/// The layout is the bitmap.
const BITMAP: u32 = 1 << 16;

/// What a layout's tag and bitmap say. A layout by descriptions isn't read.
pub(super) fn speakers(tag: u32, bitmap: u32) -> Speakers {
    let names = match tag >> 16 {
        // The bits are those of dwChannelMask.
        1 if tag == BITMAP => return Speakers::of_mask(bitmap, bitmap.count_ones() as u16),
        101 => "FL FR",
        108 => "FL FR RL RR",
        113 => "FL FR FC",
        114 => "FC FL FR",
        115 => "FL FR FC RC",
        116 => "FC FL FR RC",
        117 => "FL FR FC RL RR",
        118 => "FL FR RL RR FC",
        119 => "FL FC FR RL RR",
        120 => "FC FL FR RL RR",
        121 => "FL FR FC LFE RL RR",
        122 => "FL FR RL RR FC LFE",
        123 => "FL FC FR RL RR LFE",
        124 => "FC FL FR RL RR LFE",
        125 => "FL FR FC LFE RL RR RC",
        126 => "FL FR FC LFE RL RR FLC FRC",
        127 => "FC FLC FRC FL FR RL RR LFE",
        128 => "FL FR FC LFE SL SR RL RR",
        _ => "",
    };
    let speakers = named(names);
    if speakers.count() == (tag & 0xffff) as usize { speakers } else { Speakers::UNKNOWN }
}

/// What so many channels are in AIFF if nothing else is said ("AIFF-C", the sound data chunk). Six are meant for the cinema there,
/// and four may be two things; nobody keeps to the one, nor says the other.
pub(super) fn aiff_speakers(channels: u16) -> Speakers {
    named(match channels {
        2 => "FL FR",
        3 => "FL FR FC",
        _ => "",
    })
}

fn named(names: &str) -> Speakers {
    Speakers::new(names.split_whitespace().map(pcm::Speaker::from_alsa_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_read() {
        for (tag, bitmap, names) in [
            (121 << 16 | 6, 0, "FL FR FC LFE RL RR"),
            (124 << 16 | 6, 0, "FC FL FR RL RR LFE"),
            (BITMAP, 0x60f, "FL FR FC LFE SL SR"),
            // Of another number of channels than it has, by descriptions, and unknown.
            (121 << 16 | 5, 0, ""),
            (0, 0, ""),
            (999 << 16 | 6, 0, ""),
        ] {
            assert_eq!(speakers(tag, bitmap).to_string(), names, "{tag:#x}");
        }
        assert_eq!(aiff_speakers(3).to_string(), "FL FR FC");
        assert_eq!(aiff_speakers(6), Speakers::UNKNOWN);
    }
}
