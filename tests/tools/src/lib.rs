//! Host programs behind tests/play and tests/bench, and the tests that cross crates.
