//! What the agent reads of a boot medium: a FAT, GRUB's environment blocks.
#![no_main]
#![allow(dead_code, unreachable_pub, reason = "the target uses a part of the modules")]

#[path = "../../../firmware/agent/src/boot/fat.rs"]
mod fat;
#[path = "../../../firmware/agent/src/boot/grub.rs"]
mod grub;

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut medium = Cursor::new(data);
    if let Ok(fat) = fat::Fat::read(&mut medium)
        && let Ok(at) = fat.sector_of(&mut medium, "slot1.env")
    {
        // A whole sector behind the boot sector.
        assert!(at > 0 && at % 512 == 0);
    }
    let mut sector = [b'#'; grub::SECTOR];
    for (to, from) in sector.iter_mut().zip(data) {
        *to = *from;
    }
    for candidate in [sector, headed(&sector)] {
        // What is read can be written, and is the same again.
        if let Some(variables) = grub::parse(&candidate) {
            let pairs: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, *value)).collect();
            let again = grub::block(&pairs).expect("what was read fits");
            assert_eq!(grub::parse(&again), Some(variables));
        }
    }
});

/// The same with the signature in front, which is seldom hit.
fn headed(sector: &[u8; grub::SECTOR]) -> [u8; grub::SECTOR] {
    let mut headed = [b'#'; grub::SECTOR];
    let signature = b"# GRUB Environment Block\n";
    headed[..signature.len()].copy_from_slice(signature);
    headed[signature.len()..].copy_from_slice(&sector[..grub::SECTOR - signature.len()]);
    headed[grub::SECTOR - 1] = b'#';
    headed
}
