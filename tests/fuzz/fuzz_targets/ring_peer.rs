//! A peer that writes anything anywhere into the ring's file, between any two looks at it: neither side leaves the ring.
#![no_main]

use std::os::fd::AsFd;

use libfuzzer_sys::fuzz_target;
use pcm::{Wire, WireFormat};
use ring::{Consumer, MARKS, Mark, MarkKind, Producer, RingMemory, Stream};

/// Words of both sides, and of the marks behind them.
const WORDS: u64 = 48 + 3 * MARKS as u64;
const WIRE: Wire = Wire { format: WireFormat::S24_3Le, rate: 48_000, channels: 1 };

/// As the engine uses it.
fn consume(consumer: &mut Consumer) {
    let (before, capacity) = (consumer.read(), consumer.capacity_frames());
    let _ = consumer.refresh();
    assert!(consumer.readable() <= capacity && consumer.readable_to_end() <= consumer.readable());
    let area = consumer.read_area(u64::MAX);
    assert!(area.len() as u64 <= capacity * 3);
    std::hint::black_box(area.iter().map(|&byte| u64::from(byte)).sum::<u64>());
    for _ in 0..MARKS {
        let Ok(Some(_)) = consumer.next_mark() else { break };
        consumer.take_mark();
    }
    if let Ok(Some(flush)) = consumer.pending_flush() {
        consumer.finish_flush(flush);
    }
    let _ = consumer.paused();
    let half = consumer.readable().div_ceil(2);
    assert_eq!(consumer.advance(half), Ok(()));
    assert!(consumer.read() >= before && consumer.read() - before <= 2 * capacity);
}

/// As the player uses it.
fn produce(producer: &mut Producer) {
    let (before, capacity) = (producer.written(), producer.capacity_frames());
    if let Ok(area) = producer.write_area(u64::MAX) {
        assert!(area.len() as u64 <= capacity * 3);
        area.fill(0x55);
        let frames = (area.len() / 3) as u64;
        assert_eq!(producer.commit(frames), Ok(()));
    }
    let _ = producer.mark(Mark { frame: 1, track: 2, kind: MarkKind::End });
    producer.flush();
    let _ = (producer.flush_done(), producer.read_frames());
    assert!(producer.written() - before <= capacity);
}

fuzz_target!(|data: &[u8]| {
    let Some((&[frames, use_player], steps)) = data.split_first_chunk::<2>() else { return };
    let (memory, file) = RingMemory::create_sized(rustix::param::page_size()).expect("a ring");
    let mut consumer = Consumer::new(memory);
    let mut producer = Producer::new(RingMemory::from_fd(file.as_fd()).expect("the same ring"));
    let stream = Stream { epoch: 1, wire: WIRE, ring_frames: u32::from(frames) * 8 };
    consumer.begin(&stream);
    producer.begin(&stream);
    // A word's place, its lowest byte, and what the other seven are.
    for &[place, low, high] in steps.as_chunks::<3>().0 {
        // The places of the marks share what the words in front of them leave.
        let word = if place < 64 { u64::from(place) } else { 48 + u64::from(place) * 4 % (WORDS - 48) };
        let value = u64::from_ne_bytes([high; 8]) & !0xff | u64::from(low);
        rustix::io::pwrite(&file, &value.to_ne_bytes(), 8 * word).expect("it can be written");
        consume(&mut consumer);
        if use_player & 1 == 1 {
            produce(&mut producer);
        }
    }
});
