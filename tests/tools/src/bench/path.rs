//! The whole path, file over HTTP to sink, against other programs that do the same: CPU time and memory.
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use support::control_point::ControlPoint;
use support::media_server::MediaServer;
use support::tool;

use super::{Line, line};
use crate::chain::{Chain, Setting};

/// The network interface of `tests/control-points/in-namespace`: libupnp doesn't serve loopback.
const INTERFACE: (&str, Ipv4Addr) = ("lan0", Ipv4Addr::new(10, 77, 0, 1));
/// Seconds of the track that is decoded at full speed.
const TRACK: u32 = 120;
/// Seconds of real time over which CPU is counted.
const WINDOW: u64 = 20;
/// Turns of what takes seconds.
const RUNS: usize = 5;

/// A child that is killed in the end.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// CPU milliseconds that processes have used, from /proc/PID/stat (fields 14 and 15, in ticks of 10 ms).
fn cpu_ms(pids: &[u32]) -> f64 {
    let ticks = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name in parentheses may hold anything.
        let rest = stat.rsplit(')').next().unwrap_or_default().to_owned();
        let fields: Vec<f64> = rest.split_whitespace().skip(11).take(2).flat_map(str::parse).collect();
        fields.iter().sum::<f64>()
    };
    pids.iter().map(ticks).sum::<f64>() * 10.0
}

/// Resident memory of processes, MiB.
fn rss_mib(pids: &[u32]) -> f64 {
    let resident = |pid: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<f64>().ok()).unwrap_or(0.0)
    };
    pids.iter().map(resident).sum::<f64>() / 1024.0
}

/// CPU (% of a core) and memory (MiB) of processes over the window.
fn watch(pids: &[u32]) -> (f64, f64) {
    std::thread::sleep(Duration::from_secs(2));
    let (begin, before) = (Instant::now(), cpu_ms(pids));
    std::thread::sleep(Duration::from_secs(WINDOW));
    let used = cpu_ms(pids) - before;
    (used / begin.elapsed().as_secs_f64() / 10.0, rss_mib(pids))
}

/// The CPU milliseconds that a command takes from start to end.
pub(super) fn whole_ms(command: &mut Command) -> anyhow::Result<f64> {
    let used = || {
        // Fields 16 and 17: of children that were waited for.
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let rest = stat.rsplit(')').next().unwrap_or_default().to_owned();
        let fields: Vec<f64> = rest.split_whitespace().skip(13).take(2).flat_map(str::parse).collect();
        fields.iter().sum::<f64>() * 10.0
    };
    let before = used();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(used() - before)
}

/// A noisy 192/24 FLAC of so many seconds.
fn track(directory: &Path, seconds: u32) -> anyhow::Result<PathBuf> {
    let path = directory.join(format!("{seconds}.flac"));
    let source = format!("anoisesrc=r=192000:a=0.3:c=pink:seed=1:d={seconds}");
    let fixed = "-v error -nostdin -y -f lavfi -i";
    let mut arguments: Vec<&str> = fixed.split(' ').collect();
    let name = path.to_string_lossy().into_owned();
    arguments.extend([source.as_str(), "-ac", "2", "-sample_fmt", "s32", "-bits_per_raw_sample", "24", &name]);
    tool::run("ffmpeg", &arguments)?;
    Ok(path)
}

/// Lines about the whole path; peers that aren't installed are left out.
///
/// # Errors
/// When our own side can't be measured.
pub fn lines() -> anyhow::Result<Vec<Line>> {
    let directory = tempfile::tempdir().context("no temporary directory")?;
    let server = MediaServer::start((INTERFACE.1, 0).into(), None)
        .with_context(|| format!("no interface with {}: tests/bench makes it", INTERFACE.1))?;
    let mut lines = vec![decoding(directory.path(), &server)?];
    lines.extend(real_time(directory.path(), &server)?);
    Ok(lines)
}

/// A chain with the null sink.
fn setting(directory: PathBuf, fast: bool) -> anyhow::Result<Setting> {
    Ok(Setting {
        fast,
        sink: Some("null".into()),
        interface: (INTERFACE.0.into(), INTERFACE.1),
        ..Setting::new(directory)?
    })
}

/// Everything as fast as it goes, against `flac -d` (which also writes nothing, but needs no network and no ring).
fn decoding(directory: &Path, server: &MediaServer) -> anyhow::Result<Line> {
    let file = track(directory, TRACK)?;
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for run in 0..RUNS as u32 {
        let setting = setting(directory.join("fast"), true)?;
        let mut chain = Chain::start(&setting, run)?;
        let pids = [chain.engine().id(), chain.player().id()];
        let before = cpu_ms(&pids);
        chain.point().set_uri(&server.add(&file), "")?;
        chain.point().play()?;
        while chain.point().transport_info()?.state != "STOPPED" {
            std::thread::sleep(Duration::from_millis(20));
        }
        ours.push(cpu_ms(&pids) - before);
        let options = ["--decode", "--totally-silent", "--force", "--output-name=/dev/null"];
        peer.push(whole_ms(Command::new("flac").args(options).arg(&file))?);
    }
    let what = format!("CPU of engine and player for {TRACK} s of FLAC 192/24 over HTTP, as fast as it goes");
    Ok(line("path_192_24", &what, "ms", ours, Some(("flac -d", peer))))
}

