//! What the owner knows of DACs, from the kernel's command line to the engine's file of rules:
//! `tenuto.dac=usb:20b1:0f00,dop=true,lock-ms=500,without-rates=176400+192000`, as often as there are DACs.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::root::Root;

/// The argument's name.
const NAME: &str = "tenuto.dac";
/// Where the engine finds the rules, and where one is tried.
const FILE: &str = "run/tenuto/dac-rules.toml";
const TRIED: &str = "run/tenuto/dac-rules.tried";

/// Writes the rules that `check` finds nothing wrong with; returns the file, or nothing if there are none. Each is checked by
/// itself, so that a mistyped one doesn't cost the others, and the engine starts whatever is typed.
pub(crate) fn publish(root: &Root, check: impl Fn(&Path) -> Result<(), String>) -> Option<PathBuf> {
    let command_line = root.text("proc/cmdline").unwrap_or_default();
    let mut rules = String::new();
    for word in words(&command_line).filter_map(|word| word.strip_prefix(NAME)?.strip_prefix('=').map(str::to_owned)) {
        let tried = table(&word).and_then(|table| {
            root.publish(TRIED, &table).map_err(|error| format!("{TRIED}: {error}"))?;
            check(&root.path(TRIED)).map(|()| table)
        });
        match tried {
            Ok(table) => rules.push_str(&table),
            Err(error) => tracing::warn!("kernel command line: {NAME}={word} is ignored: {error}"),
        }
    }
    // There is none if none was tried.
    let _ = std::fs::remove_file(root.path(TRIED));
    if rules.is_empty() {
        return None;
    }
    match root.publish(FILE, &rules) {
        Ok(()) => Some(root.path(FILE)),
        Err(error) => {
            tracing::warn!("{FILE}: {error}; what is known of DACs is left out");
            None
        }
    }
}

/// Asks the engine whether it takes a file of rules.
///
/// # Errors
/// What it says against it.
pub(crate) fn checked(engine: &str, file: &Path) -> Result<(), String> {
    let mut command = Command::new(engine);
    command.args(["--check", "--dac-rules"]).arg(file).env_clear().stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("{engine}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.lines().next().unwrap_or("the engine doesn't say why").to_owned())
}

/// The words of a kernel command line. White space between double quotes doesn't end one; the quotes are no part of it.
fn words(line: &str) -> impl Iterator<Item = String> {
    let mut quoted = false;
    let words = line.split(move |c: char| {
        quoted ^= c == '"';
        c.is_whitespace() && !quoted
    });
    words.map(|word| word.replace('"', "")).filter(|word| !word.is_empty())
}

/// One DAC's table: whom it is for, and key by key what is known. What the keys mean is the engine's to know; that those that
/// begin with `without-` are lists is all that is known here.
fn table(rule: &str) -> Result<String, String> {
    let mut parts = rule.split(',');
    let whom = parts.next().unwrap_or_default();
    let (kind, whom) = whom.split_once(':').filter(|(kind, _)| ["usb", "name"].contains(kind)).ok_or_else(|| {
        format!("'{whom}' names no DAC: it begins with usb:VENDOR:PRODUCT, as lsusb shows it, or with name:NAME")
    })?;
    let mut table = format!("[[dac]]\n{kind} = {}\n", text(whom)?);
    for part in parts {
        let (key, value) = part.split_once('=').ok_or_else(|| format!("'{part}' has no value: it is KEY=VALUE"))?;
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
            return Err(format!("'{key}' is no key: those are the ones of engine --dac-rules"));
        }
        let value = if key.starts_with("without-") {
            format!("[{}]", value.split('+').map(scalar).collect::<Result<Vec<_>, _>>()?.join(", "))
        } else {
            scalar(value)?
        };
        table.push_str(&format!("{key} = {value}\n"));
    }
    Ok(table)
}

/// A number and a switch as they are, anything else as text.
fn scalar(value: &str) -> Result<String, String> {
    match value {
        "true" | "false" => Ok(value.to_owned()),
        _ => value.parse::<u32>().map_or_else(|_| text(value), |number| Ok(number.to_string())),
    }
}

