//! The engine's command line, arguments divided by zeros: what is accepted is within bounds, what isn't gets a reason. And
//! the times of a kernel's command line, whatever is written there: the engine accepts what the agent makes of them.
#![no_main]

#[path = "../engine.rs"]
mod engine;
#[path = "../../../firmware/agent/src/timing.rs"]
#[allow(dead_code, unreachable_pub, reason = "only what reads is needed")]
mod timing;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use engine::options::{self, Asked};
// The engine's modules look for each other here.
use engine::*;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let arguments = data.split(|&byte| byte == 0).map(|argument| OsString::from_vec(argument.to_vec()));
    match options::parse(arguments) {
        Ok(Asked::Run(options)) => {
            assert!((1..=1000).contains(&options.period_ms) && options.buffer_ms <= 2000);
            assert!(options.buffer_ms >= 2 * options.period_ms);
            assert!((50..=10_000).contains(&options.ring_ms));
            assert!(options.preroll_ms <= 5000 && options.dsd_silence_ms <= 5000);
            assert!((1..=99).contains(&options.priority));
        }
        Ok(Asked::Print(text)) | Err(text) => assert!(!text.is_empty()),
    }
    let kernels = String::from_utf8_lossy(data);
    let times = timing::Timing::of(&kernels);
    let arguments = times.values().flat_map(|(name, value)| [format!("--{name}"), value]).map(OsString::from);
    assert!(matches!(options::parse(arguments), Ok(Asked::Run(_))), "{times:?}");
});
