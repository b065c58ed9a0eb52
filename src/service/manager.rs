//! What the server reports to the service manager (sd_notify(3)): that it is ready, reloads or stops, how many clients
//! it has, and that its loop is alive.
//!
//! A thread of its own sends all of it, so that a manager that does not read blocks nothing else. It sends a sign of
//! life only if the loop has turned since the last one: it wakes the loop, and checks that [`Reports::beat`] was
//! called.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use flashgate_core::{Note, What};
use flashgate_host::Handle;
use sd_notify::NotifyState;

use crate::failure::Failure;
use crate::log::diagnostics::start_thread;

/// What the server's loop reports, at the cost of a store to memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reports(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    clients: AtomicUsize,
    max: AtomicUsize,
    beaten: AtomicBool,
}

impl Reports {
    /// Counts the clients.
    pub(crate) fn heard(&self, note: &Note) {
        let Counts { clients, max, .. } = &*self.0;
        // Other notes do not change how many there are.
        #[allow(clippy::wildcard_enum_match_arm)]
        match note.what {
            What::Connected {
                clients: now,
                max: most,
            } => {
                clients.store(now, Ordering::Relaxed);
                max.store(most, Ordering::Relaxed);
            }
            What::Closed { .. } => {
                clients.store(
                    clients.load(Ordering::Relaxed).saturating_sub(1),
                    Ordering::Relaxed,
                );
            }
            _ => {}
        }
    }

    /// The loop has made a turn.
    pub(crate) fn beat(&self) {
        self.0.beaten.store(true, Ordering::Relaxed);
    }

    fn status(&self) -> String {
        let count = |number: &AtomicUsize| number.load(Ordering::Relaxed);
        format!(
            "Clients: {} of {}",
            count(&self.0.clients),
            count(&self.0.max)
        )
    }
}

/// The service manager. Without one, nothing is sent.
#[derive(Clone, Debug)]
pub(crate) struct Manager {
    /// `None` if there is none.
    messages: Option<Sender<Message>>,
    reports: Reports,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    /// The server serves from now on, or has read its configuration again.
    Ready,
    /// It reads its configuration again, since this moment of the machine's monotonic clock, in microseconds.
    Reloading(i128),
    Stopping,
}

impl Manager {
    /// Starts the thread, if there is a service manager.
    pub(crate) fn start(reports: Reports, handle: Handle) -> Result<Self, Failure> {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            let messages = None;
            return Ok(Self { messages, reports });
        }
        let (messages, received) = mpsc::channel();
        // Four looks in the time that systemd allows, as it recommends at least two signs of life.
        let watchdog = sd_notify::watchdog_enabled().map(|limit| limit / 4);
        let mut service = Service {
            reports: reports.clone(),
            handle,
            received,
            watchdog,
            stage: Stage::Starting,
            said: String::new(),
        };
        start_thread("service manager", move || service.run())?;
        let messages = Some(messages);
        Ok(Self { messages, reports })
    }

    /// The server is ready for this many clients, after a start or a reload.
    pub(crate) fn ready(&self, max: usize) {
        self.reports.0.max.store(max, Ordering::Relaxed);
        self.send(Message::Ready);
    }

    /// A reload begins; [`Self::ready`] ends it.
    pub(crate) fn reloading(&self) {
        if let Ok(NotifyState::MonotonicUsec(now)) = NotifyState::monotonic_usec_now() {
            self.send(Message::Reloading(now));
        }
    }

    /// The server begins to stop.
    pub(crate) fn stopping(&self) {
        self.send(Message::Stopping);
    }

    fn send(&self, message: Message) {
        if let Some(messages) = &self.messages {
            let _ = messages.send(message);
        }
    }
}

/// The sending end, on its own thread.
struct Service {
    reports: Reports,
    handle: Handle,
    received: Receiver<Message>,
    /// How often the loop must show that it is alive.
    watchdog: Option<Duration>,
    stage: Stage,
    /// The status that was sent last.
    said: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Starting,
    Serving,
    Stopping,
}

impl Service {
    fn run(&mut self) {
        let mut next_look = self.watchdog.map(|time| Instant::now() + time);
        let mut next_status = Instant::now();
        loop {
            let next = next_look.into_iter().chain([next_status]).min();
            let wait = next.map_or(STATUS, |next| {
                next.saturating_duration_since(Instant::now())
            });
            match self.received.recv_timeout(wait) {
                Ok(message) => self.pass_on(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            if let (Some(look), Some(time)) = (next_look, self.watchdog)
                && look <= now
            {
                self.watch();
                next_look = Some(now + time);
            }
            if next_status <= now {
                self.say_status();
                next_status = now + STATUS;
            }
        }
    }

    fn pass_on(&mut self, message: Message) {
        match message {
            Message::Ready => {
                // The end of a reload must not hide that the server stops.
                if self.stage != Stage::Stopping {
                    self.stage = Stage::Serving;
                    self.said = self.reports.status();
                    send(&[NotifyState::Ready, NotifyState::Status(&self.said)]);
                }
            }
            Message::Reloading(now) if self.stage == Stage::Serving => {
                send(&[NotifyState::Reloading, NotifyState::MonotonicUsec(now)]);
            }
            Message::Stopping if self.stage != Stage::Stopping => {
                self.stage = Stage::Stopping;
                send(&[NotifyState::Stopping, NotifyState::Status("Stopping")]);
            }
            Message::Reloading(_) | Message::Stopping => {}
        }
    }

    /// Sends a sign of life if the loop has given one, and asks for the next.
    fn watch(&self) {
        if self.reports.0.beaten.swap(false, Ordering::Relaxed) {
            send(&[NotifyState::Watchdog]);
        }
        self.handle.wake();
    }

    fn say_status(&mut self) {
        let status = self.reports.status();
        if self.stage == Stage::Serving && status != self.said {
            send(&[NotifyState::Status(&status)]);
            self.said = status;
        }
    }
}

/// If the manager is gone, or has no space, the message is lost.
fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        log::debug!("no message can be sent to the service manager: {error}");
    }
}

/// How often the number of clients is reported, if it has changed.
const STATUS: Duration = Duration::from_secs(1);
