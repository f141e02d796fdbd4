//! Trap 5 of snd-usb-audio: a card that hangs while it is opened, as a USB one does for 20 s where it doesn't answer a rate.

use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};

use ring::VERSION;
use ring::link::Link;

use super::*;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const OPEN: Request = Request::Open { wire: WIRE, unscaled: false };

/// Each time it is opened it says so, and then waits to be told how that ends.
struct Hanging {
    entered: SyncSender<()>,
    ends: Receiver<Result<(), Refusal>>,
}

impl Device for Hanging {
    fn scan(&mut self) -> Option<Found> {
        let caps = Caps::uniform(FormatSet::ALL, RateSet::any(8_000, 192_000), ChannelSet::STEREO);
        let (name, fault) = ("hanging".to_owned(), String::new());
        Some(Found { number: 0, name, card: Card::default(), caps, lock_ms: 0, fault })
    }

    fn open(&mut self, wire: Wire) -> Result<Opened, Refusal> {
        self.entered.send(()).expect("the test is there");
        self.ends.recv().expect("the test is there")?;
        let output = SimOutput::new(wire, [4800, 1920], Pacing::Clocked, None);
        Ok(Opened { output: Box::new(output), capture: None })
    }

    fn set_volume(&mut self, _volume: Volume) -> Result<(), Refusal> {
        Ok(())
    }
}

struct Bench {
    _dir: tempfile::TempDir,
    socket: PathBuf,
    entered: Receiver<()>,
    ends: Sender<Result<(), Refusal>>,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let socket = dir.path().join("engine.sock");
        let (entering, entered) = sync_channel(8);
        let (ends, ending) = channel();
        start_with(&socket, Box::new(Hanging { entered: entering, ends: ending }));
        Self { _dir: dir, socket, entered, ends }
    }

    fn connect(&self) -> Connection {
        Connection::connect(&self.socket).expect("the engine answers")
    }

    /// Asks for a stream, and returns when the card hangs.
    fn begin_to_open(&self, connection: &Connection) {
        connection.link.send(&OPEN.encode()).expect("the engine listens");
        self.entered.recv_timeout(PATIENCE).expect("it is opened");
    }

    /// How the open that hangs ends.
    fn end(&self, result: Result<(), Refusal>) {
        self.ends.send(result).expect("it waits");
    }
}

fn late_failure() -> Refusal {
    Refusal { code: Refused::Output, text: "can't open: Connection timed out".to_owned() }
}

fn reply(connection: &Connection) -> Reply {
    until(connection, |message| match message {
        FromEngine::Reply(reply) => Some(reply),
        FromEngine::Event(_) => None,
    })
}

#[test]
fn an_open_that_fails_late_is_reported_and_the_next_one_is_tried() {
    let bench = Bench::new();
    let connection = bench.connect();
    bench.begin_to_open(&connection);
    bench.end(Err(late_failure()));
    let Refusal { code, text } = late_failure();
    assert_eq!(reply(&connection), Reply::Refused { code, text });
    bench.begin_to_open(&connection);
    bench.end(Ok(()));
    assert!(matches!(reply(&connection), Reply::Opened(_)));
}

#[test]
fn while_an_open_hangs_players_are_answered_come_and_go() {
    let bench = Bench::new();
    let first = bench.connect();
    bench.begin_to_open(&first);

    // Somebody else is turned away,
    let second = Link::connect(&bench.socket).expect("it listens");
    // The engine may have hung up already: it turns away whoever knocks.
    let _ = second.send(&Request::Hello { version: VERSION }.encode());
    let answer = second.receive().expect("a message").expect("the engine is there");
    let Ok(FromEngine::Reply(Reply::Refused { code, .. })) = FromEngine::decode(&answer.bytes) else {
        panic!("not turned away")
    };
    assert_eq!(code, Refused::Busy);

    // and let in when the first one has gone.
    drop(first);
    let next = bench.connect();
    next.link.send(&OPEN.encode()).expect("the engine listens");
    let early = bench.entered.recv_timeout(Duration::from_millis(50));
    assert_eq!(early, Err(RecvTimeoutError::Timeout), "one open at a time");

    // What was opened for the one that has gone is closed again; then it is the next one's turn.
    bench.end(Ok(()));
    bench.entered.recv_timeout(PATIENCE).expect("it is opened for the next one");
    assert_eq!(next.status.stream(), None);
    bench.end(Ok(()));
    assert!(matches!(reply(&next), Reply::Opened(_)));
}

#[test]
fn a_late_failure_is_not_told_to_the_next_player() {
    let bench = Bench::new();
    let first = bench.connect();
    bench.begin_to_open(&first);
    drop(first);
    let next = bench.connect();
    next.link.send(&OPEN.encode()).expect("the engine listens");
    bench.end(Err(late_failure()));
    bench.entered.recv_timeout(PATIENCE).expect("it is opened for the next one");
    bench.end(Ok(()));
    assert!(matches!(reply(&next), Reply::Opened(_)));
}
