//! Which frame of the music the DAC had got by when: what came in its streams, each microframe at its time.
use std::time::Duration;

use anyhow::{Context, Result};
use usb_dac::Stream;

use super::dop::{Apart, SILENCE, as_words_of_16};
use super::plug::Comes;
use crate::tracks::Track;

/// Frames by which a passage is recognised.
const KEY: usize = 64;
/// The engine's fade of PCM, ms.
const FADE_MS: usize = 20;
/// Silent frames behind which a fade is over: single ones are where the music crosses zero.
const OVER: usize = 16;
/// Frames of a fade that may be silent at its beginning: what was sought is found to so many.
const BEGINS: usize = 32;
/// How far from where it was due the music may go on, and how far from what was sought it is looked for, ms: behind a DAC that was away some of it comes twice, and of a card
/// that ran dry some is lost.
const NEAR_MS: usize = 200;

/// Music as it has to come: of several tracks, one behind the other.
#[derive(Debug)]
pub(super) struct Music {
    bytes: Vec<u8>,
    /// Bytes of a frame.
    frame: usize,
    /// Frames a second.
    rate: usize,
    silence: u8,
    fade: usize,
    comes: Comes,
}

/// A seek, by the DAC's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sought {
    pub(super) asked: Duration,
    pub(super) answered: Duration,
    /// The frame that it went to.
    pub(super) to: usize,
}

/// Frames of the music without a jump in them: so many from `at` on came as frames of the stream from `came` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    came: usize,
    at: usize,
    frames: usize,
}

impl Stretch {
    fn came_to(self) -> usize {
        self.came + self.frames
    }

    fn to(self) -> usize {
        self.at + self.frames
    }
}

/// From this moment on the next frame was one of these.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Point {
    at: Duration,
    least: usize,
    most: usize,
}

/// Where the DAC was in the music at each moment.
#[derive(Debug, Default)]
pub(super) struct Course {
    points: Vec<Point>,
    /// Frames of the music that came.
    pub(super) frames: usize,
    /// Where it went back without having been told to: from which frame, and to which.
    pub(super) returns: Vec<(usize, usize)>,
}

impl Music {
    /// # Errors
    /// When there is no track.
    pub(super) fn of(tracks: &[&Track], comes: Comes) -> Result<Self> {
        let first = tracks.first().context("no music")?;
        let dsd = first.wire.format.starts_with("DSD");
        let packed = tracks.iter().flat_map(|track| match comes {
            Comes::AsItIs => track.packed.clone(),
            Comes::OverPcm => as_words_of_16(&track.packed),
        });
        let rate = comes.rate(first) as usize;
        Ok(Self {
            bytes: packed.collect(),
            frame: if comes == Comes::OverPcm { first.frame() / 2 } else { first.frame() },
            rate,
            silence: if dsd { SILENCE } else { 0 },
            fade: if dsd { 0 } else { FADE_MS * rate / 1000 },
            comes,
        })
    }

    /// Frames a second.
    pub(super) fn rate(&self) -> usize {
        self.rate
    }

    /// Frames of a fade.
    pub(super) fn fade(&self) -> usize {
        self.fade
    }

    /// Frames.
    fn frames(&self) -> usize {
        self.bytes.len() / self.frame
    }

    /// Follows the music through streams.
    ///
    /// # Errors
    /// Says where one goes on with something else.
    pub(super) fn course(&self, streams: &[Stream], sought: &[Sought]) -> std::result::Result<Course, String> {
        let (mut next, mut found) = (0, Vec::new());
        for stream in streams {
            let (bytes, leading) = match self.comes {
                Comes::AsItIs => (stream.bytes.clone(), 0),
                Comes::OverPcm => {
                    let apart = Apart::of(stream);
                    (apart.bits, apart.before)
                }
            };
            let mut stretches = self.follow(&bytes, &mut next, sought)?;
            stretches.iter_mut().for_each(|stretch| stretch.came += leading);
            found.push(stretches);
        }
        Ok(self.timed(streams, &found, sought))
    }

    fn near(&self, frame: usize, other: usize) -> bool {
        frame.abs_diff(other) <= NEAR_MS * self.rate / 1000
    }

