//! MP4 (ISO 14496-12) with ALAC, AAC-LC or FLAC: our own, because symphonia's reader knows neither edit lists nor
//! iTunes' gapless tag, and looks at every track of the file.

mod boxes;
mod codec;
mod config;
mod demux;
mod gapless;
mod movie;
mod table;
mod tags;

pub(crate) use self::codec::open;
