//! The tracks that are open, in the order in which they are heard.

use std::collections::VecDeque;

use crate::transport::TrackId;

/// So many that are wholly written are kept. A third one is queued only when the first was heard to its end: there are two tracks
/// at most, the current and the next one, and what is taken back of them isn't kept.
const KEPT: usize = 2;

/// What has a place in the order.
pub(super) trait Numbered {
    /// Its number: they grow in the order in which tracks are heard.
    fn track(&self) -> TrackId;
}

/// All of them; what isn't open yet comes behind.
pub(super) struct Order<T> {
    /// Wholly written, perhaps still to be heard: what a seek, or a DAC that comes back, may go back to.
    written: VecDeque<T>,
    /// Being written.
    current: Option<T>,
    /// Was in the ring, and was dropped there with what came before it: follows from its beginning.
    again: VecDeque<T>,
    /// What was taken back when it was in the ring: it isn't written again.
    taken_back: Option<TrackId>,
}

impl<T: Numbered> Order<T> {
    pub(super) fn new() -> Self {
        Self { written: VecDeque::new(), current: None, again: VecDeque::new(), taken_back: None }
    }

    pub(super) fn current(&mut self) -> &mut Option<T> {
        &mut self.current
    }

    /// This one, which was the current one, is wholly written.
    pub(super) fn finish(&mut self, track: T) {
        if self.taken_back == Some(track.track()) {
            return;
        }
        if self.written.len() >= KEPT {
            self.written.pop_front();
        }
        self.written.push_back(track);
    }

    /// What follows from its beginning.
    pub(super) fn again(&mut self) -> &mut VecDeque<T> {
        &mut self.again
    }

    /// Nobody wants to hear `track` any more, unless it sounds already.
    pub(super) fn take_back(&mut self, track: TrackId) {
        let count = self.written.len() + self.again.len();
        self.written.retain(|other| other.track() != track);
        self.again.retain(|other| other.track() != track);
        if self.written.len() + self.again.len() == count {
            self.taken_back = Some(track);
        }
    }

    /// The ring was emptied, and `track` is next to be written: takes it out. What came before is over, what came behind follows
    /// again. `None` if it isn't here.
    pub(super) fn turn_to(&mut self, track: TrackId) -> Option<T> {
        let mut all: VecDeque<T> =
            self.written.drain(..).chain(self.current.take()).chain(self.again.drain(..)).collect();
        let unwanted = self.taken_back.filter(|&unwanted| unwanted != track);
        all.retain(|other| other.track() >= track && Some(other.track()) != unwanted);
        let found = if all.front().is_some_and(|first| first.track() == track) { all.pop_front() } else { None };
        self.again = all;
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Numbered for u64 {
        fn track(&self) -> TrackId {
            TrackId(*self)
        }
    }

    /// These wholly written, and the last one being written.
    fn order(tracks: &[u64]) -> Order<u64> {
        let mut order = Order::new();
        let (last, written) = tracks.split_last().expect("a track");
        for track in written {
            order.finish(*track);
        }
        *order.current() = Some(*last);
        order
    }

    fn following(order: &Order<u64>) -> Vec<u64> {
        order.again.iter().copied().collect()
    }

    #[test]
    fn what_lies_behind_the_one_that_is_gone_back_to_follows_again() {
        for (tracks, to, behind) in [(&[1, 2, 3][..], 1, &[2, 3][..]), (&[1, 2, 3], 2, &[3]), (&[1, 2, 3], 3, &[])] {
            let mut order = order(tracks);
            assert_eq!(order.turn_to(TrackId(to)), Some(to));
            assert_eq!((following(&order), order.current), (behind.to_vec(), None), "{to}");
        }
        // Once more, with the first of them under way again.
        let mut order = order(&[1, 2, 3]);
        *order.current() = order.turn_to(TrackId(1));
        assert_eq!(order.turn_to(TrackId(1)), Some(1));
        assert_eq!(following(&order), [2, 3]);
    }

    #[test]
    fn with_both_wholly_written_and_nothing_under_way_none_is_lost() {
        let mut order = Order::new();
        order.finish(1);
        order.finish(2);
        assert_eq!(order.turn_to(TrackId(1)), Some(1));
        assert_eq!(following(&order), [2]);
    }

    #[test]
    fn one_that_is_not_here_is_named_and_what_comes_behind_it_follows() {
        let mut order = order(&[2, 3]);
        assert_eq!(order.turn_to(TrackId(1)), None);
        assert_eq!(following(&order), [2, 3]);
        assert_eq!(order.turn_to(TrackId(4)), None);
        assert!(following(&order).is_empty());
    }

    #[test]
    fn what_was_taken_back_does_not_come_again() {
        let mut wholly = order(&[1, 2, 3]);
        wholly.take_back(TrackId(2));
        assert_eq!(wholly.turn_to(TrackId(1)), Some(1));
        assert_eq!(following(&wholly), [3]);
        let mut partly = order(&[1, 2]);
        partly.take_back(TrackId(2));
        let current = partly.current().take();
        partly.finish(current.expect("the current one"));
        partly.finish(3);
        assert_eq!(partly.turn_to(TrackId(1)), Some(1));
        assert_eq!(following(&partly), [3]);
        // It sounds: it is what goes on.
        let mut sounding = order(&[1, 2]);
        sounding.take_back(TrackId(2));
        assert_eq!(sounding.turn_to(TrackId(2)), Some(2));
    }

    #[test]
    fn no_more_are_kept_than_may_still_be_heard() {
        let mut order = Order::new();
        for track in 1..100 {
            order.finish(track);
        }
        assert_eq!(order.written, [98, 99]);
    }
}
