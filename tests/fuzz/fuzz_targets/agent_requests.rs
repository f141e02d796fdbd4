//! What the player asks the agent for: one of the requests there are, within its limits, or a reason why not.
#![no_main]

#[path = "../agent.rs"]
mod agent;

use agent::requests::ask::{Ask, LONGEST};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| match Ask::parse(data) {
    Ok(ask) => {
        assert!(data.len() <= LONGEST);
        if let Ask::Set { key, value } = ask {
            assert!(["name", "room", "volume", "dac"].contains(&key.as_str()) && !value.is_array() && !value.is_object());
        }
    }
    Err(reason) => assert!(!reason.is_empty()),
});
