//! What an encoder added, as the edit list (ISO 14496-12, 8.6.6) or iTunes' `iTunSMPB` tag say it.

use super::boxes::{Fields, boxes, find};
use super::tags::items;
use crate::packets::Trim;

/// The part of the media that is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    /// Where it starts, in the media's time scale.
    pub(super) start: u64,
    /// Its duration, in the movie's time scale; 0 means to the end.
    pub(super) duration: u64,
    /// The movie's ticks per second.
    pub(super) scale: u32,
}

impl Edit {
    /// The first edit that isn't empty.
    pub(super) fn parse(elst: &[u8], scale: u32) -> Option<Self> {
        let mut fields = Fields(elst);
        let version = fields.u8()?;
        fields.skip(3)?;
        let count = fields.u32()?;
        for _ in 0..count {
            let duration = fields.by_version(version)?;
            let start = fields.by_version(version)?;
            fields.skip(4)?;
            let is_empty = start == if version == 1 { u64::MAX } else { u32::MAX.into() };
            if !is_empty {
                return Some(Self { start, duration, scale });
            }
        }
        None
    }

    /// What to cut, given the media's duration and time scale, which is the sample rate. The edit's own duration is in
    /// coarse ticks, often milliseconds, so it counts only where it is shorter by more than one.
    pub(super) fn trim(&self, media: u64, rate: u32) -> Trim {
        let left = media.saturating_sub(self.start);
        let tick = u64::from(rate.div_ceil(self.scale)) + 1;
        let edited = u128::from(self.duration) * u128::from(rate) / u128::from(self.scale);
        let edited = u64::try_from(edited).unwrap_or(u64::MAX);
        let is_shorter = edited > 0 && edited.saturating_add(tick) < left;
        Trim { delay: self.start, frames: Some(if is_shorter { edited } else { left }) }
    }
}

/// iTunes' tag: hexadecimal numbers, of which the second is the delay and the fourth the number of frames.
pub(super) fn itunes(moov: &[u8]) -> Option<Trim> {
    let tag = boxes(items(moov)?)
        .filter(|(kind, _)| kind == b"----")
        .map(|(_, tag)| tag)
        .find(|tag| find(tag, b"name").and_then(|name| name.get(4..)) == Some(b"iTunSMPB"))?;
    let text = std::str::from_utf8(find(tag, b"data")?.get(8..)?).ok()?;
    let mut numbers = text.split_ascii_whitespace().map(|number| u64::from_str_radix(number, 16).ok());
    let [_, delay, _, frames] = [numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?];
    let (delay, frames) = (delay?, frames?);
    (frames > 0).then_some(Trim { delay, frames: Some(frames) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_edit_with_media_counts() {
        let elst =
            [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 9, 255, 255, 255, 255, 0, 1, 0, 0, 0, 0, 3, 232, 0, 0, 4, 0, 0, 1, 0, 0];
        let edit = Edit::parse(&elst, 1000).unwrap();
        assert_eq!(edit, Edit { start: 1024, duration: 1000, scale: 1000 });
        let trim = edit.trim(1024 + 44_100, 44_100);
        assert_eq!((trim.delay, trim.frames), (1024, Some(44_100)), "the same but for a tick");
        let trim = edit.trim(1024 + 44_900, 44_100);
        assert_eq!((trim.delay, trim.frames), (1024, Some(44_100)), "shorter");
    }
}
