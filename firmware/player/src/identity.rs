//! The device's UUID (D3): the same over restarts and updates.

use std::fs;
use std::io;
use std::path::Path;

use tracing::{debug, warn};
use uuid::Uuid;

/// Names made from a machine's own identity live here, so that the identity itself isn't told to the network.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f0b_1f2c_7a53_4d0e_9c59_5a1d_7e6e_7431);
const FILE: &str = "uuid";
/// The kernel's boot_id at the last start.
const BOOT_FILE: &str = "boot";

/// The UUID kept in `state_dir`; if there is none yet, a new one is put there. Where that can't be, one is made from the machine's
/// own identity, which is as stable.
pub(crate) fn find(state_dir: &Path, root: &Path) -> Uuid {
    let file = state_dir.join(FILE);
    match fs::read_to_string(&file) {
        Ok(text) => match Uuid::parse_str(text.trim()) {
            Ok(uuid) => return uuid,
            Err(error) => warn!("{}: {error}; a new identity is made", file.display()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => warn!("{}: {error}", file.display()),
    }
    let uuid = Uuid::new_v4();
    match fs::create_dir_all(state_dir).and_then(|()| fs::write(&file, format!("{uuid}\n"))) {
        Ok(()) => uuid,
        Err(error) => {
            let of_machine = of_machine(root);
            let instead = if of_machine.is_some() { "is made from the machine's own" } else { "is another" };
            let path = file.display();
            warn!("{path} can't be written: {error}; the UUID {instead} at each start; give --state-dir or --uuid");
            of_machine.unwrap_or(uuid)
        }
    }
}

/// Whether no player with this `state_dir` was started before since the machine was. Notes that one is now; where that can't
/// be, each start is taken for the first.
pub(crate) fn is_first_start(state_dir: &Path, root: &Path) -> bool {
    let Ok(boot) = fs::read_to_string(root.join("proc/sys/kernel/random/boot_id")) else { return true };
    let file = state_dir.join(BOOT_FILE);
    if fs::read_to_string(&file).is_ok_and(|known| known == boot) {
        return false;
    }
    if let Err(error) = fs::create_dir_all(state_dir).and_then(|()| fs::write(&file, boot)) {
        debug!("{} can't be written: {error}", file.display());
    }
    true
}

/// A UUID that is the same each time on this machine, from its machine-id or its first network card.
fn of_machine(root: &Path) -> Option<Uuid> {
    let identity = fs::read_to_string(root.join("etc/machine-id")).ok().filter(|id| !id.trim().is_empty());
    let identity = identity.or_else(|| first_mac(root))?;
    Some(Uuid::new_v5(&NAMESPACE, identity.trim().as_bytes()))
}

/// The MAC address of the first real network card, by name.
fn first_mac(root: &Path) -> Option<String> {
    let mut cards: Vec<_> =
        fs::read_dir(root.join("sys/class/net")).ok()?.filter_map(Result::ok).map(|card| card.path()).collect();
    cards.sort();
    // A bridge or a tunnel has an address as well, which may be another one tomorrow; it has no device behind it.
    let real = cards.iter().filter(|card| card.join("device").exists());
    real.filter_map(|card| fs::read_to_string(card.join("address")).ok()).find(|mac| mac.trim() != "00:00:00:00:00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_has_one_first_start() {
        let (root, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let random = root.path().join("proc/sys/kernel/random");
        fs::create_dir_all(&random).unwrap();
        for boot in ["a\n", "b\n"] {
            fs::write(random.join("boot_id"), boot).unwrap();
            let starts = [(); 3].map(|()| is_first_start(state.path(), root.path()));
            assert_eq!(starts, [true, false, false]);
        }
    }

    fn machine(mac: &str, machine_id: Option<&str>) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let card = root.path().join("sys/class/net/eth0");
        fs::create_dir_all(card.join("device")).unwrap();
        fs::write(card.join("address"), mac).unwrap();
        let bridge = root.path().join("sys/class/net/br0");
        fs::create_dir_all(&bridge).unwrap();
        fs::write(bridge.join("address"), "02:00:00:00:00:99").unwrap();
        if let Some(id) = machine_id {
            fs::create_dir_all(root.path().join("etc")).unwrap();
            fs::write(root.path().join("etc/machine-id"), id).unwrap();
        }
        root
    }

    #[test]
    fn d03_kept_once_it_was_made() {
        let root = machine("52:54:00:00:00:01\n", None);
        let (state, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = find(state.path(), root.path());
        assert_eq!(find(state.path(), root.path()), first);
        // Two renderers on one machine are two devices.
        assert_ne!(find(other.path(), root.path()), first);
    }

    #[test]
    fn d03_stable_without_a_place_to_keep_it() {
        let nowhere = Path::new("/proc/nowhere");
        let root = machine("52:54:00:00:00:01\n", None);
        let uuid = find(nowhere, root.path());
        assert_eq!(find(nowhere, root.path()), uuid);
        assert_ne!(find(nowhere, machine("52:54:00:00:00:02\n", None).path()), uuid);
        assert_ne!(find(nowhere, machine("52:54:00:00:00:01\n", Some("0123")).path()), uuid);
        assert_eq!(uuid.get_version_num(), 5);
    }

    #[test]
    fn d03_what_is_no_uuid_is_replaced() {
        let state = tempfile::tempdir().unwrap();
        fs::write(state.path().join(FILE), "garbage").unwrap();
        let root = machine("52:54:00:00:00:01\n", None);
        let uuid = find(state.path(), root.path());
        assert_eq!(fs::read_to_string(state.path().join(FILE)).unwrap().trim(), uuid.to_string());
    }
}
