//! A card that acknowledges every rate, and has one.

use super::*;
use crate::output::device::Told;

/// What it runs at, whatever it is asked for.
const STAYS: u32 = 48_000;

struct Staying {
    caps: Caps,
    fault: String,
    /// It is asked for its clock.
    looks: Sender<()>,
}

impl Device for Staying {
    fn scan(&mut self) -> Option<Found> {
        let (name, fault) = ("stays".to_owned(), self.fault.clone());
        Some(Found { number: 0, name, card: Card::default(), caps: self.caps, lock_ms: 0, fault })
    }
    fn open(&mut self, wire: Wire) -> Result<Opened, Refusal> {
        let output = SimOutput::new(wire, [4800, 1920], Pacing::Clocked, None);
        Ok(Opened { output: Box::new(output), capture: None })
    }
    fn set_volume(&mut self, _volume: Volume) -> Result<(), Refusal> {
        Ok(())
    }
    fn clock(&mut self) -> Told {
        let _ = self.looks.send(());
        Told::Clock(STAYS)
    }
    fn disprove(&mut self, wire: Wire, fault: &str) {
        self.caps = self.caps.without_rate(wire);
        fault.clone_into(&mut self.fault);
    }
}

#[test]
fn a_card_that_stays_at_another_rate_is_found_out_and_not_asked_for_that_one_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let socket = dir.path().join("engine.sock");
    let rates = [44_100, STAYS, 96_000].into_iter().collect();
    let caps = Caps::uniform(FormatSet::ALL, rates, ChannelSet::STEREO);
    let (looks, looked) = channel();
    start_with(&socket, Box::new(Staying { caps, fault: String::new(), looks }));
    let connection = Connection::connect(&socket).expect("it listens");
    wait_while(&connection.status, |status| status.output().is_empty());
    for rate in [96_000, 44_100] {
        let wire = Wire { rate, ..WIRE };
        assert!(matches!(ask(&connection, &Request::Open { wire, unscaled: false }), Reply::Opened(_)));
        let text = until(&connection, |message| match message {
            FromEngine::Event(Event::OutputLost { text }) => Some(text),
            _ => None,
        });
        assert!(text.starts_with(&format!("stays was set to {rate} Hz and runs at 48000: ")), "{text}");
        until(&connection, |message| (message == FromEngine::Event(Event::OutputBack)).then_some(()));
        assert_eq!((connection.status.fault(), connection.status.output().as_str()), (text, "stays"));
        assert_eq!(connection.status.state(), Some(State::Closed));
        let caps = connection.status.caps().expect("the card is there");
        assert!(!caps.takes(&wire) && caps.takes(&Wire { rate: STAYS, ..WIRE }));
    }
    // At the rate that it runs at it is left alone, and after so many looks not looked at any more.
    while looked.try_recv().is_ok() {}
    let wire = Wire { rate: STAYS, ..WIRE };
    assert!(matches!(ask(&connection, &Request::Open { wire, unscaled: false }), Reply::Opened(_)));
    assert!(connection.status.fault().contains("44100"), "what is known of it stays");
    for _ in 0..8 {
        looked.recv().expect("the device thread is there");
    }
    assert_eq!(looked.recv_timeout(Duration::from_secs(1)), Err(std::sync::mpsc::RecvTimeoutError::Timeout));
    assert_eq!(ask(&connection, &Request::Close), Reply::Closed);
}
