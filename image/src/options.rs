//! The command line of `image/run`.
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

use crate::board::{BOARDS, Board};
use crate::kernel;
use crate::machine::{BUSES, Bus, FIRMWARES, Firmware, Sound};
use crate::{measure, release, session, stay, track};

/// Also what image/run prints without building anything.
const HELP: &str = include_str!("../help");
/// How often is booted to measure how long it takes.
const BOOTS: u32 = 3;
/// In less time the first wake-ups of a stream are all.
const SHORTEST: Duration = Duration::from_secs(10);

/// What is to be done with the built image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Boot, play to a USB DAC and compare, and stay until interrupted.
    Stay,
    /// Play once and compare.
    Once,
    /// Kill each process while it plays.
    Kill,
    /// Play every format through the real ALSA.
    Formats,
    /// Play to a USB DAC, through its driver.
    Usb,
    /// Give it what goes wrong in a household.
    Trouble,
    /// Take settings from a file, restart, and cut the power while they are saved.
    Settings,
    /// Try slots, good ones and bad ones, and damage what says which is booted.
    Slots,
    /// Compare what runs and what can be written with what may be.
    Inspect,
    /// Measure wake-ups under load, and what the network's knobs are for.
    Measure,
    /// Nothing: build only.
    Build,
    /// Nothing: build what owners write to a medium.
    Release,
    /// Nothing: look at what it takes.
    Sizes,
    /// Nothing: put together what Buildroot has built.
    Assemble,
    /// Nothing: make what owners write to a medium of a disk image that is there.
    Pack,
    /// Measure how long booting takes, beside a system that does nothing.
    BootTime,
}

/// The options that choose a mode.
const MODES: [(&str, Mode); 13] = [
    ("once", Mode::Once),
    ("kill", Mode::Kill),
    ("formats", Mode::Formats),
    ("usb", Mode::Usb),
    ("trouble", Mode::Trouble),
    ("settings", Mode::Settings),
    ("slots", Mode::Slots),
    ("inspect", Mode::Inspect),
    ("measure", Mode::Measure),
    ("build", Mode::Build),
    ("release", Mode::Release),
    ("sizes", Mode::Sizes),
    ("boot-time", Mode::BootTime),
];

impl Mode {
    /// Whether it ends in a report, whose last line is JSON, for programs.
    #[must_use]
    pub fn reports(self) -> bool {
        !matches!(self, Self::Stay | Self::Build | Self::Release | Self::Assemble | Self::Pack | Self::BootTime)
    }

    /// Whether a machine is booted.
    #[must_use]
    pub fn boots(self) -> bool {
        !matches!(self, Self::Build | Self::Release | Self::Sizes | Self::Assemble | Self::Pack)
    }

    fn named(name: &str) -> Option<Self> {
        MODES.iter().find(|(option, _)| *option == name).map(|(_, mode)| *mode)
    }

    /// Whether the arguments ask for a report, even if they can't be understood otherwise.
    #[must_use]
    pub fn report_is_wanted(mut arguments: impl Iterator<Item = OsString>) -> bool {
        let mode = |argument: OsString| Self::named(argument.to_str()?.strip_prefix("--")?);
        arguments.any(|argument| mode(argument).is_some_and(Self::reports))
    }
}

/// What was asked for.
#[derive(Debug, Clone)]
pub enum Asked {
    /// To do something.
    Do(Box<Wanted>),
    /// To print a text.
    Print(&'static str),
}

/// What is to be done, and how.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What.
    pub mode: Mode,
    /// For which board.
    pub board: &'static Board,
    /// The overlay of the HAT on it.
    pub hat: Option<String>,
    /// What goes with [`Mode::Release`] and [`Mode::Pack`].
    pub release: release::Wanted,
    /// Buildroot's directory of images, with [`Mode::Assemble`]; the disk image, with [`Mode::Pack`].
    pub images: PathBuf,
    /// How often is booted, with [`Mode::BootTime`].
    pub boots: u32,
    /// Which parts of [`Mode::Usb`]: those whose names contain one of these; none: all.
    pub only: Vec<String>,
    /// How long wake-ups are counted, with [`Mode::Measure`].
    pub length: Duration,
    /// The kernel.
    pub source: kernel::Source,
    /// The machine.
    pub options: session::Options,
    /// What goes with [`Mode::Stay`] alone.
    pub stay: stay::Wanted,
}

