use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use super::wire::{self, packet};
use super::*;
use crate::descriptors::{DATA, FEEDBACK, STREAMING};
use crate::record::{Sink, Stream};

/// A disk that wakes up at the first packet.
#[derive(Debug, Default)]
struct Slow {
    is_awake: bool,
    ended: Arc<Mutex<Vec<u64>>>,
}

impl Sink for Slow {
    fn begin(&mut self, _: &Stream) {}

    fn packet(&mut self, _: &[u8]) {
        if !self.is_awake {
            thread::sleep(Duration::from_millis(200));
        }
        self.is_awake = true;
    }

    fn end(&mut self, stream: &Stream) {
        self.ended.lock().unwrap().push(stream.microframes);
    }
}

/// Whoever ends the machine has all that it sent, though the DAC has yet to read it and can't answer any more.
#[test]
fn what_was_sent_before_the_end_arrives() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("dac");
    let dac = Dac::listen(Model::named("reference").unwrap(), &path, true).unwrap();
    let ended = Arc::default();
    dac.with(|device| device.listen(Box::new(Slow { ended: Arc::clone(&ended), ..Slow::default() })));
    assert!(dac.wait_for_end(Duration::ZERO), "there is no QEMU yet");
    let mut qemu = UnixStream::connect(&path).unwrap();
    qemu.write_all(&wire::hello()).unwrap();
    // Its hello, and the interfaces of what is plugged in.
    let hello = wire::read(&mut qemu, false).unwrap();
    let long_ids = wire::has_long_ids(&hello.body);
    assert_eq!(wire::read(&mut qemu, long_ids).unwrap().kind, wire::INTERFACES);
    assert!(!dac.wait_for_end(Duration::ZERO), "it is there");
    let music = packet(wire::ISOCHRONOUS, 0, &[&[DATA, 0, 48, 0], [1; 48].as_slice()].concat(), long_ids);
    let all = [
        packet(wire::SET_ALTERNATE, 1, &[STREAMING, 1], long_ids),
        packet(wire::START_ISOCHRONOUS, 2, &[FEEDBACK, 1, 1, 1], long_ids),
        music.repeat(1000),
    ];
    qemu.write_all(&all.concat()).unwrap();
    qemu.set_nonblocking(true).unwrap();
    // It ends with something unread, as it does when it is killed.
    let _ = qemu.read(&mut [0; 16]);
    drop(qemu);
    assert!(dac.wait_for_end(Duration::from_secs(60)));
    dac.with(Device::reset);
    assert_eq!(*ended.lock().unwrap(), [1000]);
}
