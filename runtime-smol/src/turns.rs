//! The loop: one future, turn after turn.
//!
//! A turn asks the poller which sockets are ready, feeds their bytes to the gateway, and flushes what the gateway
//! decided. The work of a turn is bounded, so that no peer keeps the others waiting. What is left over is for the
//! next turn, which follows without a sleep.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use async_io::{Async, Timer};
use flashgate_core::Input;
use futures_lite::future;

use crate::poller::Events;
use crate::state::{Stage, State};

/// What the loop does between two turns.
enum Rest {
    /// Nothing: work is left, or more may have come meanwhile.
    Skip,
    /// It sleeps until something happens, or until this time.
    Until(Option<Instant>),
}

impl State {
    /// Serves until the shutdown and the end of the last connection.
    pub(crate) async fn run(mut self) -> io::Result<()> {
        let wakeups = Async::new_nonblocking(Arc::clone(&self.poller))?;
        let mut alarm = Alarm::new();
        let mut events = Events::new();
        loop {
            // A sleep by way of the executor takes more system calls than another look.
            for _ in 0..MAX_TURNS {
                self.poller.wait(&mut events)?;
                self.turn(&events)?;
                if self.stage == Stage::Stopping && self.gateway.is_empty() {
                    return Ok(());
                }
                if let Rest::Until(deadline) = self.rest(&events) {
                    alarm.set(deadline);
                    future::or(wakeups.readable(), alarm.ring()).await?;
                }
            }
            // Now the executor can run other futures.
            future::yield_now().await;
        }
    }

    pub(crate) fn turn(&mut self, events: &Events) -> io::Result<()> {
        self.mailbox.begin_turn();
        self.listeners.begin_turn();
        self.now = self.clock.now();
        if self.timers_due() {
            self.gateway.handle(self.now, Input::Timeout);
            self.pump();
        }
        if self
            .listeners
            .paused_until()
            .is_some_and(|until| until <= Instant::now())
        {
            self.listeners.resume()?;
        }
        for event in events.iter() {
            match self.listeners.find(event.key) {
                Some(listener) => self.accept(listener)?,
                None => self.on_socket(event),
            }
        }
        // After the sockets: a request that came before a shutdown is served before it.
        self.take_mailbox();
        self.flush_dirty();
        if self.dirty.is_empty() {
            if !self.timers_due() {
                self.progress.turn();
            }
            self.progress.publish();
        }
        (self.beat)();
        Ok(())
    }

    pub(crate) fn take_mailbox(&mut self) {
        for input in self.mailbox.take() {
            if let Input::Configure(config) = &input {
                self.config = Arc::clone(config);
                self.listeners.set_keepalive(&config.limits.keepalive);
            } else if let Input::Shutdown = &input {
                self.stage = Stage::Stopping;
                self.listeners.close();
            }
            self.gateway.handle(self.now, input);
            self.pump();
        }
    }

    fn rest(&self, events: &Events) -> Rest {
        // A clock that is moved by hand has no alarm: its last reading decides what is due.
        if !events.is_empty() || !self.dirty.is_empty() || self.timers_due() {
            return Rest::Skip;
        }
        let until = |deadline| Instant::now().checked_add(self.clock.until(deadline)?);
        let timers = self.gateway.poll_timeout().and_then(until);
        let paused = self.listeners.paused_until();
        Rest::Until(timers.into_iter().chain(paused).min())
    }

    fn timers_due(&self) -> bool {
        self.gateway
            .poll_timeout()
            .is_some_and(|deadline| deadline <= self.now.mono)
    }
}

/// An alarm clock that is set as seldom as possible: each setting wakes async-io's own thread.
struct Alarm {
    timer: Timer,
    set_to: Option<Instant>,
}

impl Alarm {
    fn new() -> Self {
        Self {
            timer: Timer::never(),
            set_to: None,
        }
    }

    /// Makes it ring at `deadline`, or before: an earlier ring stays, and costs one empty turn.
    fn set(&mut self, deadline: Option<Instant>) {
        let Some(deadline) = deadline else {
            return;
        };
        if self.set_to.is_none_or(|earlier| deadline < earlier) {
            self.timer.set_at(deadline);
            self.set_to = Some(deadline);
        }
    }

    async fn ring(&mut self) -> io::Result<()> {
        (&mut self.timer).await;
        self.set_to = None;
        Ok(())
    }
}

/// Turns in a row, while there is work, before the executor can run other futures.
const MAX_TURNS: usize = 16;
