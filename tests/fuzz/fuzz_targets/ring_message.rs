//! Datagrams from the peer: what decodes must encode to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ring::message::{FromEngine, Request};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = Request::decode(bytes) {
        assert_eq!(request.encode()[..], *bytes);
    }
    if let Ok(message) = FromEngine::decode(bytes) {
        assert_eq!(message.encode()[..], *bytes);
    }
});
