//! Bytes in pieces as they came: handed over, not copied. What was read last is kept.

use std::collections::VecDeque;

/// Bytes kept behind the reading position at least, so that a parser may step back without another request.
pub(super) const WINDOW: usize = 128 * 1024;

/// Room of a piece.
const ROOM: usize = 64 * 1024;

/// A buffer, filled from its start.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Box<[u8]>,
    filled: usize,
}

impl Piece {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; ROOM].into_boxed_slice(), filled: 0 }
    }

    /// All of it, to be filled anew.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Says how much of it was filled.
    pub(super) fn set_filled(&mut self, bytes: usize) {
        self.filled = bytes.min(self.bytes.len());
    }

    fn filled(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// Takes in what another one holds, if there is room for it.
    fn append(&mut self, other: &Self) -> bool {
        let end = self.filled + other.filled;
        let room = self.bytes.get_mut(self.filled..end);
        if let Some(room) = room {
            room.copy_from_slice(other.filled());
            self.filled = end;
            return true;
        }
        false
    }
}

/// Pieces in order, with a reading position.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Two neighbours always hold more than one has room for.
    pieces: VecDeque<Piece>,
    /// The piece that is read, and where in it.
    reading: usize,
    at: usize,
    /// Bytes before the reading position.
    kept: usize,
    /// Bytes behind it.
    unread: usize,
    /// Read pieces, to be filled again: as many as were ever held at once. A new one would be cleared first.
    spares: Vec<Piece>,
}

impl Pieces {
    /// Bytes that weren't read yet.
    pub(super) fn unread(&self) -> usize {
        self.unread
    }

    /// Adds a piece; gives one back that may be filled.
    pub(super) fn push(&mut self, piece: Piece) -> Piece {
        self.unread += piece.filled;
        // A server that sends little at a time mustn't make us hold a buffer for each.
        if self.pieces.back_mut().is_some_and(|last| last.append(&piece)) {
            return piece;
        }
        self.pieces.push_back(piece);
        self.spares.pop().unwrap_or_else(Piece::new)
    }

    /// Fills as much of `buf` as there is.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> usize {
        let mut read = 0;
        while let Some(piece) = self.pieces.get(self.reading) {
            let rest = piece.filled().get(self.at..).unwrap_or_default();
            let room = buf.get_mut(read..).unwrap_or_default();
            let n = rest.len().min(room.len());
            if let (Some(room), Some(rest)) = (room.get_mut(..n), rest.get(..n)) {
                room.copy_from_slice(rest);
            }
            read += n;
            self.at += n;
            if self.at < piece.filled || self.reading + 1 == self.pieces.len() {
                break;
            }
            (self.reading, self.at) = (self.reading + 1, 0);
        }
        self.unread -= read;
        self.kept += read;
        self.forget();
        read
    }

    /// Goes back by so many bytes; `false` if they aren't kept.
    pub(super) fn step_back(&mut self, bytes: usize) -> bool {
        if bytes > self.kept {
            return false;
        }
        self.kept -= bytes;
        self.unread += bytes;
        let mut back = bytes;
        while back > self.at && self.reading > 0 {
            back -= self.at;
            self.reading -= 1;
            self.at = self.pieces.get(self.reading).map_or(0, |piece| piece.filled);
        }
        self.at = self.at.saturating_sub(back);
        true
    }

    /// Drops what was read too long ago.
    fn forget(&mut self) {
        while self.reading > 0
            && let Some(piece) = self.pieces.pop_front_if(|piece| self.kept >= WINDOW + piece.filled)
        {
            self.reading -= 1;
            self.kept -= piece.filled;
            self.spares.push(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(bytes: &[u8]) -> Piece {
        let mut piece = Piece::new();
        piece.room()[..bytes.len()].copy_from_slice(bytes);
        piece.set_filled(bytes.len());
        piece
    }

    /// Bytes number `from` to `to` of what goes through.
    fn bytes(from: usize, to: usize) -> Vec<u8> {
        (from..to).map(|n| ((n * 31) >> 3) as u8).collect()
    }

    fn read(pieces: &mut Pieces, most: usize) -> Vec<u8> {
        let mut buf = vec![0; most];
        let n = pieces.read(&mut buf);
        buf.truncate(n);
        buf
    }

    #[test]
    fn what_was_read_can_be_read_again_however_it_came() {
        for length in [1, 1448, 20_000, ROOM / 2 + 1, ROOM] {
            let mut pieces = Pieces::default();
            let mut end = 0;
            for round in 1..=60 {
                let start = end;
                for _ in 0..(3 * ROOM / length).min(100) {
                    pieces.push(piece(&bytes(end, end + length)));
                    end += length;
                }
                assert_eq!(pieces.unread(), end - start);
                assert_eq!(read(&mut pieces, 10 * ROOM), bytes(start, end));
                let back = (round * 9973).min(end).min(WINDOW);
                assert!(pieces.step_back(back));
                assert_eq!(read(&mut pieces, back), bytes(end - back, end), "{length}, round {round}");
                assert!(!pieces.step_back(WINDOW + 2 * ROOM));
                assert_eq!(read(&mut pieces, 1), [], "refusing changes nothing");
            }
        }
    }

    #[test]
    fn small_pieces_share_a_buffer() {
        let mut pieces = Pieces::default();
        for at in 0..ROOM {
            pieces.push(piece(&bytes(at, at + 1)));
        }
        assert_eq!(pieces.pieces.len(), 1);
        for _ in 0..100 {
            pieces.push(piece(&[0; ROOM]));
            read(&mut pieces, ROOM);
        }
        assert!(pieces.pieces.len() <= 2 + WINDOW / ROOM, "{} are kept", pieces.pieces.len());
    }
}
