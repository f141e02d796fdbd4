//! The first filter: from bits to samples of the middle rate.
//!
//! An output is the sum of 8 blocks of bits, each ±1 times its tap, and a block adds to 8 outputs. So 8 sums are kept, one
//! for each output that is under way, and four bits at a time are looked up: a [`Row`] of the table holds what they add
//! to each of the sums. That makes two rows for a byte, whatever the size of a block, from tables of 1 to 16 KiB, which
//! stay in the first-level cache of a small core; and a row is one vector (AVX2) or two (SSE2, NEON).
//!
//! Sums of integers are exact, in whatever order they are made.

use super::conversion::Block;
use super::isa::{Isa, Scalar};
use super::simd::{Kernel, Simd};
use super::table::{Row, SPAN, TABLE_8, TABLE_16, TABLE_32, TABLE_64, TABLE_128, Table};
use crate::BitOrder;

/// How far a call came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Done {
    /// Bytes taken.
    pub(super) bytes: usize,
    /// Samples made.
    pub(super) samples: usize,
}

/// The first filter's state.
///
/// The tables are for the most significant bit first. As the taps are symmetric, they serve for the other order as well:
/// read from its end to its beginning, such a block is one of the first kind, and what it adds to the sums is mirrored.
#[derive(Clone, Debug)]
pub(super) struct Bits {
    /// The outputs under way. The next one is the first; the last, if the least significant bit comes first.
    sums: Row,
    /// Bytes of the block that has begun.
    begun: usize,
}

impl Bits {
    /// Before the first bit there was silence.
    pub(super) const NEW: Self = Self { sums: [0; SPAN], begun: 0 };

    /// Filters until there are no more bytes, or no room.
    pub(super) fn run(&mut self, block: Block, order: BitOrder, simd: Simd, dsd: &[u8], out: &mut [i32]) -> Done {
        match block {
            Block::Bits8 => self.ordered(&TABLE_8, order, simd, dsd, out),
            Block::Bits16 => self.ordered(&TABLE_16, order, simd, dsd, out),
            Block::Bits32 => self.ordered(&TABLE_32, order, simd, dsd, out),
            Block::Bits64 => self.ordered(&TABLE_64, order, simd, dsd, out),
            Block::Bits128 => self.ordered(&TABLE_128, order, simd, dsd, out),
        }
    }

    /// Fills `out` as if silence followed.
    pub(super) fn drain(&mut self, order: BitOrder, out: &mut [i32]) {
        self.begun = 0;
        for out in out {
            (*out, self.sums) = match order {
                BitOrder::MsbFirst => Scalar.take_first(self.sums),
                BitOrder::LsbFirst => Scalar.take_last(self.sums),
            };
        }
    }

    fn ordered<const BYTES: usize>(
        &mut self,
        table: &Table<BYTES>,
        order: BitOrder,
        simd: Simd,
        dsd: &[u8],
        out: &mut [i32],
    ) -> Done {
        match order {
            BitOrder::MsbFirst => self.filter::<BYTES, false>(table, simd, dsd, out),
            BitOrder::LsbFirst => self.filter::<BYTES, true>(table, simd, dsd, out),
        }
    }

    fn filter<const BYTES: usize, const LSB_FIRST: bool>(
        &mut self,
        table: &Table<BYTES>,
        simd: Simd,
        dsd: &[u8],
        out: &mut [i32],
    ) -> Done {
        let mut done = Done::default();
        while let (Some(dsd @ [_, ..]), Some(out @ [_, ..])) = (dsd.get(done.bytes..), out.get_mut(done.samples..)) {
            let (blocks, _) = dsd.as_chunks::<BYTES>();
            if self.begun == 0 && !blocks.is_empty() {
                let made = blocks.len().min(out.len());
                simd.run(Blocks::<BYTES, LSB_FIRST> { table, sums: &mut self.sums, blocks, out });
                done = Done { bytes: done.bytes + made * BYTES, samples: done.samples + made };
                continue;
            }
            // A part of a block.
            let wanted = BYTES.saturating_sub(self.begun);
            for &byte in dsd.iter().take(wanted) {
                for row in rows::<BYTES, LSB_FIRST>(table, self.begun, byte).into_iter().flatten() {
                    self.sums = Scalar.add(self.sums, row);
                }
                self.begun += 1;
                done.bytes += 1;
            }
            if self.begun >= BYTES
                && let Some(out) = out.first_mut()
            {
                (*out, self.sums) = take::<_, LSB_FIRST>(Scalar, self.sums);
                self.begun = 0;
                done.samples += 1;
            }
        }
        done
    }
}

/// Filters whole blocks.
struct Blocks<'a, const BYTES: usize, const LSB_FIRST: bool> {
    table: &'a Table<BYTES>,
    sums: &'a mut Row,
    blocks: &'a [[u8; BYTES]],
    out: &'a mut [i32],
}

impl<const BYTES: usize, const LSB_FIRST: bool> Kernel for Blocks<'_, BYTES, LSB_FIRST> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) {
        // Additions wait for each other; in two registers half as long.
        let mut sums = [isa.load(self.sums), isa.load(&[0; SPAN])];
        for (block, out) in self.blocks.iter().zip(self.out) {
            let (fours, rest) = block.as_chunks::<4>();
            // Written out because compilers differ in what they unroll; rolled up it takes twice as long.
            for (n, &[a, b, c, d]) in fours.iter().enumerate() {
                sums = add(isa, sums, rows::<BYTES, LSB_FIRST>(self.table, 4 * n, a));
                sums = add(isa, sums, rows::<BYTES, LSB_FIRST>(self.table, 4 * n + 1, b));
                sums = add(isa, sums, rows::<BYTES, LSB_FIRST>(self.table, 4 * n + 2, c));
                sums = add(isa, sums, rows::<BYTES, LSB_FIRST>(self.table, 4 * n + 3, d));
            }
            for (n, &byte) in rest.iter().enumerate() {
                sums = add(isa, sums, rows::<BYTES, LSB_FIRST>(self.table, n, byte));
            }
            let (one, other);
            (one, sums[0]) = take::<I, LSB_FIRST>(isa, sums[0]);
            (other, sums[1]) = take::<I, LSB_FIRST>(isa, sums[1]);
            *out = one.wrapping_add(other);
        }
        *self.sums = isa.store(isa.add(sums[0], &isa.store(sums[1])));
    }
}

/// What a block's byte adds: for its upper four bits, and for its lower four.
#[inline(always)]
fn rows<const BYTES: usize, const LSB_FIRST: bool>(table: &Table<BYTES>, at: usize, byte: u8) -> Option<[&Row; 2]> {
    let at = if LSB_FIRST { (BYTES - 1).wrapping_sub(at) } else { at };
    let [upper, lower] = table.0.get(at)?;
    Some([upper.get(usize::from(byte >> 4))?, lower.get(usize::from(byte & 15))?])
}

/// Adds it, each row to its sums.
#[inline(always)]
fn add<I: Isa>(isa: I, [one, other]: [I::Sums; 2], rows: Option<[&Row; 2]>) -> [I::Sums; 2] {
    let Some([upper, lower]) = rows else { return [one, other] };
    [isa.add(one, upper), isa.add(other, lower)]
}

/// Takes the next output out of the sums.
#[inline(always)]
fn take<I: Isa, const LSB_FIRST: bool>(isa: I, sums: I::Sums) -> (i32, I::Sums) {
    if LSB_FIRST { isa.take_last(sums) } else { isa.take_first(sums) }
}
