//! All files as one queue with SetNextAVTransportURI.
use std::time::Instant;

use super::{Outcome, Run};
use crate::chain::Chain;

impl Run<'_> {
    /// Plays all files as one queue. Where the renderer stops (a file that can't be opened, say), the queue begins anew with
    /// the next file.
    ///
    /// # Errors
    /// When a line can't be written.
    pub fn gapless(&mut self) -> anyhow::Result<()> {
        let mut next = 0;
        while next < self.items.len() {
            next = self.queue_from(next)?;
        }
        self.report(true)
    }

    /// Plays from a file on until the renderer stops; returns the file to go on with.
    fn queue_from(&mut self, first: usize) -> anyhow::Result<usize> {
        let mut sent_ns = match self.begin(first) {
            Ok(sent_ns) => Some(sent_ns),
            Err(outcome) => {
                self.finish(first, outcome, None)?;
                return Ok(first + 1);
            }
        };
        let mut current = first;
        let mut queued = self.name_next(current);
        let mut deadline = Instant::now() + self.timeout;
        loop {
            let seen = match self.glance(deadline) {
                Some(outcome) => Err(outcome),
                None => self.ask_where(),
            };
            let (stopped, outcome, uri) = match seen {
                Ok(seen) => seen,
                Err(outcome) => {
                    self.finish(current, outcome, sent_ns)?;
                    return Ok(current + 1);
                }
            };
            if let Some(next) = queued.filter(|next| self.items[*next].url == uri) {
                // The renderer went on by itself. The one after it is named before anything else: the track may be short.
                queued = if stopped { None } else { self.name_next(next) };
                self.finish(current, Outcome::Done, sent_ns.take())?;
                current = next;
                deadline = Instant::now() + self.timeout;
            }
            if stopped {
                return self.stopped(current, queued, outcome, sent_ns);
            }
            self.report(false)?;
        }
    }

    /// The renderer has stopped in `current` with `queued` named: whose fault is it, and where does the queue go on?
    fn stopped(
        &mut self,
        current: usize,
        queued: Option<usize>,
        outcome: Outcome,
        sent_ns: Option<u64>,
    ) -> anyhow::Result<usize> {
        let status = self.chain.as_ref().map(Chain::status);
        let status = status.unwrap_or_default();
        let failed = |index: usize| {
            let track = status.track(&self.items[index].url);
            track.is_some_and(|track| track.error.is_some())
        };
        let Some(queued) = queued.filter(|queued| failed(*queued)) else {
            self.finish(current, outcome, sent_ns)?;
            return Ok(current + 1);
        };
        let own = failed(current);
        self.finish(current, if own { outcome } else { Outcome::Done }, sent_ns)?;
        self.finish(queued, Outcome::Refused(None), None)?;
        Ok(queued + 1)
    }

    /// Names the file behind `current`; `None` if there is none or the renderer doesn't take it (it then is begun by itself).
    fn name_next(&mut self, current: usize) -> Option<usize> {
        let next = self.items.get(current + 1)?;
        let chain = self.chain.as_ref()?;
        let named = chain.point().set_next(&next.url, &next.metadata);
        self.items[current].gate.open();
        named.is_ok().then_some(current + 1)
    }

    /// Whether the renderer has stopped, how, and which track it is in.
    fn ask_where(&mut self) -> Result<(bool, Outcome, String), Outcome> {
        let (stopped, outcome) = self.ask()?;
        let chain = self.chain.as_ref();
        let position = chain.map(|chain| chain.point().position_info());
        match position {
            Some(Ok(position)) => Ok((stopped, outcome, position.uri)),
            Some(Err(error)) => Err(Outcome::Broken(error.to_string())),
            None => Err(Outcome::Broken("nothing is running".into())),
        }
    }
}
