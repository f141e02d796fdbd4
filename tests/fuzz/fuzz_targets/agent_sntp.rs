//! A time server's answer: not believed, or a time of this century.
#![no_main]

#[path = "../agent.rs"]
mod agent;

use std::time::Duration;

use agent::time::sntp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((nonce, packet)) = data.split_first_chunk::<8>() else { return };
    // Half of them answer the question.
    let nonce = u64::from_be_bytes(*nonce);
    let mut packet = packet.to_vec();
    if nonce.is_multiple_of(2)
        && let Some(origin) = packet.get_mut(24..32)
    {
        origin.copy_from_slice(&nonce.to_be_bytes());
    }
    for sent in [0, 1_795_824_000, u64::from(u32::MAX)].map(Duration::from_secs) {
        if let Ok(offset) = sntp::offset(&packet, nonce, sent, sent + Duration::from_millis(20)) {
            let time = i128::try_from(sent.as_nanos()).expect("seconds") + offset;
            assert!((1_767_225_590..4_102_444_810).contains(&(time / 1_000_000_000)), "{time}");
        }
    }
});
