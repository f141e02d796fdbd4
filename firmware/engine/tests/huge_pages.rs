//! `--huge-pages`, as the kernel sees it.

mod common;

use std::fs;

use common::{CD, Engine, noise};

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

/// What there is to be seen depends on the machine: where enough pages are reserved they are used (`tests/long` reserves
/// them), else it is said once and played all the same.
#[test]
fn the_ring_is_in_huge_pages_or_it_is_said_why_not() {
    let machine = fs::read_to_string("/proc/meminfo").expect("Linux");
    let huge = number(&machine, "Hugepagesize") == Some(2048);
    let free = number(&machine, "HugePages_Free").unwrap_or(0) - number(&machine, "HugePages_Rsvd").unwrap_or(0);
    let reserved = huge && free >= ring::HUGE_PAGES;

    let engine = Engine::with_file_sink(&["--huge-pages"]);
    for n in 1..=2 {
        let mut player = engine.connect();
        let sizes = page_sizes(&engine);
        println!("pages of {sizes:?} kB");
        // Header and data, and the data again; the kernel may show neighbours as one.
        assert!(!sizes.is_empty());
        let ordinary = rustix::param::page_size() / 1024;
        assert!(sizes.iter().all(|&size| size == if reserved { 2048 } else { ordinary }), "{sizes:?} kB");
        player.open(CD);
        let material = noise(5_000, CD, n);
        player.play(u64::from(n), &material, 4);
        player.close();
        let starts = engine.wait_event("start", n as usize)["frame"].as_u64().expect("a frame") as usize;
        assert!(engine.raw(n)[starts * 4..][..material.len()] == material[..]);
    }
    let (_, log) = engine.terminate();
    assert_eq!(log.matches("--huge-pages: no 5 pages").count(), usize::from(!reserved), "{log}");
}
