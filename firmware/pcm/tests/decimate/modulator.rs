//! A sigma-delta modulator: what DSD is made with.

use std::f64::consts::PI;

/// A one-bit modulator of the fifth order whose noise transfer function is (1 - 1/z)^5 over the poles of a Butterworth
/// high-pass, with a gain of 1.5 at half the bit rate (Lee's rule: one bit stays stable with that).
///
/// The zeros are all at 0 Hz, so that its noise between 0 and 20 kHz falls by 33 dB with each doubling of the bit rate.
pub(crate) struct Modulator {
    /// Coefficients of the denominator, from 1/z on.
    poles: [f64; ORDER],
    /// Quantisation errors, the newest first.
    errors: [f64; ORDER],
    /// Shaped errors, the newest first.
    shaped: [f64; ORDER],
}

const ORDER: usize = 5;
/// (1 - 1/z)^5, from 1/z on.
const ZEROS: [f64; ORDER] = [-5.0, 10.0, -10.0, 5.0, -1.0];
const GAIN: f64 = 1.5;

impl Modulator {
    pub(crate) fn new() -> Self {
        let (mut low, mut high) = (0.001, 0.2);
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            // The gain at half the rate: 2^5 over the denominator there.
            let mut denominator = 1.0;
            for (n, pole) in denominator_of(middle).iter().enumerate() {
                denominator += if n % 2 == 0 { -pole } else { *pole };
            }
            if 32.0 / denominator < GAIN { low = middle } else { high = middle }
        }
        Self { poles: denominator_of(low), errors: [0.0; ORDER], shaped: [0.0; ORDER] }
    }

    /// The next bit, for a signal between -1 and 1.
    fn bit(&mut self, signal: f64) -> bool {
        let dot = |a: &[f64; ORDER], b: &[f64; ORDER]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        // The shaped error without the error that is made now.
        let past = dot(&ZEROS, &self.errors) - dot(&self.poles, &self.shaped);
        let wanted = signal + past;
        let bit = wanted >= 0.0;
        let error = if bit { 1.0 } else { -1.0 } - wanted;
        for (values, new) in [(&mut self.errors, error), (&mut self.shaped, past + error)] {
            values.rotate_right(1);
            values[0] = new;
        }
        assert!(error.abs() < 10.0, "the modulator isn't stable");
        bit
    }

    /// A signal as DSD, the most significant bit first; a whole number of bytes.
    pub(crate) fn modulate(&mut self, signal: impl IntoIterator<Item = f64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (n, value) in signal.into_iter().enumerate() {
            if n % 8 == 0 {
                bytes.push(0);
            }
            if let Some(byte) = bytes.last_mut() {
                *byte = *byte << 1 | u8::from(self.bit(value));
            }
        }
        bytes
    }
}

/// The denominator of a Butterworth filter with its edge at this part of the rate, by the bilinear transform: from 1/z on.
fn denominator_of(edge: f64) -> [f64; ORDER] {
    let k = (PI * edge).tan();
    let pole = (k - 1.0) / (k + 1.0);
    let mut polynomial = vec![1.0, pole];
    for n in 1..=2 {
        let damping = 2.0 * (PI * f64::from(n) / 5.0).cos();
        let scale = 1.0 + damping * k + k * k;
        let section = [1.0, 2.0 * (k * k - 1.0) / scale, (1.0 - damping * k + k * k) / scale];
        let mut product = vec![0.0; polynomial.len() + 2];
        for (i, a) in polynomial.iter().enumerate() {
            for (j, b) in section.iter().enumerate() {
                product[i + j] += a * b;
            }
        }
        polynomial = product;
    }
    let [_, rest @ ..] = polynomial.try_into().map(|all: [f64; ORDER + 1]| all).unwrap();
    rest
}