/// Reads the command line.
///
/// # Errors
/// Names what can't be understood.
pub fn parse(mut parser: lexopt::Parser) -> Result<Asked> {
    let (mut mode, mut board, mut source) = (None, &BOARDS[0], kernel::Source::default());
    let (mut hat, mut release, mut images, mut boots) = (None, release::Wanted::default(), PathBuf::new(), BOOTS);
    let mut only = Vec::new();
    let mut length = None;
    let (mut stay, mut dac) = (stay::Wanted::default(), None);
    let sound = Sound::Board(track::RATE);
    let mut options = session::Options {
        port: 0,
        memory_mib: 256,
        shell: false,
        sound,
        dac: session::DAC,
        plugged: true,
        firmware: Firmware::default(),
        bus: Bus::default(),
        spares: false,
        pull: false,
        buffer_ms: session::BUFFER_MS,
        arguments: "",
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => options.port = parser.value()?.parse()?,
            Long("memory") => options.memory_mib = parser.value()?.parse()?,
            Long("shell") => options.shell = true,
            Long("dac") => dac = Some(variant(&parser.value()?.string()?)?),
            Long("listen") => {
                // Here alone the value may be left out.
                let value = match parser.optional_value() {
                    Some(value) => Some(value),
                    None => parser.raw_args()?.next_if(|next| !next.as_encoded_bytes().starts_with(b"-")),
                };
                stay.listen = Some(value.map(PathBuf::from));
            }
            Long("serve") => stay.serve = Some(parser.value()?.into()),
            Long("boot") => options.firmware = one_of(&FIRMWARES, "--boot", &parser.value()?.string()?)?,
            Long("disk") => options.bus = one_of(&BUSES, "--disk", &parser.value()?.string()?)?,
            Long("pull") => options.pull = true,
            Long("board") => board = Board::named(&parser.value()?.string()?)?,
            Long("hat") => hat = Some(parser.value()?.string()?),
            Long("output") => release.output = Some(parser.value()?.into()),
            Long("sign") => release.sign = Some(parser.value()?.into()),
            Long("url") => {
                let url = parser.value()?.string()?;
                if !["https://", "http://", "file://"].iter().any(|scheme| url.starts_with(scheme)) {
                    bail!("--url {url}: it begins with https://, http:// or file://");
                }
                release.url = Some(url);
            }
            Long("boots") => boots = parser.value()?.parse()?,
            Long("only") => only.push(parser.value()?.string()?),
            Long("seconds") => length = Some(Duration::from_secs(parser.value()?.parse()?)),
            Long("kernel") => {
                let name = parser.value()?.string()?;
                source = kernel::Source::from_name(&name).context("--kernel takes pinned or stable")?;
            }
            Long("help") | Short('h') => return Ok(Asked::Print(HELP.trim_ascii_end())),
            Long("version") => return Ok(Asked::Print(concat!("tenuto ", env!("CARGO_PKG_VERSION")))),
            Long(name @ ("assemble" | "pack")) => {
                mode = Some(if name == "pack" { Mode::Pack } else { Mode::Assemble });
                images = parser.value()?.into();
            }
            Long(name) if let Some(wanted) = Mode::named(name) => {
                if mode.is_some_and(|mode| mode != wanted) {
                    let names = MODES.map(|(name, _)| format!("--{name}"));
                    bail!("only one of {}", names.join(", "));
                }
                mode = Some(wanted);
            }
            other => bail!("{} (--help says what there is)", other.unexpected()),
        }
    }
    let mode = mode.unwrap_or(Mode::Stay);
    if mode != Mode::Stay && (dac.is_some() || stay.is_something()) {
        bail!("--dac, --listen and --serve are for an appliance that stays up, without --once and its like");
    }
    if !matches!(mode, Mode::Release | Mode::Pack) && release != release::Wanted::default() {
        bail!("--output, --sign and --url are for what image/build writes");
    }
    if mode != Mode::Usb && !only.is_empty() {
        bail!("--only goes with --usb");
    }
    if boots == 0 {
        bail!("--boots takes 1 or more");
    }
    if options.pull && (mode != Mode::Once || !options.bus.unplugs()) {
        bail!("--pull goes with --once, and with any disk but ahci");
    }
    if length.is_some_and(|length| mode != Mode::Measure || length < SHORTEST) {
        bail!("--seconds takes {} or more, and goes with --measure", SHORTEST.as_secs());
    }
    let length = length.unwrap_or(measure::LENGTH);
    options.dac = dac.unwrap_or(session::DAC);
    Ok(Asked::Do(Box::new(Wanted { mode, board, hat, release, images, boots, only, length, source, options, stay })))
}

/// What a name of the list stands for.
fn one_of<T: Copy>(known: &[(&str, T)], option: &str, name: &str) -> Result<T> {
    let found = known.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    found.with_context(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        format!("{option} takes {}", names.join(", "))
    })
}

