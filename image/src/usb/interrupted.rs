//! What a listener does while a track plays: pause, go on, seek, stop. Between whole passages of the track there is silence and,
//! of PCM, a fade; the next frame is the one that was due, or sought. Silence comes for what was asked, in that order, and for
//! nothing else.
use anyhow::Result;
use usb_dac::{Asked, Interrupted, Passage, Piece, Stream, Wanted};

use super::around;
use super::bench::Bench;
use super::dop::{Apart, SILENCE, as_words_of_16};
use super::found::{Excuse, Tried};
use crate::recording;
use crate::tracks::Track;

/// Where it is sought, s.
const SOUGHT: usize = 20;
/// The length of the engine's fades, ms;
const FADE_MS: usize = 20;
/// so many frames at its ends may be rounded to nothing or to all.
const ROUNDED: usize = 2;
/// Out and in around a pause, out and in around what was sought, out before the stop.
const FADES: usize = 5;
/// Microframes of a millisecond.
const MICROFRAMES: usize = 8;

/// When something was asked, in microframes that had come.
#[derive(Debug, Default)]
struct When {
    pause: usize,
    play: usize,
    seek: usize,
    stop: usize,
}

/// Plays, pauses, goes on, seeks and stops.
pub(super) fn interrupt(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let asked = drive(bench, track)?;
    let raw = track.wire.format.starts_with("DSD");
    let streams = bench.streams()?;
    let mut tried = Tried::default();
    // The pause may have closed the card.
    let mut came = Vec::new();
    for stream in &streams {
        if tried.compare(&track.packed, track, stream).is_some() {
            came.extend_from_slice(&stream.bytes);
        }
    }
    let silence = recording::silence(track.wire.format);
    let wanted = Wanted { bytes: &track.packed, frame: track.frame(), silence };
    let rate = track.wire.rate as usize;
    if raw {
        let silent = |frame: &&[u8]| frame.iter().all(|byte| *byte == silence);
        for stream in &streams {
            let frames = stream.bytes.chunks_exact(track.frame());
            let around = [frames.clone().take_while(silent).count(), frames.rev().take_while(silent).count()];
            tried.doubt_all(Excuse::Torn, around::missing(around, stream.rate));
        }
    }
    let interrupted = Interrupted { wanted, sample: (!raw).then_some(track.frame() / 2), asked: &all_asked(rate) };
    tried.judge(&interrupted, &came, rate, &Times { streams: &streams, asked, leading: 0 });
    Ok(tried)
}

/// The same of DSD over PCM; the markers take turns all the time.
pub(super) fn interrupt_dop(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let asked = drive(bench, track)?;
    let streams = bench.streams()?;
    let mut tried = Tried::default();
    let (mut came, mut leading) = (Vec::new(), 0);
    for (number, stream) in streams.iter().enumerate() {
        tried.bus_ms += u64::try_from(stream.bus_time().as_millis())?;
        let apart = Apart::of(stream);
        if number == 0 {
            leading = apart.before;
        }
        tried.doubt_all(Excuse::Torn, apart.faults);
        let silent = |frame: &&[u8; 4]| **frame == [SILENCE; 4];
        let frames = apart.bits.as_chunks().0.iter();
        let around = [frames.clone().take_while(silent).count(), frames.rev().take_while(silent).count()];
        tried.doubt_all(Excuse::Torn, around::missing(around, stream.rate));
        came.extend(apart.bits);
    }
    let rate = streams.first().map_or(0, |stream| stream.rate) as usize;
    let words = as_words_of_16(&track.packed);
    let wanted = Wanted { bytes: &words, frame: 4, silence: SILENCE };
    let interrupted = Interrupted { wanted, sample: None, asked: &all_asked(rate) };
    tried.judge(&interrupted, &came, rate, &Times { streams: &streams, asked, leading });
    Ok(tried)
}

/// What [`drive`] asks.
fn all_asked(rate: usize) -> [Asked; 3] {
    [Asked::Pause, Asked::Seek(SOUGHT * rate), Asked::Stop]
}

fn drive(bench: &mut Bench, track: &Track) -> Result<When> {
    let second = 1000 * MICROFRAMES;
    let mut asked = When::default();
    bench.start(track)?;
    bench.wait("nothing is played", |bench| Ok(bench.microframes() > second))?;
    asked.pause = bench.microframes();
    bench.player.renderer().pause()?;
    bench.wait("it doesn't pause", |bench| Ok(bench.transport()?.state == "PAUSED_PLAYBACK"))?;
    // The silence of DoP isn't always the same byte.
    let second_of_pause = |bench: &Bench| bench.microframes() > asked.pause + second || bench.is_closed();
    bench.wait("the pause doesn't last", |bench| Ok(second_of_pause(bench)))?;
    asked.play = bench.microframes();
    bench.player.renderer().play()?;
    bench.wait("it doesn't go on", |bench| Ok(bench.microframes() > asked.play + second))?;
    asked.seek = bench.microframes();
    bench.player.renderer().seek("REL_TIME", &format!("0:00:{SOUGHT}"))?;
    bench.wait("nothing is played behind the seek", |bench| Ok(bench.microframes() > asked.seek + 2 * second))?;
    asked.stop = bench.microframes();
    bench.player.renderer().stop()?;
    bench.until_stopped()?;
    Ok(asked)
}

/// What is needed to say when a frame was on the bus.
struct Times<'a> {
    streams: &'a [Stream],
    asked: When,
    /// Frames that were left out in front of what came.
    leading: usize,
}

