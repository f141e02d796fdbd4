//! The settings as the agent holds them: read from the medium when there is one, defaults when not. Whatever is wrong with a
//! medium, the appliance comes up; and says what was wrong.

use std::{
    fs::{self, File},
    io,
};

use super::{
    data::{Data, Found},
    import::{Offer, Verdict},
    schema::{Refusal, Settings},
};
use crate::root::Root;

/// The files' name on the data partition.
const NAME: &str = "settings";
/// Held by whoever reads or writes the medium.
const LOCK: &str = "run/tenuto/settings.lock";

/// How the settings are kept.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Keeping {
    /// On the data partition.
    Kept,
    /// There was nothing yet: the data partition was made.
    Made,
    /// The data partition was damaged and was made again.
    Repaired,
    /// There is no data partition: what is set lasts until the next boot.
    NoMedium,
    /// It can't be used: what is set lasts until the next boot.
    Unusable,
}

/// For the report: how it went.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Account {
    pub(crate) keeping: Keeping,
    /// What the owner should know, `tenuto.toml`'s faults first.
    pub(crate) notes: Vec<String>,
}

/// Settings and how they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) settings: Settings,
    pub(crate) account: Account,
}

/// What it takes to keep what was found.
enum Work {
    Nothing,
    /// A first copy in a file system that is well.
    Save,
    /// A file system in place of a damaged one.
    Make,
    /// One in a partition that begins as a blank one does, for this reason. There may be settings behind that beginning; they are
    /// looked for then, as nearly always there are none.
    Fill(String),
}

impl Held {
    /// The defaults of a machine whose medium hasn't shown up.
    pub(crate) fn defaults() -> Self {
        let account = Account { keeping: Keeping::NoMedium, notes: Vec::new() };
        Self { settings: Settings::default(), account }
    }

    /// Reads everything there is, makes or repairs the data partition, and takes over a `tenuto.toml`. It may take as long as
    /// the medium likes. `known` is told what is set before anything is written: of an empty partition and of a new file that is
    /// soon, and to make a file system isn't.
    pub(crate) fn read(root: &Root, known: impl FnOnce(&Settings)) -> Self {
        let _lock = lock(root).inspect_err(|error| tracing::warn!("{LOCK}: {error}"));
        let data = Data::find(root);
        let (mut held, work) =
            data.as_ref().map_or_else(|| (Self::defaults(), Work::Nothing), |data| Self::of(root, data));
        let offer = Offer::find(root);
        match offer.as_ref().map(|offer| offer.judge(&held.settings)) {
            Some(Verdict::New(settings, _)) => known(&settings),
            Some(Verdict::Known(_) | Verdict::Wrong(_)) | None => known(&held.settings),
        }
        if let Some(data) = &data {
            held.perform(root, data, work);
        }
        if let Some(offer) = offer {
            held.import(root, data.as_ref(), &offer);
        }
        for note in &held.account.notes {
            tracing::warn!("settings: {note}");
        }
        held
    }

    /// What can be read, and what it takes to keep it.
    fn of(root: &Root, data: &Data) -> (Self, Work) {
        match data.load(root, NAME) {
            Ok(Found::Kept(text)) => {
                let (settings, notes) = understood(&text);
                (Self { settings, account: Account { keeping: Keeping::Kept, notes } }, Work::Nothing)
            }
            Ok(Found::Nothing) => (Self::made(), Work::Save),
            // As in a new image.
            Ok(Found::Damaged(why)) if data.is_blank() => (Self::made(), Work::Fill(why)),
            Ok(Found::Damaged(why)) => {
                let note =
                    format!("the data partition was damaged ({why}) and was made again; no settings were found in it");
                let nothing = || Self {
                    settings: Settings::default(),
                    account: Account { keeping: Keeping::Repaired, notes: vec![note] },
                };
                (Self::rescued(data, &why).unwrap_or_else(nothing), Work::Make)
            }
            Err(error) => (Self::unusable(Settings::default(), &error), Work::Nothing),
        }
    }

    fn made() -> Self {
        Self { settings: Settings::default(), account: Account { keeping: Keeping::Made, notes: Vec::new() } }
    }

    /// What a damaged partition still holds.
    fn rescued(data: &Data, why: &str) -> Option<Self> {
        let text = data.rescue(|text| Settings::parse(text).is_ok()).unwrap_or_default()?;
        let (settings, mut notes) = understood(&text);
        notes.push(format!(
            "the data partition was damaged ({why}) and was made again; the settings were still found in it"
        ));
        Some(Self { settings, account: Account { keeping: Keeping::Repaired, notes } })
    }

