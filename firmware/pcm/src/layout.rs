//! The wire formats, as the kernels see them: an array of bytes per sample, and the integer that it stands for.

/// How a right-justified sample lies in `BYTES` bytes of the wire.
pub(crate) trait Layout<const BYTES: usize> {
    /// Significant bits.
    const BITS: u32;

    /// Lowest and highest sample.
    const MIN: i32 = i32::MIN >> (32 - Self::BITS);
    const MAX: i32 = i32::MAX >> (32 - Self::BITS);

    fn load(bytes: [u8; BYTES]) -> i32;

    /// `sample` is within `MIN..=MAX`.
    fn store(sample: i32) -> [u8; BYTES];
}

/// `S16_LE`
pub(crate) struct S16;
/// `S24_3LE`
pub(crate) struct S24Packed;
/// `S24_LE`
pub(crate) struct S24;
/// `S32_LE`
pub(crate) struct S32;

impl Layout<2> for S16 {
    const BITS: u32 = 16;

    #[inline]
    fn load(bytes: [u8; 2]) -> i32 {
        i16::from_le_bytes(bytes).into()
    }

    #[inline]
    fn store(sample: i32) -> [u8; 2] {
        (sample as i16).to_le_bytes()
    }
}

impl Layout<3> for S24Packed {
    const BITS: u32 = 24;

    #[inline]
    fn load([low, middle, high]: [u8; 3]) -> i32 {
        i32::from_le_bytes([0, low, middle, high]) >> 8
    }

    #[inline]
    fn store(sample: i32) -> [u8; 3] {
        let [low, middle, high, _] = sample.to_le_bytes();
        [low, middle, high]
    }
}

impl Layout<4> for S24 {
    const BITS: u32 = 24;

    /// The topmost byte doesn't count: ALSA lets it be anything.
    #[inline]
    fn load(bytes: [u8; 4]) -> i32 {
        i32::from_le_bytes(bytes) << 8 >> 8
    }

    #[inline]
    fn store(sample: i32) -> [u8; 4] {
        sample.to_le_bytes()
    }
}

impl Layout<4> for S32 {
    const BITS: u32 = 32;

    #[inline]
    fn load(bytes: [u8; 4]) -> i32 {
        i32::from_le_bytes(bytes)
    }

    #[inline]
    fn store(sample: i32) -> [u8; 4] {
        sample.to_le_bytes()
    }
}
