//! What the selector of a PC says, and what is to be written to it: pure, so that every order of events can be tried.
//!
//! Three sectors: two copies of what is committed (slot and this machine's arguments), and the one-shot trial. GRUB
//! (`board/x86_64/grub.cfg`) boots an armed trial after it has disarmed it, else the first copy that is whole. Each list of
//! writes here is carried out in its order, each one on the medium before the next one begins; the machine may lose its power
//! before, within and after each.

use anyhow::{Result, bail, ensure};

use super::{
    Slot,
    grub::{self, SECTOR},
};

/// The files: two copies of what is committed, and the trial.
pub(super) const COPIES: [&str; 2] = ["slot1.env", "slot2.env"];
pub(super) const TRIAL: &str = "trial.env";

/// What is booted, with which of this machine's arguments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Choice {
    pub(super) slot: Slot,
    pub(super) arguments: String,
}

/// The trial file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Trial {
    /// Armed: what the next boot tries. None: GRUB has disarmed it, or nothing was ever tried.
    pub(super) slot: Option<Slot>,
    /// Its arguments; they stay when it is disarmed, so that they can be committed.
    pub(super) arguments: String,
}

/// The selector's state; None is a file that is missing or damaged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    pub(super) copies: [Option<Choice>; 2],
    pub(super) trial: Option<Trial>,
}

/// What the running system was booted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Running {
    pub(super) slot: Slot,
    pub(super) trial: bool,
}

/// A sector to be written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Write {
    /// A copy of what is committed, by its index.
    Copy(usize, Choice),
    Trial(Trial),
}

impl Choice {
    pub(super) fn parse(sector: &[u8; SECTOR]) -> Option<Self> {
        let variables = grub::parse(sector)?;
        let of = |name| variables.get(name).copied();
        let slot = Slot::from_name(of("slot")?)?;
        (of("ok") == Some("1")).then_some(Self { slot, arguments: of("args")?.to_owned() })
    }

    /// # Errors
    /// The arguments don't fit.
    pub(super) fn sector(&self) -> Result<[u8; SECTOR]> {
        grub::block(&[("slot", self.slot.name()), ("args", &self.arguments), ("ok", "1")])
    }
}

impl Trial {
    pub(super) fn parse(sector: &[u8; SECTOR]) -> Option<Self> {
        let variables = grub::parse(sector)?;
        let slot = match variables.get("trial").copied()? {
            "" => None,
            name => Some(Slot::from_name(name)?),
        };
        Some(Self { slot, arguments: variables.get("trial_args").copied()?.to_owned() })
    }

    /// # Errors
    /// The arguments don't fit.
    pub(super) fn sector(&self) -> Result<[u8; SECTOR]> {
        grub::block(&[("trial", self.slot.map_or("", Slot::name)), ("trial_args", &self.arguments)])
    }
}

impl State {
    /// What GRUB boots if no trial is armed.
    pub(super) fn committed(&self) -> Option<&Choice> {
        self.copies.iter().flatten().next()
    }

    /// Whether `running` is a trial whose fate isn't decided. Once another trial is armed it must have been: an undecided one
    /// arms nothing.
    fn is_undecided(&self, running: Running) -> bool {
        let committed = |trial: &Trial| {
            let tried = Choice { slot: running.slot, arguments: trial.arguments.clone() };
            trial.slot.is_some() || self.copies.iter().all(|copy| copy.as_ref() == Some(&tried))
        };
        running.trial && !self.trial.as_ref().is_some_and(committed)
    }

    /// What arms a trial of `slot`, with other arguments or the committed ones. A damaged copy is mended before: then a commit
    /// that is cut short leaves what was committed, not what was before that.
    ///
    /// # Errors
    /// `running` is an undecided trial.
    pub(super) fn arm(&self, running: Running, slot: Slot, arguments: Option<&str>) -> Result<Vec<Write>> {
        ensure!(
            !self.is_undecided(running),
            "this system is itself on trial: nothing else is tried until it has come up well"
        );
        let kept = || self.committed().map(|choice| choice.arguments.clone()).unwrap_or_default();
        let arguments = arguments.map_or_else(kept, str::to_owned);
        let mut writes = self.commit(running)?;
        writes.push(Write::Trial(Trial { slot: Some(slot), arguments }));
        Ok(writes)
    }

    /// What makes the running system the committed one; for one that is, what mends a damaged copy.
    ///
    /// # Errors
    /// A trial whose file doesn't say any more what was tried.
    pub(super) fn commit(&self, running: Running) -> Result<Vec<Write>> {
        let stays = if self.is_undecided(running) {
            match &self.trial {
                Some(trial) => Choice { slot: running.slot, arguments: trial.arguments.clone() },
                None => bail!("{TRIAL} is missing or damaged: this trial can't be committed"),
            }
        } else {
            // With both copies gone GRUB has booted what it could, without this machine's arguments.
            let booted = || Choice { slot: running.slot, arguments: String::new() };
            self.committed().cloned().unwrap_or_else(booted)
        };
        let differs = |copy: &usize| self.copies[*copy].as_ref() != Some(&stays);
        Ok((0..COPIES.len()).filter(differs).map(|copy| Write::Copy(copy, stays.clone())).collect())
    }
}

#[cfg(test)]
mod tests;
