//! A Raspberry Pi's back end: `autoboot.txt` in the first partition, and the firmware's one-shot `tryboot`.
//!
//! Source: the firmware's documentation, "autoboot.txt" (at most 512 bytes; `[all]` and `[tryboot]` sections,
//! `tryboot_a_b`, `boot_partition`), "fail-safe OS updates (tryboot)" (the restart's argument, the flag that is cleared by
//! it), and "/proc/device-tree/chosen/bootloader" (big-endian words `partition` and `tryboot`).
//!
//! Nothing is written to arm a trial: the other slot is what `[tryboot]` names, always. A commit rewrites the one sector. The
//! arguments of this machine are the slot's own files there, and not the boot control's business.

use anyhow::{Result, bail, ensure};

use super::{BootControl, Restart, Slot, grub::SECTOR, selector::Selector};
use crate::root::Root;

/// The file.
const FILE: &str = "autoboot.txt";

/// What the firmware reads before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Autoboot {
    /// What it boots; the other slot is what it tries.
    pub(super) committed: Slot,
}

impl Autoboot {
    /// None if it is damaged, or isn't as we write it.
    pub(super) fn parse(sector: &[u8; SECTOR]) -> Option<Self> {
        [Slot::A, Slot::B].map(|committed| Self { committed }).into_iter().find(|wanted| wanted.sector() == *sector)
    }

    /// The file: one sector, filled up with line breaks.
    pub(super) fn sector(self) -> [u8; SECTOR] {
        let tried = if self.committed == Slot::A { Slot::B } else { Slot::A };
        let [committed, tried] = [self.committed, tried].map(Slot::partition);
        let text = format!("[all]\ntryboot_a_b=1\nboot_partition={committed}\n[tryboot]\nboot_partition={tried}\n");
        let mut sector = [b'\n'; SECTOR];
        for (to, from) in sector.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        sector
    }
}

/// The machine, as it was booted.
pub(super) struct Pi<'a> {
    root: &'a Root,
    slot: Slot,
    trial: bool,
}

impl<'a> Pi<'a> {
    /// None if no Raspberry Pi's firmware has booted this from a slot.
    pub(super) fn of(root: &'a Root) -> Option<Self> {
        let word = |name: &str| {
            let bytes = std::fs::read(root.path(format!("proc/device-tree/chosen/bootloader/{name}"))).ok()?;
            Some(u32::from_be_bytes(bytes.try_into().ok()?))
        };
        let slot = Slot::from_partition(word("partition")?)?;
        Some(Self { root, slot, trial: word("tryboot").is_some_and(|tried| tried != 0) })
    }

    fn read(selector: &mut Selector) -> Result<Option<Autoboot>> {
        Ok(Autoboot::parse(&selector.read(FILE)?))
    }
}

