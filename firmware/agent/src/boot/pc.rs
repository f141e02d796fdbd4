//! A PC's back end: GRUB in the selector partition.

use anyhow::Result;

use super::{
    BootControl, Restart, Slot,
    selector::Selector,
    state::{COPIES, Choice, Running, State, TRIAL, Trial, Write},
};
use crate::root::Root;

/// What GRUB says of a boot behind all other arguments (`board/x86_64/grub.cfg`).
const SLOT: &str = "tenuto.slot";
const IS_TRIAL: &str = "tenuto.trial";

/// The machine, as it was booted.
pub(super) struct Pc<'a> {
    root: &'a Root,
    running: Running,
}

impl<'a> Pc<'a> {
    /// None if the kernel's command line doesn't name a slot.
    pub(super) fn of(root: &'a Root) -> Option<Self> {
        let command_line = root.text("proc/cmdline")?;
        // The last one is GRUB's own.
        let last = |name: &str| {
            let words = command_line.split_whitespace().rev();
            words.into_iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        };
        let slot = Slot::from_name(last(SLOT)?)?;
        Some(Self { root, running: Running { slot, trial: last(IS_TRIAL) == Some("1") } })
    }

    /// A file that is missing is as one that is damaged.
    fn state(selector: &mut Selector) -> State {
        let copies = COPIES.map(|name| selector.read(name).ok().and_then(|sector| Choice::parse(&sector)));
        let trial = selector.read(TRIAL).ok().and_then(|sector| Trial::parse(&sector));
        State { copies, trial }
    }

    fn carry_out(selector: &mut Selector, writes: &[Write]) -> Result<()> {
        for write in writes {
            match write {
                Write::Copy(copy, choice) => selector.write(COPIES[*copy], &choice.sector()?)?,
                Write::Trial(trial) => selector.write(TRIAL, &trial.sector()?)?,
            }
        }
        Ok(())
    }
}

impl BootControl for Pc<'_> {
    fn booted(&self) -> Slot {
        self.running.slot
    }

    fn is_trial(&self) -> bool {
        self.running.trial
    }

    fn arguments(&self) -> Result<String> {
        let mut selector = Selector::open(self.root)?;
        let committed = Self::state(&mut selector).committed().map(|choice| choice.arguments.clone());
        Ok(committed.unwrap_or_default())
    }

    fn arm(&self, slot: Slot, arguments: Option<&str>) -> Result<Restart> {
        let mut selector = Selector::open(self.root)?;
        let writes = Self::state(&mut selector).arm(self.running, slot, arguments)?;
        Self::carry_out(&mut selector, &writes)?;
        Ok(Restart::Plain)
    }

    fn commit(&self) -> Result<usize> {
        let mut selector = Selector::open(self.root)?;
        let writes = Self::state(&mut selector).commit(self.running)?;
        Self::carry_out(&mut selector, &writes)?;
        Ok(writes.len())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{
        super::{grub::SECTOR, selector::tests::machine},
        *,
    };

    fn files(slot: Slot, arguments: &str) -> [(&'static str, [u8; SECTOR]); 3] {
        let copy = Choice { slot, arguments: arguments.into() }.sector().unwrap();
        let trial = Trial { slot: None, arguments: String::new() }.sector().unwrap();
        [(COPIES[0], copy), (COPIES[1], copy), (TRIAL, trial)]
    }

    fn booted(root: &Root, command_line: &str) {
        fs::create_dir_all(root.path("proc")).unwrap();
        fs::write(root.path("proc/cmdline"), command_line).unwrap();
    }

    fn read(root: &Root, name: &str) -> [u8; SECTOR] {
        Selector::open(root).unwrap().read(name).unwrap()
    }

    #[test]
    fn the_command_line_tells_slot_and_trial_and_the_last_word_counts() {
        let (_keep, root) = machine(&[]);
        for (command_line, wanted) in [
            ("quiet tenuto.slot=b", Some((Slot::B, false))),
            ("tenuto.slot=a tenuto.trial=1 tenuto.slot=b", Some((Slot::B, true))),
            ("tenuto.slot=a tenuto.slot=c", None),
            ("quiet", None),
        ] {
            booted(&root, command_line);
            let found = Pc::of(&root).map(|pc| (pc.booted(), pc.is_trial()));
            assert_eq!(found, wanted, "{command_line}");
        }
    }

    #[test]
    fn a_trial_is_armed_disarmed_by_grub_and_committed() {
        let (_keep, root) = machine(&files(Slot::A, "isolcpus=3"));
        booted(&root, "quiet isolcpus=3 tenuto.slot=a");
        assert_eq!(Pc::of(&root).unwrap().arguments().unwrap(), "isolcpus=3");
        assert_eq!(Pc::of(&root).unwrap().arm(Slot::B, Some("isolcpus=2")).unwrap(), Restart::Plain);
        let armed = Trial::parse(&read(&root, TRIAL)).unwrap();
        assert_eq!(armed, Trial { slot: Some(Slot::B), arguments: "isolcpus=2".into() });
        // GRUB's part.
        let disarmed = Trial { slot: None, ..armed };
        Selector::open(&root).unwrap().write(TRIAL, &disarmed.sector().unwrap()).unwrap();
        booted(&root, "quiet isolcpus=2 tenuto.trial=1 tenuto.slot=b");
        let pc = Pc::of(&root).unwrap();
        assert!(pc.is_trial() && pc.arm(Slot::A, None).is_err());
        assert_eq!(pc.commit().unwrap(), 2);
        for copy in COPIES {
            let wanted = Choice { slot: Slot::B, arguments: "isolcpus=2".into() };
            assert_eq!(Choice::parse(&read(&root, copy)), Some(wanted));
        }
        assert_eq!(pc.commit().unwrap(), 0);
        // Settled, it may try others; the arguments go with them.
        pc.arm(Slot::A, None).unwrap();
        let armed = Trial::parse(&read(&root, TRIAL)).unwrap();
        assert_eq!(armed, Trial { slot: Some(Slot::A), arguments: "isolcpus=2".into() });
        assert_eq!(pc.commit().unwrap(), 0);
    }

    #[test]
    fn arguments_that_do_not_fit_arm_nothing() {
        let (_keep, root) = machine(&files(Slot::A, ""));
        booted(&root, "tenuto.slot=a");
        let before = read(&root, TRIAL);
        assert!(Pc::of(&root).unwrap().arm(Slot::B, Some(&"x".repeat(600))).is_err());
        assert!(Pc::of(&root).unwrap().arm(Slot::B, Some("a\"b")).is_err());
        assert_eq!(read(&root, TRIAL), before);
    }
}
