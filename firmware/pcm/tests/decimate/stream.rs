//! However a track is cut, whatever computes it: the same frames, in their place.

use pcm::BitOrder;
use pcm::decimate::{Conversion, Decimator, Level, Progress};
use proptest::prelude::*;

use super::{BIT_RATES, RATES, all, conversion, cpus, noise, plain, track};

/// A track in pieces: so many bytes offered with room for so many frames, again and again.
fn pieces(decimator: &mut Decimator, dsd: &[u8], cuts: &[(usize, usize)]) -> Vec<i32> {
    let mut frames = Vec::new();
    let mut rest = dsd;
    for &(bytes, room) in cuts.iter().cycle() {
        let mut out = vec![0; room];
        let offered = &rest[..bytes.min(rest.len())];
        let Progress { bytes, frames: made } = decimator.convert(offered, &mut out);
        assert!(bytes == offered.len() || made == room, "it stopped although it had bytes and room");
        rest = &rest[bytes..];
        frames.extend(&out[..made]);
        if rest.is_empty() {
            break;
        }
    }
    for &(_, room) in cuts.iter().cycle() {
        let mut out = vec![0; room];
        let made = decimator.finish(&mut out);
        frames.extend(&out[..made]);
        if made < room {
            return frames;
        }
    }
    frames
}

fn conversions() -> impl Strategy<Value = Conversion> {
    (prop::sample::select(&BIT_RATES), prop::sample::select(&RATES)).prop_map(|(from, to)| conversion(from, to))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn frames_do_not_depend_on_cuts_order_or_instructions(
        conversion in conversions(),
        scarlet: bool,
        (bytes, seed) in (0..9000usize, any::<u32>()),
        cuts in prop::collection::vec((0..700usize, 1..90usize), 1..30),
    ) {
        prop_assume!(cuts.iter().any(|cut| cut.0 > 50));
        let level = if scarlet { Level::ScarletBook } else { Level::Modulation };
        let dsd = noise(bytes, seed);
        let reversed: Vec<u8> = dsd.iter().map(|byte| byte.reverse_bits()).collect();
        let whole = track(Decimator::new(conversion, BitOrder::MsbFirst, level, cpus()[0]), conversion, &dsd);
        for cpu in cpus() {
            for (order, dsd) in [(BitOrder::MsbFirst, &dsd), (BitOrder::LsbFirst, &reversed)] {
                let mut decimator = Decimator::new(conversion, order, level, cpu);
                prop_assert!(pieces(&mut decimator, dsd, &cuts) == whole, "{:?} {:?}", order, cpu);
                decimator.reset();
                prop_assert!(track(decimator, conversion, dsd) == whole, "after a reset: {:?} {:?}", order, cpu);
            }
        }
    }
}

/// A step from nothing to full scale is at its half where the first frame is: bits and frames begin together. Likewise
/// the end.
#[test]
fn frames_are_in_their_bits_place() {
    for (bit_rate, rate) in all() {
        let conversion = conversion(bit_rate, rate);
        let bytes = conversion.bits_per_frame() as usize * 20;
        let mut dsd = vec![0xff; bytes];
        let frames = track(plain(conversion), conversion, &dsd);
        assert_eq!(frames.len(), bytes * 8 / conversion.bits_per_frame() as usize);
        assert!((f64::from(frames[0]) / 2f64.powi(30) - 1.0).abs() < 1e-6, "DSD{bit_rate} to {rate}: {}", frames[0]);
        dsd.extend([0x69; 2048]);
        let more = track(plain(conversion), conversion, &dsd);
        assert!((f64::from(more[frames.len()]) / 2f64.powi(30) - 1.0).abs() < 0.01, "DSD{bit_rate} to {rate}");
    }
}
