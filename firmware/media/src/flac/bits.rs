//! Reading bits, most significant first.

/// Why a frame can't be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// The bytes at hand end inside it.
    End,
    /// It breaks the format's rules.
    Invalid(&'static str),
}

/// A reader over the bytes at hand.
///
/// `cache` holds the next bits left-justified; at least `count` of them are real. Those below may be real too, and are
/// read again by the next refill, which or-s the same bits to the same places.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    next: usize,
    cache: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0, cache: 0, count: 0 }
    }

    /// Makes `count` at least 56, or all that is left.
    #[inline]
    fn refill(&mut self) {
        if let Some(word) = self.bytes.get(self.next..).and_then(<[u8]>::first_chunk) {
            self.cache |= u64::from_be_bytes(*word) >> self.count;
            self.next += ((63 - self.count) >> 3) as usize;
            self.count |= 56;
        } else {
            self.refill_slowly();
        }
    }

    #[cold]
    fn refill_slowly(&mut self) {
        while self.count <= 56
            && let Some(&byte) = self.bytes.get(self.next)
        {
            self.cache |= u64::from(byte) << (56 - self.count);
            self.next += 1;
            self.count += 8;
        }
    }

    /// The next `width` bits, 0 to 32.
    #[inline]
    pub(super) fn read(&mut self, width: u32) -> Result<u32, Bad> {
        if self.count < width {
            self.refill();
            if self.count < width {
                return Err(Bad::End);
            }
        }
        // In two steps, because a shift by 64 isn't one.
        let value = self.cache >> 1 >> (63 - width);
        self.cache <<= width;
        self.count -= width;
        Ok(value as u32)
    }

    /// The next `width` bits, 0 to 33, as two's complement.
    #[inline]
    pub(super) fn read_signed(&mut self, width: u32) -> Result<i64, Bad> {
        let value = if width > 32 {
            u64::from(self.read(width - 32)?) << 32 | u64::from(self.read(32)?)
        } else {
            u64::from(self.read(width)?)
        };
        let unused = 64 - width.max(1);
        Ok((value << unused) as i64 >> unused)
    }

    /// How many 0 bits come before the next 1, which is read too.
    #[inline]
    pub(super) fn read_unary(&mut self) -> Result<u32, Bad> {
        let mut zeros = 0;
        loop {
            let leading = self.cache.leading_zeros();
            if leading < self.count {
                self.cache = self.cache << leading << 1;
                self.count -= leading + 1;
                return Ok(zeros + leading);
            }
            zeros += self.count;
            self.cache = 0;
            self.count = 0;
            self.refill();
            if self.count == 0 {
                return Err(Bad::End);
            }
        }
    }

    /// A number in Rice code with parameter `k`, 0 to 30, unfolded to a signed one.
    fn read_rice(&mut self, k: u32) -> Result<i32, Bad> {
        let folded = self.read_unary()?.wrapping_shl(k) | self.read(k)?;
        Ok(unfold(folded))
    }

    /// Fills `samples` with such numbers. What decoding takes most of its time for: where a whole code is at hand it is cut out
    /// of the cache in one piece, and nothing but the cache is written to.
    pub(super) fn read_rices<S: From<i32>>(&mut self, k: u32, samples: &mut [S]) -> Result<(), Bad> {
        let Self { bytes, mut next, mut cache, mut count } = *self;
        for sample in samples {
            if let Some(word) = bytes.get(next..).and_then(<[u8]>::first_chunk) {
                cache |= u64::from_be_bytes(*word) >> count;
                next += ((63 - count) >> 3) as usize;
                count |= 56;
            }
            // At most 63: where there is no 1 in the cache the code is longer than what is at hand.
            let leading = (cache | 1).leading_zeros();
            let length = leading + 1 + k;
            let value = if length <= count && length < u64::BITS {
                // The 1 that ends the zeros, and the `k` bits behind it.
                let low = (cache << leading >> (63 - k)) as u32;
                cache <<= length;
                count -= length;
                unfold(low.wrapping_add(leading.wrapping_sub(1) << k))
            } else {
                (self.next, self.cache, self.count) = (next, cache, count);
                let value = self.read_rice(k)?;
                (next, cache, count) = (self.next, self.cache, self.count);
                value
            };
            *sample = value.into();
        }
        (self.next, self.cache, self.count) = (next, cache, count);
        Ok(())
    }

    /// Skips to the next byte boundary; returns how many bytes were read.
    pub(super) fn align(&mut self) -> usize {
        let odd = self.count % 8;
        self.cache <<= odd;
        self.count -= odd;
        self.next - (self.count / 8) as usize
    }
}

/// 0, 1, 2, 3, 4 … stand for 0, -1, 1, -2, 2 …
fn unfold(folded: u32) -> i32 {
    (folded >> 1) as i32 ^ -((folded & 1) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_width_across_refills() {
        let bytes: Vec<u8> = (0..200u8).map(|n| n.wrapping_mul(151)).collect();
        let bit = |at: usize| u64::from(bytes[at / 8] >> (7 - at % 8) & 1);
        for width in 0..=32 {
            let mut bits = Bits::new(&bytes);
            let mut at = 0;
            while at + width as usize <= bytes.len() * 8 && at < 1600 - 40 {
                let wanted = (at..at + width as usize).fold(0, |value, at| value << 1 | bit(at));
                assert_eq!(u64::from(bits.read(width).unwrap()), wanted, "width {width} at {at}");
                at += (width as usize).max(1);
                if width == 0 {
                    bits.read(1).unwrap();
                }
            }
        }
    }

    #[test]
    fn rice_codes_are_unfolded() {
        // k = 2: 1 01 -> 1 -> -1; 01 00 -> 4 -> 2; 0001 11 -> 15 -> -8
        let bytes = [0b1010_1000, 0b0011_1000];
        let mut bits = Bits::new(&bytes);
        assert_eq!(bits.read_rice(2), Ok(-1));
        assert_eq!(bits.read_rice(2), Ok(2));
        assert_eq!(bits.read_rice(2), Ok(-8));
        assert_eq!(bits.align(), 2);
        assert_eq!(bits.read(1), Err(Bad::End));
    }

    #[test]
    fn many_rice_codes_at_once_are_the_same() {
        // Runs of 0 of all lengths up to several caches', between bytes of all kinds.
        let zeros = |n: usize| std::iter::repeat_n(0, n % 23);
        let bytes: Vec<u8> = (0..400_usize).flat_map(|n| zeros(n * n).chain([(n * 151) as u8, 0xff])).collect();
        for k in 0..=30 {
            let (mut one, mut many) = (Bits::new(&bytes), Bits::new(&bytes));
            one.read(k + 1).unwrap();
            many.read(k + 1).unwrap();
            loop {
                let single: Result<Vec<i32>, Bad> = (0..7).map(|_| one.read_rice(k)).collect();
                let mut samples = [0; 7];
                let together = many.read_rices(k, &mut samples).map(|()| samples.to_vec());
                assert_eq!(together, single, "parameter {k}");
                if single.is_err() {
                    break;
                }
                assert_eq!(many.align(), one.align(), "parameter {k}");
            }
        }
    }

    #[test]
    fn the_end_is_noticed() {
        assert_eq!(Bits::new(&[0; 100]).read_unary(), Err(Bad::End));
        assert_eq!(Bits::new(&[0; 3]).read_rices(4, &mut [0]), Err(Bad::End));
        assert_eq!(Bits::new(&[0; 4]).read_signed(33), Err(Bad::End));
        assert_eq!(Bits::new(&[0xff; 5]).read_signed(33), Ok(-1));
    }
}
