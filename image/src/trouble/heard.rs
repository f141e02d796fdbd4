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
    /// Its beginning.
    Part,
}

/// How many whole tracks were heard; what is wrong if what was heard isn't what was expected.
pub(super) fn judge(heard: &[u8], track: &[u8], expected: &[Piece]) -> Result<usize, String> {
    let pieces = capture::pieces(heard.as_chunks::<FRAME>().0, GAP);
    let track = track.as_chunks::<FRAME>().0;
    if pieces.len() != expected.len() {
        let lengths: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
        return Err(format!("{} pieces were expected; these were heard, in frames: {lengths:?}", expected.len()));
    }
    for (number, (piece, expected)) in (1..).zip(pieces.iter().zip(expected)) {
        let same = piece.iter().zip(track).take_while(|(heard, wanted)| heard == wanted).count();
        let well = match expected {
            Piece::Whole => same == track.len() && piece.len() == same,
            // What it ends with may be a fade.
            Piece::Part => same > 0 && same + FADE >= piece.len(),
        };
        if !well {
            let (length, all) = (piece.len(), track.len());
            return Err(format!("piece {number}: {length} frames, {same} of {all} equal"));
        }
    }
    Ok(expected.iter().filter(|piece| **piece == Piece::Whole).count())
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
        assert_eq!(judge(&heard(&[&whole, &faded, &whole, &whole[..5]]), flat, &expected), Ok(2));
        assert_eq!(judge(&heard(&[&whole]), flat, &[Piece::Whole]), Ok(1));
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
            assert!(judge(&heard(&[wrong]), flat, &[expected]).is_err());
        }
        assert!(judge(&heard(&[&whole]), flat, &[Piece::Whole, Piece::Part]).is_err());
        assert!(judge(&[], flat, &[Piece::Part]).is_err());
    }
}
