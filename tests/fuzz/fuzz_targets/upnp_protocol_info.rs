//! protocolInfo, its lists, and the format in it; lists read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use upnp::protocol_info::{LinearPcm, ProtocolInfo, join_list, split_list};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(info) = ProtocolInfo::parse(text) {
        let _ = (info.mime(), info.linear_pcm());
    }
    if let Some(pcm) = LinearPcm::parse(text) {
        assert!(pcm.rate > 0 && pcm.channels > 0);
    }
    let entries = split_list(text);
    assert_eq!(split_list(&join_list(entries.iter().map(String::as_str))), entries);
});
