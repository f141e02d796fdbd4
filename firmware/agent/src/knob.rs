//! Kernel values that the agent sets: a table. Adding a knob is adding an entry.

use crate::root::Root;

/// One value, where it goes and why.
#[derive(Debug)]
pub(crate) struct Knob {
    pub(crate) name: &'static str,
    /// Below the root; read back after writing.
    path: &'static str,
    /// Words separated by one space, as read back.
    want: &'static str,
    why: &'static str,
    /// Where the kernel documents it.
    source: &'static str,
}

/// What the appliance needs at boot.
pub(crate) const BOOT: &[Knob] = &[
    Knob {
        name: "net.ipv4.ip_unprivileged_port_start",
        path: "proc/sys/net/ipv4/ip_unprivileged_port_start",
        want: "80",
        why: "the player serves port 80 without any privilege",
        source: "Documentation/networking/ip-sysctl.rst",
    },
    Knob {
        name: "kernel.printk",
        path: "proc/sys/kernel/printk",
        want: "4 4 1 7",
        why: "a line on a serial console takes milliseconds; errors only",
        source: "Documentation/admin-guide/sysctl/kernel.rst",
    },
    Knob {
        name: "kernel.panic",
        path: "proc/sys/kernel/panic",
        want: "10",
        why: "a panic ends in a reboot",
        source: "Documentation/admin-guide/sysctl/kernel.rst",
    },
    Knob {
        name: "kernel.kptr_restrict",
        path: "proc/sys/kernel/kptr_restrict",
        want: "2",
        why: "no program is shown where the kernel lies, root's neither",
        source: "Documentation/admin-guide/sysctl/kernel.rst",
    },
    Knob {
        name: "kernel.sysrq",
        path: "proc/sys/kernel/sysrq",
        want: "0",
        why: "a keyboard's magic key does nothing",
        source: "Documentation/admin-guide/sysrq.rst",
    },
    Knob {
        name: "fs.protected_symlinks",
        path: "proc/sys/fs/protected_symlinks",
        want: "1",
        why: "a link in a directory for all is followed by its owner only",
        source: "Documentation/admin-guide/sysctl/fs.rst",
    },
    Knob {
        name: "fs.protected_hardlinks",
        path: "proc/sys/fs/protected_hardlinks",
        want: "1",
        why: "nobody links to a file that isn't his",
        source: "Documentation/admin-guide/sysctl/fs.rst",
    },
    Knob {
        name: "fs.protected_fifos",
        path: "proc/sys/fs/protected_fifos",
        want: "2",
        why: "nobody is led to write into another one's pipe",
        source: "Documentation/admin-guide/sysctl/fs.rst",
    },
    Knob {
        name: "fs.protected_regular",
        path: "proc/sys/fs/protected_regular",
        want: "2",
        why: "nobody is led to write into another one's file",
        source: "Documentation/admin-guide/sysctl/fs.rst",
    },
    Knob {
        name: "net.ipv4.conf.all.accept_redirects",
        path: "proc/sys/net/ipv4/conf/all/accept_redirects",
        want: "0",
        why: "no neighbour changes where packets go",
        source: "Documentation/networking/ip-sysctl.rst",
    },
    Knob {
        name: "net.ipv4.conf.default.accept_redirects",
        path: "proc/sys/net/ipv4/conf/default/accept_redirects",
        want: "0",
        why: "the same for a card that comes later",
        source: "Documentation/networking/ip-sysctl.rst",
    },
    Knob {
        name: "net.ipv4.conf.all.secure_redirects",
        path: "proc/sys/net/ipv4/conf/all/secure_redirects",
        want: "0",
        why: "not even the router does",
        source: "Documentation/networking/ip-sysctl.rst",
    },
    Knob {
        name: "net.ipv4.conf.all.send_redirects",
        path: "proc/sys/net/ipv4/conf/all/send_redirects",
        want: "0",
        why: "this machine is nobody's router",
        source: "Documentation/networking/ip-sysctl.rst",
    },
    Knob {
        name: "net.ipv4.conf.all.accept_source_route",
        path: "proc/sys/net/ipv4/conf/all/accept_source_route",
        want: "0",
        why: "a packet doesn't choose its way back",
        source: "Documentation/networking/ip-sysctl.rst",
    },
];

