//! The lookups that wait for a thread. Sources take turns, so that one that asks often does not delay the
//! others. Other work is done when no lookup waits.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use flashgate_core::Source;
use parking_lot::{Condvar, Mutex};

/// A bounded queue of lookups `J`, and a second one of work `L` that can wait.
#[derive(Debug)]
pub(super) struct Queue<J, L> {
    inner: Mutex<Inner<J, L>>,
    /// Something was added, or the queue was closed.
    changed: Condvar,
    /// The queue was closed.
    closed: Condvar,
    most: usize,
    most_later: usize,
}

#[derive(Debug)]
struct Inner<J, L> {
    /// What waits, by its source.
    waiting: BTreeMap<Source, VecDeque<J>>,
    /// The sources in `waiting`; the source at the front is next.
    turns: VecDeque<Source>,
    length: usize,
    later: VecDeque<L>,
    is_closed: bool,
    /// When a thread last had nothing else to do than to look for changes.
    looked: Instant,
}

/// What a thread does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<J, L> {
    Job(J),
    /// No lookup waits.
    Later(L),
    /// Nothing has waited for a while.
    Look,
    /// The queue is closed, and nothing is left.
    End,
}

impl<J, L> Queue<J, L> {
    /// A queue for `most` lookups, and `most_later` pieces of work that can wait.
    pub(super) fn new(most: usize, most_later: usize) -> Self {
        Self {
            inner: Mutex::new(Inner {
                waiting: BTreeMap::new(),
                turns: VecDeque::new(),
                length: 0,
                later: VecDeque::new(),
                is_closed: false,
                looked: Instant::now(),
            }),
            changed: Condvar::new(),
            closed: Condvar::new(),
            most,
            most_later,
        }
    }

    /// Adds a lookup, or returns it if the queue is full.
    pub(super) fn push(&self, source: Source, job: J) -> Result<(), J> {
        let mut inner = self.inner.lock();
        if inner.length >= self.most {
            return Err(job);
        }
        inner.length += 1;
        let Inner { waiting, turns, .. } = &mut *inner;
        let of_source = waiting.entry(source).or_default();
        if of_source.is_empty() {
            turns.push_back(source);
        }
        of_source.push_back(job);
        drop(inner);
        self.changed.notify_one();
        Ok(())
    }

    /// Adds work that can wait, or returns it if its queue is full.
    pub(super) fn push_later(&self, work: L) -> Result<(), L> {
        let mut inner = self.inner.lock();
        if inner.later.len() >= self.most_later {
            return Err(work);
        }
        inner.later.push_back(work);
        drop(inner);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for what is next. [`Next::Look`] comes `look` after the previous one, however many lookups were made
    /// meanwhile: otherwise logins would put it off.
    pub(super) fn next(&self, look: Duration) -> Next<J, L> {
        let mut inner = self.inner.lock();
        loop {
            if let Some(job) = inner.take() {
                return Next::Job(job);
            }
            if let Some(work) = inner.later.pop_front() {
                return Next::Later(work);
            }
            if inner.is_closed {
                return Next::End;
            }
            let wait = look.saturating_sub(inner.looked.elapsed());
            if wait.is_zero() {
                inner.looked = Instant::now();
                return Next::Look;
            }
            self.changed.wait_for(&mut inner, wait);
        }
    }

    /// Waits until then, or until the queue is closed.
    pub(super) fn sleep_until(&self, then: Instant) {
        let is_open = |inner: &mut Inner<J, L>| !inner.is_closed;
        let mut inner = self.inner.lock();
        self.closed.wait_while_until(&mut inner, is_open, then);
    }

    /// The next lookup, if one waits.
    pub(super) fn take(&self) -> Option<J> {
        self.inner.lock().take()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.inner.lock().is_closed
    }

    /// Closes the queue: what is in it is still done, and then the threads end.
    pub(super) fn close(&self) {
        self.inner.lock().is_closed = true;
        self.changed.notify_all();
        self.closed.notify_all();
    }

    /// How much work that can wait is in the queue.
    pub(super) fn later(&self) -> usize {
        self.inner.lock().later.len()
    }
}

impl<J, L> Inner<J, L> {
    fn take(&mut self) -> Option<J> {
        let source = self.turns.pop_front()?;
        let of_source = self.waiting.get_mut(&source)?;
        let job = of_source.pop_front();
        if of_source.is_empty() {
            self.waiting.remove(&source);
        } else {
            self.turns.push_back(source);
        }
        self.length -= 1;
        job
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(n: u8) -> Source {
        Source::Address([192, 0, 2, n].into())
    }

    fn taken(queue: &Queue<u32, u32>) -> Vec<Next<u32, u32>> {
        queue.close();
        let mut all = Vec::new();
        while let next @ (Next::Job(_) | Next::Later(_)) = queue.next(Duration::MAX) {
            all.push(next);
        }
        all
    }

    #[test]
    fn sources_take_turns() {
        let queue = Queue::new(100, 0);
        for (from, job) in [(1, 10), (1, 11), (1, 12), (2, 20), (3, 30), (2, 21)] {
            queue.push(source(from), job).unwrap();
        }
        let order = [10, 20, 30, 11, 21, 12].map(Next::Job);
        assert_eq!(taken(&queue), order);
    }

    #[test]
    fn so_many_wait_and_no_more() {
        let queue = Queue::<u32, u32>::new(2, 1);
        assert_eq!(queue.push(source(1), 1), Ok(()));
        assert_eq!(queue.push(source(1), 2), Ok(()));
        assert_eq!(queue.push(source(2), 3), Err(3));
        assert_eq!(queue.next(Duration::MAX), Next::Job(1));
        assert_eq!(queue.push(source(2), 4), Ok(()));
        assert_eq!(queue.push_later(5), Ok(()));
        assert_eq!(queue.push_later(6), Err(6));
        assert_eq!(taken(&queue), [Next::Job(2), Next::Job(4), Next::Later(5)]);
    }

    #[test]
    fn what_can_wait_waits_for_every_lookup() {
        let queue = Queue::new(100, 100);
        queue.push_later(1).unwrap();
        queue.push(source(1), 2).unwrap();
        queue.push_later(3).unwrap();
        queue.push(source(1), 4).unwrap();
        let order = [Next::Job(2), Next::Job(4), Next::Later(1), Next::Later(3)];
        assert_eq!(queue.later(), 2);
        assert_eq!(taken(&queue), order);
    }

    #[test]
    fn one_thread_looks_and_no_other() {
        let queue = Queue::<u32, u32>::new(1, 1);
        assert_eq!(queue.next(Duration::ZERO), Next::Look);
        let looked = |queue: &Queue<u32, u32>| queue.inner.lock().looked;
        let first = looked(&queue);
        queue.close();
        assert_eq!(queue.next(Duration::MAX), Next::End);
        assert_eq!(looked(&queue), first);
        // A closed queue does not sleep.
        queue.sleep_until(Instant::now() + Duration::from_secs(3600));
    }
}