    fn perform(&mut self, root: &Root, data: &Data, work: Work) {
        match work {
            Work::Nothing => return,
            Work::Save => {}
            Work::Make | Work::Fill(_) => {
                if let Work::Fill(why) = work
                    && let Some(rescued) = Self::rescued(data, &why)
                {
                    *self = rescued;
                }
                if let Err(error) = data.make() {
                    *self = Self::unusable(std::mem::take(&mut self.settings), &error);
                    return;
                }
                tracing::info!("settings: the data partition was made");
            }
        }
        self.keep(root, data);
    }

    fn unusable(settings: Settings, error: &io::Error) -> Self {
        let note = format!("the data partition can't be used, so nothing is kept: {error}");
        Self { settings, account: Account { keeping: Keeping::Unusable, notes: vec![note] } }
    }

    /// Saves them; whether that went well.
    fn keep(&mut self, root: &Root, data: &Data) -> bool {
        let saved = data.save(root, NAME, self.settings.text().as_bytes());
        if let Err(error) = &saved {
            self.account.keeping = Keeping::Unusable;
            self.account.notes.push(format!("the settings can't be saved, and last until the next boot: {error}"));
        }
        saved.is_ok()
    }

    fn import(&mut self, root: &Root, data: Option<&Data>, offer: &Offer) {
        let blanked = match offer.judge(&self.settings) {
            Verdict::Wrong(fault) => {
                self.account.notes.insert(0, format!("{}, {fault}; nothing in it was used", offer.name));
                return;
            }
            Verdict::Known(blanked) => blanked,
            Verdict::New(settings, blanked) => {
                self.settings = *settings;
                // Where nothing can be kept, the file has to keep it.
                if !data.is_some_and(|data| self.keep(root, data)) {
                    return;
                }
                tracing::info!("settings: {} was taken over", offer.name);
                blanked
            }
        };
        if self.account.keeping == Keeping::Unusable {
            return;
        }
        match offer.blank(root, &blanked) {
            Ok(true) => tracing::info!("settings: the password was removed from {}", offer.name),
            Ok(false) => {}
            Err(error) => {
                self.account.notes.push(format!("the password could not be removed from {}: {error}", offer.name));
            }
        }
    }
}

/// Reads what was kept. What isn't understood at all is left where it is until something is saved.
fn understood(text: &[u8]) -> (Settings, Vec<String>) {
    Settings::parse(text).unwrap_or_else(|error| {
        (Settings::default(), vec![format!("what was kept is not understood ({error}): defaults are used")])
    })
}

/// Changes one kept setting, for `agent set`; it counts from the next boot.
///
/// # Errors
/// No such setting or value, or it can't be saved.
pub(crate) fn change(root: &Root, key: &str, value: &str) -> anyhow::Result<()> {
    let _lock = lock(root)?;
    let data = Data::find(root).ok_or_else(|| anyhow::anyhow!("there is no data partition"))?;
    let mut settings = match data.load(root, NAME)? {
        Found::Kept(text) => understood(&text).0,
        Found::Nothing => Settings::default(),
        Found::Damaged(why) => anyhow::bail!("the data partition is damaged ({why}); the next boot repairs it"),
    };
    // Numbers and lists as in JSON; anything else is text.
    let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    settings.set(key, value).map_err(|refusal| match refusal {
        Refusal::Unknown => anyhow::anyhow!("there is no setting {key}; there are {}", super::schema::KEYS.join(", ")),
        Refusal::Invalid(why) => anyhow::anyhow!("{key}: {why}"),
    })?;
    data.save(root, NAME, settings.text().as_bytes())?;
    super::public::announce(root, &settings);
    Ok(())
}

/// Forgets all settings; it counts from the next boot. A `tenuto.toml` that is still on the boot medium is then taken over again.
///
/// # Errors
/// There is nothing to save to, or it can't be.
pub(crate) fn reset(root: &Root) -> anyhow::Result<()> {
    let _lock = lock(root)?;
    let data = Data::find(root).ok_or_else(|| anyhow::anyhow!("there is no data partition"))?;
    data.save(root, NAME, Settings::default().text().as_bytes())?;
    super::public::announce(root, &Settings::default());
    Ok(())
}

/// Something that is kept beside the settings, under a name of its own. None: there is none, or no medium that is well.
pub(crate) fn load_aside(root: &Root, name: &'static str) -> Option<Vec<u8>> {
    let _lock = lock(root).ok()?;
    match Data::find(root)?.load(root, name) {
        Ok(Found::Kept(content)) => Some(content),
        Ok(Found::Nothing | Found::Damaged(_)) | Err(_) => None,
    }
}

/// Keeps it; without a data partition it is let go.
///
/// # Errors
/// As [`Data::save`].
pub(crate) fn save_aside(root: &Root, name: &'static str, content: &[u8]) -> io::Result<()> {
    let Some(data) = Data::find(root) else { return Ok(()) };
    let _lock = lock(root)?;
    data.save(root, name, content)
}

fn lock(root: &Root) -> io::Result<File> {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(root.path(LOCK))?;
    file.lock()?;
    Ok(file)
}

#[cfg(test)]
mod tests;
