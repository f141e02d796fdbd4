//! Plain Rust: the reference.

use super::super::table::Row;
use super::Isa;

/// No instructions but those that the target promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Scalar;

impl Isa for Scalar {
    type Sums = Row;

    #[inline(always)]
    fn load(self, row: &Row) -> Row {
        *row
    }

    #[inline(always)]
    fn store(self, sums: Row) -> Row {
        sums
    }

    #[inline(always)]
    fn add(self, mut sums: Row, row: &Row) -> Row {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum = sum.wrapping_add(*value);
        }
        sums
    }

    #[inline(always)]
    fn take_first(self, [first, b, c, d, e, f, g, h]: Row) -> (i32, Row) {
        (first, [b, c, d, e, f, g, h, 0])
    }

    #[inline(always)]
    fn take_last(self, [a, b, c, d, e, f, g, last]: Row) -> (i32, Row) {
        (last, [0, a, b, c, d, e, f, g])
    }
}