/// How setting a knob went.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// Set and read back; what it was before.
    Applied { was: String },
    /// It had the wanted value.
    Already,
    /// This kernel doesn't have it.
    NotSupported,
    /// The kernel didn't take it.
    Refused { reason: String },
}

/// A knob and its outcome, for the report.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct Setting {
    name: &'static str,
    want: &'static str,
    why: &'static str,
    source: &'static str,
    #[serde(flatten)]
    outcome: Outcome,
}

/// Sets each knob and reads it back. Never fails: the boot goes on, and the report says what didn't take.
pub(crate) fn apply(root: &Root, knobs: &[Knob]) -> Vec<Setting> {
    let set = |knob: &Knob| {
        let outcome = knob.apply(root);
        if let Outcome::Refused { reason } = &outcome {
            tracing::warn!("{} could not be set to {}: {reason}", knob.name, knob.want);
        }
        Setting { name: knob.name, want: knob.want, why: knob.why, source: knob.source, outcome }
    };
    knobs.iter().map(set).collect()
}

impl Knob {
    fn apply(&self, root: &Root) -> Outcome {
        let Some(was) = self.read(root) else { return Outcome::NotSupported };
        if was == self.want {
            return Outcome::Already;
        }
        if let Err(error) = root.set(self.path, &format!("{}\n", self.want)) {
            return Outcome::Refused { reason: error.to_string() };
        }
        match self.read(root) {
            Some(now) if now == self.want => Outcome::Applied { was },
            now => Outcome::Refused { reason: format!("reads {} after writing", now.as_deref().unwrap_or("nothing")) },
        }
    }

    fn read(&self, root: &Root) -> Option<String> {
        root.text(self.path).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PRINTK: Knob = Knob { name: "k", path: "printk", want: "4 4 1 7", why: "", source: "" };

    fn outcome(text: Option<&str>) -> (Outcome, Option<String>) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        if let Some(text) = text {
            fs::write(root.path("printk"), text).unwrap();
        }
        (PRINTK.apply(&root), root.text("printk"))
    }

    #[test]
    fn a_value_is_set_and_the_old_one_kept() {
        assert_eq!(
            outcome(Some("7\t4\t1\t7\n")),
            (Outcome::Applied { was: "7 4 1 7".to_owned() }, Some("4 4 1 7".to_owned()))
        );
    }

    #[test]
    fn the_wanted_value_is_left_alone() {
        assert_eq!(outcome(Some("4\t4\t1\t7\n")).0, Outcome::Already);
    }

    #[test]
    fn a_missing_file_is_not_supported() {
        assert_eq!(outcome(None), (Outcome::NotSupported, None));
    }

    fn refusal(knob: &Knob, target: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        std::os::unix::fs::symlink(target, root.path(knob.path)).unwrap();
        match knob.apply(&root) {
            Outcome::Refused { reason } => reason,
            outcome => panic!("{outcome:?}"),
        }
    }

    #[test]
    fn a_value_that_the_kernel_does_not_take_is_refused() {
        assert!(!refusal(&PRINTK, "/proc/self/stat").is_empty());
        // A process name is cut to 15 bytes without a word.
        let long = Knob { want: "tenuto-knob-test-name", ..PRINTK };
        assert_eq!(refusal(&long, "/proc/self/comm"), "reads tenuto-knob-tes after writing");
    }

    #[test]
    fn every_entry_is_complete_and_there_once() {
        let mut names: Vec<_> = BOOT.iter().map(|knob| knob.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), BOOT.len());
        for knob in BOOT {
            assert_eq!(knob.path, format!("proc/sys/{}", knob.name.replace('.', "/")));
            assert!(!knob.want.is_empty() && !knob.why.is_empty() && knob.source.starts_with("Documentation/"));
        }
    }
}
