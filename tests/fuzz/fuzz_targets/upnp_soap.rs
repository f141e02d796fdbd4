//! A SOAP request to each service; what is accepted can be answered, what is refused can be told.
#![no_main]

use libfuzzer_sys::fuzz_target;
use upnp::service::Service;
use upnp::soap;

fuzz_target!(|data: &[u8]| {
    // the header is the first line, if it is text
    let (header, body) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (std::str::from_utf8(&data[..end]).ok(), &data[end..]),
        None => (None, data),
    };
    for service in Service::ALL {
        match soap::parse(service, header, body) {
            Ok(request) => {
                for input in request.action().inputs {
                    let _ = (request.text(input.name), request.number(input.name), request.boolean(input.name));
                }
                assert_eq!(soap::response(&request, &soap::Values::new()).is_ok(), request.action().outputs.is_empty());
            }
            Err(fault) => assert!(soap::fault(&fault).len() < 4096),
        }
    }
});
