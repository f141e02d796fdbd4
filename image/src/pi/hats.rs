//! HATs that are sound cards (`board/rpi/hats`): which overlay each needs, and what ALSA calls it then.
use anyhow::{Context, Result, bail};

use crate::board::lines;

/// A HAT.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hat<'a> {
    /// Its device-tree overlay.
    pub(super) overlay: &'a str,
    /// What ALSA calls the card.
    pub(super) card: &'a str,
    /// What it is sold as.
    pub(super) products: &'a str,
}

impl Hat<'_> {
    /// The overlay's file, in the firmware's directory and in a slot.
    pub(super) fn file(&self) -> String {
        format!("overlays/{}.dtbo", self.overlay)
    }

    /// The line of `local.txt` that chooses it.
    pub(super) fn line(&self) -> String {
        format!("# {} (ALSA: {})\ndtoverlay={}\n", self.products, self.card, self.overlay)
    }
}

/// Reads the table.
pub(super) fn parse(text: &str) -> Result<Vec<Hat<'_>>> {
    let word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let hat = |line| {
        let (overlay, rest): (&str, &str) = str::split_once(line, char::is_whitespace)?;
        let (card, products) = rest.trim_start().split_once(char::is_whitespace)?;
        (word(overlay) && word(card)).then(|| Hat { overlay, card, products: products.trim_start() })
    };
    lines(text).map(|line| hat(line).with_context(|| format!("{line:?} is no overlay, card and products"))).collect()
}

/// The HAT with this overlay.
pub(super) fn named<'a>(hats: &'a [Hat<'a>], overlay: &str) -> Result<&'a Hat<'a>> {
    let Some(hat) = hats.iter().find(|hat| hat.overlay == overlay) else {
        let known: Vec<&str> = hats.iter().map(|hat| hat.overlay).collect();
        bail!("no HAT has the overlay {overlay:?}; there are: {}", known.join(", "));
    };
    Ok(hat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The firmware ignores what is behind the 98th character of a line.
    const LINE: usize = 98;

    #[test]
    fn every_hat_of_the_table_can_be_chosen_by_its_overlay() {
        let path = crate::build::repository().unwrap().join("board/rpi/hats");
        let text = std::fs::read_to_string(path).unwrap();
        let hats = parse(&text).unwrap();
        let overlays: BTreeSet<&str> = hats.iter().map(|hat| hat.overlay).collect();
        assert!(hats.len() > 10 && overlays.len() == hats.len(), "{overlays:?}");
        for hat in &hats {
            let found = named(&hats, hat.overlay).unwrap();
            let line = found.line();
            let chosen: Vec<&str> = lines(&line).collect();
            assert_eq!(chosen, [format!("dtoverlay={}", hat.overlay)]);
            assert!(chosen[0].len() <= LINE && !hat.products.is_empty());
        }
        assert!(named(&hats, "none").unwrap_err().to_string().contains("hifiberry-dac, "));
    }

    #[test]
    fn a_row_that_lacks_something_or_could_be_another_line_is_refused() {
        for wrong in ["hifiberry-dac", "hifiberry-dac card", "over,lay card product", "overlay card=1 product"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        let hat = Hat { overlay: "a-b", card: "c_d", products: "E, F" };
        assert_eq!(parse("# why\na-b   c_d  E, F\n").unwrap(), [hat]);
    }
}
