//! The shared ring against rtrb (which lives in one process only) and against two copies, on one thread.
use std::hint::black_box;
use std::os::fd::AsFd as _;

use pcm::{Wire, WireFormat};
use ring::{Consumer, Producer, RingMemory, Stream};

use super::{Line, compare};

/// Bytes of both rings.
const RING: usize = 1 << 20;

/// A ring, both its ends in this process.
struct Shared {
    producer: Producer,
    consumer: Consumer,
}

impl Shared {
    fn new() -> Option<Self> {
        let (memory, file) = RingMemory::create_sized(RING).ok()?;
        let mut consumer = Consumer::new(memory);
        let mut producer = Producer::new(RingMemory::from_fd(file.as_fd()).ok()?);
        let wire = Wire { format: WireFormat::S32Le, rate: 192_000, channels: 2 };
        let stream = Stream { epoch: 1, wire, ring_frames: u32::MAX };
        consumer.begin(&stream);
        producer.begin(&stream);
        Some(Self { producer, consumer })
    }

    /// Writes and reads a chunk; `None` would be a bug of the ring's.
    fn pass(&mut self, from: &[u8], to: &mut [u8]) -> Option<()> {
        let frames = (from.len() / 8) as u64;
        self.producer.write_area(frames).ok()?.copy_from_slice(from);
        self.producer.commit(frames).ok()?;
        self.consumer.refresh().ok()?;
        to.copy_from_slice(self.consumer.read_area(frames));
        self.consumer.advance(frames).ok()
    }
}

/// The same through rtrb.
fn pass_rtrb(
    producer: &mut rtrb::Producer<u8>,
    consumer: &mut rtrb::Consumer<u8>,
    from: &[u8],
    to: &mut [u8],
) -> Option<()> {
    let mut chunk = producer.write_chunk(from.len()).ok()?;
    let (first, second) = chunk.as_mut_slices();
    let (begin, rest) = from.split_at(first.len());
    first.copy_from_slice(begin);
    second.copy_from_slice(rest);
    chunk.commit_all();
    let chunk = consumer.read_chunk(to.len()).ok()?;
    let (first, second) = chunk.as_slices();
    let (begin, rest) = to.split_at_mut(first.len());
    begin.copy_from_slice(first);
    rest.copy_from_slice(second);
    chunk.commit_all();
    Some(())
}

/// Two lines for each chunk size.
#[must_use]
pub fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    for kibibytes in [1, 4, 16, 64] {
        let Some(mut shared) = Shared::new() else {
            continue;
        };
        let size = kibibytes * 1024;
        let from = vec![7_u8; size];
        let mut to = vec![0_u8; size];
        let what = format!("push and pop of {kibibytes} KiB on one thread");
        let name = format!("ring_{kibibytes}k");
        let (mut producer, mut consumer) = rtrb::RingBuffer::new(RING);
        let mut other = vec![0_u8; size];
        lines.push(compare(
            &name,
            &what,
            "ns",
            1.0,
            &mut || assert!(shared.pass(black_box(&from), black_box(&mut to)).is_some()),
            ("rtrb", &mut || {
                let passed = pass_rtrb(&mut producer, &mut consumer, black_box(&from), black_box(&mut other));
                assert!(passed.is_some());
            }),
        ));
        let mut between = vec![0_u8; RING];
        let mut at = 0;
        lines.push(compare(
            &name,
            &what,
            "ns",
            1.0,
            &mut || assert!(shared.pass(black_box(&from), black_box(&mut to)).is_some()),
            ("two memcpys", &mut || {
                // Through a megabyte, as the rings go.
                black_box(&mut between)[at..at + size].copy_from_slice(black_box(&from));
                black_box(&mut other).copy_from_slice(&black_box(&between)[at..at + size]);
                at = (at + size) % RING;
            }),
        ));
    }
    lines
}
