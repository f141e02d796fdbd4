//! A card that the kernel announces. What it announces, any root of a network namespace may have it say to that namespace
//! (lib/kobject_uevent.c, `uevent_net_rcv_skb`): the test runs itself again in one of its own.

use std::process::Command;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Instant;

use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

use super::*;
use crate::control::search::NET_NS;

const NAME: &str = "control::tests::announced::a_card_is_found_at_the_kernel_s_word_and_not_by_looking";
const INSIDE: &str = "TENUTO_TEST_IN_A_NAMESPACE";

/// Has the kernel announce a device of this subsystem, and returns when it has.
fn announce(subsystem: &str) {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(KOBJECT_UEVENT));
    let socket = socket.expect("a socket");
    let text = format!("add@/devices/x\0ACTION=add\0SUBSYSTEM={subsystem}\0");
    // struct nlmsghdr (linux/netlink.h): length, type, flags (request, with an answer), sequence, port.
    let length = u32::try_from(16 + text.len()).expect("short");
    let mut message = length.to_ne_bytes().to_vec();
    message.extend([16_u16.to_ne_bytes(), 5_u16.to_ne_bytes()].concat());
    message.extend([0; 8]);
    message.extend(text.as_bytes());
    sendto(&socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0)).expect("root of the namespace");
    let mut answer = [0; 64];
    recv(&socket, &mut answer, RecvFlags::empty()).expect("an answer");
    // struct nlmsgerr: 0 is "done".
    assert_eq!(answer.get(16..20), Some(&[0; 4][..]), "the kernel refuses to announce");
}

/// Counts how often it is looked for, and says how often it was plugged in.
struct Counted(PluggedDevice, Arc<AtomicUsize>, Arc<AtomicU64>);

impl Device for Counted {
    fn scan(&mut self) -> Option<Found> {
        self.1.fetch_add(1, Ordering::Relaxed);
        let number = self.2.load(Ordering::Relaxed);
        self.0.scan().map(|found| Found { number, ..found })
    }
    fn open(&mut self, wire: Wire) -> Result<Opened, Refusal> {
        self.0.open(wire)
    }
    fn set_volume(&mut self, volume: Volume) -> Result<(), Refusal> {
        self.0.set_volume(volume)
    }
}

#[test]
fn a_card_is_found_at_the_kernel_s_word_and_not_by_looking() {
    if std::env::var_os(INSIDE).is_none() {
        let mut again = Command::new("unshare");
        again.args(["--user", "--map-root-user", "--net"]).arg(std::env::current_exe().expect("this test"));
        let status = again.args(["--exact", NAME, "--nocapture"]).env(INSIDE, "1").status().expect("util-linux");
        assert!(status.success(), "in a namespace of its own: {status}");
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let socket = dir.path().join("engine.sock");
    let (plug, looks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (volumes, set) = channel();
    let number = Arc::new(AtomicU64::new(1));
    let device = Counted(PluggedDevice { plug: Arc::clone(&plug), volumes }, Arc::clone(&looks), Arc::clone(&number));
    let begun = Instant::now();
    start_hearing(&socket, Box::new(device), Some(Uevents::listen().expect("the kernel's announcements")));
    let connection = Connection::connect(&socket).expect("it listens");
    let volume = Volume { mode: VolumeMode::Hardware, percent: 30, mute: false };
    assert_eq!(ask(&connection, &Request::Volume(volume)), Reply::VolumeSet(volume));
    wait_while(&connection.status, |_| looks.load(Ordering::Relaxed) == 0);
    while set.try_recv().is_ok() {}

    // It is there, but nobody says so; that something else came is no news of it.
    plug.store(true, Ordering::Relaxed);
    announce("net");
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!((looks.load(Ordering::Relaxed), connection.status.output()), (1, String::new()));

    announce("sound");
    until(&connection, |message| {
        (message == FromEngine::Event(Event::CapsChanged) && !connection.status.output().is_empty()).then_some(())
    });
    assert!(connection.status.caps().is_some_and(|caps| caps.mixer));
    assert_eq!(set.recv(), Ok(volume), "it gets the volume in force");

    // Pulled out and put back between two looks, it looks the same, and has lost what was set.
    number.store(2, Ordering::Relaxed);
    announce("sound");
    assert_eq!(set.recv(), Ok(volume), "another one gets it, too");
    assert!(begun.elapsed() < Duration::from_nanos(NET_NS), "it may have been found by looking");
}
