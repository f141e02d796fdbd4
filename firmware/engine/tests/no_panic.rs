//! The program as it is shipped, LTO and all: from the real-time thread's loop on, no call leads to a panic.
//!
//! Its disassembly (objdump of binutils, which every linker comes with) is a graph of calls. Those through a vtable can't be
//! followed; so whatever can stand behind one is a beginning of its own: the outputs' methods and the session's closures. Those
//! into other libraries end there, and `pcm`'s own test covers the kernels behind its table.
#![cfg(target_arch = "x86_64")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the engine with the profile that is shipped, but with its symbols.
fn build() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no_panic");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--release", "--locked", "--bin", "engine", "--config", "profile.release.strip=false"])
        .arg("--target-dir")
        .arg(&target)
        // Coverage and sanitizers have panics and calls of their own.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("release/engine")
}

fn objdump(program: &Path, options: &[&str]) -> String {
    let output = Command::new("objdump").env("LC_ALL", "C").args(options).arg(program).output().expect("binutils");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}

/// Functions by address, all names of each, and whom they call.
struct Graph {
    names: BTreeMap<u64, Vec<String>>,
    calls: BTreeMap<u64, BTreeSet<u64>>,
}

impl Graph {
    fn of(program: &Path) -> Self {
        // `0000000000078910 g     F .text  0000000000000123              name`: one address may have several names.
        let mut names = BTreeMap::<u64, Vec<String>>::new();
        for line in objdump(program, &["--syms", "--demangle"]).lines() {
            let mut parts = line.splitn(2, " F .text");
            let (Some(left), Some(right)) = (parts.next(), parts.next()) else { continue };
            let address = left.split_whitespace().next().and_then(hex).expect("an address");
            let name = right.trim_start().split_once(char::is_whitespace).map_or("", |(_, name)| name);
            names.entry(address).or_default().push(name.trim().to_owned());
        }
        // `0000000000220dc8 R_X86_64_RELATIVE  *ABS*+0x0000000000078910`: where calls through the GOT go.
        let relocations = objdump(program, &["--dynamic-reloc"]);
        let slots: BTreeMap<u64, u64> = relocations
            .lines()
            .filter_map(|line| {
                let (slot, target) = line.split_once("R_X86_64_RELATIVE")?;
                Some((hex(slot.trim())?, hex(target.trim().strip_prefix("*ABS*+")?)?))
            })
            .collect();
        let mut graph = Self { names, calls: BTreeMap::new() };
        for line in objdump(program, &["--disassemble", "--no-show-raw-insn", "--section=.text"]).lines() {
            graph.line(line, &slots);
        }
        graph
    }

    /// `   78910:\tcall   788d0 <name>`, or `jmp *0x1234(%rip)        # 220dc8 <name>`.
    fn line(&mut self, line: &str, slots: &BTreeMap<u64, u64>) {
        let Some((address, instruction)) = line.trim_start().split_once(":\t") else { return };
        let Some(caller) = hex(address).and_then(|address| self.around(address)) else { return };
        let mut words = instruction.split_whitespace().skip_while(|word| ["bnd", "notrack"].contains(word));
        let is_jump = words.next().is_some_and(|word| word.starts_with("call") || word.starts_with('j'));
        let Some(operand) = words.next().filter(|_| is_jump) else { return };
        let target = match instruction.split_once("# ") {
            Some((_, slot)) if operand.starts_with('*') => {
                slot.split_whitespace().next().and_then(hex).and_then(|slot| slots.get(&slot).copied())
            }
            _ => hex(operand),
        };
        if let Some(callee) = target.and_then(|target| self.around(target)).filter(|&callee| callee != caller) {
            self.calls.entry(caller).or_default().insert(callee);
        }
    }

    /// The function that an address lies in.
    fn around(&self, address: u64) -> Option<u64> {
        self.names.range(..=address).next_back().map(|(&start, _)| start)
    }

    fn find(&self, wanted: impl Fn(&str) -> bool) -> Vec<u64> {
        let found = self.names.iter().filter(|(_, names)| names.iter().any(|name| wanted(name)));
        found.map(|(&start, _)| start).collect()
    }

    fn name(&self, function: u64) -> &str {
        self.names[&function].first().map_or("", String::as_str)
    }

    /// The ways from `roots` to functions that panic.
    fn panics(&self, roots: &[u64]) -> Vec<String> {
        let mut came_from: BTreeMap<u64, Option<u64>> = roots.iter().map(|&root| (root, None)).collect();
        let mut open: Vec<u64> = roots.to_vec();
        let mut ways = Vec::new();
        while let Some(function) = open.pop() {
            for &callee in self.calls.get(&function).into_iter().flatten() {
                if came_from.contains_key(&callee) || is_left_out(self.name(callee)) {
                    continue;
                }
                came_from.insert(callee, Some(function));
                if is_panic(self.name(callee)) {
                    let way = std::iter::successors(Some(callee), |function| came_from[function]);
                    ways.push(way.map(|function| self.name(function)).collect::<Vec<_>>().join("\n    from "));
                } else {
                    open.push(callee);
                }
            }
        }
        ways
    }
}

fn is_panic(name: &str) -> bool {
    ["panic", "_fail", "handle_alloc_error", "capacity_overflow"].into_iter().any(|part| name.contains(part))
}

/// What doesn't happen while a stream plays.
fn is_left_out(name: &str) -> bool {
    // Only while a panic unwinds.
    name.contains("panic_in_cleanup") || name.contains("panic_cannot_unwind")
        // At the thread's end; while it plays it frees nothing, which tests/realtime.rs shows.
        || name.contains("drop_in_place")
        // Before it plays, and only in tests.
        || name.contains("engine::confine")
        // At the first look at the clock, which is taken before the thread starts.
        || name.contains("rustix::backend::vdso_wrappers::init")
}

#[test]
fn no_call_of_the_real_time_thread_leads_to_a_panic() {
    let graph = Graph::of(&build());
    let run = graph.find(|name| name.contains("engine::rt::Thread") && name.ends_with("run"));
    assert_eq!(run.len(), 1, "the thread's loop is no function of its own");
    let outputs = graph.find(|name| name.contains("engine::output::Output>::"));
    for output in ["AlsaOutput", "SimOutput"] {
        for method in ["poll", "write", "start", "prepare", "stop"] {
            let is_there = |name: &str| name.contains(output) && name.ends_with(&format!("Output>::{method}"));
            assert!(outputs.iter().any(|&function| is_there(graph.name(function))), "{output}::{method} isn't found");
        }
    }
    let is_closure = |name: &str| name.contains("{{closure}}") || name.contains("{closure#");
    let closures = graph.find(|name| name.contains("engine::rt::session") && is_closure(name));
    assert!(!closures.is_empty(), "what fills the output's room isn't found");
    let ways = graph.panics(&[run, outputs, closures].concat());
    assert!(ways.is_empty(), "{}", ways.join("\n\n"));
    // The method itself: somewhere in the program a panic is found.
    let main = graph.find(|name| name.contains("engine::main"));
    assert!(!graph.panics(&main).is_empty(), "no panic is found anywhere");
}
