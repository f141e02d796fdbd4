//! Tracks that follow each other.
use anyhow::{Context, Result};
use support::material::DsdWire;
use usb_dac::Stream;

use super::bench::Bench;
use super::dop::Apart;
use super::found::Tried;
use super::parts::Parts;
use super::tracks::Tracks;
use crate::tracks::Track;

pub(super) fn add<'a>(parts: &mut Parts<'a>, tracks: &'a Tracks) {
    parts.add("a gapless album", |bench| album(bench, &tracks.album));
    parts.add("a gapless album in DSD", |bench| album_of_dsd(bench, &tracks.album_dsd, DsdWire::Big(4)));
    parts.add("from format to format", |bench| switches(bench, &tracks.switches));
}

/// To a DAC that takes DSD over PCM, in words of three bytes.
pub(super) fn add_over_pcm<'a>(parts: &mut Parts<'a>, tracks: &'a Tracks) {
    parts.add("a gapless album in DoP", |bench| album_of_dsd(bench, &tracks.album_dsd, DsdWire::DopPacked));
    parts.add("from PCM to DoP and back", |bench| switches(bench, &tracks.over_pcm));
}

/// No frame between: the album is one stream. Each track has a certificate of its own.
fn album(bench: &mut Bench, tracks: &[Track]) -> Result<Tried> {
    let fault = bench.queue(&tracks.iter().collect::<Vec<_>>())?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    let whole: Vec<u8> = tracks.iter().flat_map(|track| track.packed.iter().copied()).collect();
    let streams = bench.streams()?;
    if let (Some(stream), Some(track)) = (tried.only(&streams), tracks.first())
        && let Some(found) = tried.compare(&whole, track, stream)
    {
        tried.frames = found.in_order;
        tried.differs(&found, stream.rate);
    }
    tried.all_certified(bench, &tracks.iter().collect::<Vec<_>>())?;
    Ok(tried)
}

/// An album whose tracks end within words: not a bit between them, nor a bit of silence in a word that two of them share. That is of the
/// track that it ends in, and so is what the certificate says.
pub(super) fn album_of_dsd(bench: &mut Bench, tracks: &[Track], wire: DsdWire) -> Result<Tried> {
    let fault = bench.queue(&tracks.iter().collect::<Vec<_>>())?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    let (channels, ends) = joined(tracks)?;
    let (whole, words) = (DsdWire::Big(4).lay(channels.clone()), ends_in_words(&ends, wire.word()));
    let streams = bench.streams()?;
    let (Some(stream), Some(track)) = (tried.only(&streams), tracks.first()) else { return Ok(tried) };
    // What was laid, or of DoP what came with the driver's zeros and DSD's silence taken away: its markers may begin with either.
    let (bytes, frame) = match wire {
        DsdWire::Big(_) | DsdWire::Little(_) => {
            if let Some(found) = tried.compare(&whole, track, stream) {
                tried.frames = found.in_order;
                tried.differs(&found, stream.rate);
                tried.faults.extend(super::around::missing([found.before, found.behind], stream.rate));
            }
            (whole, track.frame())
        }
        DsdWire::DopPacked | DsdWire::Dop32 => {
            let found = tried.over_pcm(&whole, stream);
            let frame = stream.setting.frame();
            let bytes = stream.bytes.get(found * frame..).unwrap_or_default().to_vec();
            (bytes, frame)
        }
    };
    let starts = std::iter::once(0).chain(words.iter().copied());
    let each: Vec<_> = starts
        .zip(&words)
        .map(|(start, end)| (bytes.get(start * frame..end * frame).unwrap_or_default(), frame))
        .collect();
    tried.each_certified(bench, &each)?;
    tried.note = format!("ends behind bytes {ends:?}; {}", tried.note);
    Ok(tried)
}

/// The tracks' channels, one behind the other, and how many bytes of each there are up to each end.
fn joined(tracks: &[Track]) -> Result<(Vec<Vec<u8>>, Vec<usize>)> {
    let (mut channels, mut ends) = (vec![Vec::new(); 2], Vec::new());
    for track in tracks {
        let shape = track.dsd_shape().context("no track of DSD")?;
        (0..).zip(&mut channels).for_each(|(number, channel)| channel.extend(shape.channel(number)));
        ends.push(channels[0].len());
    }
    Ok((channels, ends))
}

