//! What can be set, and how it is kept: JSON, a format number and one flat table of keys. A key that this version doesn't know,
//! or whose value it can't use, is kept as it is: a newer version wrote it, and an older slot must not lose it.

use std::net::Ipv4Addr;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    file::File,
    value::{Address, Country, Dac, HostName, Label, Overlay, Password, Ssid, Volume},
};

/// The format that this version writes; what a newer one wrote is read as far as it is understood.
const FORMAT: u64 = 1;
/// The one thing that nobody is shown.
const SECRET: &str = "wifi.password";
/// The hash of the last `tenuto.toml` that was taken over.
const TAKEN: &str = "imported";

/// Every setting; None: the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) name: Option<Label>,
    pub(crate) room: Option<Label>,
    pub(crate) volume: Option<Volume>,
    pub(crate) dac: Option<Dac>,
    pub(crate) hat: Option<Overlay>,
    pub(crate) address: Option<Address>,
    pub(crate) gateway: Option<Ipv4Addr>,
    pub(crate) dns: Option<Vec<Ipv4Addr>>,
    pub(crate) ssid: Option<Ssid>,
    pub(crate) password: Option<Password>,
    pub(crate) country: Option<Country>,
    pub(crate) time_servers: Option<Vec<HostName>>,
    pub(crate) imported: Option<String>,
    /// What isn't understood.
    kept: Map<String, Value>,
}

/// All keys, in the order in which they are shown.
pub(crate) const KEYS: [&str; 13] = [
    "name",
    "room",
    "volume",
    "dac",
    "hat",
    "network.address",
    "network.gateway",
    "network.dns",
    "wifi.ssid",
    SECRET,
    "wifi.country",
    "time.servers",
    TAKEN,
];

/// Why a value isn't taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No such key.
    Unknown,
    /// No such value.
    Invalid(String),
}

impl Settings {
    /// Reads what [`Settings::text`] wrote, and says what of it can't be used; that is kept.
    ///
    /// # Errors
    /// It isn't JSON of that form.
    pub(crate) fn parse(text: &[u8]) -> serde_json::Result<(Self, Vec<String>)> {
        let mut values: Map<String, Value> = serde_json::from_slice(text)?;
        let (mut settings, mut notes) = (Self::default(), Vec::new());
        match values.remove("format").and_then(|format| format.as_u64()) {
            Some(format) if format <= FORMAT => {}
            format => notes
                .push(format!("format {} is not known here", format.map_or_else(|| "?".to_owned(), |f| f.to_string()))),
        }
        for (key, value) in values {
            match settings.set(&key, value.clone()) {
                Ok(()) => continue,
                Err(Refusal::Unknown) => notes.push(format!("{key} is not known to this version")),
                Err(Refusal::Invalid(why)) => notes.push(format!("{key} can't be used: {why}")),
            }
            settings.kept.insert(key, value);
        }
        Ok((settings, notes))
    }

    /// As it is kept, secrets included.
    pub(crate) fn text(&self) -> String {
        let mut all = self.kept.clone();
        all.insert("format".to_owned(), FORMAT.into());
        all.extend(self.set_keys());
        Value::Object(all).to_string()
    }

    /// All that is set, by key.
    pub(crate) fn values(&self) -> Value {
        Value::Object(self.set_keys().collect())
    }

    fn set_keys(&self) -> impl Iterator<Item = (String, Value)> {
        KEYS.into_iter().filter_map(|key| Some((key.to_owned(), self.get(key)?)))
    }

    /// What others may read: no secret, and nothing that only the agent needs or that isn't understood.
    pub(crate) fn without_secrets(&self) -> Self {
        Self { password: None, imported: None, kept: Map::new(), ..self.clone() }
    }

    /// Sets one key; null is its default.
    ///
    /// # Errors
    /// No such key, or no such value: then nothing changes.
    pub(crate) fn set(&mut self, key: &str, value: Value) -> Result<(), Refusal> {
        match key {
            "name" => self.name = valid(value)?,
            "room" => self.room = valid(value)?,
            "volume" => self.volume = valid(value)?,
            "dac" => self.dac = valid(value)?,
            "hat" => self.hat = valid(value)?,
            "network.address" => self.address = valid(value)?,
            "network.gateway" => self.gateway = valid(value)?,
            "network.dns" => self.dns = valid(value)?,
            "wifi.ssid" => self.ssid = valid(value)?,
            SECRET => self.password = valid(value)?,
            "wifi.country" => self.country = valid(value)?,
            "time.servers" => self.time_servers = valid(value)?,
            TAKEN => self.imported = valid(value)?,
            _ => return Err(Refusal::Unknown),
        }
        self.kept.remove(key);
        Ok(())
    }

    fn get(&self, key: &str) -> Option<Value> {
        match key {
            "name" => json(&self.name),
            "room" => json(&self.room),
            "volume" => json(&self.volume),
            "dac" => json(&self.dac),
            "hat" => json(&self.hat),
            "network.address" => json(&self.address),
            "network.gateway" => json(&self.gateway),
            "network.dns" => json(&self.dns),
            "wifi.ssid" => json(&self.ssid),
            SECRET => json(&self.password),
            "wifi.country" => json(&self.country),
            "time.servers" => json(&self.time_servers),
            TAKEN => json(&self.imported),
            _ => None,
        }
    }

    /// Takes over what a file says; what it doesn't say stays.
    pub(crate) fn take(&mut self, file: &File) {
        take(&mut self.name, file.name.as_ref());
        take(&mut self.room, file.room.as_ref());
        take(&mut self.volume, file.volume.as_ref());
        take(&mut self.dac, file.dac.as_ref());
        take(&mut self.hat, file.hat.as_ref());
        if let Some(address) = &file.network.address {
            // The three belong together.
            self.address = Some(*address.get_ref());
            self.gateway = file.network.gateway.as_ref().map(|gateway| *gateway.get_ref());
            self.dns = file.network.dns.as_ref().map(|dns| dns.get_ref().clone());
        }
        if let Some(wifi) = &file.wifi {
            let known = self.password.take().filter(|_| self.ssid.as_ref() == Some(&wifi.ssid));
            self.ssid = Some(wifi.ssid.clone());
            take(&mut self.country, wifi.country.as_ref());
            // A blank one was taken over before.
            self.password = match wifi.password.as_ref().map(toml::Spanned::get_ref) {
                Some(password) if password.is_blank() => known,
                password => password.cloned(),
            };
        }
        take(&mut self.time_servers, file.time.servers.as_ref().map(toml::Spanned::get_ref));
        // What a newer version kept under these keys is replaced by what the owner says now.
        let set: Vec<String> = self.set_keys().map(|(key, _)| key).collect();
        self.kept.retain(|key, _| !set.contains(key));
    }

    /// What control points show, if the owner has said anything about it.
    pub(crate) fn friendly_name(&self) -> Option<&str> {
        self.name.as_ref().or(self.room.as_ref()).map(AsRef::as_ref)
    }
}

fn take<T: Clone>(setting: &mut Option<T>, said: Option<&T>) {
    if said.is_some() {
        *setting = said.cloned();
    }
}

fn valid<T: DeserializeOwned>(value: Value) -> Result<Option<T>, Refusal> {
    serde_json::from_value(value).map_err(|error| Refusal::Invalid(error.to_string()))
}

fn json(value: &Option<impl Serialize>) -> Option<Value> {
    serde_json::to_value(value.as_ref()?).ok()
}

#[cfg(test)]
mod tests;
