//! What page and renderer say of the position, beside where the DAC was in the music at that moment.
//!
//! Both say what the DAC had got at the engine's last wake-up, as the driver reckons it. So each look has a bound of its own: what the
//! DAC had got between that wake-up and the answer, and what the driver has on its way.
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;
use support::control_point::Position;
use usb_dac::Stream;

use super::bench::{Bench, PATIENCE};
use super::found::Tried;
use super::heard::{Course, Music, Sought};
use crate::stop;

/// The engine's period, ms: between two positions, and two wake-ups.
pub(super) const PERIOD_MS: f64 = 40.0;
/// What the driver has on the way to the bus, ms (`MAX_QUEUE` in sound/usb/card.h is 18): it reckons from the bus's clock what of it has
/// gone, and a bus that stands still for want of it makes that wrong by no more.
const IN_FLIGHT_MS: f64 = 20.0;
/// What of the last frames may not have been heard where the DAC went, ms: so much of them comes again, behind what is faded in
/// (`doubt_and_fade` of the player's link).
const DOUBT_MS: f64 = 20.0;
/// How far half of the positions may be ahead of what the DAC has got, ms: they are of the last wake-up, so half a period old as a rule, and
/// only what the driver reckons can be too much. (How far behind: a period.)
const AHEAD_MS: f64 = 10.0;
/// So many looks at least: of a second and a half there are five to a dozen, as a busy machine answers.
const LOOKS: usize = 3;
/// Between two looks.
const TICK: Duration = Duration::from_millis(50);

/// What page and renderer said at one moment.
#[derive(Debug, Clone)]
pub(super) struct Look {
    /// Before the page was asked, and when it had answered.
    pub(super) asked: [Instant; 2],
    pub(super) page: Value,
    /// When GetPositionInfo had answered, which was asked then.
    answered: Instant,
    renderer: Position,
    /// The number of what was done to it before.
    pub(super) stage: usize,
}

#[cfg(test)]
impl Look {
    /// What a page said at once.
    pub(super) fn of(at: Instant, page: Value) -> Self {
        let [uri, duration, rel_time, metadata] = [const { String::new() }; 4];
        let renderer = Position { uri, duration, rel_time, metadata };
        Self { asked: [at; 2], page, answered: at, renderer, stage: 0 }
    }
}

impl Look {
    pub(super) fn state(&self) -> &str {
        self.page["transport"]["state"].as_str().unwrap_or_default()
    }

    pub(super) fn engine(&self) -> &Value {
        &self.page["engine"]
    }

    fn count(&self) -> u64 {
        self.engine()["wakeups"].as_u64().unwrap_or_default()
    }

    /// Wake-ups by how late they were; bucket n ends at 2^n µs.
    pub(super) fn lateness(&self) -> impl Iterator<Item = u64> {
        self.engine()["lateness"].as_array().into_iter().flatten().filter_map(Value::as_u64)
    }

    /// Whether something is under way.
    fn has_position(&self) -> bool {
        !["STOPPED", "NO_MEDIA_PRESENT"].contains(&self.state()) && self.page["track"]["position"].is_number()
    }
}

/// By how much, at most, the wake-up was late that came next after look `n`, ms: its position was as old as that. None came: 0, as nothing
/// is played any more.
fn late_ms(looks: &[Look], n: usize) -> f64 {
    let late = || {
        let now = looks.get(n)?;
        let next = looks.get(n..)?.iter().find(|next| next.count() > now.count())?;
        let counts: Vec<_> = next.lateness().zip(now.lateness()).collect();
        let last = counts.iter().rposition(|(after, before)| after > before)?;
        Some(f64::powi(2.0, i32::try_from(last).ok()?) / 1000.0)
    };
    late().unwrap_or_default()
}

/// Looks at a renderer, again and again.
#[derive(Debug)]
pub(super) struct Looks {
    /// When the DAC's time began.
    since: Instant,
    pub(super) all: Vec<Look>,
    /// What of it was asked: when, when it had answered, and for which second.
    seeks: Vec<([Instant; 2], u32)>,
    /// How much was done to it so far.
    pub(super) stage: usize,
}

impl Looks {
    pub(super) fn new(bench: &Bench) -> Self {
        let since = Instant::now().checked_sub(bench.dac.now()).unwrap_or_else(Instant::now);
        Self { since, all: Vec::new(), seeks: Vec::new(), stage: 0 }
    }

