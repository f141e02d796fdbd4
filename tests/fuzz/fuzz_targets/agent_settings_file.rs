//! An owner's `tenuto.toml`: taken over, or refused with a line of it. What is taken over is kept and read back whole, and the
//! file without its secret says the same.
#![no_main]

#[path = "../agent.rs"]
mod agent;

use agent::settings::{file, schema::Settings};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let parsed = match file::parse(data) {
        Ok(parsed) => parsed,
        Err(fault) => {
            let lines = 1 + data.iter().filter(|byte| **byte == b'\n').count();
            assert!((1..=lines).contains(&fault.line) && !fault.what.is_empty() && !fault.what.contains('\n'));
            return;
        }
    };
    let mut settings = Settings::default();
    settings.take(&parsed);
    let (read, notes) = Settings::parse(settings.text().as_bytes()).expect("what was written is read");
    assert!(read == settings && notes.is_empty());
    let blanked = file::blanked(data, &parsed);
    assert_eq!(blanked.len(), data.len());
    let again = file::parse(&blanked).expect("it is the same file");
    assert_eq!(file::blanked(&blanked, &again), blanked);
    settings.take(&again);
    // A password that was blank from the start is none that is known.
    assert_eq!(settings.without_secrets(), read.without_secrets());
});
