//! Writes a recording to its file without blocking the caller.
//!
//! The core hands over lines while it holds a lock that every connection waits for, so lines are queued and
//! written by a thread. No line may be missing in the middle: when the queue or the disk is full, the
//! recording ends and the server continues.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use flashgate_core::observer::Observer;
use flashgate_core::record::{Recorder, Secrets, Wanted};

use crate::failure::{Exit, Failure};
use crate::files;
use crate::log::diagnostics::{say, start_thread};

/// A recording that is being written.
#[derive(Debug)]
pub struct Recording {
    written: Receiver<()>,
}

impl Recording {
    /// Waits until everything is written after the recording has ended, but no longer than `longest`.
    pub fn wait(self, longest: Duration) {
        let _ = self.written.recv_timeout(longest);
    }
}

/// What shows the gateway to a recording, and the recording.
pub type Started = (Box<dyn Observer>, Recording);

/// Begins a recording in a new file of `limit` MiB at most, a little more for its end.
pub fn start(path: &Path, limit: u64, secrets: Secrets) -> Result<Started, Failure> {
    let file = files::create(path).map_err(|error| {
        let why = if error.kind() == io::ErrorKind::AlreadyExists {
            "it is there already; name a new one".to_owned()
        } else {
            error.to_string()
        };
        Exit::Config.because(format!("cannot record to {}: {why}", path.display()))
    })?;
    let shown = path.display();
    match secrets {
        Secrets::Redacted => say(&format!(
            "recording to {shown}, without passwords and texts"
        )),
        Secrets::Kept => say(&format!(
            "recording to {shown} WITH PASSWORDS AND TEXTS: anybody who reads the file can log in as your \
             members; delete it after use"
        )),
    }
    let (queue, lines) = mpsc::channel();
    let (done, written) = mpsc::sync_channel(1);
    let state = Arc::new(State::default());
    let sink = Arc::clone(&state);
    start_thread("the recording", move || {
        let mut file = Output { file, state: &sink };
        file.run(&lines);
        let _ = done.try_send(());
    })?;
    let mut feed = Feed {
        queue,
        state,
        left: limit.saturating_mul(1024 * 1024),
        over: false,
    };
    let recorder = Recorder::new(secrets, Box::new(move |lines| feed.take(lines)));
    Ok((Box::new(recorder), Recording { written }))
}

/// What both ends of the queue know.
#[derive(Debug, Default)]
struct State {
    /// Bytes in the queue.
    waiting: AtomicUsize,
    /// The queue was full, and lines were lost.
    lost: AtomicBool,
    /// The file takes no more.
    broken: AtomicBool,
}

/// The near end of the queue.
struct Feed {
    queue: Sender<String>,
    state: Arc<State>,
    /// Bytes that the recording may still take.
    left: u64,
    over: bool,
}

impl Feed {
    fn take(&mut self, lines: &str) -> Wanted {
        if self.state.lost.load(Ordering::Relaxed) || self.state.broken.load(Ordering::Relaxed) {
            return Wanted::NoMore;
        }
        // What comes after the limit is the end of the recording, which takes no space in the queue.
        let waiting = self.state.waiting.load(Ordering::Relaxed);
        if !self.over && waiting + lines.len() > MAX_WAITING {
            self.state.lost.store(true, Ordering::Relaxed);
            say(
                "the recording has ended: it cannot be written as fast as it grows; the server continues",
            );
            return Wanted::NoMore;
        }
        self.state.waiting.fetch_add(lines.len(), Ordering::Relaxed);
        // Without a writer, `broken` says so at the next line.
        let _ = self.queue.send(lines.to_owned());
        self.left = self.left.saturating_sub(lines.len() as u64);
        if self.left > 0 || self.over {
            return Wanted::More;
        }
        self.over = true;
        say("the recording has ended: it has reached --record-limit; the server continues");
        Wanted::NoMore
    }
}

/// The far end, on its own thread.
struct Output<'a> {
    file: File,
    state: &'a State,
}

impl Output<'_> {
    fn run(&mut self, queue: &Receiver<String>) {
        let mut batch = String::new();
        while let Ok(first) = queue.recv() {
            batch.push_str(&first);
            for more in queue.try_iter() {
                batch.push_str(&more);
                if batch.len() >= MAX_BATCH {
                    break;
                }
            }
            self.write(&batch);
            self.state.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
            batch.clear();
        }
        if self.state.lost.load(Ordering::Relaxed) {
            self.write("end lost\n");
        }
    }

    fn write(&mut self, lines: &str) {
        if self.state.broken.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.file.write_all(lines.as_bytes()) {
            self.state.broken.store(true, Ordering::Relaxed);
            say(&format!(
                "the recording has ended: it cannot be written: {error}; the server continues"
            ));
        }
    }
}

/// Bytes that may wait for the disk.
const MAX_WAITING: usize = 32 * 1024 * 1024;

/// Bytes in one write, about.
const MAX_BATCH: usize = 256 * 1024;
