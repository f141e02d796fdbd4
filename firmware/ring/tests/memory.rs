//! The mapped ring: wrapping, files that aren't what they should be, the status page, and two processes.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;

use pcm::{Caps, ChannelSet, FormatSet, RateSet, Setting, Wire, WireFormat};
use proptest::prelude::*;
use ring::link::{Connection, Link, LinkError, Listener};
use ring::message::{FromEngine, Refused, Reply, Request};
use ring::{
    Certificate, Consumer, Gap, MapError, Mark, MarkKind, Policy, Position, Producer, RingMemory, State, Status,
    StatusWriter, Stream, Thread, Troubles,
};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};

const STEREO: Wire = Wire { format: WireFormat::S24_3Le, rate: 96_000, channels: 2 };

/// A ring whose data area is a few pages of this machine.
fn pair(pages: usize, stream: &Stream) -> (Producer, Consumer) {
    let (memory, file) = RingMemory::create_sized(pages * rustix::param::page_size()).expect("a ring");
    let mut consumer = Consumer::new(memory);
    let mut producer = Producer::new(RingMemory::from_fd(file.as_fd()).expect("the same ring"));
    consumer.begin(stream);
    producer.begin(stream);
    (producer, consumer)
}

proptest! {
    /// Frames that don't divide the ring's size wrap in the middle of a frame; the second mapping hides it.
    #[test]
    fn bytes_come_out_as_they_went_in(
        channels in 1u16..=8,
        format in 0usize..4,
        pieces in prop::collection::vec((1u64..3000, 1u64..3000), 1..60),
    ) {
        let wire = Wire { format: WireFormat::ALL[format], rate: 48_000, channels };
        let (mut producer, mut consumer) = pair(2, &Stream { epoch: 1, wire, ring_frames: u32::MAX });
        let frame_bytes = wire.frame_bytes();
        let (mut next_in, mut next_out) = (0u32, 0u32);
        let byte = |n: &mut u32| {
            *n = n.wrapping_add(1);
            (n.wrapping_mul(2_654_435_769) >> 24) as u8
        };
        for (write, read) in pieces {
            let area = producer.write_area(write).expect("an honest consumer");
            area.fill_with(|| byte(&mut next_in));
            let frames = (area.len() / frame_bytes) as u64;
            prop_assert_eq!(area.len() % frame_bytes, 0);
            producer.commit(frames).expect("there is room");
            consumer.refresh().expect("an honest producer");
            let area = consumer.read_area(read);
            prop_assert!(area.iter().all(|&got| got == byte(&mut next_out)));
            let frames = (area.len() / frame_bytes) as u64;
            consumer.advance(frames).expect("they are there");
        }
    }
}

#[test]
fn the_capacity_is_what_the_stream_asks_for_and_fits() {
    let stream = |ring_frames| Stream { epoch: 1, wire: STEREO, ring_frames };
    assert_eq!(pair(4, &stream(1000)).0.capacity_frames(), 1000);
    let all = (4 * rustix::param::page_size() / 6) as u64;
    let (producer, consumer) = pair(4, &stream(u32::MAX));
    assert_eq!((producer.capacity_frames(), consumer.capacity_frames()), (all, all));
}

/// What was taken can be read until the player has come round: through the memory that the ring leaves unused.
#[test]
fn what_was_taken_can_be_followed() {
    let all = 4 * rustix::param::page_size() as u64 / 6;
    let (mut producer, mut consumer) = pair(4, &Stream { epoch: 1, wire: STEREO, ring_frames: (all / 4) as u32 });
    let tap = consumer.tap();
    assert_eq!((tap.kept_frames(), tap.frame_bytes()), (all - all / 4, 6));
    let mut written = 0;
    while written < 5 * all {
        for bytes in producer.write_area(all).expect("an honest consumer").as_chunks_mut::<6>().0 {
            *bytes = frame(written);
            written += 1;
        }
        producer.commit(written - producer.written()).expect("there is room");
        let readable = consumer.refresh().expect("an honest producer");
        consumer.advance(readable / 3 + 1).expect("they are there");
        let oldest = consumer.read().saturating_sub(tap.kept_frames());
        let mut bytes = vec![0; ((consumer.read() - oldest) * 6) as usize];
        assert_eq!(tap.copy(oldest, &mut bytes), bytes.len());
        for (n, bytes) in (oldest..).zip(bytes.as_chunks::<6>().0) {
            assert_eq!(bytes, &frame(n), "frame {n} of {}", consumer.read());
        }
    }
}

