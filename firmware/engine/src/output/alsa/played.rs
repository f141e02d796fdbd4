//! Has the kernel silence what was played, at once: a card that runs dry goes on to the end of its period, and finds there what
//! was played a buffer before. Only the kernel can: the engine may be what is late.
//!
//! That is the silence size of a PCM's software parameters, as long as their boundary ("top-up" in sound/core/pcm_lib.c). alsa-lib's
//! wrapper can't set it, nor give its handle away, so the kernel is asked as alsa-lib asks it (include/uapi/sound/asound.h).

use std::io;
use std::os::fd::RawFd;

use alsa::pcm::{PCM, SwParams};
use alsa::poll::Descriptors;

/// `struct snd_pcm_sw_params`.
#[repr(C)]
#[derive(Default)]
struct Parameters {
    tstamp_mode: libc::c_int,
    period_step: libc::c_uint,
    sleep_min: libc::c_uint,
    avail_min: libc::c_ulong,
    xfer_align: libc::c_ulong,
    start_threshold: libc::c_ulong,
    stop_threshold: libc::c_ulong,
    silence_threshold: libc::c_ulong,
    silence_size: libc::c_ulong,
    boundary: libc::c_ulong,
    /// 0: older than `tstamp_type`, which then stays as it is.
    proto: libc::c_uint,
    tstamp_type: libc::c_uint,
    reserved: [[u8; 28]; 2],
}

/// `SNDRV_PCM_IOCTL_SW_PARAMS`.
const SW_PARAMS: libc::Ioctl = libc::_IOWR::<Parameters>(b'A' as u32, 0x13);

/// Switches it on, beside what is set already. PCMs that aren't a card's own play nothing by themselves, and are left alone.
///
/// # Errors
/// What the kernel answers.
pub(super) fn silence(pcm: &PCM, set: &SwParams<'_>) -> alsa::Result<()> {
    let frames = |frames: alsa::pcm::Frames| libc::c_ulong::try_from(frames).unwrap_or(0);
    let boundary = frames(set.get_boundary()?);
    let mut parameters = Parameters {
        tstamp_mode: set.get_tstamp_mode()?.into(),
        period_step: 1,
        avail_min: frames(set.get_avail_min()?),
        start_threshold: frames(set.get_start_threshold()?),
        stop_threshold: frames(set.get_stop_threshold()?),
        silence_size: boundary,
        boundary,
        ..Parameters::default()
    };
    for descriptor in pcm.get()? {
        match ask(descriptor.fd, &mut parameters) {
            Ok(()) | Err(libc::ENOTTY) => {}
            Err(errno) => return Err(alsa::Error::new("SNDRV_PCM_IOCTL_SW_PARAMS", errno)),
        }
    }
    Ok(())
}

fn ask(descriptor: RawFd, parameters: &mut Parameters) -> Result<(), i32> {
    // SAFETY: the structure is the kernel's, valid for reading and writing for the whole call. Whose descriptor it is matters
    // not: nothing but a PCM takes this request.
    let result = unsafe { libc::ioctl(descriptor, SW_PARAMS, std::ptr::from_mut(parameters)) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_the_kernel_s() {
        // As `_IOWR('A', 0x13, struct snd_pcm_sw_params)` is for 64 bits; a kernel knows a request by its size, too.
        assert_eq!(size_of::<Parameters>(), 136);
        assert_eq!(SW_PARAMS, 0xc088_4113);
    }

    #[test]
    fn what_is_no_card_says_so() {
        let file = tempfile::tempfile().expect("a file");
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(&file);
        assert_eq!(ask(descriptor, &mut Parameters::default()), Err(libc::ENOTTY));
    }
}