/// The word behind the last one of each track: that which two of them share is the next one's, and the last one is filled up.
fn ends_in_words(ends: &[usize], word: usize) -> Vec<usize> {
    let mut words: Vec<_> = ends.iter().map(|end| end / word).collect();
    if let (Some(last), Some(end)) = (words.last_mut(), ends.last()) {
        *last = end.div_ceil(word);
    }
    words
}

/// A stream for each, whole, with nothing but silence around it: zeros around PCM, DSD's silence around DSD, and markers with that alone.
fn switches(bench: &mut Bench, tracks: &[Track]) -> Result<Tried> {
    let fault = bench.queue(&tracks.iter().collect::<Vec<_>>())?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    let streams = bench.streams()?;
    if streams.len() != tracks.len() {
        tried.faults.push(format!("{} streams came over the bus", streams.len()));
    }
    let mut came = Vec::new();
    for (track, stream) in tracks.iter().zip(&streams) {
        if comes_over_pcm(track, stream) {
            let first = tried.over_pcm(&track.packed, stream);
            let frame = stream.setting.frame();
            let frames = track.dsd_shape().context("no DSD")?.frames(DsdWire::DopPacked) as usize;
            let bytes = stream.bytes.get(first * frame..(first + frames) * frame).unwrap_or_default();
            came.push((bytes, frame));
        } else {
            tried.take(track, stream);
            came.push((track.packed.as_slice(), track.frame()));
        }
    }
    if came.len() == tracks.len() {
        tried.each_certified(bench, &came)?;
    }
    Ok(tried)
}

fn comes_over_pcm(track: &Track, stream: &Stream) -> bool {
    track.dsd_shape().is_some() && stream.setting.format == usb_dac::Format::Pcm
}

impl Tried {
    /// Compares a stream of DoP with all of a track, `DSD_U32_BE`: every bit, and markers that take turns, in silence too. Returns the
    /// frame of the stream that the track begins with.
    pub(super) fn over_pcm(&mut self, track: &[u8], stream: &Stream) -> usize {
        let apart = Apart::of(stream);
        let (found, faults) = apart.compare(track, stream.rate);
        self.frames += found.in_order;
        self.note = format!(
            "{} frames of the driver's zeros before, {} behind; {} and {} of DSD silence",
            apart.before, apart.behind, found.before, found.behind
        );
        self.differs(&found, stream.rate);
        self.markers(&apart);
        self.faults.extend(faults);
        apart.before + found.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracks::{Case, Container};

    #[test]
    fn a_word_that_two_tracks_share_is_the_second_one_s() {
        assert_eq!(ends_in_words(&[401, 802, 1205], 4), [100, 200, 302]);
        assert_eq!(ends_in_words(&[401, 802, 1205], 2), [200, 401, 603], "the second one ends behind an odd frame");
        assert_eq!(ends_in_words(&[400, 800], 4), [100, 200]);
    }

    #[test]
    fn tracks_that_are_joined_have_no_bit_between_them() {
        let directory = tempfile::tempdir().unwrap();
        let tracks: Vec<_> = [1, 3]
            .map(|odd| {
                let own = directory.path().join(odd.to_string());
                std::fs::create_dir(&own).unwrap();
                Track::make(Case::dsd(Container::Dsf, 64).ms(10).odd(odd), &own).unwrap()
            })
            .into();
        let (channels, ends) = joined(&tracks).unwrap();
        assert_eq!(ends, [3529, 3529 + 3531]);
        let first = tracks[0].dsd_shape().unwrap().channel(1);
        assert_eq!(channels[1][..3529], first);
        let second = tracks[1].dsd_shape().unwrap().channel(1);
        assert_eq!(channels[1][3529..], second);
        let whole = DsdWire::Big(4).lay(channels);
        assert_ne!(whole, [tracks[0].packed.clone(), tracks[1].packed.clone()].concat());
    }
}
