use std::collections::BTreeSet;
use std::time::Instant;

use proptest::prelude::*;

use super::*;

const LOCATION: &str = "http://192.168.1.7:80/description.xml";

fn announcer() -> Announcer {
    Announcer {
        uuid: "2f402f80-da50-11e1-9b23-001788255acc".into(),
        server: server_token("7.2.13-rt5", "0.1.0"),
        boot_id: 7,
        config_id: 99,
    }
}

fn search(st: &str) -> Option<Search> {
    parse(
        format!(
            "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\nST: {st}\r\n\r\n"
        )
        .as_bytes(),
    )
}

/// The value of a header, which must be there exactly once.
fn header<'m>(message: &'m str, name: &str) -> &'m str {
    assert!(message.ends_with("\r\n\r\n"));
    let mut found = message.split("\r\n").filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let value = found.next().unwrap_or_else(|| panic!("no {name} in {message}"));
    assert_eq!(found.next(), None);
    value.trim()
}

fn sts(st: &str) -> Vec<String> {
    let answers = announcer().responses(&search(st).unwrap(), LOCATION);
    answers.iter().map(|answer| header(answer, "ST").to_owned()).collect()
}

#[test]
fn d1_alive_set() {
    let set = announcer().alive(LOCATION);
    let names: Vec<_> = set.iter().map(|message| header(message, "NT")).collect();
    assert_eq!(
        names,
        [
            "upnp:rootdevice",
            "uuid:2f402f80-da50-11e1-9b23-001788255acc",
            "urn:schemas-upnp-org:device:MediaRenderer:1",
            "urn:schemas-upnp-org:service:AVTransport:1",
            "urn:schemas-upnp-org:service:RenderingControl:1",
            "urn:schemas-upnp-org:service:ConnectionManager:1",
        ]
    );
    for message in &set {
        assert!(message.starts_with("NOTIFY * HTTP/1.1\r\n"));
        assert_eq!(header(message, "HOST"), "239.255.255.250:1900");
        assert_eq!(header(message, "NTS"), "ssdp:alive");
        assert_eq!(header(message, "LOCATION"), LOCATION);
        assert_eq!(header(message, "SERVER"), "Linux/7.2.13 UPnP/1.1 Tenuto/0.1.0");
        assert_eq!(header(message, "BOOTID.UPNP.ORG"), "7");
        assert_eq!(header(message, "CONFIGID.UPNP.ORG"), "99");
        let max_age: u32 = header(message, "CACHE-CONTROL").strip_prefix("max-age=").unwrap().parse().unwrap();
        assert!(max_age >= 1800);
    }
    let usns: BTreeSet<_> = set.iter().map(|message| header(message, "USN")).collect();
    assert_eq!(usns.len(), set.len());
    assert!(usns.contains("uuid:2f402f80-da50-11e1-9b23-001788255acc::upnp:rootdevice"));
    assert!(usns.contains("uuid:2f402f80-da50-11e1-9b23-001788255acc"));
}

#[test]
fn d1_byebye_and_update_sets() {
    let announcer = announcer();
    for message in announcer.byebye(true) {
        assert_eq!(header(&message, "NTS"), "ssdp:byebye");
        assert_eq!(header(&message, "HOST"), "[ff02::c]:1900");
        assert!(!message.contains("LOCATION"));
    }
    assert_eq!(announcer.byebye(false).len(), announcer.alive(LOCATION).len());
    for message in announcer.update(LOCATION, 8) {
        assert_eq!(header(&message, "NTS"), "ssdp:update");
        assert_eq!((header(&message, "BOOTID.UPNP.ORG"), header(&message, "NEXTBOOTID.UPNP.ORG")), ("7", "8"));
    }
}

#[test]
fn every_kind_of_target_is_found() {
    assert_eq!(sts("ssdp:all").len(), 6);
    for one in [
        "upnp:rootdevice",
        "uuid:2f402f80-da50-11e1-9b23-001788255acc",
        "urn:schemas-upnp-org:device:MediaRenderer:1",
        "urn:schemas-upnp-org:service:AVTransport:1",
        "urn:schemas-upnp-org:service:RenderingControl:1",
        "urn:schemas-upnp-org:service:ConnectionManager:1",
    ] {
        assert_eq!(sts(one), [one]);
    }
    assert_eq!(sts("UPnP:rootdevice"), ["upnp:rootdevice"]);
    assert_eq!(sts("UUID:2F402F80-DA50-11E1-9B23-001788255ACC"), ["uuid:2f402f80-da50-11e1-9b23-001788255acc"]);
    for none in [
        "uuid:00000000-0000-0000-0000-000000000000",
        "urn:schemas-upnp-org:device:MediaServer:1",
        "urn:schemas-upnp-org:device:MediaRenderer:2",
        "urn:schemas-upnp-org:device:MediaRenderer:0",
        "urn:schemas-upnp-org:device:MediaRenderer",
        "",
    ] {
        assert!(sts(none).is_empty(), "{none}");
    }
}

