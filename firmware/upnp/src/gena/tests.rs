use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::network::Network;
use crate::service::Service;

const CALLBACK: &str = "<http://192.168.1.50:49200/event?x=1>";

fn new(callback: &str) -> Headers<'_> {
    Headers { callback: Some(callback), nt: Some("upnp:event"), ..Headers::default() }
}

fn network(address: &str, prefix: u8) -> Network {
    Network { address: address.parse().unwrap(), prefix }
}

fn near(url: &str, subscriber: &str) -> bool {
    let networks =
        [network("127.0.0.1", 8), network("192.168.1.7", 24), network("10.0.0.7", 8), network("fe80::7", 64)];
    Callback::parse(url).unwrap().is_near(subscriber.parse().unwrap(), &networks)
}

#[test]
fn a_subscription_is_read() {
    let Subscribe::New { callbacks, timeout } = subscribe(new(CALLBACK)).unwrap() else { panic!() };
    assert_eq!(callbacks[0].address(), "192.168.1.50:49200".parse().unwrap());
    assert_eq!(callbacks[0].path(), "/event?x=1");
    assert_eq!(callbacks[0].to_string(), "http://192.168.1.50:49200/event?x=1");
    assert_eq!(timeout, DEFAULT_TIMEOUT);
}

#[test]
fn several_callbacks_in_order() {
    let list = "<http://10.0.0.1> <https://10.0.0.2/> <http://name/> <HTTP://[fe80::1]:81/a><http://10.0.0.3:/b>";
    let Subscribe::New { callbacks, .. } = subscribe(new(list)).unwrap() else { panic!() };
    let urls: Vec<_> = callbacks.iter().map(ToString::to_string).collect();
    assert_eq!(urls, ["http://10.0.0.1:80/", "http://[fe80::1]:81/a", "http://10.0.0.3:80/b"]);
}

#[test]
fn refusals_have_their_status() {
    let refused = |headers| subscribe(headers).unwrap_err();
    let sid = Some("uuid:1");
    assert_eq!(refused(Headers::default()), Refusal::BadCallback);
    assert_eq!(refused(Headers { nt: Some("other"), ..new(CALLBACK) }), Refusal::BadNt);
    assert_eq!(refused(Headers { nt: None, ..new(CALLBACK) }), Refusal::BadNt);
    assert_eq!(refused(Headers { sid, ..new(CALLBACK) }), Refusal::IncompatibleHeaders);
    assert_eq!(refused(Headers { sid: Some("1"), ..Headers::default() }), Refusal::BadSid);
    for bad in [
        "",
        "http://10.0.0.1/",
        "<http://localhost/>",
        "<ftp://10.0.0.1/>",
        "<http://10.0.0.1:0/>",
        "<http://u@10.0.0.1/>",
        "<http://[fe80::1%2]:80/>",
        "<http://10.0.0.1/a b>",
        "<http://::1/>",
        "<http://[10.0.0.1]/>",
        "<http://010.0.0.1/>",
        "<http://2130706433/>",
        "<http://10.0.0.1",
    ] {
        assert_eq!(refused(new(bad)), Refusal::BadCallback, "{bad}");
    }
    assert_eq!(refused(new(&format!("<http://10.0.0.1/{}>", "x".repeat(3000)))), Refusal::BadCallback);
    assert_eq!(unsubscribe(Headers::default()), Err(Refusal::BadSid));
    assert_eq!(
        unsubscribe(Headers { sid, nt: Some("upnp:event"), ..Headers::default() }),
        Err(Refusal::IncompatibleHeaders)
    );
    assert_eq!(unsubscribe(Headers { sid, ..Headers::default() }), Ok("uuid:1"));
    assert_eq!([Refusal::IncompatibleHeaders, Refusal::BadSid, Refusal::TooMany].map(Refusal::status), [400, 412, 500]);
}

#[test]
fn timeouts_are_bounded() {
    let granted =
        |timeout| match subscribe(Headers { timeout: Some(timeout), sid: Some("uuid:1"), ..Headers::default() }) {
            Ok(Subscribe::Renew { timeout, .. }) => timeout_header(timeout),
            other => panic!("{other:?}"),
        };
    assert_eq!(granted("Second-300"), "Second-300");
    assert_eq!(granted("second-1"), "Second-60");
    assert_eq!(granted("Second-99999999"), "Second-7200");
    for default in ["Second-infinite", "infinite", "", "Second--1", "Second-99999999999999999999"] {
        assert_eq!(granted(default), "Second-1800", "{default}");
    }
}

#[test]
fn d5_events_stay_in_the_subscribers_network() {
    assert!(near("http://192.168.1.50/", "192.168.1.50"));
    assert!(near("http://192.168.1.51/", "192.168.1.50"));
    assert!(near("http://192.168.1.51/", "::ffff:192.168.1.50"));
    assert!(near("http://[fe80::9]/", "fe80::8"));
    assert!(near("http://172.20.0.9/", "172.20.0.9"), "a subscriber behind a router may name itself");
    assert!(near("http://127.0.0.1:9/", "127.0.0.1"));
    for (url, subscriber) in [
        ("http://8.8.8.8/", "192.168.1.50"),
        ("http://10.0.0.9/", "192.168.1.50"),
        ("http://192.168.1.50/", "172.20.0.9"),
        ("http://127.0.0.1/", "192.168.1.50"),
        ("http://192.168.1.7/", "192.168.1.50"),
        ("http://192.168.1.255/", "192.168.1.50"),
        ("http://192.168.1.0/", "192.168.1.50"),
        ("http://239.255.255.250/", "192.168.1.50"),
        ("http://0.0.0.0/", "0.0.0.0"),
        ("http://255.255.255.255/", "192.168.1.50"),
    ] {
        assert!(!near(url, subscriber), "{url} for {subscriber}");
    }
}

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 50));

