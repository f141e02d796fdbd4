//! The rings, each as a function that takes a chunk in and one that gives one out.
use std::os::fd::AsFd as _;

use crossbeam_queue::ArrayQueue;
use pcm::{Wire, WireFormat};
use ring::{Consumer, Producer, RingMemory, Stream};
use ringbuf::HeapRb;
use ringbuf::traits::{Consumer as _, Observer as _, Producer as _, Split as _};
use std::sync::Arc;

use super::RING;

/// Takes a chunk if there is room for all of it.
pub(super) type Push = Box<dyn FnMut(&[u8]) -> bool + Send>;
/// Gives a chunk if there is a whole one.
pub(super) type Pop = Box<dyn FnMut(&mut [u8]) -> bool + Send>;
/// Both ends of a ring.
pub(super) type Ends = (Push, Pop);

/// Makes a ring for chunks of so many bytes.
pub(super) type Make = fn(usize) -> Option<Ends>;

/// Everybody, for chunks of so many bytes; ours come first.
pub(super) const ALL: [(&str, Make); 5] = [
    ("one mapping", |_| ours(RingMemory::pair(RING).ok()?)),
    ("two mappings", |_| {
        let (memory, file) = RingMemory::create_sized(RING).ok()?;
        ours((memory, RingMemory::from_fd(file.as_fd()).ok()?))
    }),
    ("rtrb", |_| Some(rtrb())),
    ("ringbuf", |_| Some(ringbuf())),
    ("crossbeam ArrayQueue of buffers", |chunk| Some(crossbeam(chunk))),
];

/// As player and engine use it: the engine looks at what is there once, then takes it.
fn ours((memory, other): (RingMemory, RingMemory)) -> Option<Ends> {
    const FRAME: usize = 8;
    let wire = Wire { format: WireFormat::S32Le, rate: 192_000, channels: 2 };
    debug_assert_eq!(wire.frame_bytes(), FRAME);
    let stream = Stream { epoch: 1, wire, ring_frames: u32::MAX };
    let (mut consumer, mut producer) = (Consumer::new(memory), Producer::new(other));
    consumer.begin(&stream);
    producer.begin(&stream);
    let push = move |from: &[u8]| {
        let frames = (from.len() / FRAME) as u64;
        match producer.write_area(frames) {
            Ok(area) if area.len() == from.len() => area.copy_from_slice(from),
            _ => return false,
        }
        producer.commit(frames).is_ok()
    };
    let pop = move |to: &mut [u8]| {
        let frames = (to.len() / FRAME) as u64;
        if consumer.readable() < frames && consumer.refresh().is_ok_and(|readable| readable < frames) {
            return false;
        }
        to.copy_from_slice(consumer.read_area(frames));
        consumer.advance(frames).is_ok()
    };
    Some((Box::new(push), Box::new(pop)))
}

fn rtrb() -> Ends {
    let (mut producer, mut consumer) = rtrb::RingBuffer::<u8>::new(RING);
    let push = move |from: &[u8]| producer.push_entire_slice(from).is_ok();
    let pop = move |to: &mut [u8]| consumer.pop_entire_slice(to).is_ok();
    (Box::new(push), Box::new(pop))
}

fn ringbuf() -> Ends {
    let (mut producer, mut consumer) = HeapRb::<u8>::new(RING).split();
    let push = move |from: &[u8]| producer.vacant_len() >= from.len() && producer.push_slice(from) == from.len();
    let pop = move |to: &mut [u8]| consumer.occupied_len() >= to.len() && consumer.pop_slice(to) == to.len();
    (Box::new(push), Box::new(pop))
}

/// Crossbeam has no ring of bytes; the nearest without an allocation for each chunk are two queues, one of full buffers
/// and one that brings the empty ones back. (Its channels are the same queue with waiting around it.)
fn crossbeam(chunk: usize) -> Ends {
    let count = RING / chunk;
    let full = Arc::new(ArrayQueue::<Box<[u8]>>::new(count));
    let empty = Arc::new(ArrayQueue::new(count));
    for _ in 0..count {
        let _ = empty.push(vec![0; chunk].into_boxed_slice());
    }
    let (outgoing, returned) = (Arc::clone(&full), Arc::clone(&empty));
    let push = move |from: &[u8]| {
        let Some(mut buffer) = returned.pop() else { return false };
        buffer.copy_from_slice(from);
        outgoing.push(buffer).is_ok()
    };
    let pop = move |to: &mut [u8]| {
        let Some(buffer) = full.pop() else { return false };
        to.copy_from_slice(&buffer);
        empty.push(buffer).is_ok()
    };
    (Box::new(push), Box::new(pop))
}
