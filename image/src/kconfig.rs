//! The kernel's configuration: fragments by topic, and whether each of their options took effect.
//!
//! A fragment is what `merge_config.sh` and Buildroot take: `CONFIG_X=…` and `# CONFIG_X is not set`. Options that only some
//! versions know stand between `#: from 6.17` (or `#: before 6.17`) and `#: end`; to other tools those are comments.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::command::read;

/// A kernel's series, such as 7.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series(u32, u32);

impl Series {
    /// Reads the first two numbers of a version.
    ///
    /// # Errors
    /// When there are none.
    pub fn parse(version: &str) -> Result<Self> {
        let mut numbers = version.split(['.', '-', '~', '+']).map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Ok(Self(major, minor)),
            _ => bail!("{version:?} is no kernel version"),
        }
    }
}

/// One option as a fragment wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    /// As in `.config`, without the name; `None`: not set.
    value: Option<String>,
    /// Which fragment wants it.
    fragment: String,
}

/// The options of all fragments, for one series.
#[derive(Debug, Default)]
pub struct Configuration {
    options: BTreeMap<String, Wanted>,
}

impl Configuration {
    /// Reads the fragments that `list` names (one per line, `#` for comments) from `directory`.
    ///
    /// # Errors
    /// When a file can't be read or understood, or two fragments want different things.
    pub fn load(list: &Path, directory: &Path, series: Series) -> Result<Self> {
        let mut configuration = Self::default();
        for name in read(list)?.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let path = directory.join(format!("{name}.config"));
            configuration.add(name, &read(&path)?, series).with_context(|| path.display().to_string())?;
        }
        Ok(configuration)
    }

    /// Adds one fragment.
    fn add(&mut self, fragment: &str, text: &str, series: Series) -> Result<()> {
        let mut applies = true;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if let Some(directive) = line.strip_prefix("#:") {
                applies = applies_to(directive.trim(), series).with_context(|| format!("line {number}"))?;
            } else if let Some((name, value)) = option(line).with_context(|| format!("line {number}"))?
                && applies
            {
                let wanted = Wanted { value, fragment: fragment.to_owned() };
                if let Some(other) = self.options.insert(name.to_owned(), wanted.clone())
                    && other.value != wanted.value
                {
                    bail!("line {number}: {name} is already wanted otherwise by {}.config", other.fragment);
                }
            }
        }
        Ok(())
    }

    /// All options as one fragment.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, wanted) in &self.options {
            // Writing to a string can't fail.
            let _ = match &wanted.value {
                Some(value) => writeln!(text, "{name}={value}"),
                None => writeln!(text, "# {name} is not set"),
            };
        }
        text
    }

    /// Checks that every option took effect in `dot_config`, a complete configuration that Kconfig has written.
    ///
    /// # Errors
    /// Names each option that didn't, its fragment, and what it became.
    pub fn check(&self, dot_config: &str) -> Result<()> {
        let mut set = BTreeMap::new();
        for line in dot_config.lines() {
            if let Some((name, value)) = option(line)? {
                set.insert(name, value);
            }
        }
        let mut missed = String::new();
        for (name, wanted) in &self.options {
            let found = set.get(name.as_str());
            if found.and_then(Option::as_ref) == wanted.value.as_ref() {
                continue;
            }
            let show = |value: Option<&String>| value.map_or("not set".to_owned(), |value| format!("={value}"));
            let became = found.map_or("unknown or its dependencies are missing".to_owned(), |v| show(v.as_ref()));
            let Wanted { value, fragment } = wanted;
            let _ = writeln!(missed, "  {fragment}.config: {name} {}: {became}", show(value.as_ref()));
        }
        if missed.is_empty() {
            return Ok(());
        }
        bail!("these options of kernel-config/ did not take effect:\n{missed}")
    }
}

/// Whether the lines after a directive count for `series`.
fn applies_to(directive: &str, series: Series) -> Result<bool> {
    match directive.split_once(' ') {
        Some(("from", version)) => Ok(series >= Series::parse(version)?),
        Some(("before", version)) => Ok(series < Series::parse(version)?),
        None if directive == "end" => Ok(true),
        _ => bail!("{directive:?} is no directive (from X.Y, before X.Y, end)"),
    }
}

/// Reads one line: an option and its value (`None`: not set), or nothing.
fn option(line: &str) -> Result<Option<(&str, Option<String>)>> {
    let named = |name: &str| name.starts_with("CONFIG_") && !name.contains(char::is_whitespace);
    if let Some(name) = line.strip_prefix("# ").and_then(|rest| rest.strip_suffix(" is not set")) {
        return Ok(named(name).then_some((name, None)));
    }
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    match line.split_once('=') {
        Some((name, "n")) if named(name) => Ok(Some((name, None))),
        Some((name, value)) if named(name) && !value.is_empty() => Ok(Some((name, Some(value.to_owned())))),
        _ => bail!("{line:?} is no option"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(text: &str, series: &str) -> Result<Configuration> {
        let mut configuration = Configuration::default();
        configuration.add("base", text, Series::parse(series)?)?;
        Ok(configuration)
    }

    #[test]
    fn an_option_that_did_not_take_is_named_with_its_fragment() {
        let wanted = configuration("CONFIG_A=y\nCONFIG_B=y\n# CONFIG_C is not set\nCONFIG_D=\"x\"\n", "7.2").unwrap();
        assert!(wanted.check("CONFIG_A=y\nCONFIG_B=y\nCONFIG_D=\"x\"\n").is_ok());
        let error = wanted.check("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=y\nCONFIG_D=\"x\"\n").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("base.config: CONFIG_B =y: not set"), "{text}");
        assert!(text.contains("CONFIG_C not set: =y"), "{text}");
        assert!(!text.contains("CONFIG_A") && !text.contains("CONFIG_D"), "{text}");
        assert!(wanted.check("").unwrap_err().to_string().contains("CONFIG_A"));
    }

    #[test]
    fn directives_choose_by_series() {
        let text = "#: from 6.17\nCONFIG_NEW=y\n#: end\n#: before 6.17\nCONFIG_OLD=y\n#: end\nCONFIG_BOTH=y\n";
        assert_eq!(configuration(text, "7.2.13").unwrap().text(), "CONFIG_BOTH=y\nCONFIG_NEW=y\n");
        assert_eq!(configuration(text, "6.12").unwrap().text(), "CONFIG_BOTH=y\nCONFIG_OLD=y\n");
        assert!(configuration("#: since 6\n", "7.2").is_err());
    }

    #[test]
    fn contradictions_and_rubbish_are_refused() {
        assert!(configuration("CONFIG_A=y\n# CONFIG_A is not set\n", "7.2").is_err());
        assert!(configuration("CONFIG_A\n", "7.2").is_err());
        assert!(configuration("A=y\n", "7.2").is_err());
        assert!(configuration("CONFIG_A=\n", "7.2").is_err());
    }
}
