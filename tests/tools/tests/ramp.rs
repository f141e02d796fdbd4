//! A ramp's instructions are the same whatever it is that fades: it takes no longer over music than over silence.

use std::path::Path;

use kernels::{RAMPS, Set};
use pcm::Cpu;
use tools::bench::instructions::of_a_call;

/// Bytes of a call: whole blocks of every format and instruction set, and a part of one. Few, as a step may take long.
const BYTES: usize = 600;

#[test]
fn a_ramp_takes_as_many_instructions_over_noise_silence_and_full_scale() {
    let bench = Path::new(env!("CARGO_BIN_EXE_bench"));
    let mut sets = Set::ALL.into_iter().filter(|set| set.of(Cpu::detect()).is_some()).peekable();
    assert!(sets.peek().is_some() || !cfg!(target_arch = "x86_64"), "a CPU without SSE4.1");
    for set in sets {
        for ramps in &RAMPS {
            let counts = ramps.map(|ramp| of_a_call(bench, &ramp, set, BYTES).expect("single steps of a child"));
            let [noise, others @ ..] = counts;
            assert!(noise > 50, "{} {}: {noise} instructions", ramps[0].name, set.name());
            assert_eq!(others, [noise; 2], "{} {}", ramps[0].name, set.name());
        }
    }
}
