//! Sample formats and the kernels between them: packing, gain, dither, and the plan that chooses the wire format.
//!
//! The contract of this crate:
//!
//! - `core` only: no allocation, no I/O, no clock. Every type is plain data that either side of the ring may hold.
//! - [`plan()`] is a pure function from what a track is ([`Source`]), what the DAC takes ([`Caps`]) and what the owner
//!   wants ([`Rules`]) to what is opened ([`WirePlan`]). Bit-perfect comes first: never wider than the source needs.
//! - [`Packer`] turns decoded planes ([`Samples`]) into wire bytes in one pass. Where the plan says *lossless* it only
//!   moves bits; dither is added where, and only where, the plan says so.
//! - [`DsdPacker`] does the same for one-bit streams ([`Dsd`]): bit order, byte order, interleaving and DoP in one pass.
//! - [`gain`] is what the engine's real-time thread runs while it copies: no panic, no allocation, and a plain copy at
//!   unity.
//!
//! Wire bytes are interleaved, those of PCM little-endian. A source that is narrower than the wire is MSB-justified in the wire's
//! significant bits (12 bits in `S16_LE` are shifted left by 4). `S24_LE` is right-justified in its 32-bit word and
//! sign-extended, as ALSA defines it.
#![no_std]
#![deny(unsafe_code)]

#[cfg(any(test, feature = "std"))]
extern crate std;

mod caps;
mod cpu;
mod crc32c;
pub mod decimate;
pub mod dither;
pub mod dsd;
pub mod gain;
pub mod hidden;
#[expect(unsafe_code, reason = "instruction sets that not every CPU has, and their pointers")]
mod kernels;
mod layout;
mod pack;
mod plan;
mod samples;
mod silence;
mod source;
mod speakers;
mod split;
mod wire;

pub use caps::{Caps, ChannelSet, FormatSet, RateSet, STANDARD_RATES, Setting};
pub use cpu::{Cpu, Feature};
pub use crc32c::Crc32c;
pub use dither::Tpdf;
pub use dsd::{Begun, BitOrder, Dsd, DsdPacker, Packed};
pub use pack::Packer;
pub use plan::{ChannelMap, Refusal, Rules, WirePlan, plan};
pub use samples::{Planes, Samples, Shape};
pub use silence::{DSD_SILENCE, Marker, fill_silence};
pub use source::{Encoding, Source};
pub use speakers::{ChannelOrder, Speaker, Speakers};
pub use split::{Interleaved, Number, Splitter};
pub use wire::{Content, Wire, WireFormat};

/// The most channels a track or a wire may have.
pub const MAX_CHANNELS: usize = 8;
