//! Short texts as words.

/// Words for `bytes` bytes of text.
pub(super) const fn words(bytes: usize) -> usize {
    bytes.div_ceil(8)
}

/// `text`, cut at a character's boundary to what fits, padded with zeros.
pub(super) fn pack<const N: usize>(text: &str) -> [u64; N] {
    let end = text.floor_char_boundary(text.len().min(N * 8));
    let mut words = [0; N];
    for (word, chunk) in words.iter_mut().zip(text.as_bytes()[..end].chunks(8)) {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        *word = u64::from_le_bytes(bytes);
    }
    words
}

/// The text in `words`, up to the first zero byte; what isn't UTF-8 is replaced.
pub(super) fn unpack(words: &[u64]) -> String {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).take_while(|&byte| byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_is_cut_at_a_character() {
        assert_eq!(unpack(&pack::<1>("Größen")), "Größen", "8 bytes fit");
        assert_eq!(unpack(&pack::<1>("1234567é")), "1234567");
    }

    proptest! {
        #[test]
        fn texts_survive(text in "[^\0]{0,12}") {
            prop_assert_eq!(unpack(&pack::<6>(&text)), text);
        }

        #[test]
        fn any_words_can_be_read(words: [u64; 4]) {
            prop_assert!(unpack(&words).len() <= 3 * 32);
        }
    }
}
