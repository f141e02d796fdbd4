//! A status page of any content: reading it ends, and what is read is within its bounds.
#![no_main]

use std::os::fd::{AsFd, OwnedFd};

use libfuzzer_sys::fuzz_target;
use pcm::Caps;
use ring::{CERTIFICATES, Counters, Status, StatusWriter};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fstat, ftruncate, memfd_create};
use rustix::io::{pread, pwrite};

/// Bytes of the output's name and of a fault's text; each may become a character of three.
const TEXTS: [usize; 2] = [64, 200];

/// As long as the engine's page.
fn page_of(bytes: &[u8]) -> OwnedFd {
    let (_writer, engines) = StatusWriter::create().expect("a page");
    let mut page = vec![0; fstat(&engines).expect("a file").st_size as usize];
    let len = bytes.len().min(page.len());
    page[..len].copy_from_slice(&bytes[..len]);
    // Magic number and version: a page without them is refused, which takes no fuzzer to see.
    pread(&engines, &mut page[..16], 0).expect("its beginning");
    let file = memfd_create("fuzz", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).expect("a file");
    ftruncate(&file, page.len() as u64).expect("room");
    pwrite(&file, &page, 0).expect("it can be written");
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL).expect("seals");
    file
}

fuzz_target!(|bytes: &[u8]| {
    let file = page_of(bytes);
    let status = Status::from_fd(file.as_fd()).expect("it has the right size and seals");
    if let Some((epoch, wire)) = status.stream() {
        assert!(epoch != 0);
        let _ = wire.frame_bytes();
    }
    if let Some(position) = status.position() {
        assert!(position.heard <= position.taken);
    }
    let certificates = status.certificates();
    assert!(certificates.len() <= CERTIFICATES);
    assert!(certificates.is_sorted_by_key(|certificate| certificate.number));
    for (text, most) in [status.output(), status.fault()].iter().zip(TEXTS) {
        assert!(text.len() <= 3 * most && !text.contains('\0'));
    }
    if let Some(caps) = status.caps() {
        assert_eq!(Caps::from_words(&caps.to_words()), caps, "what was let through is let through again");
    }
    let Counters { ring_low_water_frames, .. } = status.counters();
    assert!(ring_low_water_frames.is_none_or(|frames| frames < u64::MAX));
    let _ = (status.state(), status.started(), status.ended(), status.gap(), status.thread(), status.caps_generation());
});
