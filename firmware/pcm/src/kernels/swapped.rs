//! Which bytes of a lane of 16 go where, in either order of a sample's bytes: the highest comes first on a big-endian wire.

/// A number that gives a zero.
const NONE: u8 = 0xff;

/// The bytes of each 2, and of each 4, in the other order.
#[cfg(target_arch = "x86_64")]
pub(super) const SWAPPED_2: [u8; 16] = [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14];
#[cfg(target_arch = "x86_64")]
pub(super) const SWAPPED_4: [u8; 16] = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];

/// Four samples of 3 bytes, from byte `first` on, to the upper bytes of 4.
pub(super) const fn widened(first: u8, swapped: bool) -> [u8; 16] {
    let (mut numbers, mut n) = ([NONE; 16], 0);
    while n < 16 {
        let (sample, byte) = (n as u8 / 4, n as u8 % 4);
        if byte > 0 {
            numbers[n] = first + sample * 3 + if swapped { 3 - byte } else { byte - 1 };
        }
        n += 1;
    }
    numbers
}

/// The lower 3 bytes of four samples of 4, one behind the other, `turn` bytes on: those that don't fit follow from the beginning, and
/// between both are 4 zeros.
#[cfg(target_arch = "x86_64")]
pub(super) const fn narrowed(turn: usize, swapped: bool) -> [u8; 16] {
    let (mut numbers, mut n) = ([NONE; 16], 0);
    while n < 12 {
        let (sample, byte) = (n as u8 / 3, n as u8 % 3);
        numbers[(n + 16 - turn) % 16] = sample * 4 + if swapped { 2 - byte } else { byte };
        n += 1;
    }
    numbers
}
