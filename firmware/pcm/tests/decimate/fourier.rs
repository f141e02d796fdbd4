//! The fast Fourier transform, radix 2.

use std::f64::consts::PI;

/// A complex number.
pub(crate) type Complex = (f64, f64);

/// Transforms in place; the length is a power of 2.
pub(crate) fn transform(values: &mut [Complex]) {
    let length = values.len();
    assert!(length.is_power_of_two());
    let shift = usize::BITS - length.trailing_zeros();
    for n in 0..length {
        let mirrored = n.reverse_bits().checked_shr(shift).unwrap_or(0);
        if n < mirrored {
            values.swap(n, mirrored);
        }
    }
    let turns: Vec<Complex> = (0..length / 2).map(|n| (-2.0 * PI * n as f64 / length as f64).sin_cos()).collect();
    let mut half = 1;
    while half < length {
        for part in values.chunks_exact_mut(2 * half) {
            let (low, high) = part.split_at_mut(half);
            for (n, (a, b)) in low.iter_mut().zip(high).enumerate() {
                let (sin, cos) = turns[n * (length / 2 / half)];
                let turned = (b.0 * cos - b.1 * sin, b.0 * sin + b.1 * cos);
                *b = (a.0 - turned.0, a.1 - turned.1);
                *a = (a.0 + turned.0, a.1 + turned.1);
            }
        }
        half *= 2;
    }
}

/// The magnitudes of a real signal's spectrum, from 0 to half the sampling rate; zeros are appended up to `length`.
pub(crate) fn magnitudes(signal: impl IntoIterator<Item = f64>, length: usize) -> Vec<f64> {
    let mut values: Vec<Complex> = signal.into_iter().map(|value| (value, 0.0)).collect();
    assert!(values.len() <= length);
    values.resize(length, (0.0, 0.0));
    transform(&mut values);
    values[..=length / 2].iter().map(|value| value.0.hypot(value.1)).collect()
}

/// As decibels.
pub(crate) fn decibels(ratio: f64) -> f64 {
    20.0 * ratio.max(1e-20).log10()
}

#[test]
fn a_sine_is_one_line() {
    let sine = (0..64).map(|n| (2.0 * PI * 5.0 * f64::from(n) / 64.0).sin());
    for (n, magnitude) in magnitudes(sine, 64).into_iter().enumerate() {
        assert!((magnitude - if n == 5 { 32.0 } else { 0.0 }).abs() < 1e-12, "{n}: {magnitude}");
    }
}
