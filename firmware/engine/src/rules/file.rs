//! The file of rules: TOML, every value checked, every complaint with its line.

use std::ops::Range;

use pcm::{FormatSet, STANDARD_RATES, WireFormat};
use serde::Deserialize;
use toml::Spanned;

use super::{Correction, Rule, Whom};

/// Bits that a DAC may have, and fewer than the widest format has.
const BITS: Range<u16> = 16..32;
/// The longest time to lock, ms; the same as that of `--preroll-ms`.
const MOST_LOCK_MS: u32 = 5000;
/// Bits per second and channel of DSD64 in both families: all other rates are 2, 4, 8 or 16 times as high.
const DSD64: [u32; 2] = [2_822_400, 3_072_000];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    dac: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    usb: Option<Spanned<String>>,
    name: Option<Spanned<String>>,
    bits: Option<Spanned<u16>>,
    #[serde(default)]
    without_formats: Vec<Spanned<String>>,
    #[serde(default)]
    without_rates: Vec<Spanned<u32>>,
    #[serde(default)]
    without_dsd_rates: Vec<Spanned<u32>>,
    dop: Option<bool>,
    lock_ms: Option<Spanned<u32>>,
    hardware_volume: Option<Spanned<bool>>,
}

/// A place in the file and what is wrong there.
struct Complaint(Range<usize>, String);

/// A value that a check has passed, or the complaint.
type Checked<T> = Result<T, Complaint>;

/// Reads the file's text.
///
/// # Errors
/// `line N: ` and what is wrong there, and what would be right.
pub(super) fn parse(text: &str) -> Result<Vec<Rule>, String> {
    let file: Checked<File> =
        toml::from_str(text).map_err(|error| Complaint(error.span().unwrap_or(0..0), error.message().to_owned()));
    let rules = file.and_then(|file| file.dac.into_iter().map(rule).collect());
    rules.map_err(|Complaint(at, what)| {
        let before = text.as_bytes().get(..at.start).unwrap_or_default();
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        format!("line {line}: {what}")
    })
}

fn rule(entry: Spanned<Entry>) -> Checked<Rule> {
    let at = entry.span();
    let entry = entry.into_inner();
    if entry.usb.is_none() && entry.name.is_none() {
        let what = "this rule is for no DAC: say which with usb = \"VENDOR:PRODUCT\" (lsusb shows it) or name = \"…\" (the \
                    page and `aplay -l` show it)";
        return Err(Complaint(at, what.to_owned()));
    }
    let usb = entry.usb.as_ref().map(|text| check(text, usb(text.as_ref()), USB)).transpose()?;
    let name = entry.name.as_ref().map(|text| check(text, name(text.as_ref()), NAME)).transpose()?;
    let bits = entry.bits.map(|bits| bounded(&bits, "bits", BITS.start, BITS.end - 1)).transpose()?;
    let formats =
        entry.without_formats.iter().map(|text| check(text, WireFormat::from_alsa_name(text.as_ref()), FORMAT));
    let without_formats = formats.collect::<Checked<FormatSet>>()?;
    let rates = entry.without_rates.iter().map(|rate| check(rate, pcm_rate(*rate.as_ref()), RATE));
    let without_rates = rates.collect::<Checked<_>>()?;
    let rates = entry.without_dsd_rates.iter().map(|rate| check(rate, dsd_rate(*rate.as_ref()), DSD_RATE));
    let without_dsd = rates.collect::<Checked<_>>()?;
    let lock_ms = entry.lock_ms.map(|ms| bounded(&ms, "lock-ms", 0, MOST_LOCK_MS)).transpose()?;
    let volume = entry.hardware_volume.map(|volume| check(&volume, (!volume.as_ref()).then_some(false), VOLUME));
    let volume = volume.transpose()?;
    let says = Correction { bits, without_formats, without_rates, without_dsd, dop: entry.dop, lock_ms, volume };
    if says == Correction::default() {
        let what = "this rule says nothing of its DAC: it wants one of bits, without-formats, without-rates, \
                    without-dsd-rates, dop, lock-ms, hardware-volume";
        return Err(Complaint(at, what.to_owned()));
    }
    Ok(Rule { whom: Whom { usb, name }, says })
}

const USB: &str = "usb is vendor and product in hexadecimal, like \"20b1:0f00\", or \"20b1:*\" for all of a vendor's";
const NAME: &str = "name is ALSA's name of the card, or its beginning and one * at the end, which may not stand alone";
const FORMAT: &str = "a format is one of S16_LE, S24_3LE, S24_LE, S32_LE (or with BE), DSD_U8, DSD_U16_LE, DSD_U16_BE, \
                      DSD_U32_LE, DSD_U32_BE; whether a DAC understands DoP is said by dop = true or false";
const RATE: &str = "a rate is in Hz, and one that PCM has, like 44100, 192000 or 768000";
const DSD_RATE: &str = "a rate of DSD is in bits per second and channel: 2822400 or 3072000 (DSD64), or 2, 4, 8 or 16 times as \
                        much";
const VOLUME: &str = "hardware-volume can only be false: a volume control that the driver doesn't show can't be used";

/// The value, if there is one; else what would be right.
fn check<T, U>(given: &Spanned<T>, value: Option<U>, right: &str) -> Checked<U>
where
    T: std::fmt::Debug,
{
    value.ok_or_else(|| Complaint(given.span(), format!("{:?} won't do: {right}", given.as_ref())))
}

fn bounded<T: Copy + PartialOrd + std::fmt::Display>(given: &Spanned<T>, key: &str, least: T, most: T) -> Checked<T> {
    let value = *given.as_ref();
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(Complaint(given.span(), format!("{value} won't do: {key} is a number from {least} to {most}")))
}

fn usb(text: &str) -> Option<(u16, Option<u16>)> {
    let (vendor, product) = text.split_once(':')?;
    let product = if product == "*" { None } else { Some(hexadecimal(product)?) };
    Some((hexadecimal(vendor)?, product))
}

/// Four hexadecimal digits, as lsusb prints them.
pub(crate) fn hexadecimal(text: &str) -> Option<u16> {
    let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u16::from_str_radix(text, 16).ok().filter(|_| digits)
}

fn name(text: &str) -> Option<(String, bool)> {
    let begins = text.strip_suffix('*');
    let name = begins.unwrap_or(text);
    (!name.trim().is_empty() && !name.contains('*')).then(|| (name.to_owned(), begins.is_some()))
}

fn pcm_rate(rate: u32) -> Option<u32> {
    STANDARD_RATES.contains(&rate).then_some(rate)
}

fn dsd_rate(rate: u32) -> Option<u32> {
    let known = DSD64.into_iter().flat_map(|base| (0..5).map(move |doubled| base << doubled));
    known.into_iter().find(|&known| known == rate)
}
