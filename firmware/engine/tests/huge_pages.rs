//! `--huge-pages`, as the kernel sees it.

mod common;

use std::fs::{self, File};
use std::io;

use common::{CD, Engine, noise};
use rustix::fs::{FlockOperation, flock};

/// How many pages of 2 MiB are reserved.
const POOL: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
/// Pages for two players: the second one's ring may be there before the first one's is gone.
const ENOUGH: usize = 2 * ring::HUGE_PAGES;

/// The machine's pages of 2 MiB, for this test alone: another run of it would take what this one reserves for what was there
/// before. What is reserved is given back when this is dropped.
struct Pool {
    before: usize,
    _locked: File,
}

impl Pool {
    fn lock() -> io::Result<Self> {
        let pool = File::options().read(true).write(true).open(POOL)?;
        flock(&pool, FlockOperation::LockExclusive)?;
        let before = io::read_to_string(&pool)?.trim().parse().map_err(io::Error::other)?;
        Ok(Self { before, _locked: pool })
    }

    /// Reserves so many more.
    fn reserve(self, pages: usize) -> io::Result<Self> {
        fs::write(POOL, (self.before + pages).to_string())?;
        match free() {
            free if free < pages => Err(io::Error::other(format!("memory for {free} of {pages}"))),
            _ => Ok(self),
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        fs::write(POOL, self.before.to_string()).expect("it can be written");
    }
}

/// A line's number, in `/proc/meminfo` or a mapping's part of `smaps`.
fn number(text: &str, name: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Size of the pages (kB) of every mapping of the ring that the engine has.
fn page_sizes(engine: &Engine) -> Vec<usize> {
    let maps = fs::read_to_string(format!("/proc/{}/smaps", engine.pid())).expect("it runs");
    maps.split("memfd:tenuto-ring").skip(1).map(|part| number(part, "KernelPageSize").expect("a size")).collect()
}

/// Pages of 2 MiB that a ring may get.
fn free() -> usize {
    let machine = fs::read_to_string("/proc/meminfo").expect("Linux");
    let pages = |name| number(&machine, name).unwrap_or(0);
    if pages("Hugepagesize") == 2048 { pages("HugePages_Free") - pages("HugePages_Rsvd") } else { 0 }
}

/// Two players, one after the other, of an engine with `--huge-pages`.
fn play() {
    let ordinary = rustix::param::page_size() / 1024;
    let expected: &[usize] = match free() {
        ENOUGH.. => &[2048],
        free if free >= ring::HUGE_PAGES => &[2048, ordinary],
        _ => &[ordinary],
    };
    let engine = Engine::with_file_sink(&["--huge-pages"]);
    let mut all = Vec::new();
    for n in 1..=2 {
        let mut player = engine.connect();
        let sizes = page_sizes(&engine);
        println!("pages of {sizes:?} kB");
        // Header and data, and the data again; the kernel may show neighbours as one.
        assert!(!sizes.is_empty());
        assert!(sizes.iter().all(|size| expected.contains(size)), "{sizes:?} kB, not {expected:?}");
        all.extend(sizes);
        player.open(CD);
        let material = noise(5_000, CD, n);
        player.play(u64::from(n), &material, 4);
        player.close();
        let starts = engine.wait_event("start", n as usize)["frame"].as_u64().expect("a frame") as usize;
        assert!(engine.raw(n)[starts * 4..][..material.len()] == material[..]);
    }
    let (_, log) = engine.terminate();
    assert_eq!(log.matches("--huge-pages: no 5 pages").count(), usize::from(all.contains(&ordinary)), "{log}");
}

/// On the machine as it is, which mostly has no huge pages: that is said once, and it is played all the same. Then with as many as
/// it takes, where this test may reserve them (root) and there is memory; else it says that it didn't (and `tests/long` skips it).
#[test]
fn the_ring_is_in_huge_pages_or_it_is_said_why_not() {
    let pool = Pool::lock();
    play();
    match pool.and_then(|pool| pool.reserve(ENOUGH)) {
        Ok(_reserved) => play(),
        Err(error) => println!("no huge pages can be reserved: {error}"),
    }
}
