//! The rows of the catalogue that the state machine alone answers for. A test's name begins with its row.

mod actions;
mod next;
mod playing;
mod seeking;
mod values;

use std::time::Duration;

use super::media::Metadata;
use super::{Action, Effect, Event, Fault, Media, SeekTarget, State, TrackId, Transport};

fn media(uri: &str) -> Media {
    let didl = format!("<DIDL-Lite><item><dc:title>{uri}</dc:title></item></DIDL-Lite>");
    Media { uri: uri.to_owned(), didl, metadata: Metadata::default() }
}

/// A transport, and everything that it asked for.
struct Bench {
    transport: Transport,
    effects: Vec<Effect>,
    /// Every TransportState that a subscriber could have seen.
    states: Vec<State>,
}

impl Bench {
    fn new() -> Self {
        Self { transport: Transport::new(), effects: Vec::new(), states: vec![State::NoMediaPresent] }
    }

    fn act(&mut self, action: Action) -> &mut Self {
        self.try_act(action).expect("the action is allowed here");
        self
    }

    fn try_act(&mut self, action: Action) -> Result<(), Fault> {
        let effects = self.transport.act(action)?;
        self.note(effects);
        Ok(())
    }

    fn event(&mut self, event: Event) -> &mut Self {
        let effects = self.transport.event(event);
        self.note(effects);
        self
    }

    fn note(&mut self, effects: Vec<Effect>) {
        self.effects.extend(effects);
        if self.states.last() != Some(&self.transport.state()) {
            self.states.push(self.transport.state());
        }
    }

    fn set(&mut self, uri: &str) -> &mut Self {
        self.act(Action::SetCurrent(Some(media(uri))))
    }

    fn set_next(&mut self, uri: &str) -> &mut Self {
        self.act(Action::SetNext(Some(media(uri))))
    }

    /// Set, Play, and the decoder delivers.
    fn playing(uri: &str) -> Self {
        let mut bench = Self::new();
        bench.set(uri).act(Action::Play);
        let track = bench.loaded();
        bench.opened(track, 10).event(Event::Started { track }).event(Event::Heard { track });
        assert_eq!(bench.state(), State::Playing);
        bench.effects.clear();
        bench.states = vec![State::Playing];
        bench
    }

    fn opened(&mut self, track: TrackId, seconds: u64) -> &mut Self {
        self.event(Event::Opened {
            track,
            duration: Some(Duration::from_secs(seconds)),
            estimate: None,
            seekable: true,
        })
    }

    fn state(&self) -> State {
        self.transport.state()
    }

    fn value(&self, name: &str) -> String {
        self.transport.values().get(name).to_owned()
    }

    /// The id of the last load.
    fn loaded(&self) -> TrackId {
        let load = |effect: &Effect| if let Effect::Load { track, .. } = effect { Some(*track) } else { None };
        self.effects.iter().rev().find_map(load).expect("something was loaded")
    }

    /// The id of the last queued track.
    fn queued(&self) -> TrackId {
        let queue = |effect: &Effect| if let Effect::Queue { track, .. } = effect { Some(*track) } else { None };
        self.effects.iter().rev().find_map(queue).expect("something was queued")
    }

    fn loads(&self) -> usize {
        self.effects.iter().filter(|effect| matches!(effect, Effect::Load { .. })).count()
    }
}
