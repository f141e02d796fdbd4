//! What the kernel keeps a program from, whatever becomes of it.
//!
//! Two parts of the kernel do it, and neither takes a right or can be undone: seccomp has a list of the system calls that may be made
//! ([`Calls`]), Landlock one of the files that may be opened. A program gives itself both once it has what it needs, before it reads
//! a byte from anybody. Engine and player share the first; the player's whole policy is [`player`], here and not in the player so
//! that a hostile program can be put behind exactly the same bars: tests/hostile.
#![deny(unsafe_code)]

mod calls;
mod mode;
pub mod player;
#[allow(unsafe_code, reason = "a signal handler")]
mod refused;

pub use calls::{Argument, Calls, Error, Filter, Otherwise};
pub use mode::Mode;
pub use refused::tell_as;
