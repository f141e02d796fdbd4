//! Ogg (RFC 3533), with Vorbis or FLAC inside.

mod mapping;
mod packets;
mod page;
mod seek;

pub(crate) use self::mapping::open;
