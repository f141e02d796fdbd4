//! Ogg (RFC 3533), with Vorbis or FLAC inside.

mod chain;
mod length;
mod mapping;
mod packets;
mod page;
mod seek;
mod setup;

pub(crate) use self::mapping::open;
