//! What a listener does while a track plays: pause, go on, seek, stop. Between whole passages of the track there is silence and,
//! of PCM, a fade; the next frame is the one that was due, or sought. Silence comes for what was asked, in that order, and for
//! nothing else.
use anyhow::Result;
use support::control_point::{Answer, ControlPoint, Error};
use usb_dac::{Asked, Fades, Interrupted, Lost, Passage, Piece, Stream, Wanted};

use super::around;
use super::bench::Bench;
use super::dop::{Apart, SILENCE, as_words_of_16};
use super::dry;
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
/// How soon what was asked is on the bus, ms of it, beside what the card holds: what README allows (50: with the buffer as it is
/// shipped, 150 in all), what is on the way to the bus, and the way to the renderer and through a guest that is emulated.
const ANSWERED_MS: usize = 50 + 20 + 30;
/// A seek opens the source anew, and some of it is decoded before the card gets any.
const SOUGHT_MS: usize = ANSWERED_MS + 150;
/// The most that the host may take meanwhile before nothing is said of the machine any more, ms: then it is tried again.
const ALLOWED_MS: usize = 250;
/// Frames by which the track is known behind a hole.
const KEY: usize = 64;

/// When something was asked, in microframes that had come; and what of the time until it was answered the host took from the machine, while the bus may have gone on, ms.
#[derive(Debug, Default, Clone, Copy)]
struct When {
    microframes: usize,
    /// Those that had come when the renderer said that it does so.
    answered: usize,
    waited_ms: usize,
}

/// When all was asked.
#[derive(Debug, Default)]
struct All {
    pause: When,
    play: When,
    seek: When,
    stop: When,
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
            tried.faults.extend(around::missing(around, stream.rate));
        }
    }
    let fades = Fades { sample: track.frame() / 2, frames: FADE_MS * rate / 1000 };
    let interrupted = Interrupted { wanted, fades: (!raw).then_some(fades), asked: &all_asked(rate) };
    tried.judge(&interrupted, &came, rate, &Times { streams: &streams, asked, leading: 0, limits: limits(bench) });
    Ok(tried)
}

/// The same of DSD over PCM; the markers take turns all the time.
pub(super) fn interrupt_dop(bench: &mut Bench, track: &Track) -> Result<Tried> {
    let asked = drive(bench, track)?;
    let streams = bench.streams()?;
    let mut tried = Tried::default();
    let (mut came, mut leading) = (Vec::new(), 0);
    for (number, stream) in streams.iter().enumerate() {
        let apart = Apart::of(stream);
        tried.markers(&apart);
        if number == 0 {
            leading = apart.before;
        }
        tried.faults.extend(apart.faults);
        let silent = |frame: &&[u8; 4]| **frame == [SILENCE; 4];
        let frames = apart.bits.as_chunks().0.iter();
        let around = [frames.clone().take_while(silent).count(), frames.rev().take_while(silent).count()];
        tried.faults.extend(around::missing(around, stream.rate));
        came.extend(apart.bits);
    }
    let rate = streams.first().map_or(0, |stream| stream.rate) as usize;
    let words = as_words_of_16(&track.packed);
    let wanted = Wanted { bytes: &words, frame: 4, silence: SILENCE };
    let interrupted = Interrupted { wanted, fades: None, asked: &all_asked(rate) };
    tried.judge(&interrupted, &came, rate, &Times { streams: &streams, asked, leading, limits: limits(bench) });
    Ok(tried)
}

/// What [`drive`] asks.
fn all_asked(rate: usize) -> [Asked; 3] {
    [Asked::Pause, Asked::Seek(SOUGHT * rate), Asked::Stop]
}

/// Asks for something, and waits until as much has come over the bus as has to be enough for it, or nothing comes any more.
fn ask(
    bench: &mut Bench,
    action: impl FnOnce(&ControlPoint) -> Result<Answer, Error>,
    not: &str,
    most_ms: usize,
) -> Result<When> {
    let before = bench.waits();
    let microframes = bench.microframes();
    action(bench.player.renderer())?;
    let answered = bench.microframes();
    let enough = microframes + most_ms * MICROFRAMES;
    bench.wait(not, |bench| Ok(bench.microframes() > enough || bench.is_closed()))?;
    let waited_ms = usize::try_from(bench.waits().since(&before).as_millis())?;
    Ok(When { microframes, answered, waited_ms })
}