impl BootControl for Pi<'_> {
    fn booted(&self) -> Slot {
        self.slot
    }

    fn is_trial(&self) -> bool {
        self.trial
    }

    fn arguments(&self) -> Result<String> {
        bail!(
            "they are in cmdline.txt of the slot's own partition, which nothing on the machine writes: put them there by hand"
        )
    }

    fn arm(&self, slot: Slot, arguments: Option<&str>) -> Result<Restart> {
        ensure!(arguments.is_none(), "a Raspberry Pi's arguments are files of the slot, not the boot loader's");
        let autoboot = Self::read(&mut Selector::open(self.root)?)?;
        let is_settled = autoboot == Some(Autoboot { committed: self.slot });
        ensure!(is_settled, "this system is not the committed one ({FILE}): nothing else is tried until it is");
        ensure!(slot != self.slot, "slot {slot} runs, and is the committed one: only the other one can be tried");
        Ok(Restart::Tryboot)
    }

    fn commit(&self) -> Result<usize> {
        let mut selector = Selector::open(self.root)?;
        let wanted = Autoboot { committed: self.slot };
        let found = Self::read(&mut selector)?;
        // The other slot was booted because this one couldn't be, or by hand: that is no reason to change anything.
        if found == Some(wanted) || (found.is_some() && !self.trial) {
            return Ok(0);
        }
        selector.write(FILE, &wanted.sector())?;
        Ok(1)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::{super::selector::tests::machine, *};

    fn booted(root: &Root, partition: u32, tryboot: u32) {
        let directory = root.path("proc/device-tree/chosen/bootloader");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("partition"), partition.to_be_bytes()).unwrap();
        fs::write(directory.join("tryboot"), tryboot.to_be_bytes()).unwrap();
    }

    /// What the firmware makes of the file, by its documentation: sections filter, the last value of a name counts.
    fn firmware(sector: &[u8], tryboot: bool) -> Option<u32> {
        let text = std::str::from_utf8(sector).ok()?;
        let (mut applies, mut a_b, mut partition) = (true, false, None);
        for line in text.lines().map(str::trim) {
            match line {
                "[all]" => applies = true,
                "[tryboot]" => applies = tryboot,
                "tryboot_a_b=1" if applies => a_b = true,
                _ if applies => partition = line.strip_prefix("boot_partition=").map_or(partition, |n| n.parse().ok()),
                _ => {}
            }
        }
        // Without it tryboot means another configuration file, not another partition.
        assert!(a_b || !tryboot);
        partition
    }

    #[test]
    fn the_firmware_reads_the_file_as_it_is_meant() {
        for (committed, all, tried) in [(Slot::A, 2, 3), (Slot::B, 3, 2)] {
            let sector = Autoboot { committed }.sector();
            assert_eq!((firmware(&sector, false), firmware(&sector, true)), (Some(all), Some(tried)));
            assert_eq!(Autoboot::parse(&sector), Some(Autoboot { committed }));
        }
        assert_eq!(Autoboot::parse(&[b'\n'; SECTOR]), None);
    }

    #[test]
    fn a_trial_that_comes_up_well_is_committed_by_one_sector() {
        let (_keep, root) = machine(&[(FILE, Autoboot { committed: Slot::A }.sector())]);
        booted(&root, 2, 0);
        let pi = Pi::of(&root).unwrap();
        assert_eq!((pi.booted(), pi.is_trial(), pi.commit().unwrap()), (Slot::A, false, 0));
        assert_eq!(pi.arm(Slot::B, None).unwrap(), Restart::Tryboot);
        assert!(pi.arm(Slot::A, None).is_err() && pi.arm(Slot::B, Some("quiet")).is_err());
        booted(&root, 3, 1);
        let pi = Pi::of(&root).unwrap();
        assert!(pi.is_trial() && pi.arm(Slot::A, None).is_err());
        assert_eq!((pi.commit().unwrap(), pi.commit().unwrap()), (1, 0));
        let sector = Selector::open(&root).unwrap().read(FILE).unwrap();
        assert_eq!(firmware(&sector, false), Some(3));
        assert_eq!(pi.arm(Slot::A, None).unwrap(), Restart::Tryboot);
    }

    #[test]
    fn a_machine_without_this_firmware_is_none() {
        let (_keep, root) = machine(&[]);
        assert!(Pi::of(&root).is_none());
        // Started from the selector itself, or from elsewhere.
        booted(&root, 1, 0);
        assert!(Pi::of(&root).is_none());
    }

    /// Between two events: what the sector says (None: torn), the firmware's flag, and what runs.
    type World = (Option<Autoboot>, bool, Option<(Slot, bool)>);

    #[test]
    fn whatever_happens_a_trial_is_one_boot_and_only_a_commit_changes_what_is_booted() {
        let (_keep, root) = machine(&[(FILE, Autoboot { committed: Slot::A }.sector())]);
        let put = |sector: Option<Autoboot>| {
            let bytes = sector.map_or([0xa5; SECTOR], Autoboot::sector);
            Selector::open(&root).unwrap().write(FILE, &bytes).unwrap();
        };
        let start: World = (Some(Autoboot { committed: Slot::A }), false, None);
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(world) = open.pop() {
            if !seen.insert(world) {
                continue;
            }
            let (sector, flag, running) = world;
            let Some((slot, trial)) = running else {
                // A torn sector: the firmware finds no partition to boot in it; which it then takes is the selector's business.
                let partition = sector.and_then(|sector| firmware(&sector.sector(), flag));
                let slot = partition.map_or(Some(Slot::A), Slot::from_partition).unwrap();
                assert!(flag || sector.is_none_or(|sector| sector.committed == slot));
                open.push((sector, false, Some((slot, flag && sector.is_some()))));
                continue;
            };
            put(sector);
            booted(&root, slot.partition(), u32::from(trial));
            let pi = Pi::of(&root).unwrap();
            // A hang, a panic or a power cut; the flag went with the boot.
            open.push((sector, false, None));
            for other in [Slot::A, Slot::B] {
                if pi.arm(other, None).is_ok() {
                    assert!(other != slot && sector == Some(Autoboot { committed: slot }));
                    open.push((sector, true, None));
                }
            }
            if pi.commit().unwrap() > 0 {
                assert!(trial || sector.is_none());
                let now = Autoboot::parse(&Selector::open(&root).unwrap().read(FILE).unwrap());
                assert_eq!(now, Some(Autoboot { committed: slot }));
                // The power went within the write, or after it.
                open.extend([(None, false, None), (now, false, running)]);
            }
        }
        assert!(seen.contains(&(Some(Autoboot { committed: Slot::B }), false, Some((Slot::B, false)))));
    }
}
