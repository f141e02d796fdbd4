//! GRUB's environment files, as the selector has them: one sector of `name=value` lines, filled up with `#`.
//! Source: GRUB's manual, "GRUB environment block"; `grub-core/lib/envblk.c`.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

/// A sector: what a disk writes whole or not at all.
pub(crate) const SECTOR: usize = 512;
/// What such a file begins with.
const SIGNATURE: &str = "# GRUB Environment Block\n";

/// The variables of a block; None if it is none, or has been damaged as far as that shows. Bytes that aren't ASCII and
/// backslashes, which GRUB would read in its own way, are damage: we write neither.
pub(crate) fn parse(sector: &[u8; SECTOR]) -> Option<BTreeMap<&str, &str>> {
    let text = std::str::from_utf8(sector).ok()?.strip_prefix(SIGNATURE)?;
    let (body, padding) = text.split_at(text.trim_end_matches('#').len());
    // GRUB ends each variable with a line break, and wants the padding's last byte to be there.
    let lines = body.strip_suffix('\n')?;
    if padding.is_empty() || !lines.chars().all(|c| c == '\n' || is_safe(c)) {
        return None;
    }
    let mut variables = BTreeMap::new();
    for line in lines.split('\n') {
        let (name, value) = line.split_once('=')?;
        // The same name twice: written by nobody.
        if name.is_empty() || variables.insert(name, value).is_some() {
            return None;
        }
    }
    Some(variables)
}

/// A block of these variables, in this order.
///
/// # Errors
/// A value doesn't fit, or holds characters that don't survive GRUB's quoting.
pub(crate) fn block(variables: &[(&str, &str)]) -> Result<[u8; SECTOR]> {
    let mut text = SIGNATURE.to_owned();
    for (name, value) in variables {
        if let Some(bad) = value.chars().find(|c| !is_safe(*c)) {
            bail!("{name}={value}: the boot loader does not take {bad:?} in an argument");
        }
        text.extend([name, "=", value, "\n"]);
    }
    let mut sector = [b'#'; SECTOR];
    match sector.split_at_mut_checked(text.len()) {
        Some((head, [_, ..])) => head.copy_from_slice(text.as_bytes()),
        _ => bail!("the boot arguments take {} bytes; one sector holds {SECTOR}", text.len()),
    }
    Ok(sector)
}

/// What is passed on as it is.
fn is_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || " _.,:=/@+-".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let sector =
            block(&[("slot", "b"), ("args", "isolcpus=managed_irq,domain,3 a.b=/x@1+2-3"), ("ok", "1")]).unwrap();
        let variables = parse(&sector).unwrap();
        assert_eq!(variables["slot"], "b");
        assert_eq!(variables["args"], "isolcpus=managed_irq,domain,3 a.b=/x@1+2-3");
        assert_eq!(variables["ok"], "1");
        assert_eq!(parse(&block(&[("trial", ""), ("trial_args", "")]).unwrap()).unwrap()["trial"], "");
    }

    #[test]
    fn what_does_not_fit_or_would_not_come_back_is_refused() {
        let longest = SECTOR - SIGNATURE.len() - "args=\n".len() - 1;
        assert!(block(&[("args", &"x".repeat(longest))]).is_ok());
        assert!(block(&[("args", &"x".repeat(longest + 1))]).is_err());
        for bad in ["a\"b", "a\\b", "a\nslot=b", "ä", "a#b", "a$b"] {
            assert!(block(&[("args", bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn damage_is_no_block() {
        let whole = block(&[("slot", "a"), ("args", "quiet"), ("ok", "1")]).unwrap();
        assert!(parse(&[0; SECTOR]).is_none() && parse(&[b'#'; SECTOR]).is_none());
        // Torn: the rest is from somewhere else.
        for at in [1, SIGNATURE.len(), SIGNATURE.len() + 3, SIGNATURE.len() + 10] {
            let mut torn = whole;
            torn[at..].fill(0);
            assert!(parse(&torn).is_none(), "{at}");
        }
        for text in ["slot=a\nslot=b\n", "slot\n", "=a\n", "slot=\\a\n", "slot=a"] {
            let mut sector = [b'#'; SECTOR];
            let all = format!("{SIGNATURE}{text}");
            sector[..all.len()].copy_from_slice(all.as_bytes());
            assert!(parse(&sector).is_none(), "{text:?}");
        }
        let mut full = whole;
        full[SECTOR - 1] = b'\n';
        assert!(parse(&full).is_none());
    }
}
