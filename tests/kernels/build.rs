//! Tells which compiler this is built with, as counts of instructions depend on it.
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let version = std::env::var_os("RUSTC").and_then(|rustc| Command::new(rustc).arg("--version").output().ok());
    // "rustc 1.95.0 (59807616e 2026-04-14)"
    let said = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let number = said.split_whitespace().nth(1).unwrap_or_default();
    let [major, minor] = [0, 1].map(|n| number.split('.').nth(n).unwrap_or("0"));
    println!("cargo::rustc-env=KERNELS_RUST={major}.{minor}");
}
