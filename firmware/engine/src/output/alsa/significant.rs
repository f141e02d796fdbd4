//! How many bits a card really has in a format: its driver may know that a sample of 32 bits has 24 that count.
//!
//! `snd_pcm_hw_params_get_sbits` has no safe wrapper. HD-audio drivers answer it; for a USB card the kernel prints the
//! descriptor's bBitResolution (Audio Data Formats 2.0, 2.3.1.6) in `/proc/asound`, see [`super::stream`].

use std::ffi::{CStr, c_int};
use std::ptr::null_mut;

use alsa::pcm::Format;

/// A PCM opened for asking, with its set of possible configurations.
pub(super) struct Asking {
    pcm: *mut alsa_sys::snd_pcm_t,
    params: *mut alsa_sys::snd_pcm_hw_params_t,
}

impl Asking {
    /// Opens the PCM; `None` if it can't be.
    pub(super) fn open(name: &CStr) -> Option<Self> {
        let mut asking = Self { pcm: null_mut(), params: null_mut() };
        let mode = alsa_sys::SND_PCM_NONBLOCK as c_int;
        // SAFETY: the first argument is a place for a pointer, the name ends with a zero, and nothing of it is kept.
        let opened =
            unsafe { alsa_sys::snd_pcm_open(&mut asking.pcm, name.as_ptr(), alsa_sys::SND_PCM_STREAM_PLAYBACK, mode) };
        if opened < 0 {
            asking.pcm = null_mut();
            return None;
        }
        // SAFETY: the argument is a place for a pointer.
        let made = unsafe { alsa_sys::snd_pcm_hw_params_malloc(&mut asking.params) };
        (made == 0 && !asking.params.is_null()).then_some(asking)
    }

    /// Significant bits of a sample in this format, as far as the driver knows.
    pub(super) fn bits(&mut self, format: Format) -> Option<u16> {
        // SAFETY: both pointers are of live objects that only `self` has.
        let any = unsafe { alsa_sys::snd_pcm_hw_params_any(self.pcm, self.params) };
        if any < 0 {
            return None;
        }
        // SAFETY: as above; the configuration was filled in by the call before.
        let set = unsafe { alsa_sys::snd_pcm_hw_params_set_format(self.pcm, self.params, format as c_int) };
        if set < 0 {
            return None;
        }
        // SAFETY: as above; it only reads.
        let bits = unsafe { alsa_sys::snd_pcm_hw_params_get_sbits(self.params) };
        u16::try_from(bits).ok().filter(|&bits| bits > 0)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.params.is_null() {
            // SAFETY: it came from `snd_pcm_hw_params_malloc`, and nobody uses it any more.
            unsafe { alsa_sys::snd_pcm_hw_params_free(self.params) };
        }
        if !self.pcm.is_null() {
            // SAFETY: it came from `snd_pcm_open`, and nobody uses it any more.
            unsafe { alsa_sys::snd_pcm_close(self.pcm) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alsa_lib_s_own_pcm_has_all_bits_of_a_format() {
        let mut asking = Asking::open(c"null").expect("alsa-lib has it");
        assert_eq!(
            [Format::S16LE, Format::S243LE, Format::S32LE].map(|format| asking.bits(format)),
            [Some(16), Some(24), Some(32)]
        );
        assert!(Asking::open(c"no-such-pcm-here").is_none());
    }
}
