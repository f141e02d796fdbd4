//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use pcm::{Speaker, Speakers};

use crate::output::sim::Accept;
use crate::rt::MARGIN_MS;

/// Where the sound goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sink {
    /// The first card that plays, USB first.
    Auto,
    /// An ALSA device by its name, `hw:…`.
    Alsa(String),
    /// A simulated card that forgets.
    Null,
    /// A simulated card that writes down what it gets.
    File(PathBuf),
}

/// No highest rate, Hz.
const MAX_RATE: u32 = 100_000_000;

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) socket: PathBuf,
    pub(crate) sink: Sink,
    pub(crate) accept: Accept,
    pub(crate) max_rate: u32,
    pub(crate) speakers: Speakers,
    pub(crate) fast: bool,
    pub(crate) core: Option<u32>,
    pub(crate) priority: u8,
    pub(crate) user: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) period_ms: u32,
    pub(crate) buffer_ms: u32,
    pub(crate) ring_ms: u32,
    pub(crate) preroll_ms: u32,
    pub(crate) dsd_silence_ms: u32,
    pub(crate) huge_pages: bool,
    pub(crate) certificate: bool,
    pub(crate) confine: bool,
    pub(crate) dac_rules: Option<PathBuf>,
    /// Only to say whether all this is right.
    pub(crate) check: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            socket: PathBuf::from("/run/tenuto/engine.sock"),
            sink: Sink::Auto,
            accept: Accept::Auto,
            max_rate: MAX_RATE,
            speakers: Speakers::UNKNOWN,
            fast: false,
            core: None,
            priority: 70,
            user: None,
            group: None,
            period_ms: 40,
            buffer_ms: 100,
            ring_ms: 1000,
            preroll_ms: 20,
            dsd_silence_ms: 100,
            huge_pages: false,
            certificate: true,
            confine: false,
            dac_rules: None,
            check: false,
        }
    }
}

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To run.
    Run(Box<Options>),
    /// To print a text.
    Print(String),
}

/// The text of `--help`.
const HELP: &str = "\
engine: moves audio from the player's ring into the sound card, in real time

Usage: engine [OPTIONS]

Where the sound goes:
  --sink auto            the first ALSA card that plays, USB before others; waits for one,
                         and follows unplugging and plugging (default)
  --sink hw:CARD[,DEV]   this ALSA device; CARD is a number or the card's id. Waits for it, and
                         follows it, too
  --sink null            a simulated card that forgets what it plays
  --sink file:DIR        a simulated card that writes each stream to DIR/NNNN.raw and what
                         happens to DIR/sink.jsonl
  --accept FORMAT        what null and file take: auto = 1 to 8 channels of S16, S24_3, S32 or
                         DSD_U32_BE (default); s16, s24_3, s24, s32 = stereo in that format;
                         dsd_u8, dsd_u16_le, dsd_u16_be, dsd_u32_le, dsd_u32_be = the same
                         beside s32; dop_s24_3, dop_s32 = PCM, and DSD over it (DoP);
                         pcm = stereo in S16, S24_3 or S32
  --max-rate N           null and file take no higher rate, in ALSA's Hz (default: any)
  --speakers LIST        for which loudspeakers the channels of null and file are where they have as
                         many, by ALSA's names: FL,FR,RL,RR,FC,LFE (default: not said)
  --dac-rules FILE       what is known of DACs that their driver doesn't say, see below
  --fast                 null and file take data as fast as it comes, instead of by the clock

