//! Requests and their answers.

use std::os::fd::AsFd;

use ring::message::{Event, FromEngine, Refused, Reply, Request, Volume, VolumeMode};
use ring::{Consumer, VERSION};

use super::client::{Client, Gone, turn_away};
use super::{Ask, Control};
use crate::output::device::Refusal;
use crate::rt::Command;

impl Control {
    /// Lets players in. One at a time; one that has just died makes room at once.
    pub(super) fn take_connections(&mut self) {
        loop {
            let link = match self.parts.door.accept() {
                Ok(Some(link)) => link,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!("can't take a connection: {error}");
                    return;
                }
            };
            // The old player may have died a moment ago without this thread having seen it yet.
            self.take_requests();
            if !self.parts.door.admits(&link) {
                self.complain("turned away a connection of a user who may not play".to_owned());
                turn_away(&link, Refused::Forbidden, "this user may not play: see --group in engine --help");
            } else if self.client.as_ref().is_some_and(Client::has_spoken) {
                turn_away(&link, Refused::Busy, "another player is connected");
            } else if self.ending.is_none() {
                self.players += 1;
                self.client = Some(Client::new(self.players, link));
            }
        }
    }

    /// Takes what the player has sent.
    pub(super) fn take_requests(&mut self) {
        let Some(client) = &mut self.client else { return };
        match client.read() {
            Ok(requests) => {
                for request in requests {
                    // What has to be heard soon isn't kept waiting behind a drain; its answer is.
                    if let Request::Volume(volume) = request {
                        self.set_gain(volume);
                    }
                }
            }
            Err(gone) => self.part(gone),
        }
    }

    /// Carries out what can be carried out now.
    pub(super) fn serve(&mut self) {
        while let Some(client) = self.client.as_mut().filter(|client| !client.busy) {
            let Some(request) = client.front().cloned() else { return };
            let greeted = client.greeted;
            let done = match request {
                Request::Hello { version } if !greeted => self.greet(version),
                Request::Hello { .. } => Err(Gone::Broken("a second greeting".to_owned())),
                _ if !greeted => Err(Gone::Broken("a request before the greeting".to_owned())),
                Request::Open { wire, unscaled } => self.serve_open(wire, unscaled),
                Request::Close => self.serve_close(),
                Request::Volume(volume) => {
                    client.busy = true;
                    self.ask(Ask::Volume(volume));
                    Ok(())
                }
            };
            if let Err(gone) = done {
                self.part(gone);
            }
        }
    }

    fn greet(&mut self, version: u32) -> Result<(), Gone> {
        let Some(client) = &mut self.client else { return Ok(()) };
        if version != VERSION {
            let text =
                format!("the engine speaks version {VERSION}, the player {version}: install both from one release");
            client.answer(Reply::Refused { code: Refused::Version, text: text.clone() })?;
            return Err(Gone::Broken(text));
        }
        let (memory, file) = match self.parts.memory.make() {
            Ok(made) => made,
            Err(error) => {
                tracing::error!("can't make a ring: {error}");
                return Err(Gone::Broken("no memory for a ring".to_owned()));
            }
        };
        client.consumer = Some(Consumer::new(memory));
        client.greeted = true;
        self.complaint.clear();
        tracing::info!("a player is connected");
        client.answer_with(Reply::Welcome, &[file.as_fd(), self.parts.status_file.as_fd()])
    }

    /// Answers the request under way.
    pub(super) fn answer(&mut self, reply: Reply) {
        if let Some(client) = &mut self.client
            && let Err(gone) = client.answer(reply)
        {
            self.part(gone);
        }
    }

    /// Tells the player, if one is there.
    pub(super) fn tell(&mut self, event: Event) {
        if let Some(client) = self.client.as_ref().filter(|client| client.greeted)
            && let Err(gone) = client.send(&FromEngine::Event(event))
        {
            self.part(gone);
        }
    }

    /// The player is gone or has to go: its stream fades out.
    pub(super) fn part(&mut self, gone: Gone) {
        match gone {
            Gone::Closed => tracing::info!("the player has gone"),
            Gone::Broken(why) => {
                self.complain(format!("closed the player's connection: {why}"));
                if let Some(client) = &self.client {
                    let reply = Reply::Refused { code: Refused::BadMessage, text: why };
                    // It is closed either way.
                    let _ = client.send(&FromEngine::Reply(reply));
                }
            }
        }
        self.forget_client();
    }

    /// Says it once: a player that may not come in knocks again every second.
    fn complain(&mut self, text: String) {
        if self.complaint != text {
            tracing::warn!("{text}");
            self.complaint = text;
        }
    }

    /// Drops the player and fades its stream out.
    pub(super) fn forget_client(&mut self) {
        self.client = None;
        if self.stage.is_attached() {
            self.command(Command::Abort);
        }
    }

    pub(super) fn command(&mut self, command: Command) {
        if self.parts.rt.send(command).is_err() {
            tracing::error!("the real-time thread doesn't take commands");
        }
    }

    /// The volume that the real-time thread makes, %.
    pub(super) fn percent(&self) -> u8 {
        match self.volume {
            Volume { mute: true, .. } => 0,
            Volume { mode: VolumeMode::Software, percent, .. } => percent,
            Volume { mode: VolumeMode::Fixed | VolumeMode::Hardware, .. } => 100,
        }
    }

    fn set_gain(&mut self, volume: Volume) {
        if volume.mode == VolumeMode::Hardware && self.found.as_ref().is_some_and(|found| !found.caps.mixer) {
            return;
        }
        self.volume = volume;
        self.parts.rt.set_volume(self.percent());
    }

    /// Gives a new output the volume in force.
    pub(super) fn apply_volume(&mut self) {
        if self.found.is_some() {
            self.ask(Ask::Volume(self.volume));
        }
    }

    /// The device thread has set the volume, for a request or for a new output.
    pub(super) fn volume_set(&mut self, volume: Volume, result: Result<(), Refusal>) {
        let asked = Request::Volume(volume);
        let requested = self.client.as_ref().is_some_and(|client| client.busy && client.front() == Some(&asked));
        match (result, requested) {
            (Ok(()), true) => self.answer(Reply::VolumeSet(volume)),
            (Err(Refusal { code, text }), true) => self.answer(Reply::Refused { code, text }),
            (Ok(()), false) => {}
            (Err(refusal), false) => tracing::warn!("the volume was not set: {}", refusal.text),
        }
    }
}
