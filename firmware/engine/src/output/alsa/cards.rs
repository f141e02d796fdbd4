//! Which cards there are, and which of them is the one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

use crate::rules::hexadecimal;

/// A playback device of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Playback {
    /// The card's number.
    pub(super) card: u32,
    /// The device's number on the card.
    pub(super) device: u32,
    /// Tells this node from one that was made later under the same name: after unplugging and plugging.
    pub(super) identity: (u64, i64, i64),
    /// Driven by snd-usb-audio.
    pub(super) usb: bool,
    pub(super) hdmi: bool,
}

impl Playback {
    /// ALSA's name for it.
    pub(super) fn name(&self) -> String {
        format!("hw:{},{}", self.card, self.device)
    }
}

/// Where the kernel shows its devices; another place in tests.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// `/dev/snd`.
    pub(super) nodes: PathBuf,
    /// `/sys/class/sound`.
    pub(super) class: PathBuf,
    /// `/proc/asound`.
    pub(super) told: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self { nodes: "/dev/snd".into(), class: "/sys/class/sound".into(), told: "/proc/asound".into() }
    }
}

impl Places {
    /// All playback devices, the best first: USB before others, HDMI last, then by number.
    pub(super) fn playback(&self) -> Vec<Playback> {
        let Ok(entries) = fs::read_dir(&self.nodes) else { return Vec::new() };
        let mut found: Vec<Playback> = entries
            .flatten()
            .filter_map(|entry| {
                let (card, device) = parse_node(entry.file_name().to_str()?)?;
                self.look_at(&entry.path(), card, device)
            })
            .collect();
        found.sort_by_key(|playback| (!playback.usb, playback.hdmi, playback.card, playback.device));
        found
    }

    /// Whether there is any, be it one that this process may not use.
    pub(super) fn has_playback(&self) -> bool {
        let mut entries = fs::read_dir(&self.nodes).into_iter().flatten().flatten();
        entries.any(|entry| entry.file_name().to_str().and_then(parse_node).is_some())
    }

    fn look_at(&self, node: &Path, card: u32, device: u32) -> Option<Playback> {
        let meta = fs::metadata(node).ok().filter(|_| self.is_ours(node, card))?;
        let class = self.class.join(format!("card{card}"));
        let bus = fs::read_link(class.join("device/subsystem")).unwrap_or_default();
        let id = fs::read_to_string(class.join("id")).unwrap_or_default().to_ascii_lowercase();
        Some(Playback {
            card,
            device,
            identity: (meta.ino(), meta.ctime(), meta.ctime_nsec()),
            usb: bus.file_name().is_some_and(|bus| bus == "usb"),
            hdmi: id.contains("hdmi"),
        })
    }

    /// Whether this process may use the device: alsa-lib opens the card's control with it. Until then opening fails slowly.
    fn is_ours(&self, node: &Path, card: u32) -> bool {
        let may = |path: &Path| access(path, Access::READ_OK | Access::WRITE_OK);
        let control = self.nodes.join(format!("controlC{card}"));
        may(node).is_ok() && !matches!(may(&control), Err(Errno::ACCESS | Errno::PERM))
    }

    /// Vendor and product of a USB card.
    pub(super) fn usb_id(&self, playback: &Playback) -> Option<(u16, u16)> {
        // `device` is the USB interface; the device it is of lies above.
        let above = self.class.join(format!("card{}/device/..", playback.card));
        let read = |name| fs::read_to_string(above.join(name)).ok();
        Some((hexadecimal(read("idVendor")?.trim())?, hexadecimal(read("idProduct")?.trim())?))
    }

    /// What snd-usb-audio tells of the device's alternate settings; empty for every other card.
    pub(super) fn stream(&self, playback: &Playback) -> String {
        let Playback { card, device, .. } = playback;
        fs::read_to_string(self.told.join(format!("card{card}/stream{device}"))).unwrap_or_default()
    }
}

/// Card and device of `pcmC1D0p`.
fn parse_node(name: &str) -> Option<(u32, u32)> {
    let (card, device) = name.strip_prefix("pcmC")?.strip_suffix('p')?.split_once('D')?;
    Some((card.parse().ok()?, device.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn node_names_are_understood() {
        assert_eq!(parse_node("pcmC1D0p"), Some((1, 0)));
        assert_eq!(parse_node("pcmC10D13p"), Some((10, 13)));
        for other in ["pcmC1D0c", "controlC1", "pcmCD0p", "pcmC1Dp", "timer", "pcmC-1D0p"] {
            assert_eq!(parse_node(other), None, "{other}");
        }
    }

    #[test]
    fn usb_comes_first_and_hdmi_last() {
        let dir = tempfile::tempdir().expect("a directory");
        let places =
            Places { nodes: dir.path().join("snd"), class: dir.path().join("class"), told: dir.path().join("proc") };
        fs::create_dir_all(&places.nodes).expect("a directory");
        for (card, bus, id) in [(0, "pci", "HDMI"), (1, "pci", "PCH"), (2, "usb", "DAC")] {
            let device = places.class.join(format!("card{card}/device"));
            fs::create_dir_all(&device).expect("a directory");
            symlink(format!("/sys/bus/{bus}"), device.join("subsystem")).expect("a link");
            fs::write(places.class.join(format!("card{card}/id")), format!("{id}\n")).expect("a file");
            for node in [format!("controlC{card}"), format!("pcmC{card}D0p"), format!("pcmC{card}D0c")] {
                fs::write(places.nodes.join(node), "").expect("a file");
            }
        }
        let order: Vec<String> = places.playback().iter().map(Playback::name).collect();
        assert_eq!(order, ["hw:2,0", "hw:1,0", "hw:0,0"]);
    }

    #[test]
    fn no_sound_at_all_is_no_card() {
        let places = Places {
            nodes: "/nonexistent/snd".into(),
            class: "/nonexistent/class".into(),
            told: "/nonexistent".into(),
        };
        assert_eq!(places.playback(), []);
    }

    #[test]
    fn a_usb_card_is_known_by_the_device_above_its_interface() {
        let dir = tempfile::tempdir().expect("a directory");
        let told = dir.path().join("proc");
        let places = Places { nodes: dir.path().join("snd"), class: dir.path().join("class"), told };
        let interface = dir.path().join("usb1/1-1/1-1:1.0");
        fs::create_dir_all(&interface).expect("a directory");
        fs::create_dir_all(places.class.join("card2")).expect("a directory");
        fs::create_dir_all(places.told.join("card2")).expect("a directory");
        fs::create_dir_all(&places.nodes).expect("a directory");
        symlink(&interface, places.class.join("card2/device")).expect("a link");
        for (name, id) in [("idVendor", "20b1\n"), ("idProduct", "0f00\n")] {
            fs::write(dir.path().join("usb1/1-1").join(name), id).expect("a file");
        }
        fs::write(places.told.join("card2/stream0"), "Playback:").expect("a file");
        fs::write(places.nodes.join("pcmC2D0p"), "").expect("a file");
        let [playback] = &places.playback()[..] else { panic!("one card") };
        assert_eq!(places.usb_id(playback), Some((0x20b1, 0x0f00)));
        assert_eq!(places.stream(playback), "Playback:");
        let other = Playback { card: 3, ..playback.clone() };
        assert_eq!((places.usb_id(&other), places.stream(&other)), (None, String::new()));
    }
}