    /// Where a passage of the music is, near the frame that is due or one that was sought.
    fn find(&self, key: &[u8], due: usize, sought: &[Sought]) -> Option<usize> {
        let near = NEAR_MS * self.rate / 1000;
        let places = std::iter::once(due).chain(sought.iter().map(|sought| sought.to));
        places
            .flat_map(|place| {
                let all = place.saturating_sub(near)..=place + near;
                let is_it = |at: &usize| self.bytes.get(at * self.frame..).is_some_and(|bytes| bytes.starts_with(key));
                all.filter(is_it).min_by_key(|at| at.abs_diff(place))
            })
            .next()
    }

    fn follow(&self, stream: &[u8], next: &mut usize, sought: &[Sought]) -> std::result::Result<Vec<Stretch>, String> {
        let frames: Vec<&[u8]> = stream.chunks_exact(self.frame).collect();
        let is_silent = |frame: &&[u8]| frame.iter().all(|byte| *byte == self.silence);
        let mut found = Vec::new();
        let mut came = 0;
        loop {
            came += frames.iter().skip(came).take_while(|frame| is_silent(frame)).count();
            let place = [0, self.fade].into_iter().find_map(|ahead| {
                let key = frames.get(came + ahead..came + ahead + KEY)?.concat();
                Some((ahead, self.find(&key, *next + ahead, sought)?))
            });
            let Some((ahead, place)) = place else {
                // What ends at once can't be told.
                return if frames.len() < came + self.fade + KEY {
                    Ok(found)
                } else {
                    Err(format!("frame {came} of a stream goes on with what isn't the music, which was at {next}"))
                };
            };
            let rest = self.bytes.chunks_exact(self.frame).skip(place);
            let equal = frames.iter().skip(came + ahead).zip(rest).take_while(|(came, wanted)| *came == wanted).count();
            // Behind it may come what is faded out.
            let behind = frames.get(came + ahead + equal..).unwrap_or_default();
            let behind = behind.get(..behind.len().min(self.fade)).unwrap_or_default();
            let silent = behind.windows(OVER).position(|frames| frames.iter().all(is_silent));
            let faded = silent.unwrap_or(behind.len()).min(self.frames() - place - equal);
            let at = place.saturating_sub(ahead);
            let target = sought.iter().map(|sought| sought.to).find(|to| self.near(at, *to) && !self.near(at, *next));
            if let Some(target) = target.filter(|to| at.abs_diff(*to) > BEGINS) {
                return Err(format!("frame {target} was sought, and it went on with frame {at}"));
            }
            let stretch = Stretch { came, at, frames: place + equal + faded - at };
            came += ahead + equal + faded;
            *next = stretch.to();
            found.push(stretch);
        }
    }

    /// Each stretch at its time.
    fn timed(&self, streams: &[Stream], found: &[Vec<Stretch>], sought: &[Sought]) -> Course {
        let all: Vec<_> =
            found.iter().enumerate().flat_map(|(of, found)| found.iter().map(move |one| (of, *one))).collect();
        let (mut points, mut begun) = (Vec::new(), Vec::new());
        for (number, stream) in streams.iter().enumerate() {
            let (mut came, mut now) = (0, Duration::ZERO);
            for packet in &stream.packets {
                came += usize::from(packet.bytes) / stream.setting.frame();
                now = packet.at;
                while let Some((_, stretch)) = all.get(begun.len()).filter(|(of, one)| *of == number && one.came < came)
                {
                    begun.push((now, stretch.at));
                }
                let last = begun.len().checked_sub(1).and_then(|last| all.get(last)).filter(|(of, _)| *of == number);
                let inside = last.map(|(_, stretch)| stretch).filter(|stretch| came < stretch.came_to());
                let [least, most] = inside.map_or_else(
                    || self.between(&all, begun.len()),
                    |stretch| [stretch.at + came.saturating_sub(stretch.came); 2],
                );
                points.push(Point { at: now, least, most });
            }
            // It has ended, maybe in the midst of one.
            let [least, most] = self.between(&all, begun.len());
            points.push(Point { at: now, least, most });
        }
        for Sought { asked, answered, to } in sought {
            // From the answer on that is where it is, until it is heard.
            let heard = begun.iter().find(|(at, first)| at >= asked && self.near(*first, *to)).map(|(at, _)| *at);
            for point in points.iter_mut().filter(|point| point.at >= *asked && heard.is_none_or(|at| point.at < at)) {
                let old = if point.at < *answered { [point.least, point.most] } else { [*to; 2] };
                (point.least, point.most) = (old[0].min(*to), old[1].max(*to));
            }
        }
        let returns = all.windows(2).filter_map(|pair| match pair {
            [(_, before), (_, after)] if after.at < before.to() => Some((before.to(), after.at)),
            _ => None,
        });
        let told = |to: usize| sought.iter().any(|sought| self.near(sought.to, to));
        let returns = returns.filter(|(_, to)| !told(*to)).collect();
        Course { points, frames: all.iter().map(|(_, stretch)| stretch.frames).sum(), returns }
    }

