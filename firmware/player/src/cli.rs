//! The command line.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;
use uuid::Uuid;

use crate::net::Wanted;
use crate::playback::ReplayGain;
use crate::renderer::Mode;

const HELP: &str = "\
The renderer of Tenuto: found by UPnP control points, fetches and decodes what they
choose, and hands it to the audio engine.

Usage: player [OPTIONS]

  --engine SOCKET     the audio engine's socket        [/run/tenuto/engine.sock]
  --listen ADDR:PORT  where HTTP is served, IPv4; port 0 takes a free one
                                                                  [0.0.0.0:80]
  --interface NAME    announce on this interface only (a name or an IPv4
                      address of it); may be given more than once. Without it,
                      on every interface but loopback
  --name NAME         what control points show                        [Tenuto]
  --room ROOM         the room it is in: shown on the page, and in the description
                      as tenuto:X_room
  --uuid UUID         the device's identity. Without it, the one kept in the
                      state directory, or one made from this machine's own
  --state-dir DIR     where the identity is kept             [/var/lib/tenuto]
  --volume MODE       hardware: the DAC's mixer; fixed: none, the bits stay as
                      they are; software: the engine scales
                                         [hardware if the DAC can, else fixed]
  --dop on|off        on: the DAC understands DSD over PCM (DoP); off: it is used
                      only with DACs that are known to. To any other DAC it is
                      noise                                              [off]
  --resample on|off   on: a rate that the DAC hasn't is resampled to one that it
                      has, and the page says so; off: it is refused        [on]
  --replay-gain off|track|album
                      what is louder than the reference is played more quietly,
                      by what the file's tags say of the track or of its album;
                      nothing is made louder, and DSD, DoP and MQA are left alone
                                                                         [off]
  --dac-wait-s N      how long music waits for a DAC that was pulled out or isn't
                      there yet, and then goes on by itself; 0 to 600     [30]
  --run-dir DIR       where the agent says how the machine is, for /diagnostics
                                                                 [/run/tenuto]
  --log-dir DIR       the log's ring, for /log and /diagnostics  [/run/log/ring]
  --confine auto|on|off
                      once it has started, the kernel lets the player make the system
                      calls that are on its list, and open the files: on: or it
                      doesn't start; auto: as far as this kernel can; off: for
                      debuggers                                         [auto]
  --ready-file PATH   written once the renderer is announced: one line of JSON
                      with location, page and udn
  --help              this
  --version           the version

The log goes to stderr; RUST_LOG=debug says more.

Trying it on any Linux machine, without the appliance:
  engine --socket /tmp/engine.sock &
  player --engine /tmp/engine.sock --listen 0.0.0.0:8200 --state-dir ~/.tenuto
";

/// Unless the owner says otherwise: enough for a plug, a cable or a DAC that starts slowly. One that is switched on the next morning
/// doesn't begin to play.
const DAC_WAIT: Duration = Duration::from_secs(30);
const LONGEST_DAC_WAIT: Duration = Duration::from_secs(600);

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) engine: PathBuf,
    pub(crate) listen: SocketAddrV4,
    pub(crate) interfaces: Vec<Wanted>,
    pub(crate) name: String,
    pub(crate) room: Option<String>,
    pub(crate) uuid: Option<Uuid>,
    pub(crate) state_dir: PathBuf,
    pub(crate) volume: Option<Mode>,
    pub(crate) dop: bool,
    pub(crate) resample: bool,
    pub(crate) replay_gain: ReplayGain,
    pub(crate) dac_wait: Duration,
    pub(crate) run_dir: PathBuf,
    pub(crate) log_dir: PathBuf,
    pub(crate) confine: sandbox::Mode,
    pub(crate) ready_file: Option<PathBuf>,
}

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Run(Box<Options>),
    /// Print this and end.
    Print(String),
}