Timing:
  --period-ms N          time between two wake-ups, 1 to 1000 (default 40)
  --buffer-ms N          what the card's buffer holds, at least 2 periods, to 2000
                         (default 100; QEMU's intel-hda wants 400 or more)
  --ring-ms N            what the player may write ahead, 50 to 10000, at least 2 periods and
                         10 ms, at most 6 MiB, or 8 MiB without certificates (default 1000)
  --preroll-ms N         silence in front of every stream, for cards that need time to lock,
                         0 to 5000 (default 20); a USB card gets 40 at least, whatever is set
  --dsd-silence-ms N     DSD silence in front of and behind every stream of DSD or DoP, so that
                         the DAC changes its mode without a pop, 0 to 5000 (default 100)

Real time:
  --core N               bind the real-time thread to this core (default: the last isolated one,
                         if any: /sys/devices/system/cpu/isolated)
  --priority N           its SCHED_FIFO priority, 1 to 99 (default 70: above the kernel's default
                         of 50 for interrupt threads, below the sound card's own)
  --certificate on|off   hash what is played, track by track, for the status page: by a thread at
                         normal priority, tied to the output by a CRC that the real-time thread
                         makes (default on)
  --huge-pages           put the ring into 5 huge pages of 2 MiB, if so many are reserved
                         (hugepagesz=2M hugepages=5 on the kernel's command line: not every
                         kernel's huge pages are of 2 MiB by themselves); else say so and use
                         ordinary ones
  --user NAME            after set-up, give up root and become this user
  --group NAME           the group that may connect to the socket
  --confine on|off       for tests: the kernel kills the engine at the first system call of the
                         real-time thread that playing doesn't take (default off)

  --socket PATH          where the player connects (default /run/tenuto/engine.sock)
  --check                read the options and the files that they name, say what is wrong with them,
                         and end: 0 nothing, 2 something
  --help                 this text
  --version              the version

What is known of DACs is a TOML file with a table for each (a few are built in; the file's count where
both say something). The engine doesn't start with a file that it doesn't understand, and says which line
and why.
  [[dac]]
  usb = \"20b1:0f00\"                    # for which, as lsusb shows it; \"20b1:*\" is all of the vendor's,
  name = \"My DAC\"                      # and/or ALSA's name of the card; \"My*\" is all that begin so
  bits = 24                             # it has no more significant bits than this, 16 to 31
  without-formats = [\"S16_LE\"]         # it claims these formats, and doesn't play them
  without-rates = [705600, 768000]      # the same with rates of PCM, Hz
  without-dsd-rates = [22579200]        # the same with rates of DSD, bits per second and channel
  dop = true                            # it understands DSD over PCM; false undoes a built-in true
  lock-ms = 300                         # silence in front of every stream, at least, 0 to 5000
  hardware-volume = false               # its volume control isn't used, nor touched

Without the right to real-time scheduling or locked memory the engine says so once and plays at
normal priority. To have both without root: limits `rtprio 80` and `memlock unlimited`.

May connect: root, the engine's own user, and members of --group (checked by the kernel through the
socket's mode 0660 and again by the engine). One player at a time.

Ends cleanly, with a fade, on SIGTERM and SIGINT. Logs go to stderr; RUST_LOG sets what (default info).
Exit status: 0 ended by a signal, 1 failed, 2 wrong usage, or --check found something.
";

/// Reads the command line, without the program's own name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Asked, String> {
    use lexopt::prelude::*;

    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_args(arguments);
    let usage = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(usage)? {
        let Long(name) = argument else { return Err(argument.unexpected().to_string()) };
        let name = name.to_owned();
        match name.as_str() {
            "help" => return Ok(Asked::Print(HELP.to_owned())),
            "version" => return Ok(Asked::Print(format!("engine {}\n", env!("CARGO_PKG_VERSION")))),
            "fast" => {
                options.fast = true;
                continue;
            }
            "huge-pages" => {
                options.huge_pages = true;
                continue;
            }
            "check" => {
                options.check = true;
                continue;
            }
            _ => {}
        }
        let value = || parser.value().map_err(usage);
        match name.as_str() {
            "socket" => options.socket = PathBuf::from({ value }()?),
            "sink" => options.sink = sink({ value }()?)?,
            "accept" => options.accept = accept(&text({ value }()?)?)?,
            "max-rate" => options.max_rate = number(&name, { value }()?, 1, MAX_RATE)?,
            "speakers" => options.speakers = speakers(&text({ value }()?)?)?,
            "certificate" => options.certificate = on_off(&name, &text({ value }()?)?)?,
            "confine" => options.confine = on_off(&name, &text({ value }()?)?)?,
            "dac-rules" => options.dac_rules = Some(PathBuf::from({ value }()?)),
            "core" => options.core = Some(number(&name, { value }()?, 0, 8191)?),
            "priority" => options.priority = number(&name, { value }()?, 1, 99)? as u8,
            "user" => options.user = Some(text({ value }()?)?),
            "group" => options.group = Some(text({ value }()?)?),
            "period-ms" => options.period_ms = number(&name, { value }()?, 1, 1000)?,
            "buffer-ms" => options.buffer_ms = number(&name, { value }()?, 2, 2000)?,
            "ring-ms" => options.ring_ms = number(&name, { value }()?, 50, 10_000)?,
            "preroll-ms" => options.preroll_ms = number(&name, { value }()?, 0, 5000)?,
            "dsd-silence-ms" => options.dsd_silence_ms = number(&name, { value }()?, 0, 5000)?,
            _ => return Err(Long(&name).unexpected().to_string()),
        }
    }
    check(options)
}

fn check(options: Options) -> Result<Asked, String> {
    let simulated = matches!(options.sink, Sink::Null | Sink::File(_));
    if options.buffer_ms < 2 * options.period_ms {
        return Err(format!(
            "--buffer-ms {} is less than two periods of {} ms: lengthen the one or shorten the other",
            options.buffer_ms, options.period_ms
        ));
    }
    if options.ring_ms < 2 * options.period_ms + MARGIN_MS {
        return Err(format!(
            "--ring-ms {} is less than two periods of {} ms and {MARGIN_MS} ms: lengthen the one or shorten the other",
            options.ring_ms, options.period_ms
        ));
    }
    let of_simulated = options.fast || options.accept != Accept::Auto || options.max_rate != MAX_RATE;
    if !simulated && (of_simulated || options.speakers != Speakers::UNKNOWN) {
        return Err(
            "--fast, --accept, --max-rate and --speakers are for --sink null and --sink file:DIR only".to_owned()
        );
    }
    Ok(Asked::Run(Box::new(options)))
}

fn text(value: OsString) -> Result<String, String> {
    value.into_string().map_err(|value| format!("{} isn't UTF-8", value.display()))
}

fn number(name: &str, value: OsString, least: u32, most: u32) -> Result<u32, String> {
    let value = text(value)?;
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("--{name} wants a number from {least} to {most}, not '{value}'"))
}

fn on_off(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("--{name} wants on or off, not '{value}'")),
    }
}

