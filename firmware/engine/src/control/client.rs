//! A connected player: its requests in order, and what it is told.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use ring::Consumer;
use ring::link::Link;
use ring::message::{FromEngine, Refused, Reply, Request};

/// Requests that may wait for their answers. A player has one or two.
const WAITING: usize = 8;

/// The player.
pub(super) struct Client {
    /// Counts the players.
    pub(super) number: u64,
    link: Link,
    requests: VecDeque<Request>,
    /// The engine's side of the player's ring, while no stream has it; made by the greeting.
    pub(super) consumer: Option<Consumer>,
    pub(super) greeted: bool,
    /// The front request is being carried out.
    pub(super) busy: bool,
}

/// Why a player has to go.
#[derive(Debug)]
pub(super) enum Gone {
    /// It has closed its end, or died.
    Closed,
    /// It doesn't keep to the protocol.
    Broken(String),
}

impl Client {
    pub(super) fn new(number: u64, link: Link) -> Self {
        Self { number, link, requests: VecDeque::new(), consumer: None, greeted: false, busy: false }
    }

    /// Whether there is room for more requests. With none the link isn't polled, and the player waits in its `send`.
    pub(super) fn wants_requests(&self) -> bool {
        self.requests.len() < WAITING
    }

    /// Whether this is a player as far as can be told. A connection that has said nothing keeps nobody else out.
    pub(super) fn has_spoken(&self) -> bool {
        self.greeted || !self.requests.is_empty()
    }

    /// Takes what the player has sent; returns the new requests.
    pub(super) fn read(&mut self) -> Result<Vec<Request>, Gone> {
        let mut new = Vec::new();
        while self.wants_requests() {
            match self.link.receive() {
                Ok(Some(received)) => {
                    let request = Request::decode(&received.bytes).map_err(|error| Gone::Broken(error.to_string()))?;
                    self.requests.push_back(request.clone());
                    new.push(request);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Ok(None) | Err(_) => return Err(Gone::Closed),
            }
        }
        Ok(new)
    }

    /// The oldest request that isn't answered.
    pub(super) fn front(&self) -> Option<&Request> {
        self.requests.front()
    }

    /// Answers the oldest request.
    pub(super) fn answer(&mut self, reply: Reply) -> Result<(), Gone> {
        self.requests.pop_front();
        self.busy = false;
        self.send(&FromEngine::Reply(reply))
    }

    /// Answers the oldest request, with files.
    pub(super) fn answer_with(&mut self, reply: Reply, files: &[BorrowedFd<'_>]) -> Result<(), Gone> {
        self.requests.pop_front();
        self.link.send_with(&FromEngine::Reply(reply).encode(), files).map_err(|error| gone(&error))
    }

    /// Tells the player something.
    pub(super) fn send(&self, message: &FromEngine) -> Result<(), Gone> {
        self.link.send(&message.encode()).map_err(|error| gone(&error))
    }
}

/// Tells a connection that it isn't served.
pub(super) fn turn_away(link: &Link, code: Refused, text: &str) {
    let reply = FromEngine::Reply(Reply::Refused { code, text: text.to_owned() });
    // It is about to be closed either way.
    let _ = link.send(&reply.encode());
}

/// A player that doesn't read its answers is as good as gone.
fn gone(error: &io::Error) -> Gone {
    match error.kind() {
        io::ErrorKind::WouldBlock => Gone::Broken("it doesn't read its answers".to_owned()),
        _ => Gone::Closed,
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.link.as_fd()
    }
}
