//! STREAMINFO's MD5: over the samples interleaved, signed, little-endian, in as few whole bytes as hold them (RFC 9639,
//! 8.2).

use md5::{Digest, Md5};
use pcm::Planes;

pub(super) struct Md5Check {
    wanted: [u8; 16],
    digest: Md5,
    bits: u16,
    bytes: Vec<u8>,
}

impl Md5Check {
    pub(super) fn new(wanted: [u8; 16], bits: u16) -> Self {
        Self { wanted, digest: Md5::new(), bits, bytes: Vec::new() }
    }

    /// Adds a block of left-justified samples.
    pub(super) fn update(&mut self, planes: &Planes<'_, i32>) {
        match self.bits {
            0..=8 => self.add::<1>(planes),
            9..=16 => self.add::<2>(planes),
            17..=24 => self.add::<3>(planes),
            _ => self.add::<4>(planes),
        }
    }

    fn add<const BYTES: usize>(&mut self, planes: &Planes<'_, i32>) {
        let unused = 32 - self.bits.min(32);
        self.bytes.resize(planes.frames() * planes.channels() * BYTES, 0);
        let (samples, _) = self.bytes.as_chunks_mut::<BYTES>();
        for (channel, plane) in planes.iter().enumerate() {
            let slots = samples.iter_mut().skip(channel).step_by(planes.channels());
            for (slot, &sample) in slots.zip(plane) {
                if let Some(bytes) = (sample >> unused).to_le_bytes().first_chunk() {
                    *slot = *bytes;
                }
            }
        }
        self.digest.update(&self.bytes);
    }

    /// Whether all that was added is what the encoder had.
    pub(super) fn agrees(self) -> bool {
        self.digest.finalize()[..] == self.wanted
    }
}
