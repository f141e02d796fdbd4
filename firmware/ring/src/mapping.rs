//! Shared memory: the sealed memfds and their mappings. All of this crate's unsafe code is in this file.
//!
//! The data area is mapped twice, back to back, so that any run of at most its size is contiguous wherever it starts
//! (`geometry.rs` draws it).
//!
//! **What sharing means for soundness.** The peer can write the ring's memory at any time, even against the protocol.
//! The control words are atomics, so reading them is always defined. The sample bytes are handed out as slices: the
//! protocol gives each byte to one side at a time, and a peer that breaks it tears *samples*. No byte of the data area
//! ever decides an index, a length or a branch; it is only copied and scaled.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, fstatfs, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

use crate::control::{Control, MAGIC, VERSION};
use crate::geometry::{Geometry, HEADER_BYTES};
use crate::status::{STATUS_MAGIC, StatusPage};
use crate::word::Word;

/// Bytes of the data area.
pub const DATA_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of a huge page.
const HUGE_PAGE_BYTES: usize = 2 << 20;
/// Huge pages that a ring of [`DATA_BYTES`] takes: one for the header, the rest for the data.
pub const HUGE_PAGES: usize = 1 + DATA_BYTES / HUGE_PAGE_BYTES;
/// Where the kernel has room, a ring's mappings begin at multiples of this, in every process.
///
/// AMD's cores since Zen look into their first-level data cache by a hash of the virtual address (its bits 12 to 27: Lipp and others,
/// "Take A Way", 2020), and take a line for missing that was written under another address with another hash: it comes from the
/// second-level cache then. So a core that has both ends of a ring, or shares its cache with the one that has the other, finds in
/// its first one what was written only if both mappings have these bits in common.
const ALIKE: usize = 1 << 28;
/// Multiples of it that are tried.
const ALIKE_TRIES: usize = 8;
/// Bytes of the status page's file.
pub(crate) const STATUS_BYTES: usize = 64 * 1024;

const _: () = assert!(size_of::<Control<AtomicU64>>() <= HEADER_BYTES);
const _: () = assert!(size_of::<StatusPage>() <= STATUS_BYTES);
// Whole pages of every ordinary size.
const _: () = assert!(STATUS_BYTES.is_multiple_of(64 << 10) && HEADER_BYTES.is_multiple_of(64 << 10));

/// Why memory that the peer sent can't be used.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// The system refused.
    #[error("can't {what} shared memory: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The peer could still shrink the file, and with it kill this process.
    #[error("the shared memory isn't sealed")]
    NotSealed,
    /// The file isn't as long as the protocol says.
    #[error("the shared memory has {0} bytes, which is not a size of this protocol")]
    Size(u64),
    /// The file holds something else, or another version.
    #[error(
        "the shared memory isn't of this version (magic {magic:#x}, version {version}): restart engine and player from the same release"
    )]
    Version {
        /// The magic found.
        magic: u64,
        /// The version found.
        version: u64,
    },
}

fn failed(what: &'static str) -> impl Fn(rustix::io::Errno) -> MapError {
    move |errno| MapError::System { what, source: errno.into() }
}

/// How a mapping is to be made. The engine populates its own (no page fault later); the player's fill as it goes.
#[derive(Clone, Copy)]
struct Access {
    protection: ProtFlags,
    how: MapFlags,
}

/// A range of address space, unmapped on drop.
#[derive(Debug)]
struct Region {
    /// The first address, a multiple of what was asked for.
    base: NonNull<u8>,
    bytes: usize,
    /// All that was reserved to find such an address in.
    reserved: (NonNull<u8>, usize),
}

// SAFETY: a region is only an address range that this value owns; mapped memory belongs to no thread. What is done with
// the bytes is argued where it is done.
unsafe impl Send for Region {}
// SAFETY: as above; `&Region` gives out nothing but the address.
unsafe impl Sync for Region {}

