//! Discovery, eventing and the HTTP server: the rows of the catalogue that need sockets, and hostile clients.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::bench::{Bench, until};
use crate::raw::{self, Listener, ask, connect, exchange, soap};
use socket2::{Domain, InterfaceIndexOrAddress, Socket, Type};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
const SSDP: u16 = 1900;

const INSTANCE: &str = "<InstanceID>0</InstanceID>";

fn search(target: &str) -> String {
    format!(
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: {target}\r\n\r\n"
    )
}

/// A control point's socket on loopback.
fn searcher() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket2::SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    socket
}

/// Hears announcements on loopback.
fn announcements() -> UdpSocket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&SocketAddr::from((GROUP, SSDP)).into()).unwrap();
    let loopback = nix::net::if_::if_nametoindex("lo").unwrap();
    socket.join_multicast_v4_n(&GROUP, &InterfaceIndexOrAddress::Index(loopback)).unwrap();
    let socket = UdpSocket::from(socket);
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    socket
}

fn receive(socket: &UdpSocket) -> Option<(String, SocketAddr)> {
    let mut buffer = [0; 2048];
    let (bytes, from) = socket.recv_from(&mut buffer).ok()?;
    Some((String::from_utf8_lossy(&buffer[..bytes]).into_owned(), from))
}

#[test]
fn d01_a_search_is_answered_from_the_interfaces_own_address() {
    let bench = Bench::start();
    let socket = searcher();
    // To the group, and to the device itself; a lost datagram is searched for again. Of all the players that other tests have on
    // this address just now, the kernel gives the second kind to one.
    let own = format!("LOCATION: {}\r\n", bench.location);
    let any = "LOCATION: http://127.0.0.1:".to_owned();
    for (to, wanted) in [(GROUP, own), (Ipv4Addr::LOCALHOST, any)] {
        let (answer, from) = until("an answer", || {
            socket.send_to(search("urn:schemas-upnp-org:device:MediaRenderer:1").as_bytes(), (to, SSDP)).unwrap();
            std::iter::from_fn(|| receive(&socket)).find(|(answer, _)| answer.contains(&wanted))
        });
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(answer.contains("BOOTID.UPNP.ORG: ") && answer.contains("EXT:"));
        assert_eq!(from.ip(), Ipv4Addr::LOCALHOST);
    }
}

#[test]
fn d01_alive_while_it_runs_and_byebye_at_the_end() {
    let socket = announcements();
    let mut bench = Bench::start();
    let udn = bench.status()["udn"].as_str().unwrap().to_owned();
    let hears = |kind: &str| {
        until(kind, || {
            receive(&socket).filter(|(text, _)| text.contains(&format!("NTS: {kind}")) && text.contains(&udn))
        })
    };
    let (alive, _) = hears("ssdp:alive");
    assert!(alive.contains(&bench.location) && alive.contains("CACHE-CONTROL: max-age=1800"));
    bench.terminate();
    hears("ssdp:byebye");
}

