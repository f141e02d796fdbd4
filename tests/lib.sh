# What tests/run and tests/long share: running, judging and counting. Sourced, with `only` and `list` set, from the root.
# shellcheck shell=bash
passed=0 failed=0 skipped=0
logs=${CARGO_TARGET_DIR:-$PWD/target}/tests
work=''

# The head comment of the script that was started.
usage_text() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"; }
usage() { usage_text >&2; exit 2; }

say() { printf '%s\n' "$*"; }

begin() {
  rm -rf "$logs"
  mkdir -p "$logs"
  began=$SECONDS
  trap 'trap - EXIT; rm -rf "$work"; kill 0' INT TERM
  trap 'rm -rf "$work"' EXIT
}

finish() {
  [ -n "$list" ] && exit 0
  say "$((SECONDS - began)) s; logs in $logs"
  say "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" = 0 ]
  exit
}

pass() { passed=$((passed + 1)); say "ok    $1"; }
# fail NAME LOG: with the end of the log.
fail() {
  failed=$((failed + 1))
  say "FAIL  $1"
  [ -s "$2" ] && tail -n 200 "$2" | sed 's/^/      | /'
}
# omit NAME REASON
omit() {
  if [ "${CI:-}" = true ]; then
    failed=$((failed + 1))
    say "FAIL  $1: skipped, and nothing may be under CI: $2"
  else
    skipped=$((skipped + 1))
    say "skip  $1: $2"
  fi
}

# Within a case: leaves it, giving the reason.
skip() { printf '%s\n' "$*" >"$work/skip"; exit 77; }

# Whether a name is asked for.
wanted() { [[ $1 == *"$only"* ]]; }

# cases NAME…: runs case_NAME in a subshell each, with an empty directory in $work.
cases() {
  local name status start
  for name; do
    wanted "$name" || continue
    [ -n "$list" ] && { say "$name"; continue; }
    work=$(mktemp -d) start=$SECONDS
    ("case_$name") >"$logs/$name.log" 2>&1
    status=$?
    case $status in
      0) pass "$name ($((SECONDS - start)) s)" ;;
      77) omit "$name" "$(cat "$work/skip")" ;;
      *) fail "$name (status $status, $((SECONDS - start)) s)" "$logs/$name.log" ;;
    esac
    rm -rf "$work"
  done
}

# Whether the pattern is one case's whole name: then cargo's tests aren't meant.
one_case() { [ -n "$only" ] && declare -F "case_$only" >/dev/null; }

# needs NAME WHAT COMMAND: something that everything behind it needs; without it there is nothing more to run.
needs() {
  [ -n "$list" ] && return
  say "...   $2"
  "$3" >"$logs/$1.log" 2>&1 && return
  fail "$1" "$logs/$1.log"
  finish
}

# cargo_tests NAME ARGUMENT…: `cargo test` with these arguments, each of its tests counted by itself.
cargo_tests() {
  local name=$1 log=$logs/$1.log before=$failed line status
  shift
  one_case && return
  if [ -n "$list" ]; then
    cargo test --quiet --locked "$@" -- --list 2>/dev/null | sed -n 's/: test$//p' | grep -F -- "$only"
    return
  fi
  say "...   $name tests"
  while IFS= read -r line; do
    case $line in
      *' ... ok') pass "$(test_name "$line")" ;;
      *' ... FAILED') failed=$((failed + 1)); say "FAIL  $(test_name "$line")" ;;
      *' ... ignored'*) omit "$(test_name "$line")" 'ignored' ;;
    esac
  done < <(cargo test --locked --no-fail-fast "$@" -- ${only:+"$only"} </dev/null 2>&1 | tee "$log" | grep --line-buffered '^test .* \.\.\. '
    exit "${PIPESTATUS[0]}")
  wait $!
  status=$?
  if [ "$failed" -gt "$before" ]; then
    sed -n '/^failures:$/,/^test result:/p' "$log" | sed 's/^/      | /'
  elif [ "$status" != 0 ]; then
    # Not a test that failed, but a program that didn't compile, or crashed.
    fail "$name tests (status $status)" "$log"
  fi
}

# "test a::b ... ok" → a::b
test_name() {
  local name=${1#test }
  printf '%s' "${name% ... *}"
}
