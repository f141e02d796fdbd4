use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};

use super::*;

const DESCRIPTION: &str = "<root xmlns=\"urn:schemas-upnp-org:device-1-0\"><device>\
    <deviceType>urn:schemas-upnp-org:device:MediaRenderer:1</deviceType><friendlyName>x</friendlyName>\
    <manufacturer>m</manufacturer><modelName>n</modelName><UDN>uuid:1</UDN><serviceList><service>\
    <serviceType>urn:schemas-upnp-org:service:AVTransport:1</serviceType><serviceId>urn:upnp-org:serviceId:AVTransport</serviceId>\
    <SCPDURL>/s.xml</SCPDURL><controlURL>/c</controlURL><eventSubURL>/e</eventSubURL></service></serviceList></device></root>";

/// Answers each connection once: with the description, or for SOAP with a fault.
fn renderer(connections: usize) -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let url = format!("http://{}/d.xml", listener.local_addr().expect("address"));
    let thread = std::thread::spawn(move || {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().expect("accept");
            let mut seen = Vec::new();
            let mut buffer = [0; 1024];
            while !seen.ends_with(b"\r\n\r\n") && !seen.ends_with(b"Envelope>\n") && !seen.ends_with(b"Envelope>") {
                let length = stream.read(&mut buffer).expect("read");
                seen.extend_from_slice(&buffer[..length]);
            }
            let (status, body) = if seen.starts_with(b"GET") {
                ("200 OK", DESCRIPTION.to_owned())
            } else {
                let fault = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault>\
                    <detail><UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>701</errorCode>\
                    <errorDescription>Transition not available</errorDescription></UPnPError></detail></s:Fault></s:Body></s:Envelope>";
                ("500 Internal Server Error", fault.to_owned())
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).expect("write");
        }
    });
    (url, thread)
}

#[test]
fn own_soap_shows_the_fault_that_rupnp_hides() {
    let (url, thread) = renderer(4);
    let point = ControlPoint::from_location(&url).expect("description");
    assert_eq!(point.device().friendly_name(), "x");
    assert!(matches!(point.play(), Err(Error::Status { status: 500, .. })));
    let point = point.with_own_soap().expect("control URLs");
    let error = point.play().expect_err("a fault");
    assert_eq!(error.fault_code(), Some(701));
    assert!(matches!(point.volume(), Err(Error::NoService(Service::RenderingControl))));
    thread.join().expect("renderer");
}