fn callbacks() -> Vec<Callback> {
    vec![Callback::parse("http://192.168.1.50/").unwrap()]
}

#[test]
fn d4_seq_from_zero_and_sid_kept_on_renewal() {
    let (start, avt) = (Instant::now(), Service::AvTransport);
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut table = Subscriptions::new(2, 2);
    let entry = table.add("uuid:a".into(), avt, HOST, callbacks(), Duration::from_secs(100), start).unwrap();
    assert_eq!([entry.take_seq(), entry.take_seq()], [0, 1]);
    table.renew("uuid:a", avt, Duration::from_secs(100), at(90)).unwrap();
    let sequence: Vec<_> = table.of(avt, at(150)).map(|entry| (entry.sid.clone(), entry.take_seq())).collect();
    assert_eq!(sequence, [("uuid:a".to_owned(), 2)]);
    assert_eq!([table::following(0), table::following(u32::MAX)], [1, 1], "0 is the initial event's only");
    assert_eq!(table.of(Service::RenderingControl, at(150)).count(), 0);
    assert_eq!(table.of(avt, at(190)).count(), 0, "it has ended");
    assert_eq!(table.renew("uuid:a", avt, Duration::from_secs(100), at(191)), Err(UnknownSid));
}

#[test]
fn d5_the_number_of_subscriptions_is_bounded() {
    let (start, avt) = (Instant::now(), Service::AvTransport);
    let mut table = Subscriptions::new(2, 2);
    for (sid, seconds) in [("uuid:a", 60), ("uuid:b", 120)] {
        table.add(sid.into(), avt, HOST, callbacks(), Duration::from_secs(seconds), start).unwrap();
    }
    assert!(table.add("uuid:c".into(), avt, HOST, callbacks(), Duration::from_secs(60), start).is_err());
    let later = start + Duration::from_secs(60);
    assert!(table.add("uuid:c".into(), avt, HOST, callbacks(), Duration::from_secs(60), later).is_ok());
    assert_eq!(table.remove("uuid:b", Service::RenderingControl), Err(UnknownSid));
    assert_eq!(table.remove("uuid:b", avt), Ok(()));
    assert_eq!(table.len(), 1);
}

#[test]
fn d5_one_host_leaves_room_for_others() {
    let (start, avt, minute) = (Instant::now(), Service::AvTransport, Duration::from_secs(60));
    let mut table = Subscriptions::new(10, 2);
    for sid in ["uuid:a", "uuid:b"] {
        table.add(sid.into(), avt, HOST, callbacks(), minute, start).unwrap();
    }
    // Also when it comes by an IPv6 socket.
    let mapped = "::ffff:192.168.1.50".parse().unwrap();
    for host in [HOST, mapped] {
        assert!(table.add("uuid:c".into(), avt, host, callbacks(), minute, start).is_err());
    }
    let other = "192.168.1.51".parse().unwrap();
    assert!(table.add("uuid:c".into(), avt, other, callbacks(), minute, start).is_ok());
    assert!(table.add("uuid:d".into(), avt, HOST, callbacks(), minute, start + minute).is_ok());
}

#[test]
fn property_sets_escape_their_values() {
    let body = property_set([("LastChange", "<Event a=\"b\">&amp;</Event>"), ("Other", "")]);
    assert!(body.contains("<LastChange>&lt;Event a=&quot;b&quot;&gt;&amp;amp;&lt;/Event&gt;</LastChange>"));
    assert!(body.contains("<e:property><Other></Other></e:property>"));
}

proptest! {
    #[test]
    fn parsing_never_panics(
        callback in any::<Option<String>>(),
        like in "(<?(http|https)?:?//[0-9.:\\[\\]a-f]{0,20}(/[ -~]{0,20})?>?){0,6}",
        timeout in "[sS]econd-?[0-9a-z]{0,24}",
        sid in any::<Option<String>>(),
    ) {
        for callback in [callback.as_deref(), Some(&*like)] {
            let headers = Headers { callback, nt: Some("upnp:event"), sid: sid.as_deref(), timeout: Some(&timeout) };
            let _ = (subscribe(headers), unsubscribe(headers));
            let _ = subscribe(Headers { sid: None, ..headers });
        }
    }

    #[test]
    fn what_is_accepted_reads_back(ip in any::<IpAddr>(), port in 1u16.., path in "(/[!-\"$-~]{0,20})?") {
        let address = std::net::SocketAddr::new(ip, port);
        let callback = Callback::parse(&format!("http://{address}{path}")).unwrap();
        prop_assert_eq!(callback.address(), address);
        prop_assert_eq!(Callback::parse(&callback.to_string()), Some(callback));
    }

    #[test]
    fn nobody_outside_is_ever_near(target in any::<u32>(), subscriber in any::<u32>()) {
        let callback = Callback::parse(&format!("http://{}/", std::net::Ipv4Addr::from_bits(target))).unwrap();
        let subscriber = IpAddr::V4(std::net::Ipv4Addr::from_bits(subscriber));
        let home = network("192.168.1.7", 24);
        if callback.is_near(subscriber, &[home]) {
            prop_assert!(callback.address().ip() == subscriber || home.has_host(callback.address().ip()));
        }
    }
}