#[test]
fn d03_the_name_is_escaped_and_the_identity_is_kept() {
    let bench = Bench::start();
    let description = ask(bench.address(), "GET /description.xml HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(description.status(), 200);
    assert!(description.body.contains("<friendlyName>Bench &lt;&amp;&gt;</friendlyName>"), "{}", description.body);
    assert!(description.body.contains("DMR-1.50"));
    // HTTP/1.0, and no connection that stays.
    let mut stream = connect(bench.address());
    stream.write_all(b"HEAD /icon.png HTTP/1.0\r\n\r\n").unwrap();
    let mut head = String::new();
    stream.read_to_string(&mut head).unwrap();
    assert!(head.contains("Content-Type: image/png\r\n") && head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn d04_the_initial_event_tells_all_and_one_action_is_one_event() {
    let bench = Bench::start();
    let (path, _) = bench.wav("a.wav", 20 * 44_100, 1);
    let listener = Listener::new();
    let answer = listener.subscribe(bench.address());
    assert_eq!(answer.status(), 200);
    let sid = answer.header("sid").unwrap().to_owned();
    assert_eq!(answer.header("timeout"), Some("Second-300"));
    let (first, _) = listener.event(true);
    assert_eq!((first.header("seq"), first.header("sid")), (Some("0"), Some(sid.as_str())));
    for name in ["TransportState", "CurrentTransportActions", "AVTransportURI", "NextAVTransportURI"] {
        assert!(first.body.contains(&format!("&lt;{name} val=")), "{name}");
    }
    assert!(!first.body.contains("RelativeTimePosition"));
    // T4: SetNext alone is no news; a set is one event, T25: with Play on offer.
    bench.point.set_next(&bench.media.add(&path), "").unwrap();
    bench.set(&bench.media.add(&path));
    let (second, _) = listener.event(true);
    assert_eq!(second.header("seq"), Some("1"));
    assert!(second.body.contains("STOPPED") && second.body.contains("CurrentTransportActions val=&quot;Play"));
    bench.point.play().unwrap();
    let (third, _) = listener.event(true);
    assert_eq!(third.header("seq"), Some("2"));
    assert!(third.body.contains("PLAYING") || third.body.contains("TRANSITIONING"), "{}", third.body);
    bench.until_state("PLAYING");
    // What was no news by itself goes along with the next that is.
    bench.point.set_next(&bench.media.add(&path), "").unwrap();
    bench.point.pause().unwrap();
    let paused = until("the pause", || Some(listener.event(true).0.body).filter(|body| body.contains("PAUSED")));
    assert!(paused.contains("NextAVTransportURI val=&quot;http") && paused.contains(",Next&quot;"), "{paused}");
}

#[test]
fn d04_a_subscriber_that_never_answers_still_gets_later_events_and_delays_nobody() {
    let bench = Bench::start();
    let (path, _) = bench.wav("a.wav", 44_100, 1);
    let (silent, quick) = (Listener::new(), Listener::new());
    silent.subscribe(bench.address());
    quick.subscribe(bench.address());
    let (first, _held) = silent.event(false);
    assert_eq!(first.header("seq"), Some("0"));
    quick.event(true);
    bench.set(&bench.media.add(&path));
    assert_eq!(quick.event(true).0.header("seq"), Some("1"));
    assert_eq!(silent.event(false).0.header("seq"), Some("1"));
}

#[test]
fn d04_renewal_keeps_the_sid_and_unsubscribing_ends_it() {
    let bench = Bench::start();
    let listener = Listener::new();
    let sid = listener.subscribe(bench.address()).header("sid").unwrap().to_owned();
    let send = |method: &str| {
        ask(bench.address(), &format!("{method} /AVTransport/event HTTP/1.1\r\nHost: x\r\nSID: {sid}\r\n\r\n"))
    };
    let renewed = send("SUBSCRIBE");
    assert_eq!((renewed.status(), renewed.header("sid")), (200, Some(sid.as_str())));
    assert_eq!(send("UNSUBSCRIBE").status(), 200);
    assert_eq!(send("SUBSCRIBE").status(), 412);
}

#[test]
fn d05_callbacks_elsewhere_are_refused() {
    let bench = Bench::start();
    for callback in ["http://192.0.2.1:80/", "http://8.8.8.8/x", "http://example.org/", "ftp://127.0.0.1/"] {
        assert_eq!(raw::subscribe(bench.address(), callback).status(), 412, "{callback}");
    }
}

#[test]
fn d05_a_body_that_is_too_long_is_refused_and_a_slow_client_delays_nobody() {
    let bench = Bench::start();
    // Half a header, half a body, and nothing at all.
    let mut slow: Vec<_> = (0..20).map(|_| connect(bench.address())).collect();
    for (n, stream) in slow.iter_mut().enumerate() {
        let part: &[u8] = match n % 3 {
            0 => b"GET / HT",
            1 => b"POST /AVTransport/control HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n<s:",
            _ => b"",
        };
        stream.write_all(part).unwrap();
    }
    let mut stream = connect(bench.address());
    let long = "POST /AVTransport/control HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n";
    stream.write_all(long.as_bytes()).unwrap();
    let _ = stream.write_all(&[b' '; 70_000]);
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    assert_eq!(bench.state(), "NO_MEDIA_PRESENT");
}

#[test]
fn d05_too_many_connections_of_one_client_are_closed_and_leave_no_trace() {
    let bench = Bench::start();
    let many: Vec<_> = (0..60).map(|_| connect(bench.address())).collect();
    drop(many);
    until("an answer", || {
        let mut stream = connect(bench.address());
        stream.write_all(b"GET /status.json HTTP/1.1\r\nHost: x\r\n\r\n").ok()?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).ok().filter(|()| &answer == b"HTTP/1.1 200")
    });
}

#[test]
fn t29_faults_are_500_with_a_upnp_error() {
    let bench = Bench::start();
    let mut stream = connect(bench.address());
    for (action, arguments, code) in [
        ("Play", "<InstanceID>7</InstanceID><Speed>1</Speed>", 718),
        ("Dance", INSTANCE, 401),
        ("Play", INSTANCE, 402),
        ("Play", "<InstanceID>0</InstanceID><Speed>1</Speed>", 701),
        ("Seek", "<InstanceID>0</InstanceID><Unit>FRAME</Unit><Target>1</Target>", 710),
    ] {
        // T1 and keep-alive: all over one connection.
        let answer = exchange(&mut stream, &soap(action, arguments));
        assert_eq!(answer.status(), 500, "{action}");
        assert!(answer.body.contains(&format!("<errorCode>{code}</errorCode>")), "{action}: {}", answer.body);
        assert!(answer.header("ext").is_some() && answer.header("date").is_some());
        assert!(answer.header("server").is_some_and(|server| server.contains("UPnP/1.")));
    }
}

#[test]
fn t04_play_may_come_before_its_set() {
    let bench = Bench::start();
    let (path, _) = bench.wav("a.wav", 44_100, 1);
    let url = bench.media.add(&path);
    let (mut first, mut second) = (connect(bench.address()), connect(bench.address()));
    // Where the machine is too loaded for the grace that Play is given, it is refused, and nothing is lost by trying again.
    until("Play before Set", || {
        bench.point.set_uri("", "").unwrap();
        first.write_all(soap("Play", "<InstanceID>0</InstanceID><Speed>1</Speed>").as_bytes()).unwrap();
        let set = format!("{INSTANCE}<CurrentURI>{url}</CurrentURI><CurrentURIMetaData/>");
        assert_eq!(exchange(&mut second, &soap("SetAVTransportURI", &set)).status(), 200);
        (raw::read(&mut first).status() == 200).then_some(())
    });
    bench.until_state("PLAYING");
}

#[test]
fn t26_odd_metadata_is_no_reason_not_to_play() {
    let bench = Bench::start();
    let (path, _) = bench.wav("a.wav", 4_410, 1);
    let url = bench.media.add(&path);
    for didl in ["", "no <xml", "&lt;DIDL-Lite&gt;&lt;/DIDL-Lite&gt;", "<DIDL-Lite><item/></DIDL-Lite>"] {
        bench.point.set_uri(&url, didl).unwrap();
        bench.point.play().unwrap();
        bench.until_state("STOPPED");
        assert_eq!(bench.status()["transport"]["status"], "OK", "{didl}");
    }
}

/// A script of any web site may send plain text anywhere, and its browser says from where.
#[test]
fn control_is_not_for_web_pages() {
    let bench = Bench::start();
    let request = soap("GetTransportInfo", INSTANCE);
    assert_eq!(ask(bench.address(), &request).status(), 200);
    for origin in ["http://evil.example", "null"] {
        let from_page = request.replace("Host: x", &format!("Host: x\r\nOrigin: {origin}"));
        assert_eq!(ask(bench.address(), &from_page).status(), 403, "{origin}");
    }
}

#[test]
fn the_page_is_guarded_and_its_buttons_work() {
    let bench = Bench::start();
    let (path, _) = bench.wav("a.wav", 20 * 44_100, 1);
    let page = ask(bench.address(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'"));
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    assert!(page.body.contains(&format!("<script nonce=\"{nonce}\">")));
    bench.set_and_play(&bench.media.add(&path));
    bench.until_state("PLAYING");
    let press =
        |extra: &str| ask(bench.address(), &format!("POST /command/stop HTTP/1.1\r\n{extra}Content-Length: 0\r\n\r\n"));
    // From another site, and by a name that another site may have made.
    assert_eq!(press("Host: 127.0.0.1\r\n").status(), 403);
    assert_eq!(press("Host: evil.example\r\nX-Tenuto: page\r\n").status(), 403);
    assert_eq!(bench.state(), "PLAYING");
    assert_eq!(press("Host: 127.0.0.1\r\nX-Tenuto: page\r\n").status(), 200);
    assert_eq!(bench.state(), "STOPPED");
}
