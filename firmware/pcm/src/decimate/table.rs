//! What four bits add to the outputs that are under way.

use super::coefficients::{BLOCK_8, BLOCK_16, BLOCK_32, BLOCK_64, BLOCK_128};

/// How many blocks an output depends on, and how many outputs a block adds to.
pub(super) const SPAN: usize = 8;

/// What is added to the outputs under way, the next one first.
pub(super) type Row = [i32; SPAN];

/// The rows for each byte of a block: for its upper four bits, then for its lower four.
#[repr(align(64))]
pub(super) struct Table<const BYTES: usize>(pub(super) [[[Row; 16]; 2]; BYTES]);

/// For DSD64.
pub(super) static TABLE_8: Table<1> = table(&BLOCK_8);
/// For DSD128.
pub(super) static TABLE_16: Table<2> = table(&BLOCK_16);
/// For DSD256.
pub(super) static TABLE_32: Table<4> = table(&BLOCK_32);
/// For DSD512.
pub(super) static TABLE_64: Table<8> = table(&BLOCK_64);
/// For DSD1024.
pub(super) static TABLE_128: Table<16> = table(&BLOCK_128);

const fn table<const HALF: usize, const BYTES: usize>(half: &[i32; HALF]) -> Table<BYTES> {
    assert!(HALF * 2 == BYTES * 8 * SPAN);
    let mut table = [[[[0; SPAN]; 16]; 2]; BYTES];
    let mut at = 0;
    while at < BYTES * 2 * 16 * SPAN {
        let (output, bits, nibble) = (at % SPAN, at / SPAN % 16, at / SPAN / 16);
        let mut sum = 0;
        let mut bit = 0;
        while bit < 4 {
            // The next output is at its last block, the one after that at its last but one.
            let tap = (SPAN - 1 - output) * BYTES * 8 + nibble * 4 + bit;
            let tap = half[if tap < HALF { tap } else { 2 * HALF - 1 - tap }];
            assert!(tap >= 0);
            sum += if bits >> (3 - bit) & 1 == 1 { tap } else { -tap };
            bit += 1;
        }
        table[nibble / 2][nibble % 2][bits][output] = sum;
        at += 1;
    }
    // A sum that fits an i32, or the compiler says so here.
    let (mut total, mut tap) = (0_i32, 0);
    while tap < HALF {
        total += 2 * half[tap];
        tap += 1;
    }
    assert!(total > 0);
    Table(table)
}
