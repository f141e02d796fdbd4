//! The limit that the agent gives the player's memory.

use crate::bench::{Bench, until};
use support::media_server::{Conduct, Gate, Hold};

/// As in `firmware/agent/src/service.rs`.
const LIMIT: u64 = 128 << 20;

#[test]
fn sources_that_hang_and_are_given_up_stay_below_the_limit() {
    let bench = Bench::start();
    bench.limit_memory(LIMIT);
    let (path, bytes) = bench.wav("a.wav", 44_100, 1);
    let gate = Gate::default();
    let limit = std::time::Duration::from_secs(60);
    let mut most = 0;
    for _ in 0..40 {
        let hold = Hold { at: 50_000, begins_below: u64::MAX, gate: gate.clone(), limit };
        bench.set_and_play(&bench.media.add_with(&path, Conduct { hold: Some(hold), ..Conduct::default() }));
        most = most.max(bench.memory());
    }
    println!("{} MiB at most", most >> 20);
    gate.open();
    bench.set_and_play(&bench.media.add(&path));
    until("all of it", || bench.heard().pop().filter(|(_, heard)| *heard == bytes));
    assert!(most < LIMIT, "{most}");
}