impl Region {
    /// Reserves `bytes` of address space from a multiple of `align` on (a power of two), without memory behind it.
    fn reserve(bytes: usize, align: usize) -> Result<Self, MapError> {
        let most = bytes + align;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice replaces nothing.
        let all = unsafe {
            mmap_anonymous(std::ptr::null_mut(), most, ProtFlags::empty(), MapFlags::PRIVATE | MapFlags::NORESERVE)
        }
        .map_err(failed("reserve"))?;
        let all = NonNull::new(all.cast::<u8>()).ok_or(MapError::Size(0))?;
        let skipped = all.addr().get().next_multiple_of(align) - all.addr().get();
        // SAFETY: skipped < align, and bytes + align were reserved.
        let base = unsafe { all.add(skipped) };
        Ok(Self { base, bytes, reserved: (all, most) })
    }

    /// The same, preferably from a multiple of [`ALIKE`] on: the next ones below what the kernel would choose.
    fn reserve_alike(bytes: usize, align: usize) -> Result<Self, MapError> {
        let any = Self::reserve(bytes, align)?;
        let highest = any.base.addr().get() / ALIKE;
        let wanted = (0..ALIKE_TRIES).filter_map(|tries| highest.checked_sub(tries)).map(|multiple| multiple * ALIKE);
        let found = wanted.filter_map(|wanted| Self::reserve_at(wanted, bytes)).next();
        Ok(found.unwrap_or(any))
    }

    /// Reserves `bytes` from this address on, if nothing is there.
    fn reserve_at(address: usize, bytes: usize) -> Option<Self> {
        let (hint, how) = (std::ptr::without_provenance_mut(address), MapFlags::PRIVATE | MapFlags::NORESERVE);
        // SAFETY: a new anonymous mapping replaces nothing: without MAP_FIXED the address is only a wish.
        let base = NonNull::new(unsafe { mmap_anonymous(hint, bytes, ProtFlags::empty(), how) }.ok()?.cast::<u8>())?;
        let region = Self { base, bytes, reserved: (base, bytes) };
        // Elsewhere: given back.
        (base.addr().get() == address).then_some(region)
    }

    /// Maps `bytes` of `fd`, from `file_offset` on, at `offset` of this region.
    fn map(
        &self,
        offset: usize,
        bytes: usize,
        access: Access,
        fd: BorrowedFd<'_>,
        file_offset: usize,
    ) -> Result<(), MapError> {
        assert!(offset <= self.bytes && bytes <= self.bytes - offset, "a mapping stays inside its region");
        // SAFETY: offset <= self.bytes was checked, so the address is inside the region or one past its end.
        let address = unsafe { self.base.add(offset) };
        let flags = MapFlags::SHARED | MapFlags::FIXED | access.how;
        // SAFETY: MAP_FIXED replaces only the reserved range inside this region (checked above), which this value owns
        // and into which no reference exists yet: regions are filled before they are handed out.
        unsafe { mmap(address.as_ptr().cast(), bytes, access.protection, flags, fd, file_offset as u64) }
            .map(drop)
            .map_err(failed("map"))
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        let (all, most) = self.reserved;
        // SAFETY: the region owns the range, and everything that borrows from it has ended.
        // Failure would leak the range, nothing else; there is nobody to tell.
        let _ = unsafe { munmap(all.as_ptr().cast(), most) };
    }
}

/// The seals that a peer's file must carry: its size is final, so that no access lies behind its end, which would be SIGBUS.
///
/// They don't keep the peer from punching holes into it: it has to write, so it may do that. The next access to a hole costs a page
/// fault and finds zeros, as at first; where no memory is left for the page (of huge pages: no reserved one), it is SIGBUS all the
/// same. So a player can make the engine late, and in the worst case end it (its init starts it again); it can't read or write
/// anything else of it. An engine can do the same to the player.
const SIZE_SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW);

