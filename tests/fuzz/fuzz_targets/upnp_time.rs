//! Times; what is written of one reads back as the same whole seconds.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use upnp::time;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(parsed) = time::parse(text) {
        assert_eq!(time::parse(&time::format(parsed)), Some(Duration::from_secs(parsed.as_secs())));
    }
});