fn drive(bench: &mut Bench, track: &Track) -> Result<All> {
    let second = 1000 * MICROFRAMES;
    let [answered, sought] = limits(bench);
    bench.start(track)?;
    bench.wait("nothing is played", |bench| Ok(bench.microframes() > second))?;
    let pause = ask(bench, ControlPoint::pause, "it doesn't pause", answered)?;
    bench.wait("it doesn't pause", |bench| Ok(bench.transport()?.state == "PAUSED_PLAYBACK"))?;
    // The silence of DoP isn't always the same byte.
    let second_of_pause = |bench: &Bench| bench.microframes() > pause.microframes + second || bench.is_closed();
    bench.wait("the pause doesn't last", |bench| Ok(second_of_pause(bench)))?;
    let play = ask(bench, ControlPoint::play, "it doesn't go on", answered)?;
    bench.wait("it doesn't go on", |bench| Ok(bench.microframes() > play.microframes + second))?;
    let to = format!("0:00:{SOUGHT}");
    let seek = |renderer: &ControlPoint| renderer.seek("REL_TIME", &to);
    let seek = ask(bench, seek, "nothing is played behind the seek", sought)?;
    bench.wait("nothing is played behind the seek", |bench| Ok(bench.microframes() > seek.microframes + 2 * second))?;
    let stop = ask(bench, ControlPoint::stop, "it doesn't stop", answered)?;
    bench.until_stopped()?;
    Ok(All { pause, play, seek, stop })
}

/// How soon what is asked is on the bus, and what is sought, ms of it.
fn limits(bench: &Bench) -> [usize; 2] {
    [ANSWERED_MS, SOUGHT_MS].map(|ms| ms + bench.buffer.as_millis() as usize)
}

/// What is needed to say when a frame was on the bus.
struct Times<'a> {
    streams: &'a [Stream],
    asked: All,
    /// Frames that were left out in front of what came.
    leading: usize,
    /// [`limits`].
    limits: [usize; 2],
}

/// What came of what was asked.
struct Answered {
    what: &'static str,
    asked: When,
    /// Within so many ms of the bus it has to be on it.
    most: usize,
    /// It was after so many; None: never.
    after: Option<usize>,
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
    fn after(&self, asked: When, passage: Option<&Passage>) -> Option<usize> {
        let came = self.microframe(passage?.came);
        came.checked_sub(asked.microframes).map(|microframes| microframes / MICROFRAMES)
    }
}

impl Tried {
    /// Takes apart what came, and says how soon it did what was asked.
    fn judge(&mut self, interrupted: &Interrupted<'_>, came: &[u8], rate: usize, times: &Times<'_>) {
        let passages = match interrupted.follow(came) {
            Ok(passages) => passages,
            Err(lost) => {
                let gaps = u64::from(is_dry(&lost, interrupted.wanted, came, rate));
                return self.torn(gaps, lost.to_string());
            }
        };
        let of = |piece| passages.iter().filter(move |passage: &&Passage| passage.piece == piece);
        self.frames += of(Piece::Track).map(|passage| passage.frames).sum::<usize>();
        self.fade(&fades(&passages), if interrupted.fades.is_some() { FADES } else { 0 }, rate);
        let All { pause, play, seek, stop } = times.asked;
        let target = SOUGHT * rate;
        let from =
            |asked: When| passages.iter().filter(move |passage| times.microframe(passage.came) >= asked.microframes);
        let is_silent = |passage: &&Passage| passage.piece == Piece::Silence;
        let [answered, sought] = times.limits;
        let answers = [
            ("paused", pause, answered, from(pause).find(is_silent)),
            ("went on", play, answered, from(play).find(|passage| !is_silent(passage))),
            ("sought", seek, sought, passages.iter().find(|p| !is_silent(p) && p.at >= target)),
            ("stopped", stop, answered, from(stop).find(is_silent)),
        ];
        self.answered(&answers.map(|(what, asked, most, passage)| Answered {
            what,
            asked,
            most,
            after: times.after(asked, passage),
        }));
    }

