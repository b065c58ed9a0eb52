//! Writes the lines, on a thread of its own.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

use flashgate_core::{Clock, Now};
use parking_lot::Mutex;

use super::diagnostics;
use super::event::{Event, Format};
use super::line::{self, Date, line};
use crate::bounded::{self, Item, Receiver, Sender};
use crate::failure::Failure;

/// Writes lines to an output that may block, without blocking the caller.
#[derive(Clone)]
pub struct Writer {
    queue: Sender<String>,
    clock: Arc<dyn Clock>,
    format: Format,
    date: Arc<Mutex<Date>>,
}

impl Writer {
    /// Starts a thread that writes to `output`.
    pub fn new(
        format: Format,
        clock: Arc<dyn Clock>,
        output: impl Write + Send + 'static,
    ) -> Result<Self, Failure> {
        let (queue, lines) = bounded::channel(MAX_LINES);
        let mut sink = Sink {
            lines,
            output,
            format,
            clock: Arc::clone(&clock),
            reported: 0,
            since_loss: 0,
            broken: false,
        };
        diagnostics::start_thread("the log", move || sink.run())?;
        Ok(Self {
            queue,
            clock,
            format,
            date: Arc::default(),
        })
    }

    /// Logs an event that happens now.
    pub fn event(&self, event: &Event<'_>) {
        self.put(self.clock.now(), event);
    }

    /// Logs an event of a known time. Returns at once; when too many lines wait, the line is dropped.
    pub fn put(&self, now: Now, event: &Event<'_>) {
        let mut line = {
            let mut date = self.date.lock();
            line::begin(self.format, now, &mut date)
        };
        line::end(self.format, &mut line, event);
        line.push('\n');
        self.queue.put(line);
    }

    /// How many lines were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }

    /// Waits until everything said so far is written, but no longer than `longest`.
    pub fn flush(&self, longest: Duration) {
        self.queue.flush(longest);
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("format", &self.format)
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}

/// The writing end, on its own thread.
struct Sink<W> {
    lines: Receiver<String>,
    output: W,
    format: Format,
    clock: Arc<dyn Clock>,
    /// The dropped lines that a line of the log has reported.
    reported: u64,
    /// Lines written since a loss was seen: the lines before it are out once a full queue is.
    since_loss: usize,
    /// The output failed at the last attempt.
    broken: bool,
}

impl<W: Write> Sink<W> {
    fn run(&mut self) {
        let mut batch = String::new();
        let mut flushed = Vec::new();
        let mut drained = true;
        loop {
            // The time-out is for the last dropped lines, behind which no line may ever come.
            let first = match self.lines.recv_timeout(REPORT_AFTER) {
                Ok(first) => Some(first),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            // Where more wait than a batch holds, they are many enough.
            if drained && matches!(first, Some(Item::One(_))) {
                thread::sleep(GATHER);
            }
            // Of what is lost from here on, earlier lines may still wait behind this batch.
            let lost = self.lines.dropped();
            let mut count = 0;
            drained = true;
            for item in first.into_iter().chain(self.lines.try_iter()) {
                match item {
                    Item::One(line) => {
                        batch.push_str(&line);
                        count += 1;
                    }
                    Item::Flush(done) => flushed.push(done),
                }
                if batch.len() >= MAX_BATCH {
                    drained = false;
                    break;
                }
            }
            self.write(&batch, count);
            self.since_loss += if lost == self.reported { 0 } else { count };
            if drained || self.since_loss > MAX_LINES {
                self.report(lost);
            }
            batch.clear();
            for done in flushed.drain(..) {
                let _ = done.try_send(());
            }
        }
    }

    fn report(&mut self, lost: u64) {
        if lost == self.reported {
            return;
        }
        let lines = lost - self.reported;
        let text = line(self.format, self.clock.now(), &Event::Dropped(lines));
        // Lines lost in this attempt are not counted once more.
        if self.write(&(text + "\n"), 0) {
            self.reported = lost;
            self.since_loss = 0;
        }
    }

    /// Writes lines, or counts them as dropped: the server outlives its log.
    fn write(&mut self, batch: &str, lines: usize) -> bool {
        let written = self
            .output
            .write_all(batch.as_bytes())
            .and_then(|()| self.output.flush());
        match written {
            Ok(()) => self.broken = false,
            Err(error) => {
                self.lines.drop_more(lines);
                if !self.broken {
                    log::warn!("cannot write the log: {error}; the server continues without it");
                }
                self.broken = true;
            }
        }
        !self.broken
    }
}

/// Standard output, for a [`Writer`].
pub fn stdout() -> Box<dyn Write + Send> {
    Box::new(io::stdout())
}

/// Lines that may wait; then more are dropped.
const MAX_LINES: usize = 10_000;

/// Bytes in one write, about.
const MAX_BATCH: usize = 64 * 1024;

/// How long a line may wait for others that are written with it. Without it the log takes a wake-up
/// and a write for each line, on the loop's back: a quarter of what a login costs.
const GATHER: Duration = Duration::from_millis(5);

const REPORT_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
