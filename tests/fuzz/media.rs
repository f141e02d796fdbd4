//! What the media targets share.
#![allow(dead_code, reason = "every target uses a part of it")]

use std::io::Cursor;

/// Panics in symphonia's decoders are caught at our boundary and reported as damage, so they are no finding here; any
/// other panic is.
pub fn trust_guarded_decoders() {
    std::panic::set_hook(Box::new(|info| {
        if info.location().is_none_or(|location| !location.file().contains("symphonia")) {
            eprintln!("{info}");
            std::process::abort();
        }
    }));
}

/// Opens a track, reads it to its end, and seeks.
pub fn play(bytes: Vec<u8>, mime: Option<&str>) {
    let Ok(mut track) = media::open_input(Box::new(Cursor::new(bytes)), "fuzz", mime) else { return };
    let channels = usize::from(track.info().source.channels);
    let mut frames = 0u64;
    while let Ok(Some(samples)) = track.read() {
        assert!(samples.frames() > 0 && samples.channels() == channels);
        frames += samples.frames() as u64;
    }
    for target in [0, frames / 2, frames, u64::MAX] {
        if let Ok(landed) = track.seek(target) {
            assert_eq!(landed, target);
            let _ = track.read().map(drop);
        }
    }
}

/// Ogg's check sum (RFC 3533, 6): CRC-32 with polynomial 04c11db7, not reflected, from 0.
pub fn ogg_crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8)
            .fold(crc ^ u32::from(byte) << 24, |crc, _| if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 })
    })
}
