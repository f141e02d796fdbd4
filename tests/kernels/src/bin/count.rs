//! Calls a kernel: `count KERNEL SET BYTES CALLS`. For whoever counts its instructions meanwhile; 2 if the CPU hasn't the set.
#![forbid(unsafe_code)]
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kernel, set, bytes, calls] = arguments.as_slice() else { return ExitCode::from(2) };
    let (Ok(bytes), Ok(calls)) = (bytes.parse(), calls.parse()) else { return ExitCode::from(2) };
    kernels::run(kernel, set, bytes, calls).map_or(ExitCode::from(2), |()| ExitCode::SUCCESS)
}