#[test]
fn without_a_stream_there_is_no_room() {
    let (memory, _file) = RingMemory::create().expect("a ring");
    let mut producer = Producer::new(memory);
    assert_eq!(producer.writable_frames(), Ok(0));
    assert_eq!(producer.write_area(10).map(|area| area.len()), Ok(0));
    assert!(producer.commit(1).is_err());
}

#[test]
fn files_that_are_not_rings_are_refused() {
    let ring = |file: &dyn AsFd| RingMemory::from_fd(file.as_fd()).map(drop);
    let unsealed = memfd_create("unsealed", MemfdFlags::ALLOW_SEALING).expect("a memfd");
    ftruncate(&unsealed, 1 << 20).expect("a size");
    assert!(matches!(ring(&unsealed), Err(MapError::NotSealed)));
    let plain = File::open("/proc/self/exe").expect("a file");
    assert!(matches!(ring(&plain), Err(MapError::NotSealed)));
    for bytes in [0, 4096, 65_536, 65_536 + 5000, 65_536 + (128 << 20)] {
        let file = sealed(bytes);
        assert!(matches!(ring(&file), Err(MapError::Size(_))), "{bytes} bytes");
        assert!(matches!(Status::from_fd(file.as_fd()).map(drop), Err(MapError::Size(_) | MapError::Version { .. })));
    }
    let zeros = sealed(65_536 + (8 << 20));
    assert!(matches!(ring(&zeros), Err(MapError::Version { magic: 0, .. })));
    for bytes in [0, 100, 3 * 4096, 128 << 20] {
        assert!(matches!(RingMemory::create_sized(bytes).map(drop), Err(MapError::Size(_))));
    }
}

fn sealed(bytes: u64) -> impl AsFd {
    let file = memfd_create("sealed", MemfdFlags::ALLOW_SEALING).expect("a memfd");
    ftruncate(&file, bytes).expect("a size");
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW).expect("seals");
    file
}

