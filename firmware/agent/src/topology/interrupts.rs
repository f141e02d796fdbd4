//! The machine's interrupts: `/sys/kernel/irq/N/actions` (Documentation/ABI/testing/sysfs-kernel-irq).

use std::collections::BTreeMap;

use super::Cpus;
use crate::root::Root;

/// Interrupts that are handled by somebody, with the handlers' names, `eth0` or `xhci_hcd`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Interrupts(BTreeMap<u32, String>);

impl Interrupts {
    pub(super) fn read(root: &Root) -> Self {
        let interrupt = |name: &String| {
            let actions = root.text(format!("sys/kernel/irq/{name}/actions"))?;
            Some((name.parse().ok()?, actions))
        };
        Self(root.names("sys/kernel/irq").iter().filter_map(interrupt).collect())
    }

    /// All numbers.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.0.keys().copied()
    }

    /// Those that have a handler of whom this is true.
    pub(super) fn with(&self, is: impl Fn(&str) -> bool) -> Cpus {
        let handled = self.0.iter().filter(|(_, actions)| actions.split(',').any(|action| is(action.trim())));
        handled.map(|(number, _)| *number).collect()
    }

    /// Those of a device: its message-signalled ones, else its line, as far as they are handled.
    pub(super) fn of_device(&self, root: &Root, device: &str) -> Cpus {
        let mut numbers: Cpus =
            root.names(format!("{device}/msi_irqs")).iter().filter_map(|name| name.parse().ok()).collect();
        if numbers.is_empty() {
            numbers.extend(root.text(format!("{device}/irq")).and_then(|text| text.parse::<u32>().ok()));
        }
        numbers.retain(|number| self.0.contains_key(number));
        numbers
    }
}