    /// Where it is behind so many stretches, while the next one hasn't begun: behind what was, or in front of what comes.
    fn between(&self, all: &[(usize, Stretch)], begun: usize) -> [usize; 2] {
        let before = begun.checked_sub(1).and_then(|last| all.get(last)).map(|(_, stretch)| stretch.to());
        let after = all.get(begun).map(|(_, stretch)| stretch.at);
        match (before, after) {
            (Some(before), Some(after)) if self.near(before, after) => [before.min(after), before.max(after)],
            (Some(place), _) | (None, Some(place)) => [place; 2],
            (None, None) => [0; 2],
        }
    }
}

impl Course {
    /// Where the DAC was from one moment to another: at which frame at least, and at most.
    pub(super) fn within(&self, from: Duration, to: Duration) -> [usize; 2] {
        let first = self.points.partition_point(|point| point.at <= from).saturating_sub(1);
        let points = self.points.iter().skip(first).take_while(|point| point.at <= to);
        let (least, most) =
            points.fold((usize::MAX, 0), |(least, most), point| (least.min(point.least), most.max(point.most)));
        // Before the first one nothing has come.
        if least > most { [self.points.first().map_or(0, |point| point.least); 2] } else { [least, most] }
    }
}

#[cfg(test)]
impl Music {
    /// Of nothing, at such a rate, Hz.
    pub(super) fn at_rate(rate: usize) -> Self {
        Self { bytes: Vec::new(), frame: 4, rate, silence: 0, fade: FADE_MS * rate / 1000, comes: Comes::AsItIs }
    }
}

#[cfg(test)]
impl Course {
    /// Of a DAC that gets a frame each ms from its beginning on, for so long, and has gone back so.
    pub(super) fn steady(frames: usize, returns: Vec<(usize, usize)>) -> Self {
        let point = |n: usize| Point { at: Duration::from_millis(n as u64), least: n, most: n };
        Self { points: (0..frames).map(point).collect(), frames, returns }
    }
}

#[cfg(test)]
mod tests {
    use usb_dac::{Format, Packet, Setting};

    use super::super::fade::faded_in;
    use super::*;

    const RATE: usize = 8000;
    const FADE: usize = FADE_MS * RATE / 1000;

    fn music() -> Music {
        let bytes = (1..=8000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes());
        Music { bytes: bytes.collect(), frame: 4, rate: RATE, silence: 0, fade: FADE, comes: Comes::AsItIs }
    }

    fn part(from: usize, to: usize) -> Vec<u8> {
        music().bytes[4 * from..4 * to].to_vec()
    }

    fn fade_in(from: usize) -> Vec<u8> {
        faded_in(&part(from, from + FADE), FADE)
    }

    /// As the engine does before a pause.
    fn fade_out(from: usize) -> Vec<u8> {
        let backwards = |bytes: &[u8]| bytes.rchunks_exact(4).flatten().copied().collect::<Vec<_>>();
        backwards(&faded_in(&backwards(&part(from, from + FADE)), FADE))
    }

    fn silence(frames: usize) -> Vec<u8> {
        vec![0; 4 * frames]
    }

