//! What is played over USB.
use std::path::Path;

use anyhow::Result;
use support::decode::Layout;

use crate::tracks::{Case, Container, Track};

/// Of each kind, as the DAC gets it that takes everything.
const FORMATS: [Case; 13] = [
    Case::pcm(Container::Flac, 44_100, 16, 2, Layout::S32),
    Case::pcm(Container::Flac, 96_000, 24, 2, Layout::S32),
    Case::pcm(Container::Flac, 192_000, 24, 2, Layout::S32),
    Case::pcm(Container::Flac, 384_000, 32, 2, Layout::S32).ms(1500),
    Case::pcm(Container::Wav, 768_000, 32, 2, Layout::S32).ms(1500),
    Case::dsd(Container::Dsf, 64),
    Case::dsd(Container::Dff, 128),
    Case::dsd(Container::Dsf, 256),
    Case::dsd(Container::Dff, 512),
    Case::dsd(Container::Dff, 64).ms(SHORT),
    Case::dsd(Container::Dsf, 128).ms(SHORT),
    Case::dsd(Container::Dff, 256).ms(SHORT),
    Case::dsd(Container::Dsf, 512).ms(SHORT),
];
/// As DoP, beside DSD64 from DSF.
const DOP: [Case; 2] = [Case::dsd(Container::Dff, 64).ms(SHORT), Case::dsd(Container::Dsf, 128).ms(SHORT)];
/// Where the same has been played from another container, ms.
const SHORT: u32 = 600;
/// An album: lengths that are no multiple of anything.
const ALBUM: [Case; 3] = [
    Case::pcm(Container::Flac, 44_100, 16, 2, Layout::S32).ms(1370),
    Case::pcm(Container::Flac, 44_100, 16, 2, Layout::S32).ms(2110),
    Case::pcm(Container::Flac, 44_100, 16, 2, Layout::S32).ms(1490),
];
/// An album of DSD64 whose tracks end within words of the wire, of four bytes and of two: the bytes so far are a word's first, its second,
/// and its first again. Over PCM the second track ends behind an odd number of frames.
const ALBUM_DSD: [Case; 3] = [
    Case::dsd(Container::Dsf, 64).ms(1530).odd(1),
    // The one behind it is told of when this one is heard, and has to be there when its end is written, a ring of a second before.
    Case::dsd(Container::Dff, 64).ms(3410).odd(1),
    Case::dsd(Container::Dsf, 64).ms(1650).odd(3),
];
/// PCM and DSD over PCM by turns: at the very rate that DSD64 takes, and at others.
const OVER_PCM: [Case; 5] = [
    Case::pcm(Container::Flac, 176_400, 24, 2, Layout::S24Packed).ms(1500),
    Case::dsd(Container::Dsf, 64),
    Case::pcm(Container::Flac, 176_400, 24, 2, Layout::S24Packed).ms(1500),
    Case::dsd(Container::Dff, 128),
    Case::pcm(Container::Flac, 48_000, 24, 2, Layout::S24Packed).ms(1500),
];
/// From format to format: between the families of rates, and from PCM to DSD and back.
const SWITCHES: [Case; 5] = [
    Case::pcm(Container::Flac, 44_100, 16, 2, Layout::S32).ms(1500),
    Case::pcm(Container::Flac, 96_000, 24, 2, Layout::S32).ms(1500),
    Case::dsd(Container::Dsf, 64),
    Case::dsd(Container::Dff, 256),
    Case::pcm(Container::Flac, 192_000, 24, 2, Layout::S32).ms(1500),
];
/// Long enough to be sought in, ms.
const LONG: u32 = 22_500;
/// Long enough to be pulled out of ten times, a second after it was put back in, ms.
const PULLED: u32 = 18_000;
/// Long enough for some dozens of looks at the page, ms.
const AGREEING: u32 = 4000;

/// All tracks.
pub(super) struct Tracks {
    pub(super) formats: Vec<Track>,
    pub(super) album: Vec<Track>,
    /// The same in DSD, ended within words.
    pub(super) album_dsd: Vec<Track>,
    pub(super) switches: Vec<Track>,
    /// PCM and DSD by turns, for a DAC that takes DSD over PCM.
    pub(super) over_pcm: Vec<Track>,
    /// As DoP.
    pub(super) dop: Vec<Track>,
    /// 44.1 kHz, 16 bits, as words of 32.
    pub(super) long: Track,
    /// The same, long enough to be pulled out of again and again.
    pub(super) pulled: Track,
    /// DSD64.
    pub(super) long_dsd: Track,
    /// DSD64, long enough to be pulled out of.
    pub(super) steady_dsd: Track,
    /// 96 kHz, 24 bits, in three bytes.
    pub(super) packed: Track,
    /// 48 kHz, 16 bits, in two.
    pub(super) narrow: Track,
    /// The same, long enough to be muted for a while.
    pub(super) muted: Track,
    /// 48 kHz, 16 bits, as words of 32: long enough for a clock to be seen.
    pub(super) steady: Track,
    /// 44.1 and 192 kHz, and DSD64: long enough for the page's figures to be looked at.
    pub(super) agreeing: [Track; 3],
    /// 96 kHz, 24 bits: long enough for a DAC's clock to be found out, and for what comes after.
    pub(super) wide: Track,
    /// 384 kHz.
    pub(super) fast: Track,
    /// 96 kHz, 32 bits.
    pub(super) deep: Track,
    /// 44.1 and 96 kHz, which a dongle of 48 kHz hasn't.
    pub(super) foreign: [Track; 2],
}

