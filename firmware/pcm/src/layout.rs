//! The wire formats, as the kernels see them: an array of bytes per sample, and the integer that it stands for.

/// How a right-justified sample lies in `BYTES` bytes of the wire.
pub(crate) trait Layout<const BYTES: usize> {
    /// Significant bits.
    const BITS: u32;
    /// Whether the highest byte comes first.
    const SWAPPED: bool;
    /// Whether the upper bits are the significant ones, where there are more.
    const IS_LEFT: bool = false;

    /// Lowest and highest sample.
    const MIN: i32 = i32::MIN >> (32 - Self::BITS);
    const MAX: i32 = i32::MAX >> (32 - Self::BITS);

    fn load(bytes: [u8; BYTES]) -> i32;

    /// The sample in the upper bits, and below them what else the wire holds of it.
    #[inline]
    fn load_left(bytes: [u8; BYTES]) -> i32 {
        Self::load(bytes) << (32 - Self::BITS)
    }

    /// `sample` is within `MIN..=MAX`.
    fn store(sample: i32) -> [u8; BYTES];
}

/// `S16_LE`, or `S16_BE`
pub(crate) struct S16<const SWAPPED: bool = false>;
/// `S24_3LE`, or `S24_3BE`
pub(crate) struct S24Packed<const SWAPPED: bool = false>;
/// `S24_LE`, or `S24_BE`
pub(crate) struct S24<const SWAPPED: bool = false>;
/// `S32_LE`, or `S32_BE`
pub(crate) struct S32<const SWAPPED: bool = false>;
/// `S32_LE`, or `S32_BE`, of which the DAC uses the upper 24 bits
pub(crate) struct S24In32<const SWAPPED: bool = false>;

/// Between the wire's order and the lowest byte first.
#[inline]
const fn ordered<const BYTES: usize, const SWAPPED: bool>(mut bytes: [u8; BYTES]) -> [u8; BYTES] {
    if SWAPPED {
        bytes.reverse();
    }
    bytes
}

impl<const SWAPPED: bool> Layout<2> for S16<SWAPPED> {
    const BITS: u32 = 16;
    const SWAPPED: bool = SWAPPED;

    #[inline]
    fn load(bytes: [u8; 2]) -> i32 {
        i16::from_le_bytes(ordered::<2, SWAPPED>(bytes)).into()
    }

    #[inline]
    fn store(sample: i32) -> [u8; 2] {
        ordered::<2, SWAPPED>((sample as i16).to_le_bytes())
    }
}

impl<const SWAPPED: bool> Layout<3> for S24Packed<SWAPPED> {
    const BITS: u32 = 24;
    const SWAPPED: bool = SWAPPED;

    #[inline]
    fn load(bytes: [u8; 3]) -> i32 {
        let [low, middle, high] = ordered::<3, SWAPPED>(bytes);
        i32::from_le_bytes([0, low, middle, high]) >> 8
    }

    #[inline]
    fn store(sample: i32) -> [u8; 3] {
        let [low, middle, high, _] = sample.to_le_bytes();
        ordered::<3, SWAPPED>([low, middle, high])
    }
}

impl<const SWAPPED: bool> Layout<4> for S24<SWAPPED> {
    const BITS: u32 = 24;
    const SWAPPED: bool = SWAPPED;

    /// The topmost byte doesn't count: ALSA lets it be anything.
    #[inline]
    fn load(bytes: [u8; 4]) -> i32 {
        i32::from_le_bytes(ordered::<4, SWAPPED>(bytes)) << 8 >> 8
    }

    #[inline]
    fn store(sample: i32) -> [u8; 4] {
        ordered::<4, SWAPPED>(sample.to_le_bytes())
    }
}

impl<const SWAPPED: bool> Layout<4> for S32<SWAPPED> {
    const BITS: u32 = 32;
    const SWAPPED: bool = SWAPPED;

    #[inline]
    fn load(bytes: [u8; 4]) -> i32 {
        i32::from_le_bytes(ordered::<4, SWAPPED>(bytes))
    }

    #[inline]
    fn store(sample: i32) -> [u8; 4] {
        ordered::<4, SWAPPED>(sample.to_le_bytes())
    }
}

impl<const SWAPPED: bool> Layout<4> for S24In32<SWAPPED> {
    const BITS: u32 = 24;
    const SWAPPED: bool = SWAPPED;
    const IS_LEFT: bool = true;

    #[inline]
    fn load(bytes: [u8; 4]) -> i32 {
        Self::load_left(bytes) >> 8
    }

    #[inline]
    fn load_left(bytes: [u8; 4]) -> i32 {
        i32::from_le_bytes(ordered::<4, SWAPPED>(bytes))
    }

    #[inline]
    fn store(sample: i32) -> [u8; 4] {
        ordered::<4, SWAPPED>((sample << 8).to_le_bytes())
    }
}