    /// A frame a microframe, that is each 125 µs, from this one on.
    fn stream(from: u64, parts: &[Vec<u8>]) -> Stream {
        let bytes = parts.concat();
        let packet = |n: u64| Packet { at: at(from + n), bytes: 4 };
        let microframes = bytes.len() as u64 / 4;
        Stream {
            setting: Setting { format: Format::Pcm, bytes: 2, bits: 16 },
            rate: RATE as u32,
            before: 0,
            microframes,
            received: bytes.len() as u64,
            unheard: 0,
            packets: (0..microframes).map(packet).collect(),
            bytes,
            ended: true,
        }
    }

    fn at(microframe: u64) -> Duration {
        Duration::from_micros(125 * microframe)
    }

    #[test]
    fn each_frame_has_its_time_and_silence_holds_the_place() {
        let parts = [
            silence(100),
            part(0, 1000),
            fade_out(1000),
            silence(500),
            fade_in(1000 + FADE),
            part(1000 + 2 * FADE, 3000),
        ];
        let course = music().course(&[stream(0, &parts)], &[]).unwrap();
        let paused = 1000 + FADE;
        for (microframe, place) in [
            (0, 0),
            (99, 0),
            (100, 1),
            (599, 500),
            (1099, 1000),
            (1150, 1051),
            (1300, paused),
            (1700, paused),
            (2099, 1339 + FADE),
            (9999, 3000),
        ] {
            let within = course.within(at(microframe), at(microframe));
            assert!(within.iter().all(|found| found.abs_diff(place) <= 2), "at {microframe} {place}, not {within:?}");
        }
        assert_eq!(course.within(at(199), at(299)), [100, 200]);
        assert!(course.returns.is_empty(), "{:?}", course.returns);
    }

    #[test]
    fn what_was_sought_is_where_it_is_from_the_answer_on() {
        let parts = [part(0, 1000), fade_out(1000), silence(300), fade_in(5000), part(5000 + FADE, 6000)];
        let sought = Sought { asked: at(900), answered: at(950), to: 5000 };
        let course = music().course(&[stream(0, &parts)], &[sought]).unwrap();
        assert_eq!(course.within(at(800), at(890)), [801, 891]);
        assert_eq!(course.within(at(910), at(940)), [911, 5000], "while it is asked for");
        assert_eq!(course.within(at(950), at(1400)), [5000; 2]);
        let [least, most] = course.within(at(1000 + FADE as u64 + 300 + 99), at(1000 + FADE as u64 + 300 + 99));
        assert!(least == most && least.abs_diff(5100) <= 2, "{least}");
        assert!(course.returns.is_empty());
        let late = stream(0, &[part(0, 1000), fade_out(1000), silence(300), fade_in(5100), part(5100 + FADE, 6000)]);
        assert!(music().course(&[late], &[sought]).unwrap_err().contains("frame 5000 was sought"));
        let behind = part(5000 + FADE, 6000);
        assert!(music().course(&[stream(0, &[part(0, 1000), behind])], &[]).is_err(), "nobody sought it");
    }

    #[test]
    fn between_two_streams_it_is_behind_the_one_or_in_front_of_the_other() {
        let first = stream(0, &[part(0, 1000)]);
        let second = stream(9000, &[silence(100), fade_in(900), part(900 + FADE, 3000)]);
        let course = music().course(&[first, second], &[]).unwrap();
        let [least, most] = course.within(at(2000), at(9050));
        assert!(least.abs_diff(900) <= 2 && most == 1000, "{least} to {most}");
        let [(1000, to)] = course.returns[..] else { panic!("{:?}", course.returns) };
        assert!(to.abs_diff(900) <= 2, "{to}");
    }

    #[test]
    fn what_isn_t_the_music_is_no_place() {
        let other: Vec<u8> = part(4000, 6000).iter().map(|byte| byte ^ 0xa5).collect();
        let found = music().course(&[stream(0, &[part(0, 1000), silence(100), other])], &[]);
        assert!(found.unwrap_err().contains("was at 1000"));
        assert!(
            music().course(&[stream(0, &[part(0, 1000), silence(100), part(1000 + 1601, 4000)])], &[]).is_err(),
            "far off"
        );
        let course = music().course(&[stream(0, &[part(0, 1000), silence(100), part(1100, 4000)])], &[]).unwrap();
        assert_eq!((course.returns.as_slice(), course.within(at(1050), at(1050))), (&[][..], [1000, 1100]));
    }
}
