//! What is generated is what the generator gives.

use super::{file, plot};

#[test]
fn coefficients_are_the_generators() {
    let committed = include_str!("../../src/decimate/coefficients.rs");
    assert!(committed == file::coefficients(), "cargo run -p pcm --example decimate -- coefficients");
}

#[test]
fn the_plot_is_the_generators() {
    let committed = include_str!("../../../../docs/dsd-to-pcm.svg");
    assert!(committed == plot::svg(), "cargo run -p pcm --example decimate -- plot");
}
