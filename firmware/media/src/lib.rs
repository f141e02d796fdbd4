//! Where audio comes from and how it is decoded: HTTP, containers, codecs.
//!
//! [`open()`] takes an address and gives a [`Track`]: its [`Info`], its samples block by block, and seeking that is exact
//! to the frame. Everything blocks; it is meant for a thread of its own. The contract:
//!
//! - **Content decides** what a track is; then the media type, from HTTP or from the control point; an extension only
//!   helps where both leave a choice (T10 and S6 of the control points' catalogue).
//! - **Nothing is lost silently.** A track that ends early, fails a check sum or changes its format gives its good
//!   frames first and then an [`Error`] that says so; `None` from [`Track::read`] is a clean end.
//! - **Gapless.** What a lossy encoder put before and behind the music is cut off, so that a track has as many frames
//!   as went into the encoder.
//! - **Hostile input** costs bounded memory and time, and a panic inside a decoder ends the track, not the player.
#![forbid(unsafe_code)]

mod ahead;
mod cancel;
mod dsd;
mod elementary;
mod fault;
mod flac;
mod http;
mod input;
mod limits;
mod mp4;
mod ogg;
mod open;
mod packets;
mod pcm_file;
mod sniff;
mod stream;
mod symphonia_glue;
mod tags;
mod track;
mod traffic;

pub use cancel::Cancel;
pub use fault::{Error, Kind};
pub use input::Input;
pub use limits::Limits;
pub use open::{Location, open, open_input};
pub use tags::{Loudness, Tags, Wants};
pub use track::{Codec, Info, Track};
pub use traffic::{Traffic, traffic};
