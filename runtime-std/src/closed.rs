//! Counts closed sockets: accepting waits for one when it has no descriptor for the next connection.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

/// The number of sockets that have closed so far.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    count: Mutex<u64>,
    changed: Condvar,
}

impl Closed {
    pub(crate) fn count(&self) -> u64 {
        *self.count.lock()
    }

    /// Waits until more than `seen` have closed, for `longest` at most.
    pub(crate) fn wait(&self, seen: u64, longest: Duration) {
        self.wait_with(self.count.lock(), seen, longest);
    }

    fn wait_with(&self, mut count: MutexGuard<'_, u64>, seen: u64, longest: Duration) {
        let is_seen = |count: &mut u64| *count == seen;
        self.changed.wait_while_for(&mut count, is_seen, longest);
    }

    /// Counts one, and wakes all waiting threads.
    pub(crate) fn add(&self) {
        *self.count.lock() += 1;
        self.changed.notify_all();
    }
}

/// Counts a socket when it is dropped. Drop it after the socket, whose descriptor is free by then.
#[derive(Debug)]
pub(crate) struct Counted(pub(crate) Arc<Closed>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.add();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Instant;

    #[test]
    fn a_socket_that_closes_ends_the_wait() {
        let closed = Closed::default();
        let ((waits, waiting), (wakes, woken)) = (mpsc::channel(), mpsc::channel());
        thread::scope(|scope| {
            scope.spawn(|| {
                let count = closed.count.lock();
                // The lock is free only once this thread waits for the condition.
                waits.send(()).expect("the test waits for it");
                closed.wait_with(count, 0, LONG);
                wakes.send(()).expect("the test waits for it");
            });
            waiting.recv().expect("the thread begins");
            closed.add();
            let woken = woken.recv_timeout(PATIENCE);
            closed.changed.notify_all(); // So that a failure ends too.
            assert_eq!(woken, Ok(()));
        });
    }

    /// A socket that closed before the wait ends it.
    #[test]
    fn a_socket_that_has_closed_is_not_waited_for() {
        let closed = Closed::default();
        let seen = closed.count();
        closed.add();
        let start = Instant::now();
        closed.wait(seen, PATIENCE);
        assert!(start.elapsed() < PATIENCE);
    }

    /// Otherwise accepting would fail once more, and wait for the next socket.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_descriptor_is_free_before_its_socket_counts() {
        use std::net::TcpListener;
        use std::os::fd::AsRawFd;

        use crate::conn::Link;

        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has one");
        let stream = std::net::TcpStream::connect(address).expect("there is a backlog");
        let descriptor = format!("/proc/self/fd/{}", stream.as_raw_fd());
        let socket = || std::fs::read_link(&descriptor).ok();
        let open = socket();
        assert!(open.is_some());
        let closed = Arc::new(Closed::default());
        let link = Link::new(stream, &closed);
        // It cannot be counted meanwhile.
        let count = closed.count.lock();
        let drops = thread::spawn(move || drop(link));
        let end = Instant::now() + PATIENCE;
        while socket() == open && Instant::now() < end {
            thread::yield_now();
        }
        let now = socket();
        drop(count);
        drops.join().expect("it does not panic");
        assert_ne!(now, open);
        assert_eq!(closed.count(), 1);
    }

    /// Practically for ever.
    const LONG: Duration = Duration::from_secs(3600);

    /// More time than these tests need on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(20);
}
