//! The response of the whole conversion, measured on the code that runs: one bit is turned over, and what that changes in
//! the frames is the impulse response; each bit of a frame's shows other values of it.

use pcm::decimate::{Conversion, Decimator, Level};
use pcm::{BitOrder, Cpu};

use super::design::{LASTS, MIDDLE, SPAN};
use super::fourier::{decibels, magnitudes};
use super::{all, conversion, noise, track};

/// The impulse response, a value for each bit; the sum is 2^31. The first frame's bits begin in the middle.
fn impulse_response(conversion: Conversion, taps: usize, block: usize) -> Vec<f64> {
    let bits = conversion.bits_per_frame() as usize;
    // Frames that a bit is heard in, to each side.
    let reach = (taps / 2 + SPAN) * block / bits + 1;
    let frames = |dsd: &[u8]| {
        let decimator = Decimator::new(conversion, BitOrder::MsbFirst, Level::Modulation, Cpu::detect());
        track(decimator, conversion, dsd)
    };
    let mut response = vec![0.0; (2 * reach + 1) * bits];
    for bit in 0..bits {
        // Other bits around it each time, so that the errors of rounding aren't the same.
        let mut dsd = noise((2 * reach + 1) * bits / 8, bit as u32);
        let (byte, mask) = ((reach * bits + bit) / 8, 0x80 >> (bit % 8));
        dsd[byte] |= mask;
        let one = frames(&dsd);
        dsd[byte] &= !mask;
        let zero = frames(&dsd);
        for (n, (&one, &zero)) in one.iter().zip(&zero).enumerate() {
            // Later frames have the bit earlier in their taps.
            let at = (2 * reach - n) * bits + bit;
            response[at] = (f64::from(one) - f64::from(zero)) / 2.0;
        }
    }
    response
}

/// What a response is like; attenuations in dB.
#[derive(Debug)]
struct Figures {
    /// The extremes of the pass band.
    pass: (f64, f64),
    /// The least attenuation of what becomes something between 0 and 20 kHz, or lies above the stop band's edge.
    stop: f64,
    /// The least attenuation of what becomes something else.
    folded: f64,
    /// -3 dB are here, kHz.
    edge: f64,
}

fn figures(response: &[f64], bit_rate: u32, rate: u32) -> Figures {
    const LENGTH: usize = 1 << 18;
    let last = LASTS[usize::from(rate == 2)];
    let spectrum = magnitudes(response.iter().copied(), LENGTH);
    let rate = f64::from(rate) * 44.1;
    let step = f64::from(bit_rate) * 44.1 / LENGTH as f64;
    let mut figures = Figures { pass: (0.0, 0.0), stop: f64::MIN, folded: f64::MIN, edge: 0.0 };
    for (n, magnitude) in spectrum.into_iter().enumerate() {
        let (frequency, level) = (n as f64 * step, decibels(magnitude / 2f64.powi(31)));
        let becomes = (frequency - (frequency / rate).round() * rate).abs();
        if frequency <= last.pass {
            figures.pass = (figures.pass.0.min(level), figures.pass.1.max(level));
        } else if becomes <= 20.0 || (last.stop..=MIDDLE / 2.0).contains(&frequency) {
            figures.stop = figures.stop.max(level);
        } else if frequency > rate / 2.0 {
            figures.folded = figures.folded.max(level);
        }
        if level > -3.0 {
            figures.edge = figures.edge.max(frequency);
        }
    }
    figures
}

#[test]
fn every_conversion_keeps_the_band_and_stops_what_would_fold_onto_it() {
    for (bit_rate, rate) in all() {
        let last = LASTS[usize::from(rate == 2)];
        let response = impulse_response(conversion(bit_rate, rate), last.taps, bit_rate as usize / 8);
        let figures = figures(&response, bit_rate, rate);
        println!("DSD{bit_rate} to {:.1} kHz: {figures:.4?}", f64::from(rate) * 44.1);
        let (ripple, stop, folded) = if rate == 2 { (0.004, -147.0, -145.0) } else { (0.013, -150.0, -141.0) };
        assert!(figures.pass.0 > -0.001 && figures.pass.1 < ripple, "DSD{bit_rate} to {rate}: {figures:?}");
        assert!(figures.stop < stop, "DSD{bit_rate} to {rate}: {figures:?}");
        assert!(figures.folded < folded, "DSD{bit_rate} to {rate}: {figures:?}");
    }
}

#[test]
fn phase_is_linear_and_a_frame_begins_with_its_first_bit() {
    for (bit_rate, rate) in all() {
        let last = LASTS[usize::from(rate == 2)];
        let conversion = conversion(bit_rate, rate);
        let response = impulse_response(conversion, last.taps, bit_rate as usize / 8);
        let middle = (response.len() - conversion.bits_per_frame() as usize) / 2;
        for (after, before) in response[middle..].iter().zip(response[..middle].iter().rev()) {
            // Each is a difference of two rounded frames, halved.
            assert!((after - before).abs() <= 1.0, "DSD{bit_rate} to {rate}: {before} {after}");
        }
    }
}
