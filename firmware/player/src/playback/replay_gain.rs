//! ReplayGain: tracks that are louder than the reference are played more quietly, by what their tags say.
//!
//! Only ever more quietly. A gain above 0 dB would need headroom that full-scale music hasn't, and taking that from all the others
//! (a preamplifier) is what a volume control is for: such a track is played as it is. The peak counts where it is beyond full
//! scale, as lossy codecs have it: then the track is made quieter so far that it isn't clipped.
//!
//! The samples are multiplied in 64 bits while they are packed, so the gain belongs to the track's own frames, however gapless
//! the next one follows.

use pcm::{Planes, Samples};

/// Whose loudness counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ReplayGain {
    /// Nobody's: the tags are ignored.
    #[default]
    Off,
    /// Each track's own, and if that isn't known, its album's.
    Track,
    /// The album's, so that its quiet tracks stay quieter; and if that isn't known, the track's.
    Album,
}

/// A factor between 0 and 1, neither of them included.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Attenuation(f64);

impl Attenuation {
    pub(crate) fn factor(self) -> f64 {
        self.0
    }

    /// Less than 0.
    pub(crate) fn decibels(self) -> f64 {
        20.0 * self.0.log10()
    }
}

impl ReplayGain {
    /// By its name on the command line.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Off, Self::Track, Self::Album].into_iter().find(|mode| mode.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Track => "track",
            Self::Album => "album",
        }
    }

    pub(crate) fn is_on(self) -> bool {
        self != Self::Off
    }

    /// What is to be done to a track with these tags; `None`: nothing.
    pub(crate) fn of(self, tags: &media::Tags) -> Option<Attenuation> {
        let (track, album) = (tags.track_loudness, tags.album_loudness);
        let (first, second) = match self {
            Self::Off => return None,
            Self::Track => (track, album),
            Self::Album => (album, track),
        };
        let loudness = if first.gain.is_some() { first } else { second };
        let gain = 10f64.powf(f64::from(loudness.gain?) / 20.0);
        let headroom = loudness.peak.map_or(1.0, |peak| 1.0 / f64::from(peak));
        Some(gain.min(headroom)).filter(|factor| (f64::MIN_POSITIVE..1.0).contains(factor)).map(Attenuation)
    }
}

/// Frames that are scaled at a time.
const BLOCK: usize = 4096;

/// Makes a track quieter.
pub(super) struct Scaler {
    attenuation: Attenuation,
    scaled: Vec<Vec<i32>>,
}

impl Scaler {
    pub(super) fn new(attenuation: Attenuation) -> Self {
        Self { attenuation, scaled: Vec::new() }
    }

    /// At most `frames` frames from `start` on, left-justified integers of 32 bits; `None` if these aren't levels.
    pub(super) fn scale(&mut self, samples: &Samples<'_>, start: usize, frames: usize) -> Option<Samples<'_>> {
        self.scaled.resize(samples.channels(), Vec::new());
        match samples.part(start, frames.min(BLOCK)) {
            Samples::S16(planes) => self.each(&planes, 65_536.0),
            Samples::S32(planes) => self.each(&planes, 1.0),
            Samples::F32(planes) => self.each(&planes, 2_147_483_648.0),
            Samples::Dsd(_) => return None,
        }
        Planes::new(self.scaled.iter().map(Vec::as_slice)).ok().map(Samples::S32)
    }

    /// `unit` is what makes a sample an integer of 32 bits.
    fn each<T: Copy + Into<f64>>(&mut self, planes: &Planes<'_, T>, unit: f64) {
        let factor = self.attenuation.factor() * unit;
        for (scaled, plane) in self.scaled.iter_mut().zip(planes.iter()) {
            scaled.clear();
            scaled.extend(plane.iter().map(|&sample| nearest(sample.into() * factor)));
        }
    }
}

/// The nearest integer of 32 bits, ties to even; of what isn't a number 0. Without calls and branches, so that the compiler makes vectors
/// of it.
fn nearest(x: f64) -> i32 {
    /// Adding this to a number below 2^51 leaves its nearest integer in the low bits of the mantissa.
    const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
    (x.clamp(i32::MIN.into(), i32::MAX.into()) + ROUND).to_bits() as i32
}

#[cfg(test)]
mod tests {
    use media::{Loudness, Tags};

