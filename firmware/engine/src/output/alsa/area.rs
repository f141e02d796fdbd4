//! A card's memory, as `snd_pcm_mmap_begin` and `_commit` give it.

use alsa::pcm::{IO, PCM};

/// The only access to the memory of `pcm`, in bytes. (The crate's own `io_bytes` panics if there is another one.)
pub(super) fn bytes(pcm: &mut PCM) -> IO<'_, u8> {
    // SAFETY: whatever the format, a sample is bytes; and the exclusive borrow says that there is no other access.
    unsafe { pcm.io_unchecked() }
}
