//! A track's packets, in order.

use super::table::Place;
use crate::fault::{Fault, Kind};
use crate::input::ByteReader;
use crate::packets::{Demux, Landing, Next};

/// The largest packet; ALAC of 8 channels and 32 bits has less than half of it.
const MAX_PACKET: u32 = 1 << 20;

pub(super) struct Packets {
    pub(super) reader: ByteReader,
    pub(super) places: Vec<Place>,
    pub(super) next: usize,
    /// Frames that a packet decodes to; the last may have fewer.
    pub(super) packet_frames: u64,
    /// Packets that the decoder needs to find its state.
    pub(super) warm_up: usize,
}

impl Demux for Packets {
    fn next(&mut self, packet: &mut Vec<u8>) -> Result<Option<Next>, Fault> {
        let Some(&Place { offset, size }) = self.places.get(self.next) else { return Ok(None) };
        if size > MAX_PACKET {
            return Err(Fault::corrupt(format!("an MP4 packet of {size} bytes")));
        }
        self.reader.seek(offset)?;
        packet.resize(size as usize, 0);
        if self.reader.fill(packet)? < packet.len() {
            return Err(Fault::truncated(format!("{} of {} packets", self.next, self.places.len())));
        }
        self.next += 1;
        Ok(Some(Next::default()))
    }

    fn seek(&mut self, position: u64) -> Result<Landing, Fault> {
        let wanted = usize::try_from(position / self.packet_frames).unwrap_or(usize::MAX);
        if wanted > self.places.len() {
            return Err(Fault::new(Kind::OutOfRange, format!("there are {} packets", self.places.len())));
        }
        self.next = wanted.saturating_sub(self.warm_up);
        Ok(Landing { position: wanted as u64 * self.packet_frames, warm_up: wanted - self.next })
    }
}