/// Reads the arguments, without the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command> {
    let mut options = Options {
        engine: "/run/tenuto/engine.sock".into(),
        listen: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 80),
        interfaces: Vec::new(),
        name: "Tenuto".to_owned(),
        room: None,
        uuid: None,
        state_dir: "/var/lib/tenuto".into(),
        volume: None,
        dop: false,
        resample: true,
        replay_gain: ReplayGain::Off,
        dac_wait: DAC_WAIT,
        run_dir: "/run/tenuto".into(),
        log_dir: "/run/log/ring".into(),
        confine: sandbox::Mode::default(),
        ready_file: None,
    };
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("engine") => options.engine = parser.value()?.into(),
            Long("listen") => {
                let text = parser.value()?.string()?;
                options.listen = text
                    .parse()
                    .with_context(|| format!("--listen {text}: not an IPv4 address with a port, like 0.0.0.0:80"))?;
            }
            Long("interface") => options.interfaces.push(Wanted::parse(&parser.value()?.string()?)),
            Long("name") => options.name = label("name", &parser.value()?.string()?)?,
            Long("room") => options.room = Some(label("room", &parser.value()?.string()?)?),
            Long("uuid") => {
                let text = parser.value()?.string()?;
                let uuid = Uuid::parse_str(text.trim_start_matches("uuid:"));
                options.uuid = Some(uuid.with_context(|| format!("--uuid {text}: not a UUID"))?);
            }
            Long("state-dir") => options.state_dir = parser.value()?.into(),
            Long("volume") => {
                let text = parser.value()?.string()?;
                let mode = Mode::from_name(&text);
                options.volume = Some(mode.with_context(|| format!("--volume {text}: hardware, fixed or software"))?);
            }
            Long("dop") => options.dop = on_or_off("dop", &parser.value()?.string()?)?,
            Long("resample") => options.resample = on_or_off("resample", &parser.value()?.string()?)?,
            Long("replay-gain") => {
                let text = parser.value()?.string()?;
                let mode = ReplayGain::from_name(&text);
                options.replay_gain = mode.with_context(|| format!("--replay-gain {text}: off, track or album"))?;
            }
            Long("dac-wait-s") => {
                let text = parser.value()?.string()?;
                let seconds = text.parse().ok().filter(|seconds| *seconds <= LONGEST_DAC_WAIT.as_secs());
                let seconds =
                    seconds.with_context(|| format!("--dac-wait-s {text}: 0 to {}", LONGEST_DAC_WAIT.as_secs()))?;
                options.dac_wait = Duration::from_secs(seconds);
            }
            Long("run-dir") => options.run_dir = parser.value()?.into(),
            Long("log-dir") => options.log_dir = parser.value()?.into(),
            Long("confine") => {
                let text = parser.value()?.string()?;
                let mode = sandbox::Mode::from_name(&text);
                options.confine = mode.with_context(|| format!("--confine {text}: auto, on or off"))?;
            }
            Long("ready-file") => options.ready_file = Some(parser.value()?.into()),
            Long("help") | Short('h') => return Ok(Command::Print(HELP.to_owned())),
            Long("version") | Short('V') => {
                return Ok(Command::Print(format!("player {}\n", env!("CARGO_PKG_VERSION"))));
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    Ok(Command::Run(Box::new(options)))
}

fn label(option: &str, text: &str) -> Result<String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        bail!("--{option}: a name has at least one letter, and no control characters");
    }
    Ok(text.trim().to_owned())
}

fn on_or_off(option: &str, text: &str) -> Result<bool> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => bail!("--{option} {text}: on or off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(args: &[&str]) -> Result<Options> {
        match parse(args.iter().map(OsString::from))? {
            Command::Run(options) => Ok(*options),
            Command::Print(text) => bail!("printed {text}"),
        }
    }

    #[test]
    fn without_arguments_it_runs_as_on_the_appliance() {
        let options = run(&[]).unwrap();
        assert_eq!(options.listen.to_string(), "0.0.0.0:80");
        assert_eq!(options.engine, PathBuf::from("/run/tenuto/engine.sock"));
    }

    #[test]
    fn every_option_is_taken_and_in_the_help() {
        let uuid = "123e4567-e89b-12d3-a456-426614174000";
        let args = [
            ["--engine", "/x"],
            ["--listen", "127.0.0.1:0"],
            ["--interface", "lo"],
            ["--interface", "10.0.0.1"],
            ["--dac-wait-s", "600"],
            ["--name", " Küche "],
            ["--room", "Ground floor"],
            ["--run-dir", "/run/x"],
            ["--log-dir", "/run/y"],
            ["--uuid", uuid],
            ["--state-dir", "/s"],
            ["--volume", "software"],
            ["--dop", "on"],
            ["--resample", "off"],
            ["--replay-gain", "album"],
            ["--confine", "on"],
            ["--ready-file", "/r"],
        ];
        let options = run(&args.concat()).unwrap();
        assert_eq!(options.interfaces, [Wanted::Name("lo".into()), Wanted::Address(Ipv4Addr::new(10, 0, 0, 1))]);
        assert_eq!((options.name.as_str(), options.room.as_deref()), ("Küche", Some("Ground floor")));
        assert_eq!(options.uuid.unwrap().to_string(), uuid);
        assert_eq!(options.volume, Some(Mode::Software));
        assert_eq!([options.confine, run(&[]).unwrap().confine], [sandbox::Mode::On, sandbox::Mode::Auto]);
        assert!(options.dop && !run(&[]).unwrap().dop);
        assert_eq!([options.replay_gain, run(&[]).unwrap().replay_gain], [ReplayGain::Album, ReplayGain::Off]);
        assert!(!options.resample && run(&[]).unwrap().resample);
        for [option, _] in args {
            assert!(HELP.contains(option), "{option}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (args, named) in [
            (["--listen", "80"], "--listen 80"),
            (["--uuid", "1"], "--uuid 1"),
            (["--volume", "loud"], "--volume loud"),
            (["--dop", "perhaps"], "--dop perhaps"),
            (["--resample", "x"], "--resample x"),
            (["--confine", "yes"], "--confine yes"),
            (["--replay-gain", "on"], "--replay-gain on"),
            (["--name", " "], "--name"),
            (["--room", "a\nb"], "--room"),
            (["--frobnicate", "1"], "--frobnicate"),
        ] {
            let error = format!("{:#}", run(&args).unwrap_err());
            assert!(error.contains(named), "{error}");
        }
    }
}
