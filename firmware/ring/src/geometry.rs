//! Where things lie in the ring's file and in its mapping, for every size of page.
//!
//! ```text
//! file      | header | data (N) |
//! mapping   | header | data (N) | data again (N) |
//! ```
//!
//! Every offset and length here is a multiple of the page size, or the kernel refuses the mapping. That size is found at
//! run time: 4, 16 (a Raspberry Pi 5's kernel) or 64 KiB, and 2 MiB for a file of huge pages. The header takes 64 KiB,
//! which all the ordinary sizes divide, and one page where pages are larger than that.

/// Bytes in front of the data area, unless a page is larger.
pub(crate) const HEADER_BYTES: usize = 64 * 1024;
/// The largest data area.
const MOST_DATA_BYTES: usize = 64 << 20;

/// The layout of one ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    page: usize,
    data: usize,
}

impl Geometry {
    /// `data` bytes of data in pages of `page` bytes. The page size has to be a power of two, and the data a power of two
    /// and whole pages, at most 64 MiB.
    pub(crate) fn new(page: usize, data: usize) -> Option<Self> {
        let fits = page.is_power_of_two() && data.is_power_of_two() && data >= page && data <= MOST_DATA_BYTES;
        fits.then_some(Self { page, data })
    }

    /// The layout of a file of `bytes` bytes.
    pub(crate) fn of_file(page: usize, bytes: u64) -> Option<Self> {
        let bytes = usize::try_from(bytes).ok()?;
        Self::new(page, bytes.checked_sub(HEADER_BYTES.max(page))?)
    }

    /// Bytes in front of the data area.
    pub(crate) fn header(self) -> usize {
        HEADER_BYTES.max(self.page)
    }

    /// Bytes of the data area.
    pub(crate) fn data(self) -> usize {
        self.data
    }

    /// Bytes of the file.
    pub(crate) fn file(self) -> usize {
        self.header() + self.data
    }

    /// Bytes of address space that the mapping takes.
    pub(crate) fn mapped(self) -> usize {
        self.header() + 2 * self.data
    }

    /// The size of a page, which the mapping's first address has to be a multiple of.
    pub(crate) fn page(self) -> usize {
        self.page
    }

    /// Offset in the mapping, and length, of the `len` bytes from ring position `position` on (counted since the stream was
    /// opened). Inside the mapping for every argument: lengths are cut to the size of the data area.
    pub(crate) fn range(self, position: u64, len: usize) -> (usize, usize) {
        let mask = self.data as u64 - 1;
        (self.header() + (position & mask) as usize, len.min(self.data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Arithmetic for all of them. What comes out of it for 4, 16 and 64 KiB is mapped by `mapping::tests` and for 2 MiB by
    /// `tests/huge_pages.rs` of the engine; by a kernel whose own pages are of 16 or 64 KiB on no machine that these tests have run
    /// on. 32 MiB is what a huge page has beside ordinary ones of 16 KiB.
    const PAGES: [usize; 5] = [4 << 10, 16 << 10, 64 << 10, 2 << 20, 32 << 20];

    /// The ring that the engine makes: in the ordinary pages of every kernel that there is one for, and in huge ones of 2 MiB, which
    /// it asks for by their size.
    #[test]
    fn the_engines_ring_is_whole_pages_of_up_to_2_mib_and_none_of_32() {
        let header = |page| Geometry::new(page, crate::DATA_BYTES).map(Geometry::header);
        let headers = [Some(64 << 10), Some(64 << 10), Some(64 << 10), Some(2 << 20), None];
        assert_eq!(PAGES.map(header), headers);
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        for (page, data) in [
            (4096, 0),
            (4096, 2048),
            (4096, 3 * 4096),
            (4096, 128 << 20),
            (16 << 10, 8 << 10),
            (64 << 10, 32 << 10),
            (2 << 20, 1 << 20),
            (0, 8 << 20),
            (3 * 4096, 8 << 20),
            (128 << 20, 128 << 20),
        ] {
            assert_eq!(Geometry::new(page, data), None, "{data} bytes in pages of {page}");
        }
        for bytes in [0, 1, 4096, 65_536, u64::MAX] {
            assert_eq!(Geometry::of_file(4096, bytes), None, "a file of {bytes} bytes");
        }
        assert_eq!(Geometry::of_file(2 << 20, (64 << 10) + (8 << 20)), None, "the header is a huge page, too");
    }

    proptest! {
        #[test]
        fn the_kernel_would_take_every_mapping(page in 0..PAGES.len(), shift in 0u32..15) {
            let page = PAGES[page];
            if let Some(ring) = Geometry::new(page, page << shift) {
                for part in [ring.header(), ring.data(), ring.header() + ring.data(), ring.file(), ring.mapped()] {
                    prop_assert!(part > 0 && part.is_multiple_of(page), "{part} in pages of {page}");
                }
                prop_assert_eq!(Geometry::of_file(page, ring.file() as u64), Some(ring));
            } else {
                prop_assert!(page << shift > MOST_DATA_BYTES);
            }
        }

        /// Byte by byte: what a range reaches is the file's byte for that position, through either mapping of it.
        #[test]
        fn a_range_is_inside_and_reaches_the_positions_own_bytes(
            page in 0..PAGES.len(), shift in 0u32..4, position: u64, len: usize, at: usize,
        ) {
            let Some(ring) = Geometry::new(PAGES[page], PAGES[page] << shift) else { return Ok(()) };
            let (start, cut) = ring.range(position, len);
            prop_assert!(start >= ring.header() && start + cut <= ring.mapped());
            prop_assert!(cut == len || cut == ring.data());
            if cut > 0 {
                let at = at % cut;
                let in_file = (start + at - ring.header()) % ring.data();
                prop_assert_eq!(in_file as u64, position.wrapping_add(at as u64) % ring.data() as u64);
            }
        }
    }
}
