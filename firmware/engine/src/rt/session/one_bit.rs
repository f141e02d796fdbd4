//! What is different where the stream is DSD or DoP: its silence, its markers, and that it is never scaled. (The last is so of
//! other streams too, if the player says it: PCM may carry MQA.)

use pcm::gain::Gain;
use pcm::{Marker, Wire, fill_silence};

/// A stream's one-bit side; PCM has none, and then this changes nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct OneBit {
    wire: Wire,
    /// The marker that the output's next frame has to carry, once one was written: the two take turns without a break over
    /// tracks, silence and jumps, or the DAC falls out of DSD with a crack.
    next: Option<Marker>,
    unscaled: bool,
}

impl OneBit {
    pub(super) fn new(wire: Wire) -> Self {
        Self { wire, next: None, unscaled: !wire.format.is_pcm() }
    }

    /// Treats the volume of PCM as that of a one-bit stream: for MQA, which any gain and any dither would destroy.
    ///
    /// Its fades stay, though, of 20 ms each, where a pause, a stop, a seek, a mute or a dry ring breaks it off, and where it goes on.
    /// MQA is PCM to every ear and to a DAC that hasn't recognised it yet, so a hard cut would click; and at these places a
    /// decoder loses the stream, or has yet to find it, with a fade or without. Between them, from its first frame to its last,
    /// every bit is as it came. The track's certificate says *scaled* of one that was faded.
    pub(super) fn leave_unscaled(&mut self) {
        self.unscaled = true;
    }

    /// What becomes of a volume: what isn't scaled is either heard as it is or not at all.
    pub(super) fn volume(&self, volume: Gain) -> Gain {
        match volume {
            Gain::SILENCE => Gain::SILENCE,
            volume if !self.unscaled => volume,
            _ => Gain::UNITY,
        }
    }

    /// Whether frames that begin like this may be written next. If not, one frame of silence has to come in between.
    pub(super) fn follows(&mut self, frames: &[u8]) -> bool {
        match (self.next, Marker::of_first(self.wire.format, frames)) {
            (Some(next), Some(marker)) => next == marker,
            (None, Some(marker)) => {
                self.next = Some(marker);
                true
            }
            // No DoP; or a player that breaks it, which then is its own affair.
            (_, None) => true,
        }
    }

    /// Fills with silence, marked as it has to be.
    pub(super) fn fill_silence(&self, room: &mut [u8]) {
        fill_silence(self.wire.format, self.wire.channels, self.next.unwrap_or_default(), room);
    }

    /// Frames of silence were written.
    pub(super) fn advance(&mut self, frames: u32) {
        if self.wire.format.is_dop() {
            self.next = Some(self.next.unwrap_or_default().after(frames.into()));
        }
    }

    /// These frames of the ring were written. The last one's marker counts: what carries DoP may begin with unmarked frames,
    /// digital silence, and a DAC that has left DSD for them takes either marker afterwards.
    pub(super) fn follow(&mut self, frames: &[u8]) {
        if !self.wire.format.is_dop() {
            return;
        }
        let last = frames.len().checked_sub(self.wire.frame_bytes()).and_then(|at| frames.get(at..));
        if let Some(last) = last {
            self.next = Marker::of_first(self.wire.format, last).map(|marker| marker.after(1));
        }
    }

    /// The output begins anew: whatever is written next is its first frame.
    pub(super) fn restart(&mut self) {
        self.next = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pcm::WireFormat;

    #[test]
    fn f4_the_markers_take_turns_over_every_boundary() {
        let wire = Wire { format: WireFormat::DopS24_3Le, rate: 176_400, channels: 2 };
        let frames = |marker| {
            let mut bytes = [0; 12];
            fill_silence(wire.format, 2, marker, &mut bytes);
            bytes
        };
        let mut stream = OneBit::new(wire);
        // The first frame of all decides.
        assert!(stream.follows(&frames(Marker::Odd)));
        stream.follow(&frames(Marker::Odd)[..6]);
        assert!(!stream.follows(&frames(Marker::Odd)));
        assert!(stream.follows(&frames(Marker::Even)));
        stream.follow(&frames(Marker::Even));
        stream.follow(&frames(Marker::Even)[..6]);
        // Silence of an odd length in between.
        let mut silence = [0; 6];
        stream.fill_silence(&mut silence);
        assert_eq!(Marker::of_first(wire.format, &silence), Some(Marker::Odd));
        stream.advance(1);
        assert!(stream.follows(&frames(Marker::Even)) && !stream.follows(&frames(Marker::Odd)));
        stream.restart();
        assert!(stream.follows(&frames(Marker::Odd)));
        // Behind frames without a marker either may come.
        stream.follow(&[frames(Marker::Odd), [0; 12]].concat());
        assert!(stream.follows(&frames(Marker::Odd)));
        stream.follow(&[[0; 12], frames(Marker::Even)].concat());
        assert!(stream.follows(&frames(Marker::Even)) && !stream.follows(&frames(Marker::Odd)));
        // Nothing that could be waited for comes from a player that marks nothing.
        assert!(stream.follows(&[0; 6]) && stream.follows(&[]));
    }

    #[test]
    fn f5_only_pcm_is_scaled_and_not_all_of_that() {
        let half = Gain::from_percent(50);
        for format in WireFormat::ALL {
            let stream = OneBit::new(Wire { format, rate: 48_000, channels: 2 });
            assert_eq!(stream.volume(half), if format.is_pcm() { half } else { Gain::UNITY });
            assert_eq!(stream.volume(Gain::SILENCE), Gain::SILENCE);
            let mut unscaled = stream;
            unscaled.leave_unscaled();
            assert_eq!([half, Gain::SILENCE].map(|volume| unscaled.volume(volume)), [Gain::UNITY, Gain::SILENCE]);
        }
    }
}
