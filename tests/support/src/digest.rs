//! Digests in the forms that tests compare.
use md5::{Digest, Md5};

/// Bytes that one sample of `bits` takes in [`SampleMd5`]: whole bytes, as FLAC's STREAMINFO counts.
#[must_use]
pub fn bytes_per_sample(bits: u16) -> usize {
    usize::from(bits).div_ceil(8)
}

/// MD5 over interleaved samples: signed, little-endian, ceil(bits/8) bytes each, right-justified and sign-extended.
/// That is how a FLAC encoder computes STREAMINFO's MD5 (RFC 9639, 8.2).
#[derive(Debug)]
pub struct SampleMd5 {
    bytes: usize,
    digest: Md5,
}

impl SampleMd5 {
    /// For samples of `bits` significant bits, 1 to 32.
    #[must_use]
    pub fn new(bits: u16) -> Self {
        Self { bytes: bytes_per_sample(bits).min(4), digest: Md5::new() }
    }

    /// Adds one sample.
    pub fn push(&mut self, sample: i32) {
        self.digest.update(&sample.to_le_bytes()[..self.bytes]);
    }

    /// Adds samples.
    pub fn extend(&mut self, samples: impl IntoIterator<Item = i32>) {
        for sample in samples {
            self.push(sample);
        }
    }

    /// The digest in lower-case hexadecimal.
    #[must_use]
    pub fn finish(self) -> String {
        hex(&self.digest.finalize())
    }
}

/// MD5 of bytes, in hexadecimal.
#[must_use]
pub fn md5(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// SHA-256 of bytes, in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&sha2::Sha256::digest(bytes))
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_samples_give_the_md5_of_nothing() {
        assert_eq!(SampleMd5::new(16).finish(), "d41d8cd98f00b204e9800998ecf8427e");
    }

    #[test]
    fn odd_depths_take_whole_bytes_sign_extended() {
        for (bits, bytes) in [(8, &[0xff][..]), (12, &[0xff, 0xff]), (20, &[0xff, 0xff, 0xff]), (32, &[0xff; 4])] {
            let mut digest = SampleMd5::new(bits);
            digest.push(-1);
            assert_eq!(digest.finish(), md5(bytes), "{bits} bits");
        }
    }
}
