//! What ethtool(8) sets, by the same call: rings, coalescing, pause frames, Energy-Efficient Ethernet.
//! Source: the kernel's include/uapi/linux/ethtool.h; numbers below are the words of its structures.

use std::io;

use crate::sys::{self, Ethtool, EthtoolWords};

/// A setting of a network card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Feature {
    /// `ethtool_ringparam`, as `rx N tx N`.
    Rings,
    /// `ethtool_coalesce`, as `usecs N adaptive on|off`.
    Coalescing,
    /// `ethtool_pauseparam`, as `autoneg on|off rx on|off tx on|off`.
    Pause,
    /// `ethtool_eee`, `on` or `off`.
    Eee,
}

const ALL: [Feature; 4] = [Feature::Rings, Feature::Coalescing, Feature::Pause, Feature::Eee];

/// `ethtool_ringparam`: what the card can have, and what it has.
const RX_MOST: usize = 1;
const TX_MOST: usize = 4;
const RX: usize = 5;
const TX: usize = 8;
/// `ethtool_coalesce`.
const RX_USECS: usize = 1;
const ADAPTIVE_RX: usize = 10;
/// `ethtool_pauseparam`.
const AUTONEG: usize = 1;
const RX_PAUSE: usize = 2;
const TX_PAUSE: usize = 3;
/// `ethtool_eee`.
const EEE_ENABLED: usize = 5;

/// Descriptors enough for 10 ms at a gigabit and the smallest useful packets; more only takes memory and cache.
const RING: u32 = 1024;
/// So long a packet may wait for another one, µs.
const WAIT: u32 = 20;

impl Feature {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rings => "rings",
            Self::Coalescing => "coalescing",
            Self::Pause => "pause",
            Self::Eee => "eee",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|feature| feature.name() == name)
    }

    fn commands(self) -> (Ethtool, Ethtool) {
        match self {
            Self::Rings => (Ethtool::GetRings, Ethtool::SetRings),
            Self::Coalescing => (Ethtool::GetCoalesce, Ethtool::SetCoalesce),
            Self::Pause => (Ethtool::GetPause, Ethtool::SetPause),
            Self::Eee => (Ethtool::GetEee, Ethtool::SetEee),
        }
    }

    fn words(self, card: &str) -> io::Result<Option<EthtoolWords>> {
        let mut words = EthtoolWords::default();
        match sys::ethtool(card, self.commands().0, &mut words) {
            Ok(()) => Ok(Some(words)),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENODEV)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// None if the driver has no such thing.
    ///
    /// # Errors
    /// The driver can't be asked.
    pub(super) fn read(self, card: &str) -> io::Result<Option<String>> {
        Ok(self.words(card)?.map(|words| self.text(&words)))
    }

    /// # Errors
    /// The driver refuses, or the value isn't one of this setting's.
    pub(super) fn write(self, card: &str, value: &str) -> io::Result<()> {
        let mut words = self.words(card)?.ok_or(io::ErrorKind::Unsupported)?;
        self.put(&mut words, value).ok_or(io::ErrorKind::InvalidInput)?;
        sys::ethtool(card, self.commands().1, &mut words)
    }

    /// What is wanted of a card, given what it can; None if it has no such thing.
    pub(super) fn wanted(self, card: &str) -> Option<String> {
        self.words(card).ok().flatten().map(|words| self.wanted_of(&words))
    }

    fn wanted_of(self, words: &EthtoolWords) -> String {
        let ring = |now: usize, most: usize| words[now].max(words[most].min(RING));
        match self {
            Self::Rings => format!("rx {} tx {}", ring(RX, RX_MOST), ring(TX, TX_MOST)),
            Self::Coalescing => format!("usecs {} adaptive off", words[RX_USECS].min(WAIT)),
            Self::Pause => "autoneg off rx off tx off".to_owned(),
            Self::Eee => "off".to_owned(),
        }
    }

    fn text(self, words: &EthtoolWords) -> String {
        let on = |word: usize| if words[word] == 0 { "off" } else { "on" };
        match self {
            Self::Rings => format!("rx {} tx {}", words[RX], words[TX]),
            Self::Coalescing => format!("usecs {} adaptive {}", words[RX_USECS], on(ADAPTIVE_RX)),
            Self::Pause => format!("autoneg {} rx {} tx {}", on(AUTONEG), on(RX_PAUSE), on(TX_PAUSE)),
            Self::Eee => on(EEE_ENABLED).to_owned(),
        }
    }

    /// Puts a text into a driver's answer.
    fn put(self, words: &mut EthtoolWords, text: &str) -> Option<()> {
        let fields: Vec<&str> = text.split(' ').collect();
        let on = |word: &str| match word {
            "on" => Some(1),
            "off" => Some(0),
            _ => None,
        };
        match (self, fields.as_slice()) {
            (Self::Rings, ["rx", rx, "tx", tx]) => (words[RX], words[TX]) = (rx.parse().ok()?, tx.parse().ok()?),
            (Self::Coalescing, ["usecs", usecs, "adaptive", adaptive]) => {
                (words[RX_USECS], words[ADAPTIVE_RX]) = (usecs.parse().ok()?, on(adaptive)?);
            }
            (Self::Pause, ["autoneg", autoneg, "rx", rx, "tx", tx]) => {
                (words[AUTONEG], words[RX_PAUSE], words[TX_PAUSE]) = (on(autoneg)?, on(rx)?, on(tx)?);
            }
            (Self::Eee, [enabled]) => words[EEE_ENABLED] = on(enabled)?,
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_put_as_it_is_told() {
        for (feature, text) in [
            (Feature::Rings, "rx 256 tx 512"),
            (Feature::Coalescing, "usecs 20 adaptive off"),
            (Feature::Pause, "autoneg on rx off tx on"),
            (Feature::Eee, "off"),
        ] {
            let mut words: EthtoolWords = std::array::from_fn(|word| 7 + word as u32);
            let before = words;
            feature.put(&mut words, text).unwrap();
            assert_eq!(feature.text(&words), text);
            assert!(words != before && words[16..] == before[16..], "{feature:?}");
            assert_eq!(feature.put(&mut words, "nonsense on"), None);
            assert_eq!(Feature::from_name(feature.name()), Some(feature));
        }
    }

    #[test]
    fn a_ring_is_made_longer_and_never_shorter() {
        let rings = |now, most| {
            let mut words = EthtoolWords::default();
            (words[RX], words[TX], words[RX_MOST], words[TX_MOST]) = (now, now, most, most);
            Feature::Rings.wanted_of(&words)
        };
        assert_eq!(rings(256, 4096), "rx 1024 tx 1024");
        assert_eq!(rings(256, 512), "rx 512 tx 512");
        assert_eq!(rings(2048, 4096), "rx 2048 tx 2048");
    }

    #[test]
    fn a_packet_does_not_wait_longer_than_it_did() {
        let mut words = EthtoolWords::default();
        for (now, wanted) in [(0, "usecs 0 adaptive off"), (3, "usecs 3 adaptive off"), (250, "usecs 20 adaptive off")]
        {
            words[RX_USECS] = now;
            assert_eq!(Feature::Coalescing.wanted_of(&words), wanted);
        }
    }
}
