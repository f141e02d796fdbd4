//! Prints what is generated for `pcm::decimate`:
//!
//! ```sh
//! cargo run -p pcm --example decimate -- coefficients > firmware/pcm/src/decimate/coefficients.rs
//! cargo run -p pcm --example decimate -- plot > docs/dsd-to-pcm.svg
//! ```
//!
//! `tests/decimate` says whether both files are what this prints.
#![forbid(unsafe_code)]

mod design;
mod file;
mod plot;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("coefficients") => print!("{}", file::coefficients()),
        Some("plot") => print!("{}", plot::svg()),
        _ => {
            eprintln!("usage: decimate coefficients|plot");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