    /// Looks until something is so.
    ///
    /// # Errors
    /// When it never is, or nothing answers.
    pub(super) fn until(
        &mut self,
        bench: &mut Bench,
        not: &str,
        mut so: impl FnMut(&Bench, &Look) -> Result<bool>,
    ) -> Result<()> {
        let start = Instant::now();
        loop {
            stop::check()?;
            bench.waits();
            let first = Instant::now();
            let page = bench.player.status()?;
            let asked = [first, Instant::now()];
            let renderer = bench.player.renderer().position_info()?;
            let look = Look { asked, page, answered: Instant::now(), renderer, stage: self.stage };
            bench.waits();
            let is_so = so(bench, &look)?;
            self.all.push(look);
            if is_so {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                bail!("{not}");
            }
            std::thread::sleep(TICK);
        }
    }

    /// Goes to this second.
    ///
    /// # Errors
    /// When the renderer refuses.
    pub(super) fn seek(&mut self, bench: &Bench, second: u32) -> Result<()> {
        let asked = Instant::now();
        bench.player.renderer().seek("REL_TIME", &format!("0:00:{second:02}"))?;
        self.seeks.push(([asked, Instant::now()], second));
        Ok(())
    }

    fn dac_time(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.since)
    }

    fn sought(&self, rate: usize) -> Vec<Sought> {
        let sought = |([asked, answered], second): &([Instant; 2], u32)| Sought {
            asked: self.dac_time(*asked),
            answered: self.dac_time(*answered),
            to: *second as usize * rate,
        };
        self.seeks.iter().map(sought).collect()
    }

    /// Where the DAC was between two moments, the first of which is earlier by so much; but not in front of a seek that had been
    /// answered by then.
    fn within(&self, course: &Course, [from, to]: [Instant; 2], age: Duration) -> [f64; 2] {
        let sought = self.seeks.iter().map(|([_, answered], _)| *answered).filter(|answered| *answered <= from).max();
        let earlier = from.checked_sub(age).unwrap_or(self.since);
        let from = sought.map_or(earlier, |sought| sought.max(earlier));
        course.within(self.dac_time(from), self.dac_time(to)).map(|frame| frame as f64)
    }

    /// How old the position of look `n` was at most, by the engine's own count of its wake-ups: the last one before it was no more than
    /// a period before the next one was due, and behind the last look that had counted fewer.
    fn age(&self, n: usize, late_ms: f64) -> Duration {
        let age = Duration::from_secs_f64((PERIOD_MS + late_ms) / 1000.0);
        let Some((earlier, look)) =
            self.all.split_at_checked(n).and_then(|(before, rest)| Some((before, rest.first()?)))
        else {
            return age;
        };
        let fewer = earlier.iter().rfind(|before| before.count() < look.count());
        fewer.map_or(age, |before| age.min(look.asked[0].saturating_duration_since(before.asked[0])))
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Agreed {
    /// By how much the page's positions were off what the DAC got while it was asked, ms; behind, they are negative.
    offs: Vec<f64>,
    /// How far each was within its bound, ms; beyond it, they are negative.
    spare: Vec<f64>,
    /// What the host took around each look, ms.
    taken: Vec<f64>,
    /// How often the renderer was asked.
    asked: usize,
    /// The most that a position went back, ms, and where the DAC had been away.
    back: [f64; 2],
    faults: Vec<String>,
}

/// How far a value is off a range; below it, it is negative.
fn off(value: f64, [least, most]: [f64; 2]) -> f64 {
    (value - least).min(0.0) + (value - most).max(0.0)
}

fn seconds(text: &str) -> Option<u64> {
    let parts = text.split(':').map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>()?;
    let [hours, minutes, seconds] = parts.try_into().ok()?;
    Some(hours * 3600 + minutes * 60 + seconds)
}

impl Looks {
    /// Compares all looks with the music as it came; `begins` are the frames with which its tracks begin.
    pub(super) fn compare(
        &self,
        music: &Music,
        begins: &[usize],
        course: &Course,
        taken: impl Fn(Instant, Instant) -> Duration,
    ) -> Agreed {
        let mut agreed = Agreed::default();
        let rate = music.rate() as f64;
        let ms = |frames: f64| frames / rate * 1000.0;
        let frames = |ms: f64| ms / 1000.0 * rate;
        let mut tracks: Vec<&str> = Vec::new();
        let mut before: Option<(f64, Instant)> = None;
        for (n, look) in self.all.iter().enumerate().filter(|(_, look)| look.has_position()) {
            let uri = look.page["track"]["uri"].as_str().unwrap_or_default();
            if !tracks.contains(&uri) {
                tracks.push(uri);
            }
            let begin = |uri: &str| tracks.iter().position(|known| *known == uri).and_then(|n| begins.get(n));
            let Some(first) = begin(uri) else {
                agreed.faults.push(format!("the page shows {uri}, which isn't played"));
                continue;
            };
            let place = *first as f64 + look.page["track"]["position"].as_f64().unwrap_or_default() * rate;
            let age = self.age(n, late_ms(&self.all, n).max(late_ms(&self.all, n + 1)));
            let host = taken(look.asked[0].checked_sub(age).unwrap_or(self.since), look.answered);
            let host_ms = host.as_secs_f64() * 1000.0;
            let bound = |[from, to]: [Instant; 2], age: Duration| {
                let [least, most] = self.within(course, [from, to + host], age + host);
                [least - frames(IN_FLIGHT_MS), most + frames(IN_FLIGHT_MS)]
            };
            let bounds = bound(look.asked, age);
            let spare = (place - bounds[0]).min(bounds[1] - place);
            agreed.offs.push(ms(off(place, self.within(course, look.asked, Duration::ZERO))));
            agreed.spare.push(ms(spare));
            agreed.taken.push(host_ms);
            // A moment is rounded to nanoseconds.
            if spare < -1.0 {
                agreed.faults.push(format!(
                    "the page says frame {place:.0}, {}, and it was from {:.0} to {:.0} up to {} ms before, of which the \
                     host took {host_ms:.0}",
                    look.state(),
                    bounds[0],
                    bounds[1],
                    age.as_millis()
                ));
            }
            if let Some((last, since)) = before.replace((place, look.asked[0])) {
                let sought =
                    self.seeks.iter().any(|([asked, answered], _)| *answered >= since && *asked <= look.asked[1]);
                let away = |(from, to): &(usize, usize)| {
                    to < from
                        && last <= *from as f64 + frames(IN_FLIGHT_MS)
                        && place + frames(IN_FLIGHT_MS) >= *to as f64
                };
                let away = usize::from(course.returns.iter().any(away));
                let back = ms(last - place - 1.0);
                if !sought && back > agreed.back[away] {
                    agreed.back[away] = back;
                }
            }
            // The state is the page's, before and behind.
            if !self.all.get(n + 1).is_some_and(Look::has_position) {
                continue;
            }
            agreed.asked += 1;
            // As old as the page's, and what that took.
            let bounds = bound([look.asked[0], look.answered], age);
            let said = seconds(&look.renderer.rel_time);
            let whole = |frame: f64| {
                ((frame - begin(&look.renderer.uri).map_or(f64::MAX, |first| *first as f64)) / rate).max(0.0) as u64
            };
            if said.is_none_or(|said| !(whole(bounds[0])..=whole(bounds[1])).contains(&said)) {
                agreed.faults.push(format!(
                    "GetPositionInfo says {} of {}, and it was at frame {:.0} to {:.0}",
                    look.renderer.rel_time, look.renderer.uri, bounds[0], bounds[1]
                ));
            }
        }
        if tracks.len() != begins.len() {
            agreed.faults.push(format!("the page has shown {} tracks of {}", tracks.len(), begins.len()));
        }
        for (back, most) in agreed.back.into_iter().zip([0.0, DOUBT_MS + ms(music.fade() as f64)]) {
            if back > most {
                agreed.faults.push(format!("the page's position went back by {back:.1} ms, not {most}"));
            }
        }
        agreed
    }
}

fn sorted(values: &[f64], by: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut all = values.to_vec();
    all.sort_by(|a, b| by(*a).total_cmp(&by(*b)));
    all
}

/// The value that so many tenths of all lie below; ten: the last one.
fn tenth(sorted: &[f64], tenths: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((sorted.len() * tenths / 10).min(last)).copied().unwrap_or_default()
}

impl Agreed {
    /// The figures, for people.
    fn note(&self) -> String {
        let offs = sorted(&self.offs, f64::abs);
        let [middle, most, worst] = [5, 9, 10].map(|tenths| tenth(&offs, tenths));
        let spare = tenth(&sorted(&self.spare, |spare| spare), 0);
        let taken = tenth(&sorted(&self.taken, |taken| taken), 10);
        let back = match self.back {
            [0.0, 0.0] => "never back".to_owned(),
            [0.0, away] => format!("back by {away:.1} where the DAC had been away"),
            [back, _] => format!("back by {back:.1}"),
        };
        format!(
            "position off by {middle:.0} ms, nine of ten by {most:.0} at most, at worst {worst:.0}, {spare:.0} within its bound, {back}, in \
             {} looks, of which the host took {taken:.0} ms at most, and {} of the renderer's",
            self.offs.len(),
            self.asked
        )
    }
}

impl Tried {
    /// Compares looks with the streams as they came; `begins` are the frames with which the music's tracks begin.
    pub(super) fn positions(
        &mut self,
        bench: &Bench,
        looks: &Looks,
        music: &Music,
        (begins, streams): (&[usize], &[Stream]),
    ) {
        match music.course(streams, &looks.sought(music.rate())) {
            Ok(course) => {
                self.frames = self.frames.max(course.frames);
                self.agree(looks.compare(music, begins, &course, |from, to| bench.watch.taken(from, to)));
            }
            Err(fault) => self.faults.push(fault),
        }
    }

    /// Takes what was found; of many that are wrong the first ones are named.
    fn agree(&mut self, agreed: Agreed) {
        const NAMED: usize = 3;
        if agreed.asked < LOOKS {
            self.faults.push(format!("page and renderer were asked {} times only", agreed.asked));
        }
        let middle = tenth(&sorted(&agreed.offs, |off| off), 5);
        if !(-PERIOD_MS..=AHEAD_MS).contains(&middle) {
            self.faults.push(format!("half of the positions are off by {middle:.0} ms or more"));
        }
        if !self.note.is_empty() {
            self.note += "; ";
        }
        self.note += &agreed.note();
        let more = agreed.faults.len().saturating_sub(NAMED);
        self.faults.extend(agreed.faults.into_iter().take(NAMED));
        if more > 0 {
            self.faults.push(format!("and {more} more"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Looks each 50 ms at what plays a frame each ms, and wakes in between, so late (bucket of the histogram); each is off by so much,
    /// ms, and the renderer's seconds by so many.
    fn looks(offs: impl Iterator<Item = (f64, f64)>, bucket: usize) -> Looks {
        let since = Instant::now();
        let look = |(n, (off, seconds)): (usize, (f64, f64))| {
            let mut late = [0; 32];
            late[bucket] = n;
            let ms = n as f64 * 50.0 + 200.0;
            let at = since + Duration::from_secs_f64(ms / 1000.0);
            let page = json!({
                "transport": { "state": "PLAYING" }, "track": { "uri": "a", "position": (ms + off) / 1000.0 },
                "engine": { "wakeups": n, "lateness": late },
            });
            let mut look = Look::of(at, page);
            look.renderer.uri = "a".to_owned();
            look.renderer.rel_time = format!("0:00:{:02}", (ms / 1000.0 + seconds) as u64);
            look
        };
        Looks { since, all: offs.enumerate().map(look).collect(), seeks: Vec::new(), stage: 0 }
    }

    fn faults(looks: &Looks, returns: &[(usize, usize)]) -> usize {
        let course = Course::steady(20_000, returns.to_vec());
        looks.compare(&Music::at_rate(1000), &[0], &course, |_, _| Duration::ZERO).faults.len()
    }

    #[test]
    fn a_position_is_as_old_as_the_last_wake_up() {
        let each = |off: fn(usize) -> f64, bucket| faults(&looks((0..100).map(|n| (off(n), 0.0)), bucket), &[]);
        assert_eq!(each(|_| 0.0, 4), 0);
        assert_eq!(each(|n| -((n % 40) as f64), 4), 0, "a period");
        assert_eq!(each(|_| -59.0, 4), 0, "and what is on its way");
        assert_eq!(each(|_| 19.0, 4), 0, "ahead by what is on its way");
        assert_eq!(each(|n| if n == 50 { -64.0 } else { -20.0 }, 4), 1, "a single look");
        assert_eq!(each(|n| if n == 50 { 23.0 } else { 0.0 }, 4), 1, "ahead");
        // A wake-up came between the looks.
        assert_eq!(each(|n| if n == 50 { -69.0 } else { -30.0 }, 15), 0, "33 ms late");
        assert_eq!(each(|n| if n == 50 { -75.0 } else { -30.0 }, 15), 1, "older than the look before");
        assert_eq!(each(|n| if n == 50 { 23.0 } else { 0.0 }, 15), 1, "late isn't ahead");
        assert_eq!(faults(&looks(std::iter::empty(), 4), &[]), 1, "never asked");
    }

    #[test]
    fn a_position_goes_back_only_where_the_dac_has_been_away() {
        let back = |ms: f64| looks((0..100).map(|n| (if n == 50 { -50.0 - ms } else { 0.0 }, 0.0)), 4);
        assert_eq!([0.0, 3.0].map(|ms| faults(&back(ms), &[])), [0, 1]);
        assert_eq!(faults(&back(5.0), &[(2650, 2610)]), 0);
        assert_eq!(faults(&back(5.0), &[(1000, 960)]), 1, "not there");
    }

    #[test]
    fn the_renderer_s_seconds_are_the_page_s() {
        let off = |seconds: f64| looks((0..100).map(|n| (0.0, if n == 50 { seconds } else { 0.0 })), 4);
        assert_eq!([0.0, 1.0, -1.0].map(|seconds| faults(&off(seconds), &[])), [0, 1, 1]);
        assert_eq!([seconds("1:02:03"), seconds("NOT_IMPLEMENTED"), seconds("2:03")], [Some(3723), None, None]);
    }
}
