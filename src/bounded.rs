//! A bounded channel between threads that takes memory only for the items in it. The standard library's
//! bounded channel takes memory for its whole bound from the start.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, TrySendError};
use std::time::Duration;

/// The sending side.
#[derive(Debug)]
pub(crate) struct Sender<T> {
    items: mpsc::Sender<T>,
    waiting: Arc<AtomicUsize>,
    most: usize,
}

/// The receiving side.
#[derive(Debug)]
pub(crate) struct Receiver<T> {
    items: mpsc::Receiver<T>,
    waiting: Arc<AtomicUsize>,
}

/// A channel in which `most` items may wait.
pub(crate) fn channel<T>(most: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = mpsc::channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let sender = Sender {
        items: sender,
        waiting: Arc::clone(&waiting),
        most,
    };
    let items = receiver;
    (sender, Receiver { items, waiting })
}

impl<T> Sender<T> {
    /// Sends an item, or gives it back when the channel is full or the receiver is gone.
    pub(crate) fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        // Relaxed: the count orders nothing, and the channel itself hands the items over.
        let one_more = |waiting| (waiting < self.most).then_some(waiting + 1);
        let counted = self
            .waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        if counted.is_err() {
            return Err(TrySendError::Full(item));
        }
        self.items.send(item).map_err(|unsent| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            TrySendError::Disconnected(unsent.0)
        })
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            items: self.items.clone(),
            waiting: Arc::clone(&self.waiting),
            most: self.most,
        }
    }
}

impl<T> Receiver<T> {
    /// The next item, when there is one within `longest`.
    pub(crate) fn recv_timeout(&self, longest: Duration) -> Result<T, RecvTimeoutError> {
        let item = self.items.recv_timeout(longest);
        self.taken(item.is_ok());
        item
    }

    /// What waits, without waiting for more.
    pub(crate) fn try_iter(&self) -> impl Iterator<Item = T> + '_ {
        let taken = |_: &T| self.taken(true);
        self.items.try_iter().inspect(taken)
    }

    fn taken(&self, is_one: bool) {
        self.waiting
            .fetch_sub(usize::from(is_one), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Duration = Duration::ZERO;

    #[test]
    fn so_many_wait_and_no_more() {
        let (sender, receiver) = channel(2);
        let other = sender.clone();
        assert!(sender.try_send(1).is_ok() && other.try_send(2).is_ok());
        assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
        assert_eq!(receiver.recv_timeout(AT_ONCE), Ok(1));
        assert!(other.try_send(4).is_ok());
        assert_eq!(sender.try_send(5), Err(TrySendError::Full(5)));
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [2, 4]);
        assert!(sender.try_send(6).is_ok() && sender.try_send(7).is_ok());
        let timeout = Err(RecvTimeoutError::Timeout);
        assert_eq!(receiver.try_iter().count(), 2);
        assert_eq!(receiver.recv_timeout(AT_ONCE), timeout);
        drop(receiver);
        for item in 8..12 {
            let nobody = Err(TrySendError::Disconnected(item));
            assert_eq!(sender.try_send(item), nobody);
        }
    }
}
