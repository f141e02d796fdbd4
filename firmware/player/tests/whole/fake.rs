//! An engine made of `ring`'s own parts: what a real one says only to a player of another release, or before its card is there.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use pcm::{Caps, ChannelSet, FormatSet, RateSet, Wire};
use ring::link::{Link, Listener};
use ring::message::{Event, FromEngine, Refused, Reply, Request};
use ring::{Consumer, Position, RingMemory, StatusWriter, Stream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::bench::{PATIENCE, until};

/// Connected, without a card.
pub(crate) struct FakeEngine {
    link: Link,
    status: StatusWriter,
    consumer: Consumer,
    /// Streams opened so far.
    epoch: u32,
    _files: [OwnedFd; 2],
}

/// Turns away whoever knocks, as often as that happens, until the test ends.
pub(crate) fn refuse(socket: &Path, code: Refused, text: &str) {
    let listener = Listener::bind(socket).expect("the socket");
    let text = text.to_owned();
    std::thread::spawn(move || {
        loop {
            let link = knock(&listener);
            let _ = link.send(&FromEngine::Reply(Reply::Refused { code, text: text.clone() }).encode());
        }
    });
}

fn knock(listener: &Listener) -> Link {
    loop {
        poll(&mut [PollFd::new(listener, PollFlags::IN)], None).expect("poll");
        if let Some(link) = listener.accept().expect("a connection") {
            link.set_nonblocking(false).expect("a blocking link");
            return link;
        }
    }
}

impl FakeEngine {
    /// Listens, and lets the player in.
    pub(crate) fn start(socket: &Path) -> Self {
        let link = knock(&Listener::bind(socket).expect("the socket"));
        let (memory, ring) = RingMemory::create().expect("a ring");
        let (status, page) = StatusWriter::create().expect("a page");
        let mut engine = Self { link, status, consumer: Consumer::new(memory), epoch: 0, _files: [ring, page] };
        assert!(matches!(engine.request(), Request::Hello { .. }));
        let [ring, page] = &engine._files;
        let welcome = FromEngine::Reply(Reply::Welcome).encode();
        engine.link.send_with(&welcome, &[ring.as_fd(), page.as_fd()]).expect("the greeting is taken");
        engine
    }

    /// A card appears.
    pub(crate) fn plug(&self) {
        let caps = Caps::uniform(FormatSet::ALL, RateSet::any(8_000, 192_000), ChannelSet::STEREO);
        self.status.set_output("late");
        self.status.set_caps(&caps);
        self.tell(Event::CapsChanged);
    }

    /// The card goes, and the stream with it.
    pub(crate) fn lose(&self) {
        self.status.set_output("");
        self.status.set_caps(&Caps::default());
        self.tell(Event::OutputLost { text: "the output was unplugged".to_owned() });
    }

    fn tell(&self, event: Event) {
        self.link.send(&FromEngine::Event(event).encode()).expect("the news are taken");
    }

    /// Answers until the player wants a stream; that isn't answered.
    pub(crate) fn until_open(&mut self) -> Wire {
        until("a request to open", || match self.request() {
            Request::Open { wire, .. } => Some(wire),
            Request::Volume(volume) => {
                self.answer(Reply::VolumeSet(volume));
                None
            }
            other => panic!("{other:?}"),
        })
    }

    /// Answers the first request for a volume, which comes when the player has seen the card.
    pub(crate) fn until_volume(&mut self) {
        let Request::Volume(volume) = self.request() else { panic!("something else") };
        self.answer(Reply::VolumeSet(volume));
    }

    /// Answers the request for a stream.
    pub(crate) fn refuse_open(&mut self, code: Refused, text: &str) {
        self.answer(Reply::Refused { code, text: text.to_owned() });
    }

    /// Opens a stream when the player wants one, with a ring of a second.
    pub(crate) fn open(&mut self) -> Wire {
        let wire = self.until_open();
        self.epoch += 1;
        let stream = Stream { epoch: self.epoch, wire, ring_frames: wire.rate };
        self.consumer.begin(&stream);
        self.answer(Reply::Opened(stream));
        wire
    }

    /// The next frames of the stream, as soon as there are so many.
    pub(crate) fn take(&mut self, frames: usize) -> Vec<u8> {
        let frames = frames as u64;
        until("frames", || (self.consumer.refresh().expect("an honest player") >= frames).then_some(()));
        let bytes = self.consumer.read_area(frames).to_vec();
        self.consumer.advance(frames).expect("an honest player");
        bytes
    }

    /// The DAC plays this frame of the stream.
    pub(crate) fn hear(&self, frame: usize) {
        let (taken, heard) = (self.consumer.read(), frame as u64);
        self.status.set_position(Position { epoch: self.epoch, taken, heard, at_ns: 0 });
    }

    fn answer(&self, reply: Reply) {
        self.link.send(&FromEngine::Reply(reply).encode()).expect("the answer is taken");
    }

    fn request(&mut self) -> Request {
        let mut fds = [PollFd::new(&self.link, PollFlags::IN)];
        let patience = Timespec::try_from(PATIENCE).expect("a time");
        assert_eq!(poll(&mut fds, Some(&patience)), Ok(1), "a request didn't come");
        let received = self.link.receive().expect("a request").expect("the player is there");
        Request::decode(&received.bytes).expect("a request")
    }
}
