//! `usb-dac`: a USB DAC for a virtual machine.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use lexopt::{Arg, Parser, ValueExt as _};
use usb_dac::{Model, Sink, Stream, VARIANTS, redir::Dac};

const HELP: &str = "A USB DAC for a virtual machine of QEMU, whose own driver plays to it.
  usb-dac [--dac NAME | --description FILE] --socket PATH
  --dac NAME           one that is built in (default: reference); --list names them
  --description FILE   another one, in TOML; tests/usb-dac/variants shows the form
  --socket PATH        where QEMU connects to: -device qemu-xhci -chardev socket,path=PATH,id=dac -device usb-redir,chardev=dac
  --list               prints the names of those that are built in
It runs until it is ended. For each stream that is over it prints a JSON object: format, rate, frames, time on the bus.
";

fn main() -> Result<()> {
    let (mut model, mut socket, mut parser) = (Model::named("reference")?, None, Parser::from_env());
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("dac") => model = Model::named(&parser.value()?.string()?)?,
            Arg::Long("description") => {
                let file = PathBuf::from(parser.value()?);
                let named = || file.display().to_string();
                let text = std::fs::read_to_string(&file).with_context(named)?;
                model = Model::parse(&text).with_context(named)?;
            }
            Arg::Long("socket") => socket = Some(PathBuf::from(parser.value()?)),
            Arg::Long("list") => {
                VARIANTS.iter().for_each(|(name, _)| println!("{name}"));
                return Ok(());
            }
            Arg::Long("help") | Arg::Short('h') => {
                print!("{HELP}");
                return Ok(());
            }
            other => bail!("{}; see --help", other.unexpected()),
        }
    }
    let socket = socket.context("--socket is missing; see --help")?;
    let dac = Dac::listen(model, &socket, true).with_context(|| socket.display().to_string())?;
    dac.with(|device| {
        device.keep_nothing();
        device.listen(Box::new(Lines));
    });
    loop {
        std::thread::park();
    }
}

/// Prints a line for each stream.
#[derive(Debug)]
struct Lines;

impl Sink for Lines {
    fn begin(&mut self, _: &Stream) {}

    fn packet(&mut self, _: &[u8]) {}

    fn end(&mut self, stream: &Stream) {
        let line = serde_json::json!({
            "format": format!("{:?}", stream.setting.format).to_lowercase(), "bits": stream.setting.bits,
            "rate": stream.rate, "frames": stream.frames(), "bus_s": stream.bus_time().as_secs_f64(),
        });
        if writeln!(std::io::stdout(), "{line}").is_err() {
            // Nobody reads them any more.
            std::process::exit(1);
        }
    }
}
