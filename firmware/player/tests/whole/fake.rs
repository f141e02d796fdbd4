//! An engine made of `ring`'s own parts: what a real one says only to a player of another release, or before its card is there.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use pcm::{Caps, ChannelSet, FormatSet, RateSet};
use ring::link::{Link, Listener};
use ring::message::{Event, FromEngine, Refused, Reply, Request};
use ring::{RingMemory, StatusWriter};

use crate::bench::until;

/// Connected, without a card.
pub(crate) struct FakeEngine {
    link: Link,
    status: StatusWriter,
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
        let fd = rustix::event::PollFd::new(listener, rustix::event::PollFlags::IN);
        rustix::event::poll(&mut [fd], None).expect("poll");
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
        let (_, ring) = RingMemory::create().expect("a ring");
        let (status, page) = StatusWriter::create().expect("a page");
        let mut engine = Self { link, status, _files: [ring, page] };
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
        self.link.send(&FromEngine::Event(Event::CapsChanged).encode()).expect("the news are taken");
    }

    /// Answers until the player wants a stream; that isn't answered.
    pub(crate) fn until_open(&mut self) {
        until("a request to open", || match self.request() {
            Request::Open { .. } => Some(()),
            Request::Volume(volume) => {
                self.link.send(&FromEngine::Reply(Reply::VolumeSet(volume)).encode()).expect("the answer is taken");
                None
            }
            other => panic!("{other:?}"),
        });
    }

    fn request(&mut self) -> Request {
        let received = self.link.receive().expect("a request").expect("the player is there");
        Request::decode(&received.bytes).expect("a request")
    }
}
