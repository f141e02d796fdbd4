# The library crates' tests for ARM, on a PC: linked against Debian's cross libraries, run by QEMU. Sourced by tests/run and
# tests/bench, with image/setup.
# shellcheck shell=bash
arm64=aarch64-unknown-linux-gnu

# Sets $arm64_sysroot to where rustc finds its library for $arm64, which may have to be fetched first. Or says why it can't.
arm64_library() {
  local rustup
  arm64_sysroot=$(rustc --print sysroot) || return
  [ -d "$arm64_sysroot/lib/rustlib/$arm64/lib" ] && return
  if [ "$arm64_sysroot" = /usr ]; then arm64_debian; return; fi
  for rustup in rustup "${CARGO_HOME:-${HOME:-/root}/.cargo}/bin/rustup"; do
    command -v "$rustup" >/dev/null || continue
    "$rustup" --quiet target add --toolchain "$(basename "$arm64_sysroot")" "$arm64"
    return
  done
  echo "no Rust library for $arm64 in $arm64_sysroot, and no rustup to add it"
  return 1
}

# Debian's, from the package for arm64 of the version that is installed. It is unpacked in a folder of its own, with package
# lists of its own: what may be installed on this machine stays as it is.
arm64_debian() {
  local package version options dir dev
  package=$(dpkg-query -S "$(readlink -f "$(command -v rustc)")") && package=${package%%[:,]*} &&
    version=$(dpkg-query -W -f '${Version}' "$package") || return
  dir=$setup_cache/rust-$arm64
  arm64_sysroot=$dir/usr
  [ "$(cat "$dir/version" 2>/dev/null)" = "$version" ] && return
  rm -rf "$dir" && mkdir -p "$dir/apt/lists/partial" "$dir/apt/archives/partial" || return
  options=(-qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Acquire::Languages=none -o Acquire::Retries=3
    -o "Dir::State=$dir/apt" -o Dir::State::status=/dev/null -o "Dir::Cache=$dir/apt" -o APT::Sandbox::User=root)
  # A source that has no arm64 fails, and is none that Rust comes from.
  apt-get "${options[@]}" update || true
  # +b1 counts builds of one source; another machine's library of the same source fits as well.
  dev=libstd-rust${package#rustc}-dev
  (cd "$dir" && { apt-get "${options[@]}" download "$dev=$version" || apt-get "${options[@]}" download "$dev=${version%+b*}"; }) &&
    dpkg-deb -x "$dir"/*.deb "$dir" && rm -rf "$dir"/*.deb "$dir/apt" &&
    [ -d "$arm64_sysroot/lib/rustlib/$arm64/lib" ] && echo "$version" >"$dir/version" && return
  echo "Debian's Rust library for arm64, of version $version, can't be had"
  return 1
}

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
