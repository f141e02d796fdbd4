//! What a setting may be: each type holds only what is valid, so whoever has a value needn't check it again.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

/// A text that keeps to a rule.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident: $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub(crate) struct $name(String);

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let check: fn(&str) -> Result<(), &'static str> = $check;
                check(&text).map(|()| Self(text)).map_err(str::to_owned)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    };
}

text!(
    /// What people call the appliance, or where it stands.
    Label: |text| {
        let wrong = text.trim() != text || !(1..=48).contains(&text.chars().count()) || text.chars().any(char::is_control);
        if wrong { Err("a name has 1 to 48 characters, no control characters, and no space at its ends") } else { Ok(()) }
    }
);
text!(
    /// ALSA's number or id of a sound card.
    CardId: |text| {
        let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        let right = (1..=15).contains(&text.len()) && text.bytes().all(sign);
        if right { Ok(()) } else { Err("a sound card is ALSA's number or id of it, up to 15 letters and digits, or auto") }
    }
);
text!(
    /// A device-tree overlay's name.
    Overlay: |text| {
        let sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        let right = (1..=40).contains(&text.len()) && text.bytes().all(sign);
        if right { Ok(()) } else { Err("a HAT is the name of its overlay, small letters, digits and hyphens, like hifiberry-dacplus") }
    }
);
text!(
    /// The name of a Wi-Fi network.
    Ssid: |text| {
        let right = (1..=32).contains(&text.len()) && !text.chars().any(char::is_control);
        if right { Ok(()) } else { Err("a Wi-Fi network's name has 1 to 32 bytes, and no control characters") }
    }
);
text!(
    /// Where the radio is operated, which decides its channels: ISO 3166-1 alpha-2.
    Country: |text| {
        let right = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        if right { Ok(()) } else { Err("a country is two capital letters, like DE or US") }
    }
);
text!(
    /// A host's name or IPv4 address.
    HostName: |text| if is_host(text) { Ok(()) } else { Err("a server is a host's name or IPv4 address") }
);

/// Whether this is a host's name (RFC 1123, section 2.1) or IPv4 address.
pub(crate) fn is_host(text: &str) -> bool {
    let part = |part: &str| {
        (1..=63).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(part)
}

/// Who sets the volume, by the player's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Volume {
    /// The DAC's mixer.
    Hardware,
    /// Nobody: the bits stay as they are.
    Fixed,
    /// The engine.
    Software,
}

impl Volume {
    /// As the player's option takes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::Fixed => "fixed",
            Self::Software => "software",
        }
    }
}

/// Which sound card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Dac {
    /// The engine's choice: the first that plays, USB first.
    Auto,
    /// This one.
    Card(CardId),
}

impl TryFrom<String> for Dac {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "auto" { Ok(Self::Auto) } else { CardId::try_from(text).map(Self::Card) }
    }
}

impl From<Dac> for String {
    fn from(dac: Dac) -> Self {
        match dac {
            Dac::Auto => "auto".to_owned(),
            Dac::Card(card) => card.into(),
        }
    }
}

/// Where the IPv4 address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Address {
    /// A DHCP server; without one, link-local (RFC 3927).
    Dhcp,
    /// The owner: `192.168.1.20/24`.
    Static(Subnet),
}

/// An address in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subnet {
    pub(crate) address: Ipv4Addr,
    /// 8 to 30.
    pub(crate) prefix: u8,
}

impl Subnet {
    fn mask(self) -> u32 {
        u32::MAX << (32 - u32::from(self.prefix))
    }

    /// Whether `other` is another host of the same network.
    pub(crate) fn has(self, other: Ipv4Addr) -> bool {
        let host = u32::from(other) & !self.mask();
        let same = u32::from(other) & self.mask() == u32::from(self.address) & self.mask();
        same && other != self.address && host != 0 && host != !self.mask()
    }
}

impl std::fmt::Display for Subnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "dhcp" {
            return Ok(Self::Dhcp);
        }
        let form = "an address is dhcp, or one with its network's prefix length, like 192.168.1.20/24";
        let (address, prefix) = text.split_once('/').ok_or(form)?;
        let address: Ipv4Addr = address.parse().map_err(|_| form)?;
        let prefix =
            prefix.parse().ok().filter(|prefix| (8..=30).contains(prefix)).ok_or("a prefix length is 8 to 30")?;
        let subnet = Subnet { address, prefix };
        let host = u32::from(address) & !subnet.mask();
        let taken = address.is_loopback() || address.is_link_local() || address.octets()[0] == 0;
        if taken || address.octets()[0] >= 224 || host == 0 || host == !subnet.mask() {
            return Err(format!("{address} is no address that a host of such a network can have"));
        }
        Ok(Self::Static(subnet))
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        match address {
            Address::Dhcp => "dhcp".to_owned(),
            Address::Static(subnet) => subnet.to_string(),
        }
    }
}

/// A Wi-Fi network's pass phrase (8 to 63 printable characters of ASCII, the first no space) or key (64 hexadecimal digits).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Password(String);

impl Password {
    /// Whether spaces stand where it was: it has been taken over.
    pub(crate) fn is_blank(&self) -> bool {
        is_blanked(&self.0)
    }
}

/// A secret that was removed, or that a power cut kept from being removed whole, begins with a space: no password does.
fn is_blanked(text: &str) -> bool {
    text.is_empty() || text.starts_with(' ')
}

impl TryFrom<String> for Password {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let phrase = (8..=63).contains(&text.len()) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        let key = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_blanked(&text) || phrase || key {
            return Ok(Self(text));
        }
        // Without the text: this goes to logs.
        Err("a Wi-Fi password has 8 to 63 printable characters of ASCII, or 64 hexadecimal digits".to_owned())
    }
}

impl From<Password> for String {
    fn from(password: Password) -> Self {
        password.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_blank() { "Password(blank)" } else { "Password(secret)" })
    }
}

#[cfg(test)]
mod tests;
