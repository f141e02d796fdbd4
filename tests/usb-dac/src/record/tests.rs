use std::sync::{Arc, Mutex};

use super::*;
use crate::model::Format;

const SETTING: Setting = Setting { format: Format::Pcm, bytes: 4, bits: 32 };

/// Notes what it is told.
#[derive(Debug, Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Sink for Notes {
    fn begin(&mut self, stream: &Stream) {
        self.note(format!("begins at {}", stream.rate));
    }

    fn packet(&mut self, payload: &[u8]) {
        self.note(format!("{} bytes", payload.len()));
    }

    fn end(&mut self, stream: &Stream) {
        self.note(format!("{} frames", stream.frames()));
    }
}

fn play(record: &mut Record, rate: u32, packets: u32) {
    record.begin(SETTING, 44_100);
    record.set_rate(rate);
    for _ in 0..packets {
        record.packet(&[1; 48], Duration::ZERO, true).unwrap();
    }
}

/// What a record takes: nothing of it is in a place that this doesn't see.
fn memory(record: &Record) -> usize {
    let of = |stream: &Stream| stream.bytes.capacity() + stream.packets.capacity() * size_of::<Packet>();
    record.streams.capacity() * size_of::<Stream>() + record.streams.iter().map(of).sum::<usize>()
}

#[test]
fn days_of_music_take_no_memory_where_nothing_is_kept() {
    let mut record = Record::default();
    play(&mut record, 44_100, 8000);
    assert!(memory(&record) > 8000 * 48);
    record.keep_nothing();
    assert_eq!((record.streams().len(), record.streams()[0].frames()), (1, 8000 * 6), "it isn't over");
    for _ in 0..1000 {
        record.end();
        play(&mut record, 96_000, 100);
    }
    record.end();
    play(&mut record, 48_000, 1_000_000);
    let stream = &record.streams()[0];
    assert_eq!((stream.bus_time().as_secs(), stream.received, record.streams().len()), (125, 48_000_000, 1));
    assert!(memory(&record) < 1000, "{} bytes", memory(&record));
}

#[test]
fn whoever_listens_hears_whole_streams() {
    let (mut record, notes) = (Record::default(), Notes::default());
    play(&mut record, 44_100, 1);
    record.tell(Box::new(notes.clone()));
    record.packet(&[0; 8], Duration::ZERO, true);
    record.set_rate(48_000);
    record.end();
    assert_eq!(notes.take(), ["begins at 44100", "8 bytes", "1 frames"], "the clock was set, and nothing came then");
    play(&mut record, 96_000, 1);
    record.forget();
    record.packet(&[0; 16], Duration::ZERO, true);
    record.end();
    record.end();
    let all = ["begins at 96000", "48 bytes", "6 frames", "begins at 96000", "16 bytes", "2 frames"];
    assert_eq!(notes.take(), all);
    assert_eq!(record.streams().len(), 1);
}

#[test]
fn silence_is_the_format_s() {
    let raw = Setting { format: Format::Raw, ..SETTING };
    for (setting, byte, silent) in
        [(SETTING, 0, true), (SETTING, 0x69, false), (raw, 0x69, true), (raw, 0, false), (raw, 0x55, false)]
    {
        let mut record = Record::default();
        record.begin(setting, 88_200);
        // A second of it.
        for _ in 0..8000 {
            record.packet(&[byte; 88], Duration::ZERO, true).unwrap();
        }
        let stream = &record.streams()[0];
        assert_eq!((stream.is_silent(), stream.has_fallen_silent()), (silent, silent), "{setting:?} {byte:#x}");
    }
}

#[test]
fn each_microframe_has_its_time() {
    let mut record = Record::default();
    record.begin(SETTING, 48_000);
    for (ms, byte) in [(10, 0), (11, 0), (52, 0), (53, 7), (54, 0)] {
        record.packet(&[byte; 48], Duration::from_millis(ms), true).unwrap();
    }
    let stream = &record.streams()[0];
    assert_eq!(
        [0, 3 * 48, 5 * 48].map(|place| stream.came_at(place)),
        [Some(10), Some(53), None].map(|ms| ms.map(Duration::from_millis))
    );
    assert_eq!([0, 47, 48, 3 * 48, 5 * 48].map(|place| stream.microframe_of(place)), [0, 0, 1, 3, 5]);
    assert_eq!(stream.longest_wait().0, Duration::from_millis(41));
}