impl Times<'_> {
    /// The microframe that brought frame `came`.
    fn microframe(&self, came: usize) -> usize {
        let mut frames = 0;
        let packets = self
            .streams
            .iter()
            .flat_map(|stream| stream.packets.iter().map(|packet| usize::from(packet.bytes) / stream.setting.frame()));
        let until = |packet: &usize| {
            frames += packet;
            frames <= came + self.leading
        };
        packets.take_while(until).count()
    }

    /// From asking to what came of it, ms of the bus; None: it never came.
    fn after(&self, asked: usize, passage: Option<&Passage>) -> Option<usize> {
        let came = self.microframe(passage?.came);
        came.checked_sub(asked).map(|microframes| microframes / MICROFRAMES)
    }
}

impl Tried {
    /// Takes apart what came, and says how soon it did what was asked.
    fn judge(&mut self, interrupted: &Interrupted<'_>, came: &[u8], rate: usize, times: &Times<'_>) {
        let passages = match interrupted.follow(came) {
            Ok(passages) => passages,
            Err(lost) => return self.doubt(Excuse::Torn, lost.to_string()),
        };
        let of = |piece| passages.iter().filter(move |passage: &&Passage| passage.piece == piece);
        self.frames += of(Piece::Track).map(|passage| passage.frames).sum::<usize>();
        self.fade(&fades(&passages), if interrupted.sample.is_some() { FADES } else { 0 }, rate);
        let When { pause, play, seek, stop } = times.asked;
        let target = SOUGHT * rate;
        let from = |asked: usize| passages.iter().filter(move |passage| times.microframe(passage.came) >= asked);
        let is_silent = |passage: &&Passage| passage.piece == Piece::Silence;
        let answers = [
            ("paused", times.after(pause, from(pause).find(is_silent))),
            ("went on", times.after(play, from(play).find(|passage| !is_silent(passage)))),
            ("sought", times.after(seek, passages.iter().find(|p| !is_silent(p) && p.at >= target))),
            ("stopped", times.after(stop, from(stop).find(is_silent))),
        ];
        let said = answers.map(|(what, ms)| match ms {
            Some(ms) => format!("{what} after {ms}"),
            None => {
                self.doubt(Excuse::Torn, format!("it never {what}"));
                format!("never {what}")
            }
        });
        self.note = format!("{} ms of the bus", said.join(", "));
    }

    /// So many fades have to have come, each as long as the engine's are.
    fn fade(&mut self, fades: &[usize], count: usize, rate: usize) {
        let length = FADE_MS * rate / 1000;
        if fades.len() != count || fades.iter().any(|frames| !(length - ROUNDED..=length + 1).contains(frames)) {
            self.doubt(Excuse::Torn, format!("fades of {fades:?} frames, and not {count} of {length}"));
        }
    }
}

/// The lengths of fades, frames. What is the same scaled, as a frame of silence is, doesn't end one.
fn fades(passages: &[Passage]) -> Vec<usize> {
    let mut fades = Vec::new();
    // Where a fade goes on, in what came and in the track; and what was the same since.
    let mut open: Option<(usize, usize)> = None;
    let mut same = 0;
    for Passage { piece, came, at, frames } in passages {
        // The frame that it begins with may be silence: then a fade's first frames were taken for the ones before them.
        let goes_on = open.is_some_and(|(to, next)| to == *came && (next..=next + 1).contains(at));
        match piece {
            Piece::Faded => {
                match fades.last_mut() {
                    Some(last) if goes_on => *last += same + frames,
                    _ => fades.push(*frames),
                }
                (open, same) = (Some((came + frames, at + frames)), 0);
            }
            Piece::Track | Piece::Silence if goes_on && *frames <= ROUNDED => {
                same += frames;
                // Of silence, the track's next frame is the one that was due.
                let next = if *piece == Piece::Track { at + frames } else { *at };
                open = Some((came + frames, next));
            }
            Piece::Track | Piece::Silence => (open, same) = (None, 0),
        }
    }
    fades
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: usize = 1000;

    /// Passages that follow each other: what, its first frame of the track, frames.
    fn passages(all: &[(Piece, usize, usize)]) -> Vec<Passage> {
        let mut next = 0;
        let follow = |(piece, at, frames): &(Piece, usize, usize)| {
            let came = next;
            next += frames;
            Passage { piece: *piece, came, at: *at, frames: *frames }
        };
        all.iter().map(follow).collect()
    }

    #[test]
    fn a_fade_is_known_by_its_length() {
        use Piece::{Faded, Silence, Track};
        let well = passages(&[
            (Silence, 0, 40),
            (Track, 0, 500),
            (Faded, 500, 19),
            (Silence, 519, 1000),
            (Faded, 520, 9),
            (Track, 529, 1),
            (Faded, 530, 9),
            (Track, 539, 300),
            (Faded, 839, 19),
            (Faded, 20_000, 6),
            (Faded, 20_007, 13),
            (Track, 20_020, 500),
            (Faded, 20_520, 20),
            (Silence, 20_540, 100),
        ]);
        assert_eq!(fades(&well), [19, 19, 19, 19, 20]);
        let faults = |lengths: &[usize]| {
            let mut tried = Tried::default();
            tried.fade(lengths, 5, RATE);
            tried.judged().faults.len()
        };
        assert_eq!(faults(&fades(&well)), 0);
        for wrong in [&[19, 19, 19, 19][..], &[19, 19, 19, 19, 19, 19], &[19, 19, 4, 19, 19], &[19, 19, 19, 30, 19]] {
            assert_eq!(faults(wrong), 1, "{wrong:?}");
        }
    }
}
