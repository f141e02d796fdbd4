//! When the outputs are looked through: when the kernel announces a sound device, and hardly ever else.

use std::fmt::{self, Display, Formatter};

use crate::clock::MILLISECOND;
use crate::output::alsa::News;

/// How long news of the kernel's is looked after: a device's node gets its group only a moment after the kernel has announced it,
/// and on a busy machine that moment is long. A card without its group isn't tried, so that a look costs next to nothing.
const EAGER_FOR_NS: u64 = 10_000 * MILLISECOND;
/// How far the first looks behind news are apart.
const EAGER_NS: u64 = 20 * MILLISECOND;
/// Later ones are apart by this part of the news' age.
const AGE_PARTS: u64 = 4;
/// How often is looked where the kernel says nothing of what is waited for: whether another program has let go of a card that
/// is there, and whether there is one at all if the kernel can't be heard ([`Uevents::listen`](crate::output::alsa::Uevents)).
const SILENT_NS: u64 = 1_000 * MILLISECOND;
/// The net under everything: how often a card is looked for that isn't there, though the kernel says when one comes.
pub(super) const NET_NS: u64 = 30_000 * MILLISECOND;

/// What made us look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The engine has started, or the open output was lost, or the kernel has said that a sound device has gone.
    Asked,
    /// The kernel has announced a sound device, so long ago, ns, and none has gone since.
    Announced(u64),
    /// The time had come.
    Time,
}

impl Display for Reason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("it was there"),
            Self::Announced(ns) => write!(f, "announced by the kernel {} ms ago", ns / MILLISECOND),
            Self::Time => f.write_str("found by looking, unannounced"),
        }
    }
}

/// What a look has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// An output.
    Output,
    /// One that can't be had at present.
    Withheld,
    /// None.
    Nothing,
}

/// The search for an output. All times are of one clock, ns.
#[derive(Debug)]
pub(super) struct Search {
    /// Whether the kernel is heard.
    hears: bool,
    /// What the look that is under way is for.
    under_way: Option<Reason>,
    /// What the last one was for.
    reason: Reason,
    /// The last news, and when they came.
    news: Option<(News, u64)>,
    /// When to look again.
    next: Option<u64>,
}

impl Search {
    pub(super) fn new(hears: bool) -> Self {
        Self { hears, under_way: None, reason: Reason::Asked, news: None, next: None }
    }

    /// When [`due`](Self::due) has to be asked again.
    pub(super) fn next(&self) -> Option<u64> {
        self.next
    }

    /// What made the last look that is over look.
    pub(super) fn reason(&self) -> Reason {
        self.reason
    }

    /// The kernel has said something of a sound device. True: look now; a look that is under way is followed by another one.
    ///
    /// That one has gone announces none: who comes after that has to be announced anew.
    pub(super) fn heard(&mut self, news: News, now: u64) -> bool {
        self.news = Some((news, now));
        self.begin(if news == News::Came { Reason::Announced(0) } else { Reason::Asked })
    }

    /// True: look now, because the time has come.
    pub(super) fn due(&mut self, now: u64) -> bool {
        let due = self.next.is_some_and(|at| now >= at);
        due && self.begin(self.announced(now).map_or(Reason::Time, Reason::Announced))
    }

    /// True: look now, because that is wanted.
    pub(super) fn ask(&mut self) -> bool {
        self.begin(Reason::Asked)
    }

    /// The look is over.
    pub(super) fn looked(&mut self, now: u64, seen: Seen) {
        if let Some(reason) = self.under_way.take() {
            // What was announced while it was looked for was announced.
            self.reason = self.announced(now).map_or(reason, Reason::Announced);
        }
        let wait = match (self.age(now), seen) {
            (Some(age), _) => Some(EAGER_NS.max(age / AGE_PARTS)),
            (None, Seen::Output) => None,
            (None, Seen::Nothing) if self.hears => Some(NET_NS),
            (None, Seen::Nothing | Seen::Withheld) => Some(SILENT_NS),
        };
        self.next = wait.map(|ns| now.saturating_add(ns));
    }

    /// How old news are that are still looked after.
    fn age(&self, now: u64) -> Option<u64> {
        self.news.map(|(_, at)| now.saturating_sub(at)).filter(|age| *age < EAGER_FOR_NS)
    }

