//! The few operations that the filters' loops are made of, for each instruction set.

#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
pub(super) use neon::Neon;
pub(super) use scalar::Scalar;
#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Sse41};

use super::table::Row;

/// An instruction set. Holding a value proves that the CPU has it.
///
/// All of them compute with integers that don't overflow, so that they agree to the bit.
pub(super) trait Isa: Copy {
    /// A [`Row`] in registers.
    type Sums: Copy;

    /// Into registers.
    fn load(self, row: &Row) -> Self::Sums;
    /// Out of them.
    fn store(self, sums: Self::Sums) -> Row;
    /// Adds a row, value by value.
    fn add(self, sums: Self::Sums, row: &Row) -> Self::Sums;
    /// Takes the first value out; the others move up, and a 0 follows.
    fn take_first(self, sums: Self::Sums) -> (i32, Self::Sums);
    /// Takes the last value out; the others move down, behind a 0.
    fn take_last(self, sums: Self::Sums) -> (i32, Self::Sums);

    /// The sum of the products.
    #[inline(always)]
    fn dot<const N: usize>(self, a: &[i32; N], b: &[i32; N]) -> i64 {
        a.iter().zip(b).map(|(&a, &b)| i64::from(a) * i64::from(b)).sum()
    }
}