fn create_file(name: &str, bytes: usize, flags: MemfdFlags) -> Result<OwnedFd, MapError> {
    let flags = flags | MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = memfd_create(name, flags).map_err(failed("create"))?;
    ftruncate(&fd, bytes as u64).map_err(failed("size"))?;
    Ok(fd)
}

/// The size of a file that the peer sent and can't change any more.
fn sealed_size(fd: BorrowedFd<'_>) -> Result<u64, MapError> {
    let seals = fcntl_get_seals(fd).map_err(|_| MapError::NotSealed)?;
    if !seals.contains(SIZE_SEALS) {
        return Err(MapError::NotSealed);
    }
    let size = fstat(fd).map_err(failed("stat"))?.st_size;
    Ok(u64::try_from(size).unwrap_or(0))
}

/// The size of the pages that a memfd consists of. A file of huge pages says so as its block size.
fn page_size_of(fd: BorrowedFd<'_>) -> Result<usize, MapError> {
    let block = fstatfs(fd).map_err(failed("stat"))?.f_bsize;
    Ok(usize::try_from(block).unwrap_or(0))
}

/// One mapping of the ring's memory. A process makes one [`Producer`](crate::Producer) or one
/// [`Consumer`](crate::Consumer) of it; it can't be cloned.
#[derive(Debug)]
pub struct RingMemory {
    region: Arc<Region>,
    geometry: Geometry,
}

impl RingMemory {
    /// Creates the ring's memory; the file is for the peer.
    pub fn create() -> Result<(Self, OwnedFd), MapError> {
        Self::create_sized(DATA_BYTES)
    }

    /// Creates a ring with `data_bytes` of data, a power of two and a multiple of the page size.
    pub fn create_sized(data_bytes: usize) -> Result<(Self, OwnedFd), MapError> {
        Self::create_in(rustix::param::page_size(), data_bytes, MemfdFlags::empty())
    }

    /// As [`create`](Self::create), in [`HUGE_PAGES`] pages of 2 MiB: a few entries of the TLB instead of thousands, and
    /// memory that the kernel can't move. Every kernel of this product has that size, whatever its ordinary pages are.
    /// The system has to have so many reserved (`/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages`, or `hugepagesz=2M
    /// hugepages=` of the kernel's command line; a kernel of 16 KiB pages takes 32 MiB where it isn't told the size), else
    /// mapping them fails.
    pub fn create_huge() -> Result<(Self, OwnedFd), MapError> {
        Self::create_in(HUGE_PAGE_BYTES, DATA_BYTES, MemfdFlags::HUGETLB | MemfdFlags::HUGE_2MB)
    }

    fn create_in(page: usize, data_bytes: usize, flags: MemfdFlags) -> Result<(Self, OwnedFd), MapError> {
        let geometry = Geometry::new(page, data_bytes).ok_or(MapError::Size(data_bytes as u64))?;
        let fd = create_file("tenuto-ring", geometry.file(), flags)?;
        fcntl_add_seals(&fd, SIZE_SEALS | SealFlags::SEAL).map_err(failed("seal"))?;
        let memory = Self::map(fd.as_fd(), geometry, MapFlags::POPULATE)?;
        let head = &memory.control().head;
        head.data_bytes.set(data_bytes as u64);
        head.version.set(u64::from(VERSION));
        head.magic.release(MAGIC);
        Ok((memory, fd))
    }

    /// Maps the memory that the peer sent, if it is what it has to be.
    pub fn from_fd(fd: BorrowedFd<'_>) -> Result<Self, MapError> {
        let size = sealed_size(fd)?;
        let geometry = Geometry::of_file(page_size_of(fd)?, size).ok_or(MapError::Size(size))?;
        let memory = Self::map(fd, geometry, MapFlags::empty())?;
        let head = &memory.control().head;
        let (magic, version) = (head.magic.acquire(), head.version.get());
        if magic != MAGIC || version != u64::from(VERSION) || head.data_bytes.get() != geometry.data() as u64 {
            return Err(MapError::Version { magic, version });
        }
        Ok(memory)
    }