#[test]
fn the_answer_is_complete() {
    let answers = announcer().responses(&search("upnp:rootdevice").unwrap(), LOCATION);
    assert!(answers[0].starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(header(&answers[0], "USN"), "uuid:2f402f80-da50-11e1-9b23-001788255acc::upnp:rootdevice");
    assert_eq!(header(&answers[0], "EXT"), "");
    assert_eq!(header(&answers[0], "LOCATION"), LOCATION);
    assert_eq!(header(&answers[0], "CACHE-CONTROL"), "max-age=1800");
}

#[test]
fn sloppy_searches_are_read() {
    let sloppy = "M-SEARCH  *  HTTP/1.0\nhost:239.255.255.250:1900\nMan :ssdp:discover\nmx:99999999999999999999\nSt:  ssdp:all  \n";
    assert_eq!(parse(sloppy.as_bytes()).unwrap().mx, Duration::from_secs(5));
    let mx = |mx: &str| {
        let text = format!("M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\n{mx}ST: ssdp:all\r\n\r\n");
        parse(text.as_bytes()).unwrap().mx.as_secs()
    };
    assert_eq!(["", "MX: 0\r\n", "MX: 3\r\n", "MX: 120\r\n", "MX: soon\r\n", "MX: -1\r\n"].map(mx), [1, 1, 3, 5, 1, 1]);
}

#[test]
fn other_messages_are_not_searches() {
    let notify = &announcer().alive(LOCATION)[0];
    for other in [
        "",
        "M-SEARCH",
        notify.as_str(),
        "M-SEARCH * HTTP/1.1\r\nST: ssdp:all\r\n\r\n",
        "M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:other\"\r\nST: ssdp:all\r\n\r\n",
        "M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\n\r\n",
        "m-search * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\nST: ssdp:all\r\n\r\n",
    ] {
        assert_eq!(parse(other.as_bytes()), None, "{other}");
    }
    let late =
        format!("M-SEARCH * HTTP/1.1\r\n{}MAN: \"ssdp:discover\"\r\nST: ssdp:all\r\n\r\n", "X: y\r\n".repeat(400));
    assert_eq!(parse(late.as_bytes()), None, "beyond the bounds");
}

#[test]
fn server_tokens() {
    assert_eq!(server_token("6.12.0-amd64", "1.0"), "Linux/6.12.0 UPnP/1.1 Tenuto/1.0");
    assert_eq!(server_token("", "1.0"), "Linux/0 UPnP/1.1 Tenuto/1.0");
}

#[test]
fn d1_announced_thrice_then_before_half_of_max_age() {
    let start = Instant::now();
    let mut schedule = Schedule::new(start);
    let mut times = Vec::new();
    for random in [0, u32::MAX, 1 << 31, u32::MAX, 0] {
        let now = schedule.next();
        assert!(!schedule.poll(now.checked_sub(Duration::from_nanos(1)).unwrap(), random));
        assert!(schedule.poll(now, random));
        times.push(now - start);
    }
    assert_eq!(times[..3], [0, 200, 400].map(Duration::from_millis));
    for pair in times[2..].windows(2) {
        assert!(pair[1] - pair[0] >= MAX_AGE / 3 && pair[1] - pair[0] < MAX_AGE / 2);
    }
}

proptest! {
    #[test]
    fn d1_answers_come_within_mx(mx in 1u64..=5, random in any::<u32>()) {
        prop_assert!(response_delay(Duration::from_secs(mx), random) < Duration::from_secs(mx));
    }

    #[test]
    fn parsing_never_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        lines in "(M-SEARCH \\* HTTP/1.1\r\n)?((MAN|ST|MX|X)?[ :]{0,2}[ -~]{0,20}\r?\n){0,40}",
    ) {
        let _ = parse(&bytes);
        if let Some(search) = parse(lines.as_bytes()) {
            let _ = announcer().responses(&search, LOCATION);
        }
    }

    #[test]
    fn what_a_searcher_says_is_never_echoed(st in "[ -~]{0,80}") {
        let Some(search) = search(&st) else { return Ok(()) };
        for answer in announcer().responses(&search, LOCATION) {
            prop_assert_eq!(answer.matches("\r\n").count(), 11);
        }
    }
}