#[test]
fn everything_in_the_status_page_arrives() {
    let (writer, file) = StatusWriter::create().expect("a page");
    let status = Status::from_fd(file.as_fd()).expect("the same page");
    assert_eq!(status.state(), Some(State::Closed));
    assert_eq!((status.stream(), status.gap(), status.thread()), (None, None, None));
    assert_eq!(status.counters(), ring::Counters::default());

    for state in [State::Silent, State::Playing, State::Paused, State::Draining, State::Fault, State::Closed] {
        writer.set_state(state);
        assert_eq!(status.state(), Some(state));
    }
    writer.set_stream(Some((3, STEREO)));
    assert_eq!(status.stream(), Some((3, STEREO)));
    let position = Position { epoch: 3, taken: 1 << 40, heard: 77, at_ns: 5 };
    writer.set_position(position);
    assert_eq!(status.position(), Some(position));
    writer.set_position(Position { heard: u64::MAX, ..position });
    assert_eq!(status.position().map(|position| position.heard), Some(1 << 40), "never beyond what was taken");
    writer.count_start(8);
    writer.count_start(9);
    writer.count_end(8);
    assert_eq!((status.started().count, status.started().track), (2, 9));
    assert_eq!((status.ended().count, status.ended().track), (1, 8));
    for frames in [0, 5] {
        writer.set_gap(Gap { track: 9, frames });
        assert_eq!(status.gap(), Some(Gap { track: 9, frames }));
    }
    let rates = RateSet::any(8_000, 768_000).with(1_536_000);
    let few = Setting { bits: 20, ..Setting::new(WireFormat::S24Le, RateSet::EMPTY.with(48_000), ChannelSet::ALL) };
    let caps = Caps::uniform(FormatSet::ALL, rates, ChannelSet::EMPTY.with(2).with(6)).with(few).with_mixer(true);
    let generation = status.caps_generation();
    writer.set_caps(&caps);
    assert_eq!(status.caps(), Some(caps));
    assert_ne!(status.caps_generation(), generation);
    writer.set_output("DAC ✓");
    writer.set_fault(&"x".repeat(500));
    assert_eq!((status.output().as_str(), status.fault().len()), ("DAC ✓", 200));
    for core in [None, Some(0), Some(3)] {
        let thread = Thread { policy: Policy::Fifo, priority: 70, core };
        writer.set_thread(thread);
        assert_eq!(status.thread(), Some(thread));
    }

    let certificate = |number: u64| Certificate {
        number,
        epoch: 3,
        track: number + 100,
        frames: 1 << 33,
        crc32c: 0xE306_9283,
        sha256: number.is_multiple_of(2).then_some([7; 32]),
        scaled: false,
        whole: true,
        late_wakeups: 1,
        xruns: 0,
        lost: 40,
        starved: 2,
    };
    assert_eq!(status.certificates(), []);
    for number in 1..=40 {
        writer.add_certificate(&certificate(number));
    }
    assert_eq!(status.certificates(), (9..=40).map(certificate).collect::<Vec<_>>(), "the last 32");

    writer.count_wakeup(999);
    writer.count_wakeup(1_000);
    writer.count_wakeup(5_000_000_000_000_000);
    writer.count_xrun();
    writer.count_starved();
    writer.note_ring_fill(50);
    writer.note_ring_fill(60);
    writer.set_allocations(1);
    writer.set_usage([2, 3], [4, 5]);
    let counters = status.counters();
    assert_eq!((counters.wakeups, counters.late_wakeups), (3, 1));
    assert_eq!((counters.lateness[0], counters.lateness[1], counters.lateness[31]), (1, 1, 1));
    assert_eq!(counters.worst_lateness_ns, 5_000_000_000_000_000);
    assert_eq!(writer.troubles(), Troubles { late_wakeups: 1, xruns: 1, starved: 1 });
    assert_eq!((counters.xruns, counters.starved, counters.rt_allocations), (1, 1, 1));
    assert_eq!(counters.ring_low_water_frames, Some(50));
    assert_eq!((counters.minor_faults, counters.major_faults), (2, 3));
    assert_eq!((counters.voluntary_switches, counters.involuntary_switches), (4, 5));
    writer.set_preroll(480);
    assert_eq!(status.preroll_frames(), 480);
    writer.set_stream(None);
    assert_eq!((status.stream(), status.counters().ring_low_water_frames), (None, None));
}

