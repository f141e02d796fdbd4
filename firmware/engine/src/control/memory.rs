//! The rings that players get.

use std::os::fd::OwnedFd;

use ring::{HUGE_PAGES, MapError, RingMemory};

/// How a player's ring is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RingSettings {
    /// How much of it a stream uses, ms.
    pub(crate) ms: u32,
    /// Whether it is to lie in huge pages.
    pub(crate) huge_pages: bool,
    /// It was said that there are none.
    missed: bool,
}

impl RingSettings {
    pub(crate) fn new(ms: u32, huge_pages: bool) -> Self {
        Self { ms, huge_pages, missed: false }
    }

    /// A ring for a new player. Where there are no huge pages for it that is said once; the next player's may get some, if
    /// it was only the old player's ring, still fading out, that had them.
    pub(super) fn make(&mut self) -> Result<(RingMemory, OwnedFd), MapError> {
        if self.huge_pages {
            match RingMemory::create_huge() {
                Ok(made) => return Ok(made),
                Err(error) if !self.missed => {
                    self.missed = true;
                    tracing::warn!(
                        "--huge-pages: no {HUGE_PAGES} pages of 2 MiB are free ({error}): using ordinary ones; reserve \
                         them with hugepagesz=2M hugepages={HUGE_PAGES} on the kernel's command line, or in \
                         /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
                    );
                }
                Err(_) => {}
            }
        }
        RingMemory::create()
    }
}
