//! The engine's certificates, as the player shows them.

use pcm::{Cpu, Crc32c};
use support::digest;

use crate::bench::{Bench, until};

const SECOND: u32 = 44_100;

#[test]
fn a_tracks_certificate_is_the_hash_of_the_files_own_samples() {
    let bench = Bench::start();
    let tracks = [bench.wav("a.wav", SECOND + 5, 1), bench.wav("b.wav", SECOND / 2, 2)];
    let urls = tracks.each_ref().map(|(path, _)| bench.media.add(path));
    bench.set_and_play(&urls[0]);
    bench.point.set_next(&urls[1], "").expect("SetNextAVTransportURI");
    bench.until_state("STOPPED");
    for (n, (_, bytes)) in tracks.iter().enumerate() {
        let found = until("the certificate", || {
            let found = bench.status()["tracks"][n]["certificate"].clone();
            (!found.is_null()).then_some(found)
        });
        assert_eq!(found["frames"], bytes.len() / 4);
        assert_eq!(found["sha256"], digest::sha256(bytes));
        let mut crc32c = Crc32c::new(Cpu::BASELINE);
        crc32c.update(bytes);
        assert_eq!(found["crc32c"], format!("{:08x}", crc32c.value()));
        assert_eq!((&found["whole"], &found["scaled"]), (&true.into(), &false.into()), "{found}");
    }
}
