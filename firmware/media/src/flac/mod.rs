//! FLAC (RFC 9639): our own, because exactness is our purpose.
//!
//! Symphonia 0.6.1's reader drops frames whose check sum is wrong and says nothing, finds frame ends by searching, and
//! keeps every picture in memory; its decoder fails on 32-bit stereo, whose difference channel has 33 bits. Here a frame
//! is decoded where it must be, its CRC-16 is compared before a sample of it is given out, its number must be the next.
//! STREAMINFO's MD5 is compared at the end of a track that was read from its start, and a difference is logged.

mod bits;
mod crc;
mod frame;
mod header;
mod md5;
mod metadata;
mod packet;
mod predict;
mod seek;
mod stream;
mod subframe;
mod window;

pub(crate) use self::packet::PacketDecoder;
pub(crate) use self::stream::open;
