//! A whole engine in this process, with a card that can be unplugged.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use nix::sys::signal::SigSet;
use nix::sys::signalfd::SfdFlags;
use pcm::{Caps, ChannelSet, FormatSet, RateSet, Wire, WireFormat};
use ring::Status;
use ring::link::Connection;
use ring::message::{FromEngine, Refused, Reply, Request};

use super::*;
use crate::output::device::{self, Device, Opened, Refusal};
use crate::output::sim::SimOutput;
use crate::output::{Fill, Output, Pacing, Trouble};
use crate::rt::Start;
use crate::rules::Card;

mod announced;
mod opening;
mod pace;

const WIRE: Wire = Wire { format: WireFormat::S16Le, rate: 48_000, channels: 2 };

/// A simulated card on a plug.
struct Plugged {
    output: SimOutput,
    plug: Arc<AtomicBool>,
}

impl Output for Plugged {
    fn buffer_frames(&self) -> u32 {
        self.output.buffer_frames()
    }
    fn period_frames(&self) -> u32 {
        self.output.period_frames()
    }
    fn pacing(&self) -> Pacing {
        Pacing::Clocked
    }
    fn poll(&mut self, now_ns: u64) -> Result<Fill, Trouble> {
        if !self.plug.load(Ordering::Relaxed) {
            return Err(Trouble::Failed { call: "poll", errno: libc::ENODEV });
        }
        self.output.poll(now_ns)
    }
    fn write(&mut self, frames: u32, fill: &mut dyn FnMut(&mut [u8])) -> Result<u32, Trouble> {
        self.output.write(frames, fill)
    }
    fn start(&mut self, now_ns: u64) -> Result<(), Trouble> {
        self.output.start(now_ns)
    }
    fn prepare(&mut self) -> Result<(), Trouble> {
        self.output.prepare()
    }
    fn stop(&mut self, now_ns: u64) {
        self.output.stop(now_ns);
    }
}

struct PluggedDevice {
    plug: Arc<AtomicBool>,
    volumes: Sender<Volume>,
}

impl Device for PluggedDevice {
    fn scan(&mut self) -> Option<Found> {
        let caps = Caps::uniform(FormatSet::ALL, RateSet::any(8_000, 192_000), ChannelSet::STEREO).with_mixer(true);
        self.plug.load(Ordering::Relaxed).then(|| Found {
            number: 0,
            name: "plugged".to_owned(),
            card: Card::default(),
            caps,
            lock_ms: 10,
            fault: String::new(),
        })
    }

    fn open(&mut self, wire: Wire) -> Result<Opened, Refusal> {
        if !self.plug.load(Ordering::Relaxed) {
            return Err(Refusal { code: Refused::NoOutput, text: "unplugged".to_owned() });
        }
        let output = SimOutput::new(wire, [4800, 1920], Pacing::Clocked, None);
        Ok(Opened { output: Box::new(Plugged { output, plug: Arc::clone(&self.plug) }), capture: None })
    }

    fn set_volume(&mut self, volume: Volume) -> Result<(), Refusal> {
        let _ = self.volumes.send(volume);
        Ok(())
    }
}

/// Starts the engine; it runs until the test's process ends.
fn start(socket: &Path, plug: &Arc<AtomicBool>) -> Receiver<Volume> {
    let (volumes, set) = channel();
    start_with(socket, Box::new(PluggedDevice { plug: Arc::clone(plug), volumes }));
    set
}

/// The same with this device.
fn start_with(socket: &Path, device: Box<dyn Device>) {
    start_hearing(socket, device, None);
}

/// The same with the kernel's announcements.
fn start_hearing(socket: &Path, device: Box<dyn Device>, uevents: Option<Uevents>) {
    let (status, status_file) = StatusWriter::create().expect("a page");
    let status = Arc::new(status);
    let bell = Doorbell::polled().expect("a bell");
    let start = Start { priority: 1, core: None, control: bell.clone(), confine: false };
    let (rt, _) = Handle::spawn(start, Arc::clone(&status)).expect("a thread");
    let (asks, asked) = channel();
    let (answering, answers) = channel();
    let device_bell = bell.clone();
    std::thread::spawn(move || device::run(device, &asked, &answering, &device_bell));
    let signals = SignalFd::with_flags(&SigSet::empty(), SfdFlags::SFD_NONBLOCK).expect("no signals");
    let parts = Parts {
        status,
        status_file,
        door: Door::open(socket, None).expect("a socket"),
        signals,
        bell,
        rt,
        asks,
        answers,
        uevents,
        tuning: Tuning { period_ms: 20, preroll_ms: 0, dsd_silence_ms: 0 },
        memory: RingSettings::new(1000, false),
        follower: None,
    };
    std::thread::spawn(move || Control::new(parts).run());
}

/// The next message that `wanted` takes.
fn until<T>(connection: &Connection, wanted: impl Fn(FromEngine) -> Option<T>) -> T {
    loop {
        let received = connection.link.receive().expect("a message").expect("the engine is there");
        if let Some(found) = wanted(FromEngine::decode(&received.bytes).expect("a message of the protocol")) {
            return found;
        }
    }
}

