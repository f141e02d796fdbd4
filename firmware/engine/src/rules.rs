//! What is known of DACs that their driver doesn't say, or says wrongly: rules, as data.
//!
//! The engine corrects what it has probed, rather than the player what it reads: here the card's USB id and name are known,
//! what a rule forbids is then refused at opening as well, and there is one truth for every reader of the status page.

mod correction;
mod file;

pub(crate) use correction::{Corrected, Correction};
pub(crate) use file::hexadecimal;

use pcm::FormatSet;

/// Rules that come with the engine, in the form of the owner's file.
const KNOWN: &str = include_str!("rules/known.toml");

/// What a card is known by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Card {
    /// USB vendor and product.
    pub(crate) usb: Option<(u16, u16)>,
    /// ALSA's name of it.
    pub(crate) name: String,
}

/// Which cards a rule is for: those that have all that is given here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Whom {
    /// Vendor and product; without one, all the vendor's.
    usb: Option<(u16, Option<u16>)>,
    /// The whole name, or how it begins.
    name: Option<(String, bool)>,
}

impl Whom {
    fn is(&self, card: &Card) -> bool {
        let usb = self.usb.is_none_or(|(vendor, product)| {
            card.usb.is_some_and(|(v, p)| v == vendor && product.is_none_or(|product| product == p))
        });
        let name = self.name.as_ref().is_none_or(|(name, begins)| {
            if *begins { card.name.starts_with(name.as_str()) } else { card.name == *name }
        });
        usb && name
    }
}

/// One rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rule {
    whom: Whom,
    says: Correction,
}

/// All rules, the built-in ones first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DacRules {
    rules: Vec<Rule>,
}

impl DacRules {
    /// The built-in rules, and those of the owner's file if there is one.
    ///
    /// # Errors
    /// A text that names the line and what is wrong with it.
    pub(crate) fn read(owners: Option<&str>) -> Result<Self, String> {
        let mut rules = file::parse(KNOWN).map_err(|error| format!("built in: {error}"))?;
        rules.extend(owners.map(file::parse).transpose()?.unwrap_or_default());
        Ok(Self { rules })
    }

    /// What all the rules for `card` say together; of two that contradict each other the later one counts.
    pub(crate) fn of(&self, card: &Card) -> Correction {
        let matching = self.rules.iter().filter(|rule| rule.whom.is(card));
        matching.fold(Correction::default(), |all, rule| all.and(&rule.says))
    }
}

#[cfg(test)]
mod tests;