/// A string of TOML: a literal one, in which nothing has a meaning.
fn text(value: &str) -> Result<String, String> {
    if value.is_empty() || value.contains(|c: char| c == '\'' || c.is_control()) {
        return Err(format!("'{value}' can't be written into a file of rules"));
    }
    Ok(format!("'{value}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(command_line: &str) -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        for path in ["run/tenuto", "proc"] {
            std::fs::create_dir_all(root.path(path)).unwrap();
        }
        std::fs::write(root.path("proc/cmdline"), command_line).unwrap();
        (directory, root)
    }

    #[test]
    fn a_rule_becomes_a_table() {
        for (rule, expected) in [
            (
                "usb:22d9:0416,dop=true,lock-ms=500,without-rates=176400+192000",
                "[[dac]]\nusb = '22d9:0416'\ndop = true\nlock-ms = 500\nwithout-rates = [176400, 192000]\n",
            ),
            ("usb:20b1:*,without-formats=S16_LE", "[[dac]]\nusb = '20b1:*'\nwithout-formats = ['S16_LE']\n"),
            ("name:My DAC*,bits=24", "[[dac]]\nname = 'My DAC*'\nbits = 24\n"),
        ] {
            assert_eq!(table(rule).as_deref(), Ok(expected));
        }
        for (rule, named) in [
            ("", "names no DAC"),
            ("dop=true", "names no DAC"),
            ("usb:", "can't be written"),
            ("usb:22d9:0416,dop", "'dop' has no value"),
            ("usb:22d9:0416,dop=", "can't be written"),
            ("usb:22d9:0416,do p=true", "'do p' is no key"),
            ("name:it's,dop=true", "can't be written"),
        ] {
            let error = table(rule).unwrap_err();
            assert!(error.contains(named), "{rule}: {error}");
        }
    }

    #[test]
    fn a_name_with_a_space_stands_in_quotes() {
        let line = "quiet tenuto.dac=\"name:My DAC,dop=true\" \"tenuto.dac=name:A B,bits=24\"  a=b";
        let expected = ["quiet", "tenuto.dac=name:My DAC,dop=true", "tenuto.dac=name:A B,bits=24", "a=b"];
        assert_eq!(words(line).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_wrong_rule_does_not_cost_the_others() {
        let (_directory, root) = machine(
            "quiet tenuto.dac=usb:22d9:0416,dop=true tenuto.dac=nonsense tenuto.dac=usb:1234:5678,lock-ms=99999 \
             tenuto.dac=usb:20b1:*,bits=24",
        );
        let check = |file: &Path| {
            let text = std::fs::read_to_string(file).unwrap();
            if text.contains("99999") { Err("line 3: 99999 won't do".to_owned()) } else { Ok(()) }
        };
        let file = publish(&root, check).unwrap();
        assert_eq!(file, root.path("run/tenuto/dac-rules.toml"));
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(text, "[[dac]]\nusb = '22d9:0416'\ndop = true\n[[dac]]\nusb = '20b1:*'\nbits = 24\n");
        assert!(!root.path(TRIED).exists());
    }

    #[test]
    fn without_a_rule_that_is_right_there_is_no_file() {
        for line in ["quiet", "tenuto.dac=usb:1:2,x=1", "tenuto.dacs=usb:22d9:0416,dop=true"] {
            let (_directory, root) = machine(line);
            assert_eq!(publish(&root, |_| Err("no".to_owned())), None, "{line}");
            assert!(!root.path(FILE).exists());
        }
        // An engine that can't be asked would be no help with the file.
        let (_directory, root) = machine("tenuto.dac=usb:22d9:0416,dop=true");
        assert_eq!(publish(&root, |file| checked("/nonexistent/engine", file)), None);
    }

    #[test]
    fn what_the_engine_says_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let engine = |script: &str| {
            use std::os::unix::fs::PermissionsExt as _;
            let path = directory.path().join("engine");
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            checked(path.to_str().unwrap(), Path::new("/rules"))
        };
        assert_eq!(engine("[ \"$*\" = '--check --dac-rules /rules' ]"), Ok(()));
        assert_eq!(
            engine("echo 'engine: line 3: no' >&2; echo more >&2; exit 2"),
            Err("engine: line 3: no".to_owned())
        );
    }
}
