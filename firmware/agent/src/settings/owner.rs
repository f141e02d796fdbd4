//! When the settings are read: as soon as the medium shows up, in a thread, as a medium may be slow, late, or never answer.
//! What needs the settings waits for them a little, then it begins with the defaults.

use std::{
    sync::mpsc::{Receiver, Sender, TryRecvError, channel},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    data::Data,
    held::{Account, Held},
    schema::Settings,
};
use crate::{root::Root, time};

/// How long after the agent's start a medium may show up: a USB stick needs one second.
const APPEARS: Duration = Duration::from_secs(2);
/// How long after that it may take to be read, or to be made.
const ANSWERS: Duration = Duration::from_secs(6);

/// How long what has to be written waits for the network at most, which goes first.
const WRITES: Duration = Duration::from_secs(2);

/// Settings, and how they are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) settings: Settings,
    /// None: that is still being seen to, and will be news, too.
    pub(crate) account: Option<Account>,
}

impl From<Held> for News {
    fn from(held: Held) -> Self {
        Self { settings: held.settings, account: Some(held.account) }
    }
}

/// Who looks after the settings.
pub(crate) struct Owner {
    reading: Reading,
    started: Instant,
    /// Somebody has been told some settings.
    told: bool,
    /// Dropped when the medium may be written. Until then a first boot's file system would take its time from the network.
    held_back: Option<Sender<()>>,
}

enum Reading {
    /// Not begun.
    Waiting,
    /// A thread is at it.
    Running(Receiver<News>),
    /// Done without a data partition: it may still come.
    WithoutData,
    /// Done.
    Done,
}

impl Owner {
    pub(crate) fn new(now: Instant) -> Self {
        Self { reading: Reading::Waiting, started: now, told: false, held_back: None }
    }

    /// Looks whether there is something to do. Returns what is news: the settings soon after the start, how they are kept
    /// when that is so, and both once more if the medium was late.
    pub(crate) fn look(&mut self, root: &Root, now: Instant) -> Option<News> {
        let news = self.proceed(root, now).or_else(|| {
            let late = !self.told && now >= self.started + APPEARS + ANSWERS;
            late.then(|| {
                tracing::warn!("settings: the medium does not answer; the defaults are used until it does");
                Held::defaults().into()
            })
        });
        self.told |= news.is_some();
        news
    }

    fn proceed(&mut self, root: &Root, now: Instant) -> Option<News> {
        match &self.reading {
            Reading::Waiting if !root.is_machine() => {
                self.reading = Reading::Done;
                Some(Held::read(root, |_| ()).into())
            }
            Reading::Waiting if Data::find(root).is_some() || now >= self.started + APPEARS => self.begin(root),
            Reading::WithoutData if Data::find(root).is_some() => self.begin(root),
            Reading::Waiting | Reading::WithoutData | Reading::Done => None,
            Reading::Running(result) => match result.try_recv() {
                Ok(news) => {
                    if news.account.is_some() {
                        let without = Data::find(root).is_none();
                        self.reading = if without { Reading::WithoutData } else { Reading::Done };
                    }
                    Some(news)
                }
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => {
                    self.reading = Reading::Done;
                    (!self.told).then(|| Held::defaults().into())
                }
            },
        }
    }

    fn begin(&mut self, root: &Root) -> Option<News> {
        let (sender, receiver) = channel();
        let (held_back, go) = channel();
        self.held_back = Some(held_back);
        let root = root.clone();
        let read = move || {
            // If nobody waits any more, the agent is ending.
            let tell = |news| {
                let _ = sender.send(news);
                wake_agent();
            };
            let held = Held::read(&root, |settings| {
                tell(News { settings: settings.clone(), account: None });
                let _ = go.recv_timeout(WRITES);
            });
            tell(held.into());
            time::restore(&root);
        };
        match std::thread::Builder::new().name("settings".to_owned()).spawn(read) {
            Ok(_) => {
                self.reading = Reading::Running(receiver);
                None
            }
            Err(error) => {
                tracing::warn!("settings: no thread to read them: {error}");
                self.reading = Reading::Done;
                Some(Held::defaults().into())
            }
        }
    }

    /// The medium may be written from now on.
    pub(crate) fn let_write(&mut self) {
        self.held_back = None;
    }

    /// When to call [`Owner::look`] at the latest.
    pub(crate) fn next(&self) -> Option<Instant> {
        match self.reading {
            Reading::Waiting => Some(self.started + APPEARS),
            _ if !self.told => Some(self.started + APPEARS + ANSWERS),
            _ => None,
        }
    }
}

/// Has the agent look again, by the signal that it gets when a child ends.
pub(crate) fn wake_agent() {
    if let Err(error) = kill(Pid::this(), Signal::SIGCHLD) {
        tracing::warn!("the agent could not be woken: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_copy_of_a_machine_settings_are_read_at_once_and_once() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        std::fs::create_dir_all(root.path("run/tenuto")).unwrap();
        std::fs::create_dir_all(root.path("data")).unwrap();
        let now = Instant::now();
        let mut owner = Owner::new(now);
        assert!(owner.look(&root, now).is_some());
        assert_eq!((owner.look(&root, now + Duration::from_secs(60)), owner.next()), (None, None));
    }

    #[test]
    fn a_medium_that_never_answers_leaves_the_defaults_and_is_still_heard_later() {
        let root = Root::new("/nonexistent");
        let now = Instant::now();
        let (sender, receiver) = channel();
        let mut owner = Owner { reading: Reading::Running(receiver), started: now, told: false, held_back: None };
        assert_eq!((owner.look(&root, now), owner.next()), (None, Some(now + APPEARS + ANSWERS)));
        assert_eq!(owner.look(&root, now + APPEARS + ANSWERS), Some(Held::defaults().into()));
        assert_eq!((owner.look(&root, now + APPEARS + ANSWERS), owner.next()), (None, None));
        let mut held = Held::defaults();
        held.settings.set("name", "Kitchen".into()).unwrap();
        let later = now + Duration::from_secs(60);
        for news in [News { settings: held.settings.clone(), account: None }, held.into()] {
            sender.send(news.clone()).unwrap();
            assert_eq!(owner.look(&root, later), Some(news));
        }
        assert!(matches!(owner.reading, Reading::WithoutData), "how they are kept is the last that is said");
    }
}
