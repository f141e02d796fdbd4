//! The silence of DSD around the music, native and over PCM: a DAC that changes to DSD, or leaves it, mutes meanwhile.

/// DSD silence that the engine plays in front of the music and behind it, ms (its option --dsd-silence-ms).
const AROUND_MS: usize = 100;
/// What of the silence behind may not have left when the stream is stopped, ms: the driver only reckons what has.
const RECKONED_MS: usize = 20;

/// What is missing of it, where so many frames came before the music and behind it, at so many a second.
pub(super) fn missing([before, behind]: [usize; 2], rate: u32) -> impl Iterator<Item = String> {
    let places = [(before, AROUND_MS, "before"), (behind, AROUND_MS - RECKONED_MS, "behind")];
    let short = places.into_iter().filter(move |(came, least, _)| *came < least * rate as usize / 1000);
    short.map(|(came, least, place)| format!("{came} frames of DSD silence {place} it, and not {least} ms"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_may_still_have_been_on_its_way() {
        let count = |around| missing(around, 88_200).count();
        assert_eq!([[8820, 7056], [8819, 7056], [8820, 7055], [0, 0]].map(count), [0, 1, 1, 2]);
    }
}
