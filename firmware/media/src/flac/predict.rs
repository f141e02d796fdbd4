//! From residuals back to samples (RFC 9639, 9.2.5 and 9.2.6). A damaged frame may overflow; its check sum tells, so
//! arithmetic wraps.

/// A sample while it is computed: 32 bits hold all but the side channel of 32-bit stereo, which has 33.
pub(super) trait Sample: Copy + Default + From<i32> {
    fn from_wide(wide: i64) -> Self;
    fn wide(self) -> i64;
    /// Adds `coefficients` times the `history` before it, oldest first, shifted right; `small` says that the sum fits 32
    /// bits.
    fn add_prediction<const SMALL: bool>(self, history: &[Self], coefficients: &[i32], shift: u32) -> Self;
}

impl Sample for i32 {
    #[inline]
    fn from_wide(wide: i64) -> Self {
        wide as Self
    }

    #[inline]
    fn wide(self) -> i64 {
        self.into()
    }

    #[inline(always)]
    fn add_prediction<const SMALL: bool>(self, history: &[Self], coefficients: &[i32], shift: u32) -> Self {
        let pairs = history.iter().zip(coefficients);
        if SMALL {
            let sum = pairs.fold(0i32, |sum, (&x, &c)| sum.wrapping_add(x.wrapping_mul(c)));
            self.wrapping_add(sum >> shift)
        } else {
            let sum = pairs.fold(0i64, |sum, (&x, &c)| sum.wrapping_add(i64::from(x) * i64::from(c)));
            self.wrapping_add((sum >> shift) as Self)
        }
    }
}

impl Sample for i64 {
    #[inline]
    fn from_wide(wide: i64) -> Self {
        wide
    }

    #[inline]
    fn wide(self) -> i64 {
        self
    }

    #[inline]
    fn add_prediction<const SMALL: bool>(self, history: &[Self], coefficients: &[i32], shift: u32) -> Self {
        let pairs = history.iter().zip(coefficients);
        let sum = pairs.fold(0i64, |sum, (&x, &c)| sum.wrapping_add(x.wrapping_mul(i64::from(c))));
        self.wrapping_add(sum >> shift)
    }
}

/// The fixed predictors' coefficients, oldest sample first, by order.
const FIXED: [&[i32]; 5] = [&[], &[1], &[-1, 2], &[1, -3, 3], &[-1, 4, -6, 4]];

/// Undoes the fixed predictor of `order` 0 to 4. The first `order` samples are themselves, the rest are residuals.
pub(super) fn restore_fixed<S: Sample>(samples: &mut [S], order: usize, bits: u32) {
    let coefficients = FIXED.get(order).copied().unwrap_or_default();
    // The sum of the coefficients' magnitudes is at most 15.
    restore(samples, coefficients, 0, bits + 4 <= 32);
}

/// Undoes linear prediction with these coefficients, oldest sample first.
pub(super) fn restore_linear<S: Sample>(
    samples: &mut [S],
    coefficients: &[i32],
    shift: u32,
    bits: u32,
    precision: u32,
) {
    let growth = usize::BITS - coefficients.len().leading_zeros();
    restore(samples, coefficients, shift, bits + precision + growth <= 32);
}

fn restore<S: Sample>(samples: &mut [S], coefficients: &[i32], shift: u32, small: bool) {
    if small {
        by_order::<S, true>(samples, coefficients, shift);
    } else {
        by_order::<S, false>(samples, coefficients, shift);
    }
}

/// Orders that encoders use by default have loops of their own, unrolled.
fn by_order<S: Sample, const SMALL: bool>(samples: &mut [S], coefficients: &[i32], shift: u32) {
    macro_rules! unrolled {
        ($($order:literal)+) => {
            match coefficients.len() {
                0 => {}
                $($order => {
                    if let Some(coefficients) = coefficients.first_chunk::<$order>() {
                        run::<S, SMALL, $order>(samples, coefficients, shift);
                    }
                })+
                order => {
                    for end in order..samples.len() {
                        let (history, rest) = samples.split_at_mut(end);
                        if let ([sample, ..], Some(history)) = (rest, history.get(end - order..)) {
                            *sample = sample.add_prediction::<SMALL>(history, coefficients, shift);
                        }
                    }
                }
            }
        };
    }
    unrolled!(1 2 3 4 5 6 7 8 9 10 11 12);
}

fn run<S: Sample, const SMALL: bool, const ORDER: usize>(samples: &mut [S], coefficients: &[i32; ORDER], shift: u32) {
    for end in ORDER..samples.len() {
        if let Some((history, [sample, ..])) = samples.split_at_mut_checked(end)
            && let Some(history) = history.last_chunk::<ORDER>()
        {
            *sample = sample.add_prediction::<SMALL>(history, coefficients, shift);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_predictors_are_differences() {
        let original: Vec<i32> = vec![5, -3, 100, 7, 7, 7, -80, 12, i32::MAX, i32::MIN];
        for order in 0..=4 {
            let mut residual: Vec<i64> = original.iter().map(|&x| x.into()).collect();
            for round in 0..order {
                for at in (round + 1..residual.len()).rev() {
                    residual[at] -= residual[at - 1];
                }
            }
            // The first samples stay themselves.
            let mut samples: Vec<i32> = residual.iter().map(|&x| x as i32).collect();
            samples[..order].copy_from_slice(&original[..order]);
            restore_fixed(&mut samples, order, 32);
            assert_eq!(samples, original, "order {order}");
        }
    }

    #[test]
    fn all_orders_and_widths_agree() {
        for order in 1..=32 {
            let coefficients: Vec<i32> = (0..order).map(|n| (n * 37 % 29) - 14).collect();
            let residuals: Vec<i32> = (0..200).map(|n| n * 7919 % 251 - 125).collect();
            let wide: Vec<i64> = residuals.iter().map(|&x| x.into()).collect();
            let (mut small, mut large, mut widest) = (residuals.clone(), residuals, wide);
            // Shifted so far that nothing grows beyond 32 bits.
            restore(&mut small, &coefficients, 9, true);
            restore(&mut large, &coefficients, 9, false);
            restore(&mut widest, &coefficients, 9, false);
            assert_eq!(small, large, "order {order}");
            assert_eq!(large.iter().map(|&x| i64::from(x)).collect::<Vec<_>>(), widest, "order {order}");
        }
    }
}