    /// What was asked has to be on the bus in time, by the bus, but for what the host is known to have taken meanwhile.
    fn answered(&mut self, answers: &[Answered]) {
        let mut said = Vec::new();
        for Answered { what, asked: When { microframes, answered, waited_ms }, most, after } in answers {
            let Some(ms) = after else {
                self.faults.push(format!("it never {what}"));
                said.push(format!("never {what}"));
                continue;
            };
            let way = answered.saturating_sub(*microframes) / MICROFRAMES;
            said.push(format!("{what} after {ms}, the answer after {way}, the machine waited {waited_ms}"));
            if *ms > most + waited_ms.min(&ALLOWED_MS) {
                let text =
                    format!("it {what} {ms} ms of the bus after it was asked to, not {most}, and waited {waited_ms}");
                if *ms <= most + waited_ms {
                    self.doubt(Excuse::Measured, text);
                } else {
                    self.faults.push(text);
                }
            }
        }
        self.note = format!("ms of the bus: {}", said.join("; "));
    }

    /// So many fades have to have come, each as long as the engine's are.
    fn fade(&mut self, fades: &[usize], count: usize, rate: usize) {
        let length = FADE_MS * rate / 1000;
        if fades.len() != count || fades.iter().any(|frames| !(length - ROUNDED..=length + 1).contains(frames)) {
            self.faults.push(format!("fades of {fades:?} frames, and not {count} of {length}"));
        }
    }
}

/// Whether the card ran dry where this begins: nobody asked for the silence there; or something was asked, that silence was taken for its
/// own, and the track goes on behind it where running dry leaves it.
fn is_dry(lost: &Lost, wanted: Wanted<'_>, came: &[u8], rate: usize) -> bool {
    let frame = wanted.frame;
    let part = |bytes: &'_ [u8], from: usize, to: usize| bytes.get(from * frame..to * frame).map(<[u8]>::to_vec);
    match lost {
        Lost::Silence { .. } => true,
        Lost::Foreign { came: now, at, .. } => {
            let is_silent = |frame: &Vec<u8>| frame.iter().all(|byte| *byte == wanted.silence);
            let behind_silence =
                now.checked_sub(1).and_then(|last| part(came, last, *now)).is_some_and(|f| is_silent(&f));
            let faded = FADE_MS * rate / 1000 + KEY;
            let key = part(came, now + faded, now + faded + KEY);
            let most = at + faded + dry::IN_FLIGHT_MS * rate / 1000;
            let mut places = (*at..=most).map(|place| part(wanted.bytes, place, place + KEY));
            behind_silence && key.is_some() && places.any(|place| place == key)
        }
        Lost::Unanswered(_) => false,
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

    #[test]
    fn what_comes_late_by_the_bus_is_a_fault_unless_the_host_took_the_time() {
        let tried = |waited_ms, after| {
            let asked = When { microframes: 0, answered: 8, waited_ms };
            let mut tried = Tried::default();
            tried.answered(&[Answered { what: "paused", asked, most: 600, after }]);
            assert!(after.is_none() || tried.note.contains(&format!("the machine waited {waited_ms}")));
            [tried.faults.len(), tried.doubts.len()]
        };
        assert_eq!([tried(0, Some(600)), tried(0, Some(601)), tried(9, Some(609))], [[0, 0], [1, 0], [0, 0]]);
        assert_eq!(tried(9999, None), [1, 0], "never");
        assert_eq!([tried(250, Some(850)), tried(250, Some(851))], [[0, 0], [1, 0]]);
        assert_eq!([tried(5000, Some(850)), tried(5000, Some(851)), tried(5000, Some(5601))], [[0, 0], [0, 1], [1, 0]]);
    }

    #[test]
    fn only_a_hole_is_running_dry() {
        let track: Vec<u8> = (1..=9000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let part = |from: usize, to: usize| track[4 * from..4 * to].to_vec();
        let wanted = Wanted { bytes: &track, frame: 4, silence: 0 };
        let asked = [Asked::Pause];
        let dry = |parts: &[Vec<u8>]| {
            let came = parts.concat();
            let lost = Interrupted { wanted, fades: None, asked: &asked }.follow(&came).unwrap_err();
            is_dry(&lost, wanted, &came, 48_000)
        };
        let silence = || vec![0; 4 * 500];
        assert!(dry(&[part(0, 1000), silence(), part(1000, 4000), silence(), part(4000, 9000)]), "beside the pause");
        assert!(dry(&[part(0, 1000), silence(), part(1900, 9000)]), "in its place, with what was on its way");
        assert!(!dry(&[part(0, 1000), silence(), part(6000, 9000)]), "much more is lost");
        assert!(!dry(&[part(0, 1000), part(1900, 9000)]), "there is no silence");
        assert!(!dry(&[part(0, 9000)]), "it never paused");
    }
}
