# The library crates' tests for ARM, on a PC: linked against Debian's cross libraries, run by QEMU. Sourced by tests/run and
# tests/bench, with image/setup.
# shellcheck shell=bash
# shellcheck source=image/arm64
. "$(dirname "${BASH_SOURCE[0]}")/../image/arm64"

# arm64_cargo COMMAND ARGUMENT…: cargo for ARM. Static programs: no ARM library need be there, and QEMU finds no wrong one.
arm64_cargo() {
  local command=$1
  shift
  CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64-static \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="--sysroot $arm64_sysroot -C target-feature=+crt-static" \
    cargo "$command" --quiet --locked --target "$arm64" "$@"
}
arm64_test() { arm64_cargo test "$@"; }

# Sets $arm64_count to the program that calls kernels on ARM, for whoever counts their instructions.
arm64_count() {
  arm64_library && arm64_cargo build --release -p kernels --bin count || return
  arm64_count=${CARGO_TARGET_DIR:-$PWD/target}/$arm64/release/count
}
