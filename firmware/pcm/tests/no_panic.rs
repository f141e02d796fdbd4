//! The engine's real-time thread runs this crate: in optimised code no panic may be left, however unlikely.
//!
//! NO_PANIC_FLAGS in the environment are more flags for rustc: another target.

use std::path::Path;
use std::process::Command;

#[test]
fn optimised_code_has_no_panic_path() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let assembly = dir.join("pcm.s");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let output = Command::new(rustc)
        .args(["--edition=2024", "--crate-type=lib", "--crate-name=pcm", "-Copt-level=3", "-Ccodegen-units=1"])
        .args(["--emit=asm", "-Awarnings", "-o"])
        .arg(&assembly)
        .args(std::env::var("NO_PANIC_FLAGS").unwrap_or_default().split_whitespace())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs"))
        .output()
        .expect("rustc");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let assembly = std::fs::read_to_string(assembly).unwrap();
    assert!(assembly.contains("Scaler") && assembly.contains("pack"), "the kernels aren't in it");
    let panics: Vec<_> = assembly.lines().filter(|line| line.contains("panic") || line.contains("_fail")).collect();
    assert!(panics.is_empty(), "{panics:#?}");
    // Where a closure or a function came in between, an intrinsic stays a call, with its vectors in memory.
    let is_call = |line: &&str| line.contains("call") || line.contains("\tbl\t");
    let calls: Vec<_> = assembly.lines().filter(is_call).filter(|line| line.contains("core_arch")).collect();
    assert!(calls.is_empty(), "{calls:#?}");
}