fn sink(value: OsString) -> Result<Sink, String> {
    let value = text(value)?;
    Ok(match value.as_str() {
        "auto" => Sink::Auto,
        "null" => Sink::Null,
        "file:" => return Err(format!("--sink '{value}' names no sink")),
        name => match name.strip_prefix("file:") {
            Some(dir) => Sink::File(PathBuf::from(dir)),
            None if is_hardware(name) => Sink::Alsa(value),
            None => return Err(format!("--sink wants auto, hw:CARD[,DEV], null or file:DIR, not '{name}'")),
        },
    })
}

/// Whether this is ALSA's name of a bare device; every other of its names may convert or resample.
fn is_hardware(name: &str) -> bool {
    name.strip_prefix("hw:").is_some_and(|rest| !rest.is_empty() && !rest.contains(['\0', ' ', '/']))
}

fn speakers(value: &str) -> Result<Speakers, String> {
    let speakers = Speakers::new(value.split(',').map(Speaker::from_alsa_name));
    let wrong =
        || format!("--speakers wants ALSA's names of up to 8 loudspeakers, like FL,FR,RL,RR,FC,LFE, not '{value}'");
    if speakers == Speakers::UNKNOWN { Err(wrong()) } else { Ok(speakers) }
}

fn accept(value: &str) -> Result<Accept, String> {
    let found = Accept::NAMES.into_iter().find(|(name, _)| *name == value);
    let names = || Accept::NAMES.map(|(name, _)| name).join(", ");
    found.map(|(_, accept)| accept).ok_or_else(|| format!("--accept wants one of {}, not '{value}'", names()))
}

#[cfg(test)]
mod tests;
