//! A bounded queue to a thread that writes. Its senders never wait: an item that does not fit is dropped, and counted.
//!
//! It takes memory only for the items in it. The standard library's bounded channel takes memory for its whole
//! bound from the start.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

/// The sending side.
#[derive(Debug)]
pub(crate) struct Sender<T> {
    items: mpsc::Sender<Item<T>>,
    counts: Arc<Counts>,
    most: usize,
}

/// The receiving side.
#[derive(Debug)]
pub(crate) struct Receiver<T> {
    items: mpsc::Receiver<Item<T>>,
    counts: Arc<Counts>,
}

/// What comes out of the queue.
#[derive(Debug)]
pub(crate) enum Item<T> {
    One(T),
    /// Everything before this is to be written; then say so.
    Flush(SyncSender<()>),
}

#[derive(Debug, Default)]
struct Counts {
    waiting: AtomicUsize,
    dropped: AtomicU64,
}

/// A queue in which `most` items may wait.
pub(crate) fn channel<T>(most: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, items) = mpsc::channel();
    let counts = Arc::<Counts>::default();
    let sender = Sender {
        items: sender,
        counts: Arc::clone(&counts),
        most,
    };
    (sender, Receiver { items, counts })
}

impl<T> Sender<T> {
    /// Sends an item, or drops and counts it when the queue is full or the receiver is gone.
    pub(crate) fn put(&self, item: T) {
        if self.try_send(Item::One(item)).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many items were dropped so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything sent so far is written, but no longer than `longest`.
    pub(crate) fn flush(&self, longest: Duration) {
        let (done, wait) = mpsc::sync_channel(1);
        let end = Instant::now() + longest;
        while let Err(error) = self.try_send(Item::Flush(done.clone())) {
            match error {
                TrySendError::Full(_) if Instant::now() < end => thread::sleep(FLUSH_AGAIN),
                TrySendError::Full(_) | TrySendError::Disconnected(_) => return,
            }
        }
        let _ = wait.recv_timeout(end.saturating_duration_since(Instant::now()));
    }

    fn try_send(&self, item: Item<T>) -> Result<(), TrySendError<Item<T>>> {
        // Relaxed: the count orders nothing, and the channel itself hands the items over.
        let one_more = |waiting| (waiting < self.most).then_some(waiting + 1);
        let waiting = &self.counts.waiting;
        let counted = waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        if counted.is_err() {
            return Err(TrySendError::Full(item));
        }
        self.items.send(item).map_err(|unsent| {
            waiting.fetch_sub(1, Ordering::Relaxed);
            TrySendError::Disconnected(unsent.0)
        })
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            items: self.items.clone(),
            counts: Arc::clone(&self.counts),
            most: self.most,
        }
    }
}

impl<T> Receiver<T> {
    /// The next item, when there is one within `longest`.
    pub(crate) fn recv_timeout(&self, longest: Duration) -> Result<Item<T>, RecvTimeoutError> {
        self.items.recv_timeout(longest).inspect(|_| self.taken())
    }

    /// What waits, without waiting for more.
    pub(crate) fn try_iter(&self) -> impl Iterator<Item = Item<T>> + '_ {
        self.items.try_iter().inspect(|_| self.taken())
    }

    fn taken(&self) {
        self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many items were dropped so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Counts items that could not be written as dropped.
    pub(crate) fn drop_more(&self, items: usize) {
        self.counts
            .dropped
            .fetch_add(items as u64, Ordering::Relaxed);
    }
}

const FLUSH_AGAIN: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_wait_and_no_more() {
        let (sender, receiver) = channel(2);
        let other = sender.clone();
        let one = |item| match item {
            Item::One(item) => item,
            Item::Flush(_) => panic!("nobody has asked for it"),
        };
        let next = || receiver.recv_timeout(Duration::ZERO).map(one);
        sender.put(1);
        other.put(2);
        assert_eq!(sender.dropped(), 0);
        sender.put(3);
        assert_eq!(sender.dropped(), 1);
        assert_eq!(next(), Ok(1));
        other.put(4);
        sender.put(5);
        assert_eq!(receiver.dropped(), 2);
        assert_eq!(receiver.try_iter().map(one).collect::<Vec<_>>(), [2, 4]);
        sender.put(6);
        sender.put(7);
        assert_eq!(receiver.try_iter().count(), 2);
        assert_eq!(next(), Err(RecvTimeoutError::Timeout));
        drop(receiver);
        for item in 8..12 {
            let sent = sender.try_send(Item::One(item));
            assert!(
                matches!(sent, Err(TrySendError::Disconnected(Item::One(back))) if back == item)
            );
        }
        sender.put(12);
        assert_eq!(other.dropped(), 3);
    }
}