    /// Both ends of a ring in this process, in one mapping: one for a [`Producer`](crate::Producer), one for a
    /// [`Consumer`](crate::Consumer). For measuring the ring against those that can't leave a process.
    pub fn pair(data_bytes: usize) -> Result<(Self, Self), MapError> {
        let (memory, _) = Self::create_sized(data_bytes)?;
        let other = memory.share();
        Ok((memory, other))
    }

    /// The same mapping once more; for one that writes, or for any number that only read.
    pub(crate) fn share(&self) -> Self {
        Self { region: Arc::clone(&self.region), geometry: self.geometry }
    }

    fn map(fd: BorrowedFd<'_>, geometry: Geometry, how: MapFlags) -> Result<Self, MapError> {
        let region = Region::reserve_alike(geometry.mapped(), geometry.page())?;
        let access = Access { protection: ProtFlags::READ | ProtFlags::WRITE, how };
        region.map(0, geometry.file(), access, fd, 0)?;
        region.map(geometry.file(), geometry.data(), access, fd, geometry.header())?;
        Ok(Self { region: Arc::new(region), geometry })
    }

    /// Bytes of the data area.
    #[must_use]
    pub fn data_bytes(&self) -> usize {
        self.geometry.data()
    }

    /// The control words.
    #[must_use]
    pub fn control(&self) -> &Control<AtomicU64> {
        // SAFETY: the region starts with a mapped, page-aligned header larger than `Control` (asserted above), whose
        // fields are all atomics, valid for every bit pattern, and it stays mapped as long as `self` is borrowed.
        unsafe { self.region.base.cast::<Control<AtomicU64>>().as_ref() }
    }

    /// The bytes from ring position `position` on (counted since the stream was opened, wrapping); shortened to the
    /// size of the data area.
    pub(crate) fn bytes(&self, position: u64, len: usize) -> &[u8] {
        let (start, len) = self.geometry.range(position, len);
        // SAFETY: `range` keeps start inside the region.
        let first = unsafe { self.region.base.add(start) };
        // SAFETY: `range` keeps start + len inside the data area and its second mapping. The protocol lends these bytes
        // to this side; what a peer that breaks it can do is argued at the head of this file.
        unsafe { NonNull::slice_from_raw_parts(first, len).as_ref() }
    }

    /// As [`bytes`](Self::bytes), to write.
    pub(crate) fn bytes_mut(&mut self, position: u64, len: usize) -> &mut [u8] {
        let (start, len) = self.geometry.range(position, len);
        // SAFETY: `range` keeps start inside the region.
        let first = unsafe { self.region.base.add(start) };
        // SAFETY: as in `bytes`; `&mut self` makes this the only slice to write to that this process has, and no two of
        // its bytes are the same memory because `len` is at most the size of the data area.
        unsafe { NonNull::slice_from_raw_parts(first, len).as_mut() }
    }
}

/// The status page, mapped for writing by the engine.
#[derive(Debug)]
pub(crate) struct StatusMemory {
    region: Region,
}

impl StatusMemory {
    /// Creates the page; from here on its file can only be mapped for reading.
    pub(crate) fn create() -> Result<(Self, OwnedFd), MapError> {
        let fd = create_file("tenuto-status", STATUS_BYTES, MemfdFlags::empty())?;
        let region = Region::reserve(STATUS_BYTES, rustix::param::page_size())?;
        let access = Access { protection: ProtFlags::READ | ProtFlags::WRITE, how: MapFlags::POPULATE };
        region.map(0, STATUS_BYTES, access, fd.as_fd(), 0)?;
        fcntl_add_seals(&fd, SIZE_SEALS | SealFlags::FUTURE_WRITE | SealFlags::SEAL).map_err(failed("seal"))?;
        Ok((Self { region }, fd))
    }

