//! The thread that keeps the machine from staying in a state that its owner would have to end by hand: it feeds the hardware
//! watchdog while engine and player answer, commits a trial that has come up well, and ends one that has not.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::{
        reboot::{RebootMode, reboot},
        signal::{Signal, kill},
    },
    unistd::{Pid, sync},
};

use super::{Restart, control, health, watchdog::Watchdog};
use crate::{plan::Plan, root::Root, sound, sys};

/// Between two looks. The Raspberry Pi's watchdog waits 15 s at most; two questions may take six.
const TICK: Duration = Duration::from_secs(4);
/// How long engine or player may not answer, counted from the agent's start too. Whoever keeps dying is started again after
/// eight seconds at the latest, and a DAC that hangs takes twenty.
const SILENCE: Duration = Duration::from_secs(90);
/// Until then nothing is said of what isn't well yet.
const COMING_UP: Duration = Duration::from_secs(20);
/// So many looks in a row a trial has to be well before it is committed.
const WELL: u32 = 3;
/// When a trial that isn't committed is given up.
const TRIAL: Duration = Duration::from_secs(180);
/// For programs to end in order: the engine fades.
const ENDING: Duration = Duration::from_millis(800);

/// What is to be done after a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    /// Feed the watchdog.
    feed: bool,
    /// Commit, or mend.
    commit: bool,
    /// Leave the trial.
    give_up: bool,
}

/// What the decisions are made from.
#[derive(Clone, Copy, Debug)]
struct Keeper {
    started: Instant,
    /// When engine and player answered last.
    answered: Instant,
    well: u32,
    is_trial: bool,
    /// Committed, or found to be as it should.
    settled: bool,
}

impl Keeper {
    fn new(now: Instant, is_trial: bool) -> Self {
        Self { started: now, answered: now, well: 0, is_trial, settled: false }
    }

    /// `answers`: engine and player do; `well`: and all else is as it has to be.
    fn step(&mut self, now: Instant, answers: bool, well: bool) -> Step {
        if answers {
            self.answered = now;
        }
        self.well = if well { self.well.saturating_add(1) } else { 0 };
        Step {
            feed: now.saturating_duration_since(self.answered) < SILENCE,
            commit: !self.settled && self.well >= WELL,
            give_up: self.is_trial && !self.settled && now.saturating_duration_since(self.started) >= TRIAL,
        }
    }
}

/// Starts the thread.
///
/// # Errors
/// The kernel gives none.
pub(crate) fn start(root: Root) -> Result<()> {
    thread::Builder::new().name("keeper".to_owned()).spawn(move || keep(&root)).context("the keeper's thread")?;
    Ok(())
}

fn keep(root: &Root) {
    let mut watchdog = Watchdog::open(root);
    let control = control(root);
    let is_trial = control.as_ref().is_some_and(|control| control.is_trial());
    if let Some(control) = &control {
        tracing::info!("slot {}{}", control.booted(), if is_trial { ", on trial" } else { "" });
    }
    let plan = Plan::current(root);
    let mut keeper = Keeper::new(Instant::now(), is_trial);
    // Without a boot loader of ours there is nothing to commit.
    keeper.settled = control.is_none();
    // What was said last, so that it is said once.
    let mut complaint = String::new();
    loop {
        let found = if keeper.settled {
            health::answering(root)
        } else {
            health::well(root, plan.core, !sound::cards(root).is_empty())
        };
        // One who is well answers; one who isn't may answer still.
        let answers = found.is_ok() || (!keeper.settled && health::answering(root).is_ok());
        let said = found.as_ref().err().map(|error| format!("{error:#}")).unwrap_or_default();
        // The programs are still coming up when this begins.
        let is_early = complaint.is_empty() && keeper.started.elapsed() < COMING_UP;
        if said != complaint && !is_early {
            tracing::warn!("health: {}", if said.is_empty() { "well again" } else { &said });
            complaint = said;
        }
        let step = keeper.step(Instant::now(), answers, found.is_ok());
        if step.feed
            && let Some(Err(error)) = watchdog.as_mut().map(Watchdog::feed)
        {
            tracing::warn!("the hardware watchdog can't be fed: {error}");
        }
        if step.commit {
            match control.as_ref().map(|control| control.commit()) {
                Some(Err(error)) if is_trial => tracing::warn!("this trial is not committed: {error:#}"),
                // Nothing has to be written, as far as is known; the medium may well be in somebody's pocket.
                Some(Err(error)) => {
                    tracing::info!("the boot loader's state was not looked at: {error:#}");
                    keeper.settled = true;
                }
                Some(Ok(written)) => {
                    if written > 0 {
                        tracing::warn!("committed: {written} sectors of the boot loader's state written");
                    }
                    keeper.settled = true;
                }
                None => keeper.settled = true,
            }
        }
        if step.give_up && !keeper.settled {
            tracing::error!("this trial has not come up well: back to the committed slot");
            if let Err(error) = restart(Restart::Plain) {
                tracing::error!("the machine can't be restarted: {error:#}");
            }
        }
        thread::sleep(TICK);
    }
}

/// Ends everything in order and restarts the machine. Nothing has to be unmounted: the root is in RAM.
///
/// # Errors
/// No right to; it doesn't return otherwise, or only a moment before the end.
pub(crate) fn restart(how: Restart) -> Result<()> {
    match how {
        // init sends SIGTERM to all and restarts.
        Restart::Plain if kill(Pid::from_raw(1), Signal::SIGTERM).is_ok() => {
            thread::sleep(10 * ENDING);
            sync();
            reboot(RebootMode::RB_AUTOBOOT)?;
        }
        Restart::Plain => bail!("init can't be told"),
        Restart::Tryboot => {
            // init can't be given the word, so this is done without it. Neither it nor this process gets the signal.
            kill(Pid::from_raw(-1), Signal::SIGTERM)?;
            thread::sleep(ENDING);
            sync();
            sys::restart_with(c"0 tryboot")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_trial_is_committed_after_it_was_well_three_times_in_a_row() {
        let start = Instant::now();
        let mut keeper = Keeper::new(start, true);
        let looks = [true, true, false, true, true, true];
        let commits: Vec<bool> =
            (1..).zip(looks).map(|(n, well)| keeper.step(start + n * TICK, true, well).commit).collect();
        assert_eq!(commits, [false, false, false, false, false, true]);
        keeper.settled = true;
        assert!(!keeper.step(start + seconds(60), true, true).commit);
        assert!(!keeper.step(start + seconds(600), false, false).give_up);
    }

    #[test]
    fn the_watchdog_is_fed_as_long_as_the_silence_is_short() {
        let start = Instant::now();
        let mut keeper = Keeper::new(start, false);
        // Nobody answers yet: the machine is starting.
        assert!(keeper.step(start + seconds(60), false, false).feed);
        assert!(keeper.step(start + seconds(80), true, false).feed);
        assert!(keeper.step(start + seconds(169), false, false).feed);
        assert!(!keeper.step(start + seconds(170), false, false).feed);
        assert!(keeper.step(start + seconds(171), true, false).feed);
    }

    #[test]
    fn a_trial_that_is_never_well_is_left_and_a_settled_system_is_not() {
        let start = Instant::now();
        assert!(!Keeper::new(start, true).step(start + seconds(179), true, false).give_up);
        assert!(Keeper::new(start, true).step(start + seconds(180), true, false).give_up);
        assert!(!Keeper::new(start, false).step(start + seconds(1000), true, false).give_up);
    }
}