    use super::*;

    fn tags(track: (Option<f32>, Option<f32>), album: (Option<f32>, Option<f32>)) -> Tags {
        let loudness = |(gain, peak)| Loudness { gain, peak };
        Tags { track_loudness: loudness(track), album_loudness: loudness(album), ..Tags::default() }
    }

    fn decibels(mode: ReplayGain, tags: &Tags) -> Option<f64> {
        mode.of(tags).map(|attenuation| (attenuation.decibels() * 1000.0).round() / 1000.0)
    }

    #[test]
    fn samples_become_the_nearest_integers_there_are() {
        let most = f64::from(i32::MAX);
        for (x, integer) in [(0.5, 0), (1.5, 2), (-0.5, 0), (-1.5, -2), (-2.4, -2), (most - 0.25, i32::MAX)] {
            assert_eq!(nearest(x), integer, "{x}");
        }
        for (x, integer) in [(most + 0.5, i32::MAX), (1e300, i32::MAX), (f64::NEG_INFINITY, i32::MIN), (f64::NAN, 0)] {
            assert_eq!(nearest(x), integer, "{x}");
        }
    }

    #[test]
    fn each_mode_takes_its_own_and_else_the_other() {
        let both = tags((Some(-6.5), None), (Some(-3.0), None));
        assert_eq!(decibels(ReplayGain::Off, &both), None);
        assert_eq!(decibels(ReplayGain::Track, &both), Some(-6.5));
        assert_eq!(decibels(ReplayGain::Album, &both), Some(-3.0));
        let one = tags((None, Some(0.5)), (Some(-3.0), None));
        assert_eq!(decibels(ReplayGain::Track, &one), Some(-3.0));
        assert_eq!(decibels(ReplayGain::Track, &Tags::default()), None);
        assert_eq!(decibels(ReplayGain::Album, &tags((None, Some(2.0)), (None, Some(2.0)))), None, "no gain");
    }

    #[test]
    fn nothing_is_made_louder_and_nothing_is_clipped() {
        let of = |gain, peak| decibels(ReplayGain::Track, &tags((Some(gain), peak), (None, None)));
        assert_eq!([0.0, 0.5, 64.0].map(|gain| of(gain, None)), [None; 3]);
        assert_eq!(of(3.0, Some(0.1)), None, "there is room, but it isn't used");
        assert_eq!(of(-1.0, Some(2.0)), Some(-6.021));
        assert_eq!(of(3.0, Some(2.0)), Some(-6.021));
        assert_eq!(of(-12.0, Some(2.0)), Some(-12.0));
    }

    #[test]
    fn samples_of_every_width_are_scaled_alike() {
        let mut scaler = Scaler::new(Attenuation(0.5));
        let mut level = |samples: Samples<'_>| match scaler.scale(&samples, 1, 2) {
            Some(Samples::S32(planes)) => planes.iter().map(<[i32]>::to_vec).collect::<Vec<_>>(),
            _ => panic!("no levels"),
        };
        let wanted = vec![vec![-(1 << 30), 1 << 29]; 2];
        assert_eq!(level(Samples::S16(Planes::new([&[7, i16::MIN, 1 << 14, 7][..]; 2]).unwrap())), wanted);
        assert_eq!(level(Samples::S32(Planes::new([&[7, i32::MIN, 1 << 30, 7][..]; 2]).unwrap())), wanted);
        assert_eq!(level(Samples::F32(Planes::new([&[7.0, -1.0, 0.5, 7.0][..]; 2]).unwrap())), wanted);
        // What a lossy codec has beyond full scale is still there.
        assert_eq!(level(Samples::F32(Planes::new([&[7.0, 1.5, 4.0][..]]).unwrap())), [[3 << 29, i32::MAX]]);
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for mode in [ReplayGain::Off, ReplayGain::Track, ReplayGain::Album] {
            assert_eq!(ReplayGain::from_name(mode.name()), Some(mode));
        }
        assert_eq!(ReplayGain::from_name("Track"), None);
    }
}
