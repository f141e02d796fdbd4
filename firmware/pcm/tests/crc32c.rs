//! CRC-32C: what the RFC says it is, whatever the CPU has, however the bytes are cut.

use pcm::{Cpu, Crc32c, Feature};
use proptest::prelude::*;

fn crc(cpu: Cpu, bytes: &[u8]) -> u32 {
    let mut crc = Crc32c::new(cpu);
    crc.update(bytes);
    crc.value()
}

/// RFC 3720, B.4, and the check value of the CRC catalogues.
#[test]
fn the_rfcs_examples() {
    let rising: Vec<u8> = (0..32).collect();
    let falling: Vec<u8> = (0..32).rev().collect();
    for cpu in [Cpu::detect(), Cpu::BASELINE] {
        assert_eq!(crc(cpu, b"123456789"), 0xe306_9283);
        assert_eq!(crc(cpu, &[0; 32]), 0x8a91_36aa);
        assert_eq!(crc(cpu, &[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc(cpu, &rising), 0x46dd_794e);
        assert_eq!(crc(cpu, &falling), 0x113f_db5c);
        assert_eq!(crc(cpu, &[]), 0);
    }
}

/// One bit after the other.
fn slowly(bytes: &[u8]) -> u32 {
    let mut state = !0u32;
    for &byte in bytes {
        state ^= u32::from(byte);
        for _ in 0..8 {
            state = state >> 1 ^ if state & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    !state
}

/// Lengths around the three parts, at every alignment.
#[test]
fn every_remainder_and_alignment() {
    let bytes: Vec<u8> = (0..4000u32).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    for begin in 0..16 {
        for length in (0..40).chain(1530..1560).chain(3060..3100) {
            let bytes = &bytes[begin..begin + length];
            let wanted = slowly(bytes);
            assert_eq!(crc(Cpu::BASELINE, bytes), wanted, "{length} bytes from {begin}");
            assert_eq!(crc(Cpu::detect(), bytes), wanted, "{length} bytes from {begin}");
        }
    }
}

/// On the machines that this is built for there is an instruction.
#[test]
fn this_cpu_has_an_instruction_for_it() {
    let cpu = Cpu::detect();
    assert!(cpu.has(Feature::Sse42) || cpu.has(Feature::Crc), "{cpu:?}");
}

proptest! {
    #[test]
    fn the_cuts_do_not_matter(
        bytes in prop::collection::vec(any::<u8>(), 0..8000),
        cuts in prop::collection::vec(0..3000usize, 0..10),
    ) {
        let mut ours = Crc32c::new(Cpu::detect());
        let mut rest = &bytes[..];
        for cut in cuts {
            let (head, tail) = rest.split_at(cut.min(rest.len()));
            ours.update(head);
            rest = tail;
        }
        ours.update(rest);
        prop_assert_eq!(ours.value(), slowly(&bytes));
    }
}
