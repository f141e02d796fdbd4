//! ALSA: a card's PCM through `mmap`, its mixer, finding it and noticing when cards come and go.
//!
//! # Traps of snd-usb-audio
//!
//! Seen with the driver of Linux 7.2, and numbered as in their tests; the first three are played by a card of the tests, `rt::session::tests::usb_card`, and
//! `traps::who_ignores_the_traps_falls_into_them` shows that it has them. Tests without a path are in `rt::session::tests::traps`.
//!
//! | | trap | what the engine does, and where | tests |
//! |---|---|---|---|
//! | 1 | At the start the first packets may leave in another order: one is done before all are filled | Whatever `--preroll-ms` says, 40 ms of the format's own silence come first, after an xrun, too: twice what the driver has on its way ([`USB_SILENCE_MS`](super::USB_SILENCE_MS)). (The appliance also switches the mode off in which that happens: board/*/arguments.) [`Output::least_silence`](super::Output::least_silence), `Limits::preroll` | `a_usb_card_plays_every_frame_in_order_and_nothing_else`, `the_silence_is_what_saves_the_first_frames`, `pcm::tests::a_usb_card_wants_…` |
//! | 2 | At the end the last packet may never leave | A stream ends with two periods of silence and a frame, on USB with 40 ms at least, and is stopped when the last of that was heard. `Limits::tail` | `a_stream_with_short_periods_ends_with_as_much_silence`, the first one above |
//! | 3 | Ending within a period, the card plays what lies in its memory behind the end: after an xrun, old sound | Silence is written up to the moment of the stop, so that it lies behind the end; before a card begins anew all of its memory is silenced; and the kernel silences what was played, for a card that runs dry. `Session::rest`, [`Output::prepare`](super::Output::prepare), [`played`] | `nothing_stale_is_played_after_an_xrun`, `pcm::tests::an_output_that_begins_anew_…` |
//! | 3 | What the driver has on its way when the card runs dry is taken for played, and dropped | It is counted as lost, in the certificate of each track that it may be of; the position is that of the next frame to be heard, not of one behind it. [`Output::dropped_frames`](super::Output::dropped_frames), `Session::recover` | `what_an_xrun_drops_is_not_counted_as_heard`, `what_is_said_to_be_lost_is_never_less_…`, `a_card_that_runs_dry_again_at_once_…`, `certificate::tests::what_was_lost_is_…` |
//! | 4 | The kernel's drain ends after 1.1 times the buffer's length, played out or not | Nothing drains: `Output` can't. The stream is stopped by its position, which is waited for as long as it gets on. `Session::is_over` | `a_slow_card_is_waited_for_to_the_end`, `the_output_is_waited_for_no_longer_than_its_buffer_takes` |
//! | 5 | A rate whose request the DAC doesn't answer fails after 20 s | Devices are opened by a thread of their own ([`device`](super::device)); *control* answers meanwhile, and reports the failure | `control::tests::opening` |
//! | 6 | Probing sets the clock and the mixer; a card that was pulled out says ENODEV at once, from any call | A card is probed once each time it is plugged in, then gets the volume in force, and is set up anew for each stream. Any error but an xrun ends the stream as lost, and *control* looks for the card again. One that fails to open and stays where it is isn't gone, whatever it says | `device::tests::a_card_that_fails_and_stays_…`, `device::tests::the_card_in_use_is_not_probed_again_…`, `whichever_call_says_that_the_card_is_gone_the_stream_ends_at_once`, `control::tests::an_output_that_is_unplugged_is_reported_and_found_again` |

#[allow(unsafe_code, reason = "access to a card's memory that can't panic")]
mod area;
mod cards;
mod device;
mod mixer;
mod pcm;
#[allow(unsafe_code, reason = "a request to the kernel that alsa-lib's wrapper doesn't make")]
mod played;
mod probe;
#[allow(unsafe_code, reason = "a call of alsa-lib without a safe wrapper")]
mod significant;
mod stream;
mod uevent;

pub(crate) use device::{AlsaDevice, Choice};
pub(crate) use uevent::{News, Uevents};

use ::pcm::WireFormat;
use alsa::pcm::Format;

/// The PCM of alsa-lib's that plays nothing, of which every machine has one: for tests of whoever uses an output.
#[cfg(all(test, feature = "rtsan"))]
pub(crate) fn null(wire: ::pcm::Wire) -> Box<dyn super::Output> {
    Box::new(pcm::AlsaOutput::open("null", wire, 100, 40).expect("alsa-lib has it"))
}

/// ALSA's number for a wire format; it doesn't know DoP, which is PCM to it.
const fn format(format: WireFormat) -> Format {
    match format {
        WireFormat::S16Le => Format::S16LE,
        WireFormat::S24_3Le | WireFormat::DopS24_3Le => Format::S243LE,
        WireFormat::S24Le | WireFormat::DopS24Le => Format::S24LE,
        WireFormat::S32Le | WireFormat::DopS32Le => Format::S32LE,
        WireFormat::S16Be => Format::S16BE,
        WireFormat::S24_3Be => Format::S243BE,
        WireFormat::S24Be => Format::S24BE,
        WireFormat::S32Be => Format::S32BE,
        WireFormat::DsdU8 => Format::DSDU8,
        WireFormat::DsdU16Le => Format::DSDU16LE,
        WireFormat::DsdU16Be => Format::DSDU16BE,
        WireFormat::DsdU32Le => Format::DSDU32LE,
        WireFormat::DsdU32Be => Format::DSDU32BE,
    }
}