/// In real time: CPU and memory, against renderers that are installed.
fn real_time(directory: &Path, server: &MediaServer) -> anyhow::Result<Vec<Line>> {
    let file = track(directory, 40)?;
    let url = server.add(&file);
    let ours = {
        let setting = setting(directory.join("real"), false)?;
        let mut chain = Chain::start(&setting, 1)?;
        chain.point().set_uri(&url, "")?;
        chain.point().play()?;
        watch(&[chain.engine().id(), chain.player().id()])
    };
    let mut peers = Vec::new();
    for (name, peer) in [("gmediarender", gmediarender(&url)), ("MPD", mpd(directory, &url))] {
        match peer {
            Ok(figures) => peers.push((name, figures)),
            Err(error) => eprintln!("bench: without {name}: {error:#}"),
        }
    }
    let what = format!("playing FLAC 192/24 over HTTP in real time for {WINDOW} s");
    let mut lines = Vec::new();
    for (peer, (cpu, rss)) in peers {
        let cpu_line = line("real_time_cpu", &what, "% of a core", vec![ours.0], Some((peer, vec![cpu])));
        let rss_line = line("real_time_rss", &what, "MiB", vec![ours.1], Some((peer, vec![rss])));
        lines.extend([cpu_line, rss_line]);
    }
    if lines.is_empty() {
        lines.push(line("real_time_cpu", &what, "% of a core", vec![ours.0], None));
        lines.push(line("real_time_rss", &what, "MiB", vec![ours.1], None));
    }
    Ok(lines)
}

/// A child without a terminal.
fn quiet(command: &mut Command) -> std::io::Result<Peer> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(Peer)
}

/// gmediarender with a sink that only keeps time.
fn gmediarender(url: &str) -> anyhow::Result<(f64, f64)> {
    let peer = quiet(Command::new("gmediarender").args([
        "--interface-name=lan0",
        "--port=49494",
        "--gstout-audiopipe=fakesink sync=true",
        "--friendly-name=peer",
    ]))
    .context("apt-get install gmediarender")?;
    let location = format!("http://{}:49494/description.xml", INTERFACE.1);
    let begin = Instant::now();
    let point = loop {
        match ControlPoint::from_location(&location) {
            Ok(point) => break point,
            Err(error) if begin.elapsed() > Duration::from_secs(10) => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    };
    point.set_uri(url, "")?;
    point.play()?;
    let figures = watch(&[peer.0.id()]);
    match point.transport_info()?.state.as_str() {
        "PLAYING" => Ok(figures),
        // A sink without a clock swallows the track at once.
        other => bail!("it was {other} before the time was over"),
    }
}

/// MPD with its null output, which keeps time.
fn mpd(directory: &Path, url: &str) -> anyhow::Result<(f64, f64)> {
    use std::io::{BufRead as _, BufReader, Write as _};
    let home = directory.join("mpd");
    std::fs::create_dir_all(&home)?;
    let configuration = home.join("mpd.conf");
    let port = 36_600;
    std::fs::write(
        &configuration,
        format!(
            "bind_to_address \"127.0.0.1\"\nport \"{port}\"\nstate_file \"{0}/state\"\nlog_file \"{0}/log\"\n\
             audio_output {{\n type \"null\"\n name \"null\"\n sync \"yes\"\n}}\n",
            home.display()
        ),
    )?;
    let peer = quiet(Command::new("mpd").arg("--no-daemon").arg(&configuration)).context("apt-get install mpd")?;
    let begin = Instant::now();
    let stream = loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(stream) => break stream,
            Err(error) if begin.elapsed() > Duration::from_secs(10) => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    };
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut greeting = String::new();
    reader.read_line(&mut greeting)?;
    let mut ask = |command: String| -> anyhow::Result<String> {
        (&stream).write_all(format!("{command}\n").as_bytes())?;
        let mut answer = String::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line.starts_with("ACK") {
                bail!("{command}: {line}");
            }
            if line.starts_with("OK") {
                return Ok(answer);
            }
            answer.push_str(&line);
        }
    };
    ask(format!("add \"{url}\""))?;
    ask("play".into())?;
    let figures = watch(&[peer.0.id()]);
    let status = ask("status".into())?;
    if !status.contains("state: play") {
        bail!("it didn't play: {status}");
    }
    Ok(figures)
}
