//! What a data partition may hold: a copy is whole or none, and what is kept is understood, or left as it is.
#![no_main]

#[path = "../agent.rs"]
mod agent;

use agent::settings::{
    record::{self, Record},
    schema::Settings,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(record) = Record::decode(data) {
        assert!(record.content.len() + record::HEADER <= data.len());
        assert_eq!(Record::decode(&record.encode(data.len()).expect("it came from there")), Some(record));
    }
    let (one, other) = data.split_at(data.len() / 2);
    let (place, generation) = record::next(&[Some(one.to_vec()), Some(other.to_vec())]);
    assert!(place < 2 && generation >= 1);
    if let Ok((settings, _)) = Settings::parse(data) {
        let (again, _) = Settings::parse(settings.text().as_bytes()).expect("what was written is read");
        // What isn't understood may hold numbers that JSON rounds.
        assert_eq!(again.without_secrets(), settings.without_secrets());
    }
});
