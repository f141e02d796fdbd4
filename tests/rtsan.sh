# The engine with LLVM's RealtimeSanitizer, which firmware/engine/src/sanitizer.rs is about. Sourced by tests/run and tests/long.
# shellcheck shell=bash

# rtsan_cargo COMMAND ARGUMENT…: cargo with the sanitizer. Reports name functions as far as binutils' addr2line knows them.
rtsan_cargo() {
  local command=$1 runtime
  shift
  runtime=$(printf '%s\n' /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.rtsan-"$(uname -m)".a | sort -V | tail -n 1)
  [ -r "$runtime" ] || { echo "no RealtimeSanitizer in /usr/lib/llvm-*: it comes with LLVM 20 and later"; return 1; }
  RTSAN_ENABLE=1 RTSAN_LIB_PATH=$runtime RTSAN_OPTIONS=allow_addr2line=1 cargo "$command" --quiet --locked --features rtsan "$@"
}
