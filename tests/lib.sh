# What tests/run and tests/long share: running, judging and counting. Sourced, with `only` and `list` set, from the root.
# shellcheck shell=bash
passed=0 failed=0 skipped=0 ran=0
logs=${CARGO_TARGET_DIR:-$PWD/target}/tests
work='' work_root='' child=''
# What other systems set for CI counts, too.
case ${CI:-} in '' | 0 | false) nothing_may_skip='' ;; *) nothing_may_skip=1 ;; esac

# The head comment of the script that was started.
usage_text() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"; }
usage() { usage_text >&2; exit 2; }

say() { printf '%s\n' "$*"; }

begin() {
  rm -rf "$logs"
  mkdir -p "$logs"
  began=$SECONDS
  exec 3>&2
  work_root=$(mktemp -d) || { say "no temporary directory can be made in ${TMPDIR:-/tmp}: disk full?" >&2; exit 2; }
  trap 'rm -rf "$work_root"' EXIT
  trap 'end_by INT 130' INT
  trap 'end_by TERM 143' TERM
}

# Ends what was started here, then itself.
end_by() {
  trap '' INT TERM
  [ -n "$child" ] && kill -s "$1" -- "-$child" 2>/dev/null
  say interrupted >&3
  exit "$2"
}

# In a process group of its own, so that it can be ended as a whole; standard input is /dev/null.
grouped() {
  set -m
  "$@" </dev/null &
  child=$!
  set +m
  wait "$child"
  local status=$?
  child=''
  return "$status"
}

finish() {
  [ -n "$list" ] && exit 0
  say "$((SECONDS - began)) s; logs in $logs"
  [ "$ran" = 0 ] && { say "FAIL  no test has '$only' in its name"; failed=1; }
  say "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" = 0 ]
  exit
}

pass() { ran=1 passed=$((passed + 1)); say "ok    $1"; }
# fail NAME LOG: with the end of the log.
fail() {
  ran=1 failed=$((failed + 1))
  say "FAIL  $1"
  [ -s "$2" ] && tail -n 200 "$2" | sed 's/^/      | /'
}
# omit NAME REASON
omit() {
  ran=1
  if [ -n "$nothing_may_skip" ]; then
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

one_case_by_itself() { ("case_$1"); }

# cases NAME…: runs case_NAME in a subshell each, with an empty directory in $work.
cases() {
  local name status start
  for name; do
    wanted "$name" || continue
    [ -n "$list" ] && { say "$name"; continue; }
    work=$work_root/$name start=$SECONDS
    mkdir -p "$work" && : >"$work/skip" || { fail "$name (no room for its files in $work_root)" /dev/null; continue; }
    grouped one_case_by_itself "$name" >"$logs/$name.log" 2>&1
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
  grouped "$3" >"$logs/$1.log" 2>&1 && return
  fail "$1" "$logs/$1.log"
  finish
}

# cargo_test PIPE LOG ARGUMENT…: all to the log, the verdicts also into the pipe.
cargo_test() {
  local pipe=$1 log=$2
  shift 2
  cargo test --locked --no-fail-fast "$@" -- ${only:+"$only"} 2>&1 | tee "$log" | grep --line-buffered '^test .* \.\.\. ' >"$pipe"
  return "${PIPESTATUS[0]}"
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
  mkfifo "$work_root/$name" || { fail "$name tests (no room for its files in $work_root)" /dev/null; return; }
  set -m
  cargo_test "$work_root/$name" "$log" "$@" </dev/null &
  child=$!
  set +m
  while IFS= read -r line; do
    case $line in
      *' ... ok') pass "$(test_name "$line")" ;;
      *' ... FAILED') ran=1 failed=$((failed + 1)); say "FAIL  $(test_name "$line")" ;;
      *' ... ignored'*) omit "$(test_name "$line")" 'ignored' ;;
    esac
  done <"$work_root/$name"
  wait "$child"
  status=$?
  child=''
  rm -f "$work_root/$name"
  if [ "$failed" -gt "$before" ]; then
    sed -n '/^failures:$/,/^test result:/p' "$log" | sed 's/^/      | /'
  fi
  # Not a test that failed, but a program that didn't compile, or crashed.
  local crashes
  crashes=$(grep -cE "^error: could not compile|^  process didn't exit successfully: .*\(signal: " "$log")
  if [ "$crashes" -gt 0 ] || { [ "$status" != 0 ] && [ "$failed" = "$before" ]; }; then
    fail "$name tests: a program didn't compile, or crashed (status $status)" "$log"
  fi
}

# "test a::b ... ok" → a::b
test_name() {
  local name=${1#test }
  printf '%s' "${name% ... *}"
}
