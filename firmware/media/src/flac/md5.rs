//! STREAMINFO's MD5: over the samples interleaved, signed, little-endian, in as few whole bytes as hold them (RFC 9639,
//! 8.2). Where they fill their bytes that is how they lie on the wire, too.

use md5::{Digest, Md5};
use pcm::{ChannelMap, Cpu, Packer, Planes, Samples, Source, Wire, WireFormat, WirePlan};

pub(super) struct Md5Check {
    wanted: [u8; 16],
    digest: Md5,
    bits: u16,
    bytes: Vec<u8>,
    /// Where the samples fill their bytes.
    packer: Option<Packer>,
}

impl Md5Check {
    pub(super) fn new(wanted: [u8; 16], source: &Source) -> Self {
        let packer = match source.bits {
            16 => Some(WireFormat::S16Le),
            24 => Some(WireFormat::S24_3Le),
            32 => Some(WireFormat::S32Le),
            _ => None,
        };
        let packer = packer.map(|format| Packer::new(&unchanged(source, format), Cpu::detect()));
        Self { wanted, digest: Md5::new(), bits: source.bits, bytes: Vec::new(), packer }
    }

    /// Adds a block of left-justified samples.
    pub(super) fn update(&mut self, planes: &Planes<'_, i32>) {
        if let Some(packer) = &mut self.packer {
            let length = planes.frames() * packer.plan().wire.frame_bytes();
            self.bytes.resize(length, 0);
            packer.pack(&Samples::S32(*planes), 0, &mut self.bytes);
            self.digest.update(&self.bytes);
            return;
        }
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

/// The plan that changes nothing but the layout.
fn unchanged(source: &Source, format: WireFormat) -> WirePlan {
    WirePlan {
        wire: Wire { format, rate: source.rate, channels: source.channels },
        lossless: true,
        exact_bits: None,
        dither: false,
        channel_map: ChannelMap::Same,
        decimation: None,
        resampled_from: None,
    }
}