    /// How long ago one was announced, if that are the last news and they are still looked after.
    fn announced(&self, now: u64) -> Option<u64> {
        self.age(now).filter(|_| matches!(self.news, Some((News::Came, _))))
    }

    fn begin(&mut self, reason: Reason) -> bool {
        let begins = self.under_way.is_none();
        if begins {
            self.under_way = Some(reason);
            self.next = None;
        }
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000 * MILLISECOND;

    #[test]
    fn what_is_not_there_is_hardly_looked_for_where_the_kernel_is_heard() {
        for (hears, seen, wait) in [
            (true, Seen::Nothing, Some(NET_NS)),
            (true, Seen::Withheld, Some(SILENT_NS)),
            (true, Seen::Output, None),
            (false, Seen::Nothing, Some(SILENT_NS)),
            (false, Seen::Withheld, Some(SILENT_NS)),
            (false, Seen::Output, None),
        ] {
            let mut search = Search::new(hears);
            assert!(search.ask() && !search.ask(), "one look at a time");
            search.looked(SECOND, seen);
            assert_eq!(search.next(), wait.map(|ns| SECOND + ns), "{hears} {seen:?}");
            assert!(!search.due(SECOND));
            if let Some(at) = search.next() {
                assert!(search.due(at));
                search.looked(at, seen);
                assert_eq!(search.reason(), Reason::Time);
            }
        }
    }

    #[test]
    fn news_are_looked_after_ever_more_slowly_and_then_no_more() {
        let mut search = Search::new(true);
        assert!(search.heard(News::Came, SECOND));
        let (mut looks, mut now) = (1, SECOND);
        loop {
            search.looked(now, Seen::Nothing);
            let next = search.next().expect("nothing was seen");
            if next == now + NET_NS {
                break;
            }
            assert!(next >= now + EAGER_NS);
            assert!(search.due(next));
            (looks, now) = (looks + 1, next);
        }
        assert!(now >= SECOND + EAGER_FOR_NS && looks < 50, "{looks} looks until {now}");
        assert!(!search.due(now + NET_NS - 1) && search.due(now + NET_NS));
    }

    #[test]
    fn what_comes_with_news_is_known_to() {
        let mut search = Search::new(true);
        assert!(search.heard(News::Came, SECOND));
        search.looked(SECOND, Seen::Nothing);
        assert!(search.due(SECOND + EAGER_NS));
        search.looked(SECOND + EAGER_NS, Seen::Output);
        assert_eq!(search.reason(), Reason::Announced(EAGER_NS));
        assert_eq!(search.reason().to_string(), "announced by the kernel 20 ms ago");
    }

    #[test]
    fn news_during_a_look_make_for_another_one() {
        for (news, reason) in [(News::Came, Reason::Announced(1)), (News::Else, Reason::Asked)] {
            let mut search = Search::new(true);
            assert!(search.ask());
            assert!(!search.heard(news, SECOND));
            search.looked(SECOND + 1, Seen::Nothing);
            assert_eq!((search.reason(), search.next()), (reason, Some(SECOND + 1 + EAGER_NS)), "{news:?}");
        }
    }

    #[test]
    fn what_is_never_announced_is_never_said_to_be() {
        let mut search = Search::new(true);
        // One was announced, and found; then it is pulled out.
        assert!(search.heard(News::Came, SECOND));
        search.looked(SECOND, Seen::Output);
        assert!(search.heard(News::Else, 2 * SECOND));
        let mut now = 2 * SECOND;
        search.looked(now, Seen::Nothing);
        assert_eq!(search.reason(), Reason::Asked);
        // Whichever look finds the next one: nothing was heard of it.
        while let Some(next) = search.next().filter(|next| *next < 2 * SECOND + EAGER_FOR_NS + NET_NS) {
            now = next;
            assert!(search.due(now));
            search.looked(now, Seen::Nothing);
            assert_eq!(search.reason(), Reason::Time, "{now}");
        }
        assert!(now > 2 * SECOND + EAGER_FOR_NS / 2);
        assert!(search.heard(News::Came, now + 1));
        search.looked(now + MILLISECOND, Seen::Output);
        assert!(matches!(search.reason(), Reason::Announced(_)));
    }
}
