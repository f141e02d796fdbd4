//! In real time: all play the same at the same time.
use std::time::{Duration, Instant};

use super::Place;
use super::gmediarender::Gmediarender;
use super::material::Material;
use super::mpd::Mpd;
use super::ours::{self, How};
use crate::bench::usage::{cpu_ms, rss_mib};
use crate::bench::{Line, line};
use crate::chain::Chain;

/// Turns, each from a start anew.
const RUNS: u32 = 3;
/// Over which CPU is counted, from Play on.
const WINDOW: Duration = Duration::from_secs(15);
/// Seconds of the track.
const TRACK: u32 = 20;

/// Who plays.
enum Renderer {
    Ours(Box<Chain>),
    Mpd(Mpd),
    Gmediarender(Box<Gmediarender>),
}

/// What one needed in each turn.
#[derive(Default)]
struct Needs {
    name: &'static str,
    /// % of a core.
    cpu: Vec<f64>,
    rss_mib: Vec<f64>,
}

const OURS: &str = "ours";
const CERTIFIED: &str = "ours, with certificate";

/// All lines.
pub(super) fn lines(place: &Place) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for material in Material::ALL {
        let file = material.make(&place.directory, TRACK)?;
        let url = place.server.add(&file);
        let mut needs: Vec<Needs> = Vec::new();
        for run in 0..RUNS {
            for (name, cpu, rss_mib) in together(place, material, &url, run)? {
                let at = needs.iter().position(|needs| needs.name == name).unwrap_or_else(|| {
                    needs.push(Needs { name, ..Needs::default() });
                    needs.len() - 1
                });
                if let Some(needs) = needs.get_mut(at) {
                    needs.cpu.push(cpu);
                    needs.rss_mib.push(rss_mib);
                }
            }
        }
        std::fs::remove_file(file)?;
        lines.extend(compare(material, &needs));
    }
    Ok(lines)
}

/// One turn: who played all the time, with % of a core and MiB.
fn together(place: &Place, material: Material, url: &str, run: u32) -> anyhow::Result<Vec<(&'static str, f64, f64)>> {
    let how = How::default();
    let own = |how| ours::start(place, how, run).map(|chain| Renderer::Ours(Box::new(chain)));
    let mut renderers = vec![(OURS, own(how)?), (CERTIFIED, own(How { certificate: true, ..how })?)];
    let mut add = |name, peer: anyhow::Result<Renderer>| match peer {
        Ok(peer) => renderers.push((name, peer)),
        Err(error) => eprintln!("bench: without {name}: {error:#}"),
    };
    add("MPD", Mpd::start(place, None, false).map(Renderer::Mpd));
    if material.is_flac() {
        add("gmediarender", Gmediarender::start().map(Box::new).map(Renderer::Gmediarender));
    }
    let mut begun = Vec::new();
    for (name, renderer) in &mut renderers {
        begun.push(Begun { before: cpu_ms(&renderer.pids())?, at: Instant::now() });
        if let Err(error) = renderer.play(url) {
            eprintln!("bench: without {name}: {error:#}");
        }
    }
    std::thread::sleep(WINDOW);
    let mut needs = Vec::new();
    for ((name, mut renderer), Begun { before, at }) in renderers.into_iter().zip(begun) {
        let pids = renderer.pids();
        let now = (cpu_ms(&pids), at.elapsed());
        match (now, renderer.is_playing()) {
            ((Ok(cpu), time), Ok(true)) => {
                needs.push((name, (cpu - before) / time.as_secs_f64() / 10.0, rss_mib(&pids)));
            }
            (_, Ok(false)) => eprintln!("bench: without {name}: it stopped before the time was over"),
            ((Err(error), _), _) | (_, Err(error)) => eprintln!("bench: without {name}: {error:#}"),
        }
    }
    Ok(needs)
}

struct Begun {
    before: f64,
    at: Instant,
}

impl Renderer {
    fn pids(&mut self) -> Vec<u32> {
        match self {
            Self::Ours(chain) => vec![chain.engine().id(), chain.player().id()],
            Self::Mpd(peer) => vec![peer.id()],
            Self::Gmediarender(peer) => vec![peer.id()],
        }
    }

    fn play(&mut self, url: &str) -> anyhow::Result<()> {
        match self {
            Self::Ours(chain) => {
                chain.point().set_uri(url, "")?;
                chain.point().play()?;
                Ok(())
            }
            Self::Mpd(peer) => peer.play(url),
            Self::Gmediarender(peer) => peer.play(url),
        }
    }

    fn is_playing(&mut self) -> anyhow::Result<bool> {
        match self {
            Self::Ours(chain) => Ok(chain.point().transport_info()?.state == "PLAYING"),
            Self::Mpd(peer) => peer.is_playing(),
            Self::Gmediarender(peer) => peer.is_playing(),
        }
    }
}

/// Ours, both ways, against each peer.
fn compare(material: Material, needs: &[Needs]) -> Vec<Line> {
    let what = format!("playing {} over HTTP in real time for {} s", material.words(), WINDOW.as_secs());
    let (own, peers): (Vec<&Needs>, Vec<&Needs>) =
        needs.iter().partition(|needs| [OURS, CERTIFIED].contains(&needs.name));
    let mut lines = Vec::new();
    for own in own {
        let (suffix, how) =
            if own.name == OURS { ("", "without certificate") } else { ("_certificate", "with certificate") };
        let what = format!("{what}, {how}");
        let mut add = |peer: Option<&Needs>| {
            for (kind, unit, figures) in [
                ("cpu", "% of a core", (|needs| &needs.cpu) as fn(&Needs) -> &Vec<f64>),
                ("rss", "MiB", |needs| &needs.rss_mib),
            ] {
                let name = format!("real_time_{kind}_{}{suffix}", material.name());
                let peer = peer.map(|peer| (peer.name, figures(peer).clone()));
                lines.push(line(&name, &what, unit, figures(own).clone(), peer));
            }
        };
        if peers.is_empty() {
            add(None);
        }
        peers.iter().for_each(|peer| add(Some(peer)));
    }
    lines
}
