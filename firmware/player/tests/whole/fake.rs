//! An engine made of `ring`'s own parts: what a real one says only to a player of another release.

use std::path::Path;

use ring::link::{Link, Listener};
use ring::message::{FromEngine, Refused, Reply};

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
