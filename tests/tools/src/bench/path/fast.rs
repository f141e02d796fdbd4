//! Everything as fast as it goes, in turns.
use std::path::Path;

use super::material::Material;
use super::ours::How;
use super::{Place, bare, mpd, ours};
use crate::bench::{Line, line};

/// Turns that each has.
const RUNS: u32 = 5;

/// Somebody who plays or decodes the track.
struct Contestant<'a> {
    name: &'static str,
    /// CPU milliseconds of the given turn.
    turn: Box<dyn FnMut(u32) -> anyhow::Result<f64> + 'a>,
    figures: Vec<f64>,
}

/// Ours without and with a certificate, and with one made without SHA instructions.
const OFF: How = How { fast: true, certificate: false, soft: false, accept: None };
const ON: How = How { certificate: true, ..OFF };
const SOFT: How = How { soft: true, ..ON };
/// DSD that has to become PCM of 24 bits.
const PCM: How = How { accept: Some("s24_3"), ..OFF };
/// The same for MPD, at the rate that ours chooses.
const MPD_PCM: &str = "176400:24:2";
/// What decoders that play nothing are called.
const BARE: &str = "the bare decoder";

/// All lines.
pub(super) fn lines(place: &Place) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for material in Material::ALL {
        let file = material.make(&place.directory, material.seconds())?;
        lines.extend(of(place, material, &file)?);
        if !material.is_flac() {
            lines.extend(converted(place, material, &file)?);
        }
        std::fs::remove_file(file)?;
    }
    Ok(lines)
}

/// One track, bit-perfect.
fn of(place: &Place, material: Material, file: &Path) -> anyhow::Result<Vec<Line>> {
    let url = &place.server.add(file);
    let path = &*file.to_string_lossy();
    let bytes = material.wire_bytes() * material.seconds() as usize;
    let copy: &[&str] = match material {
        Material::Flac16 => &["-c:a", "pcm_s16le"],
        Material::Flac24 => &["-c:a", "pcm_s24le"],
        Material::Dsd512 => &["-c:a", "copy"],
    };
    let mut off = ours(place, OFF, url);
    let mut on = ours(place, ON, url);
    let mut soft = place.soft.as_ref().map(|_| ours(place, SOFT, url));
    let mut sha = contestant("SHA-256", move |_| ours::hash_ms(bytes, None));
    let mut soft_sha =
        place.soft.as_deref().map(|directory| contestant("SHA-256", move |_| ours::hash_ms(bytes, Some(directory))));
    let mut bare = contestant(BARE, move |_| bare::ours(path));
    let mut peers = vec![
        contestant("the bare decoder over HTTP", move |_| bare::ours(url)),
        contestant("MPD", move |_| mpd::play(place, url, None)),
        contestant("MPD, from the file", move |_| mpd::play(place, path, None)),
        contestant("ffmpeg", move |_| bare::ffmpeg(url, copy)),
        contestant("ffmpeg, from the file", move |_| bare::ffmpeg(path, copy)),
    ];
    if material.is_flac() {
        peers.extend([
            contestant("flac -d", move |_| bare::flac(file, "--decode")),
            contestant("flac -t", move |_| bare::flac(file, "--test")),
            contestant("GStreamer", move |_| bare::gstreamer(url)),
        ]);
    }
    let own = [&mut off, &mut on, &mut sha, &mut bare].into_iter().chain(&mut soft).chain(&mut soft_sha);
    take_turns(own.collect(), &mut peers)?;
    peers.retain(|peer| !peer.figures.is_empty());

    let (name, seconds, words) = (material.name(), material.seconds(), material.words());
    let title = |with: &str| format!("CPU for {seconds} s of {words} over HTTP, as fast as it goes, {with}");
    let sum = |hash: &Contestant<'_>| bare.figures.iter().zip(&hash.figures).map(|(bare, hash)| bare + hash).collect();
    let both = format!("{BARE} and SHA-256");
    let mut lines = Vec::new();

    let (line_name, what) = (format!("path_{name}"), title("without certificate"));
    lines.push(against(&line_name, &what, &off, BARE, bare.figures.clone()));
    lines.extend(peers.iter().map(|peer| against(&line_name, &what, &off, peer.name, peer.figures.clone())));

    let (line_name, what) = (format!("path_{name}_certificate"), title("with certificate"));
    lines.push(against(&line_name, &what, &on, &both, sum(&sha)));
    lines.extend(peers.iter().map(|peer| against(&line_name, &what, &on, peer.name, peer.figures.clone())));

    if let (Some(soft), Some(soft_sha)) = (soft, soft_sha) {
        let what = title("with certificate, without SHA instructions");
        lines.push(against(&format!("path_{name}_certificate_soft"), &what, &soft, &both, sum(&soft_sha)));
        let what = format!("CPU of SHA-256 over the {bytes} bytes that {seconds} s of {words} have on the wire");
        lines.push(against(&format!("sha256_{name}"), &what, &sha, "without SHA instructions", soft_sha.figures));
    }

    let (line_name, what) = (format!("decode_{name}"), format!("CPU of decoding {seconds} s of {words}, and no more"));
    let decoders = peers.into_iter().filter(|peer| peer.name.starts_with("flac") || peer.name.ends_with("file"));
    lines.extend(decoders.map(|peer| against(&line_name, &what, &bare, peer.name, peer.figures)));
    Ok(lines)
}

/// DSD as PCM of 24 bits.
fn converted(place: &Place, material: Material, file: &Path) -> anyhow::Result<Vec<Line>> {
    let url = &place.server.add(file);
    let mut own = ours(place, PCM, url);
    let to_pcm = &["-ar", "176400", "-c:a", "pcm_s24le"];
    let mut peers = vec![
        contestant("MPD", move |_| mpd::play(place, url, Some(MPD_PCM))),
        contestant("ffmpeg", move |_| bare::ffmpeg(url, to_pcm)),
    ];
    take_turns(vec![&mut own], &mut peers)?;
    let what = format!("CPU for {} s of {} over HTTP as PCM 176.4/24", material.seconds(), material.words());
    let name = format!("path_{}_pcm", material.name());
    let measured = peers.into_iter().filter(|peer| !peer.figures.is_empty());
    Ok(measured.map(|peer| against(&name, &what, &own, peer.name, peer.figures)).collect())
}

fn contestant<'a>(name: &'static str, turn: impl FnMut(u32) -> anyhow::Result<f64> + 'a) -> Contestant<'a> {
    Contestant { name, turn: Box::new(turn), figures: Vec::new() }
}

fn ours<'a>(place: &'a Place, how: How, url: &'a str) -> Contestant<'a> {
    contestant("ours", move |run| ours::play(place, how, url, run))
}

/// A peer that can't take its turn is left out; our own must be able to.
fn take_turns(mut own: Vec<&mut Contestant<'_>>, peers: &mut [Contestant<'_>]) -> anyhow::Result<()> {
    for run in 0..RUNS {
        for contestant in &mut own {
            let figure = (contestant.turn)(run)?;
            contestant.figures.push(figure);
        }
        for peer in peers.iter_mut().filter(|peer| run == 0 || !peer.figures.is_empty()) {
            match (peer.turn)(run) {
                Ok(figure) => peer.figures.push(figure),
                Err(error) => eprintln!("bench: without {}: {error:#}", peer.name),
            }
        }
    }
    Ok(())
}

fn against(name: &str, what: &str, ours: &Contestant<'_>, peer: &str, figures: Vec<f64>) -> Line {
    line(name, what, "ms", ours.figures.clone(), Some((peer, figures)))
}
