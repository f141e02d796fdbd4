//! The headers of SUBSCRIBE and UNSUBSCRIBE, one a line; no callback outside the subscriber's network is let through.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use libfuzzer_sys::fuzz_target;
use upnp::gena::{self, Callback, Headers, Subscribe};
use upnp::network::Network;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n').map(|line| (!line.is_empty()).then_some(line));
    let mut header = || lines.next().flatten();
    let headers = Headers { callback: header(), nt: header(), sid: header(), timeout: header() };
    let _ = gena::unsubscribe(headers);
    // most inputs fail at NT, so the interesting one is tried with it, too
    let new = Headers { nt: Some("upnp:event"), sid: None, ..headers };
    let home = Network { address: IpAddr::V4(Ipv4Addr::new(192, 168, 1, 7)), prefix: 24 };
    let subscriber = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 50));
    for headers in [headers, new] {
        let Ok(Subscribe::New { callbacks, .. }) = gena::subscribe(headers) else { continue };
        for callback in callbacks {
            let target = callback.address().ip();
            assert!(!callback.is_near(subscriber, &[home]) || home.has_host(target) && target != home.address);
            assert_eq!(Callback::parse(&callback.to_string()), Some(callback));
        }
    }
});