impl Tracks {
    pub(super) fn make(directory: &Path) -> Result<Self> {
        let mut number = 0;
        let mut make = |case: Case| {
            number += 1;
            let own = directory.join(number.to_string());
            std::fs::create_dir(&own)?;
            // Each holds other music: what is left of one in the place of another would be taken for that.
            Track::make(case.seed(number), &own)
        };
        let flac = |rate, bits, layout| Case::pcm(Container::Flac, rate, bits, 2, layout);
        Ok(Self {
            formats: FORMATS.into_iter().map(&mut make).collect::<Result<_>>()?,
            album: ALBUM.into_iter().map(&mut make).collect::<Result<_>>()?,
            album_dsd: ALBUM_DSD.into_iter().map(&mut make).collect::<Result<_>>()?,
            over_pcm: OVER_PCM.into_iter().map(&mut make).collect::<Result<_>>()?,
            switches: SWITCHES.into_iter().map(&mut make).collect::<Result<_>>()?,
            dop: DOP.into_iter().map(&mut make).collect::<Result<_>>()?,
            long: make(flac(44_100, 16, Layout::S32).ms(LONG))?,
            pulled: make(flac(44_100, 16, Layout::S32).ms(PULLED))?,
            long_dsd: make(Case::dsd(Container::Dsf, 64).ms(LONG))?,
            steady_dsd: make(Case::dsd(Container::Dsf, 64).ms(8000))?,
            packed: make(flac(96_000, 24, Layout::S24Packed))?,
            narrow: make(flac(48_000, 16, Layout::S16))?,
            muted: make(flac(48_000, 16, Layout::S16).ms(4500))?,
            steady: make(flac(48_000, 16, Layout::S32).ms(8000))?,
            wide: make(flac(96_000, 24, Layout::S32).ms(8000))?,
            fast: make(flac(384_000, 24, Layout::S32).ms(1000))?,
            deep: make(flac(96_000, 32, Layout::S32))?,
            foreign: [make(flac(44_100, 16, Layout::S32).ms(1500))?, make(flac(96_000, 24, Layout::S32).ms(1500))?],
            agreeing: [
                make(flac(44_100, 16, Layout::S32).ms(AGREEING))?,
                make(flac(192_000, 24, Layout::S32).ms(AGREEING))?,
                make(Case::dsd(Container::Dsf, 64).ms(AGREEING))?,
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Frames by which a passage is recognised, as the comparison does.
    const KEY: usize = 8;

    /// The first track that holds a passage of one before it, where each has such a seed; tracks count from 1.
    fn first_that_shares(cases: &[Case], seed: impl Fn(u32) -> u32) -> Option<u32> {
        let directory = tempfile::tempdir().unwrap();
        let mut seen = HashSet::new();
        for (case, number) in cases.iter().zip(1..) {
            let own = directory.path().join(number.to_string());
            std::fs::create_dir(&own).unwrap();
            let track = Track::make(case.seed(seed(number)), &own).unwrap();
            let passages = track.packed.windows(KEY * track.frame()).step_by(track.frame());
            // Within one track music may come again.
            let of_this: HashSet<_> = passages.map(<[u8]>::to_vec).collect();
            if !of_this.is_disjoint(&seen) {
                return Some(number);
            }
            seen.extend(of_this);
        }
        None
    }

    #[test]
    fn no_two_tracks_of_the_album_share_a_passage() {
        assert_eq!(first_that_shares(&ALBUM, |number| number), None);
        assert_eq!(first_that_shares(&ALBUM, |_| 1), Some(2), "with one seed for all they do");
    }

    #[test]
    fn no_two_tracks_of_dsd_of_one_rate_share_a_passage() {
        for multiple in [64, 128, 256, 512] {
            let of_rate = FORMATS
                .iter()
                .chain(&DOP)
                .chain(&SWITCHES)
                .chain(&ALBUM_DSD)
                .chain(&OVER_PCM)
                .filter(|case| case.rate == 44_100 * multiple);
            let of_rate: Vec<_> = of_rate.map(|case| case.ms(30)).collect();
            assert!(of_rate.len() > 1, "DSD{multiple}");
            assert_eq!(first_that_shares(&of_rate, |number| number), None, "DSD{multiple}");
        }
    }
}
