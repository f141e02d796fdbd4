//! Machines for tests: `tests/machines/NAME` holds a tree of files in a compact form, which is laid out in a directory.
//!
//! ```text
//! # a comment
//! PATH = TEXT                     a file
//! PATH -> PATH                    a link; both from the root
//! …{0..3}… = … {} … {+4}          several: {} is the number, {+4} and {-4} are numbers beside it
//! ```

use std::{fs, os::unix::fs::symlink, path::Path};

use crate::root::Root;

/// All of them.
pub(crate) const MACHINES: [&str; 9] = [
    "pi4",
    "pi5",
    "atom-2-cores",
    "intel-hybrid",
    "ryzen-2-ccd",
    "two-sockets",
    "vm-1-core",
    "smt-off-holes",
    "qemu-4-cores",
];

/// Lays a machine out; the directory lives as long as the first value.
pub(crate) fn machine(name: &str) -> (tempfile::TempDir, Root) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines").join(name);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    laid_out(&text)
}

/// The same of a text.
pub(crate) fn laid_out(text: &str) -> (tempfile::TempDir, Root) {
    let directory = tempfile::tempdir().unwrap();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        for line in expanded(line) {
            lay(directory.path(), &line);
        }
    }
    let root = Root::new(directory.path());
    (directory, root)
}

fn lay(root: &Path, line: &str) {
    let place = |path: &str| {
        let path = root.join(path.trim());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    if let Some((link, target)) = line.split_once(" -> ") {
        let target = place(target);
        fs::create_dir_all(&target).unwrap();
        symlink(target, place(link)).unwrap();
    } else {
        let (path, text) = line.split_once('=').unwrap_or_else(|| panic!("neither = nor ->: {line}"));
        fs::write(place(path), format!("{}\n", text.trim())).unwrap();
    }
}

/// The lines that one with `{0..3}` stands for.
fn expanded(line: &str) -> Vec<String> {
    let range = line.split_once('{').and_then(|(head, rest)| {
        let (range, tail) = rest.split_once('}')?;
        let (first, last) = range.split_once("..")?;
        Some((head, first.parse::<i64>().ok()?, last.parse::<i64>().ok()?, tail))
    });
    let Some((head, first, last, tail)) = range else { return vec![line.to_owned()] };
    let one = |number: i64| {
        let parts: Vec<String> = tail
            .split('{')
            .enumerate()
            .map(|(index, part)| match part.split_once('}') {
                Some((offset, rest)) if index > 0 => {
                    let offset: i64 = if offset.is_empty() { 0 } else { offset.parse().unwrap() };
                    format!("{}{rest}", number + offset)
                }
                _ => part.to_owned(),
            })
            .collect();
        format!("{head}{number}{}", parts.concat())
    };
    (first..=last).map(one).collect()
}

#[test]
fn a_line_may_stand_for_several() {
    assert_eq!(expanded("a = b"), ["a = b"]);
    assert_eq!(expanded("cpu{1..2}/x = {},{+4},{-1}"), ["cpu1/x = 1,5,0", "cpu2/x = 2,6,1"]);
}
