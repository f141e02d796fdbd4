# Lines covered by the tests of the library crates, with rustc's own instrumentation and Debian's llvm-cov. Sourced by tests/run.
# shellcheck shell=bash

# Crates that must reach $least percent.
libraries=(pcm ring media upnp)
least=70

# The llvm-profdata and llvm-cov that read what this rustc writes: of the same major version, or a newer one.
coverage_tools() {
  local wanted found
  wanted=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
  for found in "$wanted" $(seq $((wanted + 1)) $((wanted + 4))); do
    command -v "llvm-cov-$found" >/dev/null && { llvm=$found; return; }
  done
  setup_say "no llvm-cov that reads the profiles of LLVM $wanted: apt-get install llvm-$wanted"
  return 2
}

coverage() {
  setup build test coverage >&2 && coverage_tools || return 2
  local target=$PWD/target/coverage crate programs=() report low=0
  rm -rf "$target/profiles"
  export CARGO_TARGET_DIR=$target RUSTFLAGS='-C instrument-coverage' LLVM_PROFILE_FILE=$target/profiles/%p-%8m.profraw
  local packages=()
  for crate in "${libraries[@]}"; do packages+=(-p "file://$PWD/firmware/$crate"); done
  cargo test --quiet --locked "${packages[@]}" --tests >"$target.log" 2>&1 || { tail -n 50 "$target.log" >&2; return 1; }
  "llvm-profdata-$llvm" merge -sparse "$target"/profiles/*.profraw -o "$target/all.profdata" || return 2
  mapfile -t programs < <(cargo test --locked "${packages[@]}" --tests --no-run --message-format=json 2>/dev/null |
    grep -o '"executable":"[^"]*"' | cut -d'"' -f4)
  report=$("llvm-cov-$llvm" report --instr-profile="$target/all.profdata" "${programs[0]}" "${programs[@]/#/--object=}" \
    --ignore-filename-regex='/(registry|rustc|tests)/|/tests\.rs$') || return 2
  printf '%-8s %8s %8s %7s\n' crate lines covered percent
  for crate in "${libraries[@]}"; do
    # Columns: file, regions (3), functions (3), lines, missed lines, …
    awk -v crate="$crate" -v least="$least" '
      index($1, crate "/src/") { lines += $8; missed += $9 }
      END {
        percent = lines ? 100 * (lines - missed) / lines : 0
        printf "%-8s %8d %8d %6.1f%%\n", crate, lines, lines - missed, percent
        exit percent < least
      }' <<<"$report" || low=1
  done
  [ "$low" = 0 ] || echo "below $least %" >&2
  return "$low"
}
