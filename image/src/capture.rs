//! What the sound card received, compared with what the file holds.
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Bytes of a stereo frame of 16 bits: what QEMU writes.
pub const FRAME: usize = 4;
/// So many frames at the track's beginning tell where it is.
const MARKER: usize = 64;

/// The result of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Every frame of the track is there, in order and unchanged, with silence before and after.
    pub equal: bool,
    /// Frames of the track that are equal, from its first one on.
    pub frames: usize,
    /// What is wrong, if something is.
    pub fault: Option<String>,
}

/// Reads the samples of a WAV file that QEMU has written. Its header may be wrong about the length: QEMU writes that last.
///
/// # Errors
/// When it is no such file.
pub fn read_wav(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    let Some((header, samples)) = bytes.split_at_checked(44) else {
        bail!("{}: no sound at all was written", path.display());
    };
    if &header[..4] != b"RIFF" || &header[36..40] != b"data" {
        bail!("{}: not a WAV file of QEMU's", path.display());
    }
    Ok(samples[..samples.len() - samples.len() % FRAME].to_vec())
}

/// Compares `heard` with `track`, both S16 stereo.
#[must_use]
pub fn compare(heard: &[u8], track: &[u8]) -> Comparison {
    let (heard, track) = (frames(heard), frames(track));
    let fail = |frames: usize, fault: String| Comparison { equal: false, frames, fault: Some(fault) };
    let marker = &track[..MARKER.min(track.len())];
    if marker.iter().all(|frame| *frame == [0; FRAME]) {
        return fail(0, "the track begins with silence: it can't be found".into());
    }
    let Some(start) = heard.windows(marker.len()).position(|window| window == marker) else {
        let sounding = heard.iter().filter(|frame| **frame != [0; FRAME]).count();
        return fail(0, format!("the track's beginning is not there ({} frames, {sounding} not silent)", heard.len()));
    };
    let (before, rest) = heard.split_at(start);
    let equal = rest.iter().zip(track).take_while(|(heard, wanted)| heard == wanted).count();
    if equal < track.len() {
        let at = if rest.len() == equal { "the recording ends".to_owned() } else { "another frame comes".to_owned() };
        return fail(equal, format!("{at} after {equal} of {} frames", track.len()));
    }
    let noise = |part: &[[u8; FRAME]]| part.iter().filter(|frame| **frame != [0; FRAME]).count();
    match (noise(before), noise(&rest[track.len()..])) {
        (0, 0) => Comparison { equal: true, frames: equal, fault: None },
        (before, after) => fail(equal, format!("{before} frames that are not silent before it, {after} after it")),
    }
}

/// The pieces of sound between silences of at least `gap` frames.
#[must_use]
pub fn pieces(frames: &[[u8; FRAME]], gap: usize) -> Vec<&[[u8; FRAME]]> {
    let mut pieces = Vec::new();
    let mut current: Option<(usize, usize)> = None;
    for (at, frame) in frames.iter().enumerate() {
        if *frame == [0; FRAME] {
            continue;
        }
        current = match current {
            Some((start, last)) if at - last <= gap => Some((start, at)),
            Some((start, last)) => {
                pieces.push(&frames[start..=last]);
                Some((at, at))
            }
            None => Some((at, at)),
        };
    }
    pieces.extend(current.map(|(start, last)| &frames[start..=last]));
    pieces
}

fn frames(bytes: &[u8]) -> &[[u8; FRAME]] {
    bytes.as_chunks().0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track() -> Vec<u8> {
        (0..4000u32).flat_map(|n| (n.wrapping_mul(2_654_435_761) | 1).to_le_bytes()).collect()
    }

    fn heard(before: usize, track: &[u8], after: usize) -> Vec<u8> {
        [vec![0; before * FRAME], track.to_vec(), vec![0; after * FRAME]].concat()
    }

    #[test]
    fn a_track_between_silence_is_equal() {
        let result = compare(&heard(100, &track(), 50), &track());
        assert_eq!(result, Comparison { equal: true, frames: 4000, fault: None });
        assert!(compare(&track(), &track()).equal);
    }

    #[test]
    fn whatever_differs_is_found() {
        let good = track();
        let mut flipped = good.clone();
        flipped[8000] ^= 1;
        assert_eq!(compare(&heard(9, &flipped, 9), &good).frames, 2000);
        assert!(!compare(&heard(9, &flipped, 9), &good).equal);
        assert!(!compare(&heard(9, &good[..good.len() - FRAME], 9), &good).equal, "last frame lost");
        let twice = [&good[..8000], &good[7996..]].concat();
        assert!(!compare(&heard(9, &twice, 9), &good).equal, "a frame twice");
        assert!(!compare(&heard(9, &good[FRAME..], 9), &good).equal, "first frame lost");
        let clicks = [vec![0, 0, 1, 0], heard(9, &good, 9)].concat();
        assert!(!compare(&clicks, &good).equal, "noise before");
        let clicks = [heard(9, &good, 9), vec![0, 0, 1, 0]].concat();
        assert!(!compare(&clicks, &good).equal, "noise after");
        assert!(!compare(&[], &good).equal);
        assert!(!compare(&heard(9, &[0; 400], 9), &[0; 400]).equal, "silence can't be told from silence");
    }
}