/// The name of a DAC that is built in.
fn variant(name: &str) -> Result<&'static str> {
    // Its error lists those there are.
    usb_dac::Model::named(name)?;
    let known = usb_dac::VARIANTS.iter().find(|(known, _)| *known == name);
    known.map(|(known, _)| *known).context("--dac")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Wanted> {
        match parse(lexopt::Parser::from_args(arguments))? {
            Asked::Do(wanted) => Ok(*wanted),
            Asked::Print(text) => bail!("{text}"),
        }
    }

    #[test]
    fn every_option_is_taken_and_in_the_help() {
        for (name, mode) in MODES {
            assert_eq!(parsed(&[&format!("--{name}")]).unwrap().mode, mode);
            assert!(HELP.contains(&format!("--{name} ")), "{name}");
        }
        let arguments = [
            "--port",
            "8080",
            "--memory",
            "512",
            "--shell",
            "--kernel",
            "stable",
            "--dac",
            "dongle",
            "--listen",
            "out",
            "--serve",
            "music",
            "--board",
            "rpi4",
            "--hat",
            "hifiberry-dac",
        ];
        let Wanted { mode, board, hat, source, options, stay, .. } = parsed(&arguments).unwrap();
        assert_eq!(
            (mode, board.name, hat.as_deref(), source),
            (Mode::Stay, "rpi4", Some("hifiberry-dac"), kernel::Source::Stable)
        );
        assert_eq!((options.port, options.memory_mib, options.shell, options.dac), (8080, 512, true, "dongle"));
        assert_eq!(stay, stay::Wanted { listen: Some(Some("out".into())), serve: Some("music".into()) });
        assert!(arguments.iter().filter(|word| word.starts_with("--")).all(|option| HELP.contains(option)));
        let Wanted { mode, images, .. } = parsed(&["--assemble", "images"]).unwrap();
        assert_eq!((mode, images), (Mode::Assemble, "images".into()));
        assert!(HELP.contains("--assemble DIR"));
        assert_eq!(parsed(&["--measure", "--seconds", "3600"]).unwrap().length, Duration::from_secs(3600));
        assert!(HELP.contains("--seconds N"));
        let arguments = ["--pack", "disk.img", "--sign", "key", "--output", "out", "--url", "https://example.org"];
        let Wanted { mode, images, release, .. } = parsed(&arguments).unwrap();
        assert_eq!((mode, images), (Mode::Pack, "disk.img".into()));
        let url = Some("https://example.org".to_owned());
        assert_eq!(release, release::Wanted { output: Some("out".into()), sign: Some("key".into()), url });
        assert!(arguments.iter().filter(|word| word.starts_with("--")).all(|option| HELP.contains(option)));
        let only = parsed(&["--usb", "--only", "DSD", "--only", "a card"]).unwrap().only;
        assert_eq!(only, ["DSD", "a card"]);
        assert!(HELP.contains("--only TEXT"));
        assert!(parsed(&["--help"]).unwrap_err().to_string().contains("usage: image/run"));
    }

    #[test]
    fn where_to_write_may_be_left_out() {
        for (arguments, directory) in [
            (&["--listen"][..], None),
            (&["--listen", "--shell"], None),
            (&["--listen=a b"], Some("a b".into())),
            (&["--listen", "out", "--shell"], Some("out".into())),
        ] {
            assert_eq!(parsed(arguments).unwrap().stay.listen, Some(directory), "{arguments:?}");
        }
        let plain = parsed(&[]).unwrap();
        assert_eq!((plain.stay, plain.options.dac), (stay::Wanted::default(), "reference"));
    }

    #[test]
    fn every_dac_is_in_the_help_and_another_one_is_refused_with_the_list() {
        for (name, _) in usb_dac::VARIANTS {
            assert_eq!(parsed(&["--dac", name]).unwrap().options.dac, *name);
            assert!(HELP.contains(name), "{name}");
        }
        assert!(parsed(&["--dac", "none"]).unwrap_err().to_string().contains("reference, claims-32-bits"));
    }

    #[test]
    fn what_contradicts_itself_or_is_unknown_is_refused() {
        for wrong in [
            &["--once", "--kill"][..],
            &["--kernel", "new"],
            &["--board", "new"],
            &["--nonsense"],
            &["file"],
            &["--port", "x"],
        ]
        .into_iter()
        .chain([
            &["--once", "--listen"][..],
            &["--once", "--output", "x"],
            &["--build", "--sign", "x"],
            &["--release", "--url", "example.org"],
            &["--boot-time", "--boots", "0"],
            &["--build", "--serve", "m"],
            &["--usb", "--dac", "dongle"],
            &["--formats", "--only", "DSD"],
            &["--usb", "--only"],
            &["--measure", "--seconds", "1"],
            &["--once", "--seconds", "60"],
        ]) {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn firmware_and_disk_are_chosen_by_name_and_pulled_only_where_that_can_be() {
        let options = parsed(&["--once", "--boot", "bios", "--disk", "usb", "--pull"]).unwrap().options;
        assert_eq!((options.firmware, options.bus, options.pull), (Firmware::Bios, Bus::Usb, true));
        for (name, _) in BUSES.iter().map(|(name, _)| (name, ())).chain(FIRMWARES.iter().map(|(name, _)| (name, ()))) {
            assert!(HELP.contains(name), "{name}");
        }
        assert!(parsed(&["--disk", "floppy"]).unwrap_err().to_string().contains("virtio, usb, ahci, nvme"));
        for wrong in [&["--pull"][..], &["--slots", "--pull"], &["--once", "--disk", "ahci", "--pull"]] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_report_is_wanted_by_its_mode_alone() {
        let wanted = |words: &[&str]| Mode::report_is_wanted(words.iter().map(OsString::from));
        assert!(wanted(&["--nonsense", "--trouble"]) && wanted(&["--once"]));
        assert!(!wanted(&["--build"]) && !wanted(&["--release"]) && !wanted(&["once"]) && !wanted(&[]));
    }
}