fn ask(connection: &Connection, request: &Request) -> Reply {
    connection.link.send(&request.encode()).expect("the engine listens");
    until(connection, |message| match message {
        FromEngine::Reply(reply) => Some(reply),
        FromEngine::Event(_) => None,
    })
}

fn wait_while(status: &Status, what: impl Fn(&Status) -> bool) {
    while what(status) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Trap 6 of snd-usb-audio, up to the player.
#[test]
fn an_output_that_is_unplugged_is_reported_and_found_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let socket = dir.path().join("engine.sock");
    let plug = Arc::new(AtomicBool::new(true));
    let volumes = start(&socket, &plug);
    let mut connection = Connection::connect(&socket).expect("it listens");
    let volume = Volume { mode: VolumeMode::Hardware, percent: 30, mute: false };
    wait_while(&connection.status, |status| status.output().is_empty());
    assert_eq!(ask(&connection, &Request::Volume(volume)), Reply::VolumeSet(volume));

    for _ in 0..3 {
        let Reply::Opened(stream) = ask(&connection, &Request::Open { wire: WIRE, unscaled: false }) else {
            panic!("not opened")
        };
        assert_eq!(connection.status.preroll_frames(), 480, "the 10 ms that it takes to lock");
        connection.producer.begin(&stream);
        let area = connection.producer.write_area(20_000).expect("an honest engine");
        let frames = (area.len() / 4) as u64;
        connection.producer.commit(frames).expect("there is room");
        wait_while(&connection.status, |status| status.state() != Some(State::Playing));

        plug.store(false, Ordering::Relaxed);
        let text = until(&connection, |message| match message {
            FromEngine::Event(Event::OutputLost { text }) => Some(text),
            _ => None,
        });
        assert_eq!(text, "the output was unplugged");
        assert_eq!(connection.status.fault(), text);
        assert_eq!((connection.status.output(), connection.status.caps()), (String::new(), Some(Caps::default())));
        let Reply::Refused { code, .. } = ask(&connection, &Request::Open { wire: WIRE, unscaled: false }) else {
            panic!("opened")
        };
        assert_eq!(code, Refused::NoOutput);

        while volumes.try_recv().is_ok() {}
        plug.store(true, Ordering::Relaxed);
        until(&connection, |message| (message == FromEngine::Event(Event::OutputBack)).then_some(()));
        assert_eq!((connection.status.output().as_str(), connection.status.fault().as_str()), ("plugged", ""));
        assert_eq!(volumes.recv(), Ok(volume), "the returned card gets the volume in force");
    }
}

#[test]
fn an_engine_without_an_output_refuses_and_takes_the_first_that_comes() {
    let dir = tempfile::tempdir().expect("a directory");
    let socket = dir.path().join("engine.sock");
    let plug = Arc::new(AtomicBool::new(false));
    let _volumes = start(&socket, &plug);
    let connection = Connection::connect(&socket).expect("it listens");
    let Reply::Refused { code, text } = ask(&connection, &Request::Open { wire: WIRE, unscaled: false }) else {
        panic!("opened")
    };
    assert_eq!((code, text.as_str()), (Refused::NoOutput, "unplugged"));
    plug.store(true, Ordering::Relaxed);
    // The first one may tell that there is none.
    until(&connection, |message| {
        assert_eq!(message, FromEngine::Event(Event::CapsChanged));
        connection.status.caps().is_some_and(|caps| caps.mixer).then_some(())
    });
    assert!(matches!(ask(&connection, &Request::Open { wire: WIRE, unscaled: false }), Reply::Opened(_)));
    assert_eq!(ask(&connection, &Request::Close), Reply::Closed);
}

/// As soon as it is opened another one like it has taken its place.
struct Replaced(PluggedDevice);

impl Device for Replaced {
    fn scan(&mut self) -> Option<Found> {
        self.0.scan()
    }
    fn open(&mut self, _: Wire) -> Result<Opened, Refusal> {
        Err(Refusal { code: Refused::NoOutput, text: "unplugged".to_owned() })
    }
    fn set_volume(&mut self, volume: Volume) -> Result<(), Refusal> {
        self.0.set_volume(volume)
    }
}

#[test]
fn an_output_that_went_and_came_between_two_looks_gets_the_volume() {
    let dir = tempfile::tempdir().expect("a directory");
    let socket = dir.path().join("engine.sock");
    let (volumes, set) = channel();
    start_with(&socket, Box::new(Replaced(PluggedDevice { plug: Arc::new(AtomicBool::new(true)), volumes })));
    let connection = Connection::connect(&socket).expect("it listens");
    wait_while(&connection.status, |status| status.output().is_empty());
    let volume = Volume { mode: VolumeMode::Hardware, percent: 30, mute: false };
    assert_eq!(ask(&connection, &Request::Volume(volume)), Reply::VolumeSet(volume));
    while set.try_recv().is_ok() {}
    let reply = ask(&connection, &Request::Open { wire: WIRE, unscaled: false });
    assert!(matches!(reply, Reply::Refused { code: Refused::NoOutput, .. }), "{reply:?}");
    assert_eq!(set.recv(), Ok(volume));
}