    /// Maps the page that the engine sent, for reading.
    pub(crate) fn from_fd(fd: BorrowedFd<'_>) -> Result<Self, MapError> {
        let size = sealed_size(fd)?;
        if size != STATUS_BYTES as u64 {
            return Err(MapError::Size(size));
        }
        let region = Region::reserve(STATUS_BYTES, rustix::param::page_size())?;
        let access = Access { protection: ProtFlags::READ, how: MapFlags::empty() };
        region.map(0, STATUS_BYTES, access, fd, 0)?;
        let memory = Self { region };
        let (magic, version) = (memory.page().magic.acquire(), memory.page().version.get());
        if magic != STATUS_MAGIC || version != u64::from(VERSION) {
            return Err(MapError::Version { magic, version });
        }
        Ok(memory)
    }

    /// The page. Its cells are atomics; through a reader's mapping they are only ever loaded, and loads of 64 bits are
    /// plain instructions on every target of this product, so a read-only mapping does.
    pub(crate) fn page(&self) -> &StatusPage {
        // SAFETY: the region is mapped, page-aligned and larger than `StatusPage` (asserted above), whose fields are all
        // atomics, valid for every bit pattern; it stays mapped as long as `self` is borrowed.
        unsafe { self.region.base.cast::<StatusPage>().as_ref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever else is mapped: the next multiple is taken, down to the last that is tried, and any address then.
    #[test]
    fn mappings_of_a_ring_begin_alike() {
        let (ours, fd) = RingMemory::create().expect("a ring");
        let mut theirs: Vec<_> =
            (1..2 * ALIKE_TRIES).map(|_| RingMemory::from_fd(fd.as_fd()).expect("the same")).collect();
        theirs.push(ours);
        let alike = theirs.iter().filter(|memory| memory.region.base.addr().get().is_multiple_of(ALIKE)).count();
        assert!(alike >= ALIKE_TRIES, "{alike} of {}", theirs.len());
        let page = rustix::param::page_size();
        assert!(theirs.iter().all(|memory| memory.region.base.addr().get().is_multiple_of(page)));
        assert!(theirs.iter().all(|memory| memory.control().head.magic.acquire() == MAGIC), "all are the same memory");
    }

    /// As kernels with pages of 4, 16 and 64 KiB have it: each address, length and offset is whole pages of that size, or such a
    /// kernel would refuse it; and both mappings of either side are the same memory. (This kernel maps smaller pages as well, so the
    /// test is for sizes that are not smaller than its own.)
    #[test]
    fn rings_in_pages_of_every_ordinary_size_are_mapped() {
        let own = rustix::param::page_size();
        for page in [4 << 10, 16 << 10, 64 << 10].into_iter().filter(|&page| page >= own) {
            for data in [page, 4 * page, DATA_BYTES] {
                let (mut ours, fd) = RingMemory::create_in(page, data, MemfdFlags::empty()).expect("a ring");
                let theirs = RingMemory::from_fd(fd.as_fd()).expect("the same");
                let parts = [
                    ours.region.base.addr().get(),
                    ours.geometry.header(),
                    ours.geometry.data(),
                    ours.geometry.file(),
                    ours.geometry.mapped(),
                ];
                assert!(parts.iter().all(|part| part.is_multiple_of(page)), "{parts:x?} in pages of {page}");
                assert_eq!(theirs.data_bytes(), data);
                // Over the end: the second mapping is what goes on.
                let over = data as u64 - 100;
                ours.bytes_mut(over, 200).iter_mut().zip(1..).for_each(|(byte, n)| *byte = n);
                assert!(theirs.bytes(0, 100).iter().copied().eq(101..=200), "pages of {page}, {data} bytes");
                assert!(theirs.bytes(over, 200).iter().copied().eq(1..=200));
                assert!(ours.bytes(data as u64, 100).iter().copied().eq(101..=200));
            }
        }
    }
}