#[test]
fn a_link_carries_messages_and_says_when_the_peer_is_gone() {
    let (a, b) = Link::pair().expect("a pair");
    a.send(&Request::Close.encode()).expect("it is sent");
    let received = b.receive().expect("it arrives").expect("the peer is there");
    assert_eq!(Request::decode(&received.bytes), Ok(Request::Close));
    assert!(received.files.is_empty());
    b.set_nonblocking(true).expect("it can be set");
    assert!(b.receive().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
    a.send(&[7; 1000]).expect("it is sent");
    let long = b.receive().expect("it arrives").expect("the peer is there");
    assert!(Request::decode(&long.bytes).is_err(), "cut, and no longer a message");
    drop(a);
    assert!(b.receive().expect("the end is no error").is_none());
}

#[test]
fn a_handshake_takes_no_nonsense() {
    let refused = FromEngine::Reply(Reply::Refused { code: Refused::Busy, text: "busy".to_owned() });
    let closed = FromEngine::Reply(Reply::Closed).encode();
    let no_files = FromEngine::Reply(Reply::Welcome).encode();
    for (answer, expected) in [
        (&refused.encode()[..], "refuses: busy"),
        (&closed, "unexpected answer to Hello"),
        (&no_files, "not two files"),
        (&[1, 2, 3], "a message of 3 bytes"),
    ] {
        let (player, engine) = Link::pair().expect("a pair");
        engine.send(answer).expect("it is sent");
        let error = Connection::handshake(player).map(drop).expect_err("no welcome").to_string();
        assert!(error.contains(expected), "{error}");
    }
    let (player, engine) = Link::pair().expect("a pair");
    drop(engine);
    let error = Connection::handshake(player).map(drop).expect_err("nobody there");
    assert!(matches!(error, LinkError::Closed), "{error}");
}

/// Where the child of the next test finds its parent.
const SOCKET: &str = "TENUTO_RING_TEST_SOCKET";
/// What it writes.
const FRAMES: u64 = 100_000;

/// What frame `n` holds.
fn frame(n: u64) -> [u8; 6] {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    [mixed[0], mixed[1], mixed[2], mixed[3], mixed[4], mixed[5]]
}

/// The player's half of [`two_processes_share_a_ring`]; without the variable there is nothing to do.
#[test]
fn the_other_process() {
    let Some(socket) = std::env::var_os(SOCKET) else { return };
    let mut connection = Connection::connect(Path::new(&socket)).expect("a connection");
    connection.link.send(&Request::Open { wire: STEREO, unscaled: false }.encode()).expect("the parent listens");
    let answer = connection.link.receive().expect("an answer").expect("an answer");
    let Ok(FromEngine::Reply(Reply::Opened(stream))) = FromEngine::decode(&answer.bytes) else { panic!("not opened") };
    let producer = &mut connection.producer;
    producer.begin(&stream);
    producer.mark(Mark { frame: 0, track: 1, kind: MarkKind::Start }).expect("room");
    producer.mark(Mark { frame: FRAMES, track: 1, kind: MarkKind::End }).expect("room");
    while producer.written() < FRAMES {
        let first = producer.written();
        let area = producer.write_area(FRAMES - first).expect("an honest consumer");
        for (n, bytes) in (first..).zip(area.chunks_exact_mut(6)) {
            bytes.copy_from_slice(&frame(n));
        }
        let frames = (area.len() / 6) as u64;
        producer.commit(frames).expect("there is room");
        std::thread::yield_now();
    }
    while producer.read_frames().expect("an honest consumer") < FRAMES {
        std::thread::yield_now();
    }
}

#[test]
fn two_processes_share_a_ring() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("socket");
    let listener = Listener::bind(&path).expect("a socket");
    let exe = std::env::current_exe().expect("this test's program");
    let mut child = Command::new(exe)
        .args(["--exact", "the_other_process", "--test-threads=1"])
        .env(SOCKET, &path)
        .spawn()
        .expect("it starts");
    let link = loop {
        match listener.accept().expect("it listens") {
            Some(link) => break link,
            None => std::thread::sleep(std::time::Duration::from_millis(2)),
        }
    };
    assert_eq!(link.peer().expect("the kernel knows").pid.as_raw_nonzero().get().unsigned_abs(), child.id());
    link.set_nonblocking(false).expect("it can be set");
    let receive = || Request::decode(&link.receive().expect("a request").expect("a request").bytes);
    assert!(matches!(receive(), Ok(Request::Hello { .. })));
    let (memory, ring_file) = RingMemory::create().expect("a ring");
    let (_writer, status_file) = StatusWriter::create().expect("a page");
    let welcome = FromEngine::Reply(Reply::Welcome).encode();
    link.send_with(&welcome, &[ring_file.as_fd(), status_file.as_fd()]).expect("the child is there");
    assert_eq!(receive(), Ok(Request::Open { wire: STEREO, unscaled: false }));
    let mut consumer = Consumer::new(memory);
    // A small part of the ring, so that it wraps often.
    let stream = Stream { epoch: 1, wire: STEREO, ring_frames: 3001 };
    consumer.begin(&stream);
    link.send(&FromEngine::Reply(Reply::Opened(stream)).encode()).expect("the child is there");

    while consumer.read() < FRAMES {
        let readable = consumer.refresh().expect("an honest producer");
        let first = consumer.read();
        for (n, bytes) in (first..).zip(consumer.read_area(readable).chunks_exact(6)) {
            assert_eq!(bytes, frame(n), "frame {n}");
        }
        consumer.advance(readable).expect("they are there");
        std::thread::yield_now();
    }
    let marks: Vec<Mark> = std::iter::from_fn(|| {
        let mark = consumer.next_mark().expect("an honest producer")?;
        consumer.take_mark();
        Some(mark)
    })
    .collect();
    assert_eq!(marks.iter().map(|mark| mark.frame).collect::<Vec<_>>(), [0, FRAMES]);
    assert!(consumer.ended());
    assert!(child.wait().expect("it ends").success());
}
