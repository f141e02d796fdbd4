//! `protocolInfo`: how a format and the way to get it are named (CM section 2.5.2), and the list of what this renderer
//! takes.
mod sink;

pub use sink::{Format, Sink, sink};

/// One `protocol:network:contentFormat:additionalInfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtocolInfo {
    /// `http-get`.
    pub protocol: String,
    /// `*`.
    pub network: String,
    /// A MIME type, maybe with parameters.
    pub content_format: String,
    /// DLNA's parameters, or `*`.
    pub additional_info: String,
}

/// The longest entry that is read, in bytes.
const MAX_ENTRY: usize = 1024;

impl ProtocolInfo {
    /// Reads one entry; a missing fourth field is `*`. `None` if it has fewer than three fields or is too long.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_ENTRY {
            return None;
        }
        let mut fields = text.trim().splitn(4, ':').map(str::to_owned);
        Some(Self {
            protocol: fields.next()?,
            network: fields.next()?,
            content_format: fields.next()?,
            additional_info: fields.next().unwrap_or_else(|| "*".to_owned()),
        })
    }

    /// The MIME type without parameters.
    pub fn mime(&self) -> &str {
        self.content_format.split(';').next().unwrap_or_default().trim()
    }

    /// What `audio/L16` and `audio/L24` say of themselves; `None` for other formats.
    pub fn linear_pcm(&self) -> Option<LinearPcm> {
        LinearPcm::parse(&self.content_format)
    }
}

/// The format of `audio/L16` or `audio/L24`: samples without container, big-endian, interleaved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearPcm {
    /// Bits a sample: 16 or 24.
    pub bits: u16,
    /// Hz.
    pub rate: u32,
    /// Channels.
    pub channels: u16,
}

impl LinearPcm {
    /// Reads a MIME type with its parameters; `None` if it is another type or a parameter can't be.
    ///
    /// Without `rate` it is 44.1 kHz stereo, as Audirvana means it; with a rate alone it is mono (RFC 2586).
    pub fn parse(content_format: &str) -> Option<Self> {
        let mut parts = content_format.split(';').map(str::trim);
        let bits = match parts.next()? {
            mime if mime.eq_ignore_ascii_case("audio/L16") => 16,
            mime if mime.eq_ignore_ascii_case("audio/L24") => 24,
            _ => return None,
        };
        let (mut rate, mut channels) = (None, None);
        for part in parts {
            let Some((name, value)) = part.split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            match name.trim() {
                name if name.eq_ignore_ascii_case("rate") => rate = Some(value.parse().ok().filter(|rate| *rate > 0)?),
                name if name.eq_ignore_ascii_case("channels") => {
                    channels = Some(value.parse().ok().filter(|channels| *channels > 0)?);
                }
                _ => {}
            }
        }
        let default_channels = if rate.is_some() { 1 } else { 2 };
        Some(Self { bits, rate: rate.unwrap_or(44_100), channels: channels.unwrap_or(default_channels) })
    }
}

/// Splits a comma-separated list, where `\,` is a comma and `\\` a backslash of an entry (UDA section 2.5.6, CM section
/// 2.2.1). Empty entries are left out.
pub fn split_list(list: &str) -> Vec<String> {
    let (mut entries, mut entry, mut chars) = (Vec::new(), String::new(), list.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => entry.extend(chars.next()),
            ',' => entries.push(std::mem::take(&mut entry)),
            c => entry.push(c),
        }
    }
    entries.push(entry);
    entries.retain(|entry| !entry.is_empty());
    entries
}

/// Joins entries to the list that [`split_list`] splits.
pub fn join_list<'e>(entries: impl IntoIterator<Item = &'e str>) -> String {
    let mut list = String::new();
    for entry in entries {
        if !list.is_empty() {
            list.push(',');
        }
        for c in entry.chars() {
            if matches!(c, ',' | '\\') {
                list.push('\\');
            }
            list.push(c);
        }
    }
    list
}

#[cfg(test)]
mod tests;
