//! What the sound card has received, and whether it is what was expected.
use super::RATE;
use crate::capture::{self, FRAME};

/// Frames of silence that part what was played from what was played next: 10 ms; the track has none.
const GAP: usize = RATE as usize / 100;
/// The engine's fade, with room for a period's rest: 40 ms.
const FADE: usize = RATE as usize / 25;

/// What was heard has pieces, with silence between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// The good track.
    Whole,
    /// The beginning of the one that goes on.
    Part,
}

/// How many whole tracks were heard; what is wrong if what was heard isn't what was expected.
///
/// `track`: what goes on; of it the first `whole` frames are the good track's sound.
pub(super) fn judge(heard: &[u8], track: &[u8], whole: usize, expected: &[Piece]) -> Result<usize, String> {
    let [heard, track] = [heard, track].map(|bytes| bytes.as_chunks::<FRAME>().0);
    let pieces = capture::pieces(heard, GAP);
    if pieces.len() != expected.len() {
        let lengths: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
        return Err(format!("{} pieces were expected; these were heard, in frames: {lengths:?}", expected.len()));
    }
    for (number, (piece, expected)) in (1..).zip(pieces.iter().zip(expected)) {
        let same = piece.iter().zip(track).take_while(|(heard, wanted)| heard == wanted).count();
        let well = match expected {
            Piece::Whole => same == whole && piece.len() == same,
            // What it ends with may be a fade.
            Piece::Part => same > 0 && same + FADE >= piece.len(),
        };
        if !well {
            let length = piece.len();
            return Err(format!("piece {number}, {expected:?}: {length} frames, the first {same} equal"));
        }
    }
    Ok(expected.iter().filter(|piece| **piece == Piece::Whole).count())
}

/// Whether so many pieces have come; `complete`: the last one to its end.
pub(super) fn has_come(heard: &[u8], pieces: usize, complete: bool) -> bool {
    let frames = heard.as_chunks::<FRAME>().0;
    let silent = frames.iter().rev().take_while(|frame| **frame == [0; FRAME]).count();
    capture::pieces(frames, GAP).len() >= pieces && (!complete || silent > GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track() -> Vec<[u8; FRAME]> {
        (1..20_000_u32).map(u32::to_le_bytes).collect()
    }

    fn heard(pieces: &[&[[u8; FRAME]]]) -> Vec<u8> {
        let silence = [[0; FRAME]; GAP + 1];
        pieces.iter().flat_map(|piece| [&silence, *piece, &silence].concat()).flatten().collect()
    }

    #[test]
    fn whole_tracks_and_beginnings_are_well() {
        let whole = track();
        let flat = whole.as_flattened();
        let expected = [Piece::Whole, Piece::Part, Piece::Whole, Piece::Part];
        let faded = [&whole[..9000], &[[7; FRAME]; 500]].concat();
        assert_eq!(judge(&heard(&[&whole, &faded, &whole, &whole[..5]]), flat, whole.len(), &expected), Ok(2));
        assert_eq!(judge(&heard(&[&whole[..9000]]), flat, 9000, &[Piece::Whole]), Ok(1));
    }

    #[test]
    fn a_piece_has_begun_before_it_is_complete() {
        let whole = track();
        let two = heard(&[&whole, &whole]);
        let begun = &two[..two.len() - (GAP + 2) * FRAME];
        assert!(has_come(&two, 2, true) && has_come(begun, 2, false) && !has_come(begun, 2, true));
        assert!(!has_come(&two, 3, false) && has_come(&two[..GAP * FRAME], 0, false));
    }

    #[test]
    fn a_changed_frame_a_missing_end_and_a_missing_piece_are_found() {
        let whole = track();
        let flat = whole.as_flattened();
        let mut changed = whole.clone();
        changed[10_000][1] ^= 1;
        for (wrong, expected) in
            [(&changed[..], Piece::Whole), (&whole[..19_000], Piece::Whole), (&changed, Piece::Part)]
        {
            assert!(judge(&heard(&[wrong]), flat, whole.len(), &[expected]).is_err());
        }
        assert!(judge(&heard(&[&whole]), flat, whole.len(), &[Piece::Whole, Piece::Part]).is_err());
        assert!(judge(&[], flat, whole.len(), &[Piece::Part]).is_err());
    }
}
