//! A datagram at the SSDP port; no answer repeats what the searcher said.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use upnp::ssdp::{self, Announcer};

fuzz_target!(|data: &[u8]| {
    let Some(search) = ssdp::parse(data) else { return };
    assert!((Duration::from_secs(1)..=Duration::from_secs(5)).contains(&search.mx));
    let uuid = "2f402f80-da50-11e1-9b23-001788255acc".to_owned();
    let announcer = Announcer { uuid, server: ssdp::server_token("7.2", "0.1"), boot_id: 1, config_id: 1 };
    let answers = announcer.responses(&search, "http://192.168.1.7/description.xml");
    assert!(answers.len() <= 6);
    assert!(answers.iter().all(|answer| answer.len() < 512 && answer.lines().count() == 11));
});
