//! Who this appliance is: a UUID that stays the same over reboots, updates and reflashing, and the names made from it.

use std::io;

use uuid::Uuid;

use crate::{net, root::Root};

/// Where the identity is published, for whoever starts the player.
const FILE: &str = "run/tenuto/identity";

/// The name space of Tenuto's version 5 UUIDs (RFC 9562, section 5.5): drawn once, never changed.
const NAMESPACE: Uuid = Uuid::from_u128(0x6e1f_3b0c_8d57_4f0e_9a44_52c1_07bd_e8a3);

/// What board makers leave where a serial number belongs.
const FILLERS: [&str; 8] = [
    "to be filled by o.e.m.",
    "default string",
    "system serial number",
    "not specified",
    "not applicable",
    "none",
    "03000200-0400-0500-0006-000700080009",
    "123456789",
];

/// The appliance's UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity(Uuid);

impl Identity {
    /// The published identity, else the one that this machine's hardware gives, which is then published.
    /// Whoever asks first decides; so a network card that shows up late doesn't change it before the next boot.
    ///
    /// # Errors
    /// `/run/tenuto` is missing or full.
    pub(crate) fn current(root: &Root) -> io::Result<Self> {
        if let Some(published) = Self::published(root) {
            return Ok(published);
        }
        let fresh = Self::of_machine(root);
        root.publish_first(FILE, &format!("uuid={}\nname={}\n", fresh.uuid(), fresh.name()))?;
        Ok(Self::published(root).unwrap_or(fresh))
    }

    /// As in the UPnP device's UDN, without `uuid:`.
    pub(crate) fn uuid(self) -> String {
        self.0.to_string()
    }

    /// What control points show until the owner chooses a name.
    pub(crate) fn name(self) -> String {
        format!("Tenuto {}", self.tag())
    }

    /// The host name: letters, digits, hyphen.
    pub(crate) fn hostname(self) -> String {
        format!("tenuto-{}", self.tag())
    }

    /// Four hexadecimal digits that tell two appliances in one home apart.
    fn tag(self) -> String {
        let bytes = self.0.as_bytes();
        format!("{:02x}{:02x}", bytes[0], bytes[1])
    }

    fn published(root: &Root) -> Option<Self> {
        let text = root.text(FILE)?;
        let uuid = text.lines().find_map(|line| line.strip_prefix("uuid="))?;
        Uuid::try_parse(uuid).ok().map(Self)
    }

    /// Hashed, so that no serial number or address leaves the machine.
    fn of_machine(root: &Root) -> Self {
        match mark(root) {
            Some(mark) => Self(Uuid::new_v5(&NAMESPACE, mark.as_bytes())),
            None => {
                tracing::warn!(
                    "nothing tells this machine from others; its UPnP identity lasts until the next boot only"
                );
                Self(Uuid::new_v4())
            }
        }
    }
}

/// The best mark that tells this machine from others: the Raspberry Pi's serial number, the address of a network card that
/// isn't plugged in by USB (it is unique by contract, which a PC's DMI serials often are not), DMI, any card.
fn mark(root: &Root) -> Option<String> {
    let tagged = |kind: &str, text: String| format!("{kind}:{}", text.to_ascii_lowercase());
    let file = |kind: &str, path: &str| root.text(path).filter(|text| is_serial(text)).map(|text| tagged(kind, text));
    file("device-tree", "proc/device-tree/serial-number")
        .or_else(|| net::permanent_address(root, net::Bus::BuiltIn).map(|address| tagged("mac", address)))
        .or_else(|| file("dmi-uuid", "sys/class/dmi/id/product_uuid"))
        .or_else(|| file("dmi-serial", "sys/class/dmi/id/product_serial"))
        .or_else(|| file("board-serial", "sys/class/dmi/id/board_serial"))
        .or_else(|| net::permanent_address(root, net::Bus::Any).map(|address| tagged("mac", address)))
        .or_else(|| file("machine-id", "etc/machine-id"))
}

/// Not a filler: not one from the list, and more than two different letters or digits.
fn is_serial(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let mut signs: Vec<char> = text.chars().filter(char::is_ascii_alphanumeric).collect();
    signs.sort_unstable();
    signs.dedup();
    signs.len() > 2 && !FILLERS.contains(&text.as_str())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        for (path, text) in files.iter().chain(&[("run/tenuto/x", "")]) {
            fs::create_dir_all(root.path(path).parent().unwrap()).unwrap();
            fs::write(root.path(path), text).unwrap();
        }
        (directory, root)
    }

    #[test]
    fn a_serial_number_gives_one_uuid_always() {
        let (_one, one) = machine(&[("proc/device-tree/serial-number", "10000000abcdef01\0")]);
        let (_two, two) = machine(&[("proc/device-tree/serial-number", "10000000abcdef01\0")]);
        let identity = Identity::current(&one).unwrap();
        assert_eq!(identity, Identity::current(&two).unwrap());
        // Fixed for ever: an update must not make a known renderer a new one.
        assert_eq!(identity.uuid(), Uuid::new_v5(&NAMESPACE, b"device-tree:10000000abcdef01").to_string());
    }

    #[test]
    fn fillers_are_no_serials() {
        let no = [
            "To Be Filled By O.E.M.",
            "00000000-0000-0000-0000-000000000000",
            "FFFFFFFF",
            "Default string",
            "0",
            "None",
        ];
        assert!(no.iter().all(|text| !is_serial(text)));
        assert!(is_serial("4c4c4544-0042-3510-8056-b8c04f4d3532"));
    }

    #[test]
    fn a_filler_is_passed_over() {
        let (_keep, root) = machine(&[
            ("sys/class/dmi/id/product_uuid", "03000200-0400-0500-0006-000700080009\n"),
            ("sys/class/dmi/id/board_serial", "PF1A2B3C\n"),
        ]);
        assert_eq!(mark(&root).as_deref(), Some("board-serial:pf1a2b3c"));
    }

    #[test]
    fn what_was_published_stays_though_the_hardware_changes() {
        let (_keep, root) = machine(&[]);
        let first = Identity::current(&root).unwrap();
        fs::create_dir_all(root.path("etc")).unwrap();
        fs::write(root.path("etc/machine-id"), "0123456789abcdef\n").unwrap();
        assert_eq!(Identity::current(&root).unwrap(), first);
    }

    #[test]
    fn names_carry_the_uuids_first_digits() {
        let identity = Identity(Uuid::from_u128(0x3f9a_0000_0000_5000_8000_0000_0000_0000));
        assert_eq!(identity.name(), "Tenuto 3f9a");
        assert_eq!(identity.hostname(), "tenuto-3f9a");
    }
}
