//! A player that writes anything into its half of the ring's words, at any moment.

use super::*;

/// Where the player's words and the marks are in the ring's file, and how many words that is.
const WORDS: (u64, u64) = (128, 7);
const MARKS: (u64, u64) = (384, 3 * ring::MARKS as u64);

/// A word's place, and what is written there: near the interesting values as often as anywhere.
fn pokes() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let words = |(first, count): (u64, u64)| (0..count).prop_map(move |n| first + 8 * n);
    let value = prop_oneof![0u64..60_000, any::<u64>(), (u64::MAX - 10)..=u64::MAX];
    prop::collection::vec((prop_oneof![3 => words(WORDS), 1 => words(MARKS)], value), 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// The thread goes on waking, the position makes sense, and the stream ends when it is told to: by itself, or because
    /// the words make none.
    #[test]
    fn whatever_the_words_say_the_stream_goes_on_or_ends(pokes in pokes(), elastic: bool) {
        let pacing = if elastic { Pacing::Elastic } else { Pacing::Clocked };
        let mut rig = Rig::new(pacing, 0);
        rig.mark(MarkKind::Start, 1);
        rig.write(20_000);
        for (place, value) in pokes {
            rustix::io::pwrite(&rig.file, &value.to_ne_bytes(), place).expect("it can be written");
            rig.run(30 * MILLISECOND, 0);
            let position = rig.status.position();
            prop_assert!(position.is_none_or(|position| position.heard <= position.taken));
        }
        rig.session.abort();
        rig.run(10 * SECOND, 0);
        match rig.outcome {
            Some(Outcome::Finished | Outcome::Player(_)) => {}
            other => prop_assert!(false, "{other:?}"),
        }
    }
}
