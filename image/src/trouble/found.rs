//! What `--trouble` has found.
use std::fmt::{self, Display, Formatter};

use serde::Serialize;

/// One thing that went wrong, and what the renderer said about it.
#[derive(Debug, Serialize)]
pub struct Told {
    /// What went wrong.
    pub what: &'static str,
    /// UPnP's word for it: `ERROR_OCCURRED`, or the fault's code.
    pub upnp: String,
    /// What the page, or the fault, says.
    pub reason: String,
}

/// What `image/run --trouble` found.
#[derive(Debug, Default, Serialize)]
pub struct Trouble {
    /// Everything was as it has to be.
    pub usable: bool,
    /// From the network's coming to the first SSDP announcement, ms.
    pub link_to_ssdp_ms: u64,
    /// From plugging the sound card in to the renderer's showing it, ms.
    pub card_to_page_ms: u64,
    /// What went wrong on purpose, and how it was named.
    pub told: Vec<Told>,
    /// Times that the good track arrived bit for bit.
    pub whole: usize,
    /// What was wrong.
    pub faults: Vec<String>,
    /// How often the sound card ran dry: then the machine was too slow, and what was heard says nothing.
    pub xruns: u64,
    /// How often it was tried: again only after xruns.
    pub attempts: u32,
    /// The kernel's source package.
    pub kernel_source: String,
}

impl Display for Trouble {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "network     {} ms from the cable to the first SSDP alive", self.link_to_ssdp_ms)?;
        writeln!(f, "sound card  {} ms from its plug to the page", self.card_to_page_ms)?;
        for Told { what, upnp, reason } in &self.told {
            writeln!(f, "{what}: {upnp}, {reason}")?;
        }
        writeln!(f, "good tracks {} in between, each equal in every bit", self.whole)?;
        self.faults.iter().try_for_each(|fault| writeln!(f, "FAULT       {fault}"))
    }
}
