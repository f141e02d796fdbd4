//! The same inputs give the same image, bit for bit, whatever the time of day.
use std::fs;
use std::path::{Path, PathBuf};

use image::base::Base;
use image::board::Board;
use image::cache::Cache;
use image::kernel::Kernel;
use image::{build, disk, slot};

/// Builds a disk image with made-up contents in a new cache; returns its bytes.
fn made_in(home: &Path) -> Vec<u8> {
    let repository = build::repository().unwrap();
    let cache = Cache::at(home.join("tenuto")).unwrap();
    let board = Board::named("x86_64").unwrap();
    let (kernel, root) = (home.join("kernel"), home.join("root"));
    fs::write(&kernel, [1; 100_000]).unwrap();
    let base = Base::of(&cache, board.architecture).unwrap();
    let kernel =
        Kernel { image: kernel, device_trees: PathBuf::new(), firmware: None, version: String::new(), build_s: 0 };
    fs::write(&root, [2; 50_000]).unwrap();
    let slot = slot::build(&cache, &repository, (board, None), &base, &kernel, &root).unwrap();
    let disk = disk::build(&cache, &repository, board, &slot).unwrap();
    fs::read(disk).unwrap()
}

#[test]
fn the_disk_image_is_reproducible() {
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let first = made_in(homes[0].path());
    // FAT counts in steps of two seconds.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    assert!(first == made_in(homes[1].path()), "two builds differ");
}
