//! Diagnostics: messages to the operator on standard error, written without waiting for it.
//!
//! Standard error may be a pipe that is not read. A thread that waited for it would block everything that it
//! holds: a thread of the pool holds a lock, and with it all logins. So a server sends everything for
//! standard error (records of the `log` crate, panics, texts of [`say`]) through a bounded queue to a thread
//! of its own, or into its log if that has a file. Lines that do not fit are dropped and counted.

use std::env;
use std::io::{self, Write};
use std::panic;
use std::sync::OnceLock;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

use log::LevelFilter;
use parking_lot::Mutex;

use super::event::Event;
use super::writer::Writer;
use crate::bounded::{self, Item, Receiver, Sender};
use crate::failure::{Exit, Failure};

/// Puts warnings on standard error, unless `RUST_LOG` says otherwise. For a command that ends by
/// itself, and may wait.
pub fn direct() {
    builder().init();
}

/// Takes diagnostics of this level, for a server. They wait until [`queue`] starts a thread that writes them, which a
/// server may do only after it has changed its user. `stamped` is whether each gets a time; lines of a log have one
/// already.
pub fn server(level: LevelFilter, stamped: bool) {
    // Takes everything: what gets here is decided before, by a level that can change.
    let mut builder =
        env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("trace"));
    if !stamped {
        builder.format_timestamp(None);
    }
    builder
        .target(env_logger::Target::Pipe(Box::new(Pipe)))
        .init();
    set_level(level);
    *EARLY.lock() = Some(Vec::new());
}

/// From now on diagnostics go to standard error through a queue, with panics and the texts of [`say`].
pub fn queue() -> Result<(), Failure> {
    let queue = Queue::new(io::stderr())?;
    // The first caller has set up the same standard error.
    let _ = QUEUE.set(queue);
    let early = EARLY.lock().take();
    for message in early.into_iter().flatten() {
        put(message);
    }
    panic::set_hook(Box::new(|panic| {
        let thread = thread::current();
        let name = thread.name().unwrap_or("unnamed");
        put(format!("flashgate: a fault in thread {name}: {panic}\n").into_bytes());
        // It may be the process's last word.
        flush();
    }));
    Ok(())
}

/// From now on they go into the log.
pub fn to_log(writer: &Writer) {
    let _ = LOG.set(writer.clone());
}

/// Changes the level of what a server writes, unless `RUST_LOG` decides it: that can name modules, too.
pub fn set_level(level: LevelFilter) {
    if env::var_os(env_logger::DEFAULT_FILTER_ENV).is_none() {
        log::set_max_level(level);
    }
}

fn builder() -> env_logger::Builder {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn"))
}

/// Prints a message to the user on standard error. Does not wait in a server.
pub fn say(text: &str) {
    put(format!("flashgate: {text}\n").into_bytes());
}

fn put(message: Vec<u8>) {
    if let Some(writer) = LOG.get() {
        let text = String::from_utf8_lossy(&message);
        writer.event(&Event::Diagnostic(text.trim_end()));
    } else if let Some(queue) = QUEUE.get() {
        queue.put(message);
    } else if let Some(early) = &mut *EARLY.lock() {
        early.push(message);
    } else {
        // If not even this can be written, the exit code says the rest.
        drop(io::stderr().write_all(&message));
    }
}

/// Waits until what was said so far is written, but for a moment only: to be called before an end.
pub fn flush() {
    if let Some(writer) = LOG.get() {
        writer.flush(LAST_WORDS);
    } else if let Some(queue) = QUEUE.get() {
        queue.0.flush(LAST_WORDS);
    } else {
        let early = EARLY.lock().take();
        for message in early.into_iter().flatten() {
            put(message);
        }
    }
}

/// Diagnostics from the time before a server may start a thread. There are few.
static EARLY: Mutex<Option<Vec<Vec<u8>>>> = Mutex::new(None);

/// The process has one standard error.
static QUEUE: OnceLock<Queue> = OnceLock::new();

/// The log, once it takes diagnostics.
static LOG: OnceLock<Writer> = OnceLock::new();

/// What the `log` crate writes to. Each write is one whole message, as env_logger makes them.
struct Pipe;

impl Write for Pipe {
    fn write(&mut self, message: &[u8]) -> io::Result<usize> {
        put(message.to_vec());
        Ok(message.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The near end of the queue.
struct Queue(Sender<Vec<u8>>);

impl Queue {
    fn new(output: impl Write + Send + 'static) -> Result<Self, Failure> {
        let (items, queue) = bounded::channel(MAX_MESSAGES);
        start_thread("diagnostics", move || run(&queue, output))?;
        Ok(Self(items))
    }

    fn put(&self, mut message: Vec<u8>) {
        if message.len() > MAX_MESSAGE {
            message.truncate(MAX_MESSAGE);
            message.extend_from_slice(b"...\n");
        }
        self.0.put(message);
    }
}

/// The far end, on its own thread. It may block as long as it likes.
fn run(queue: &Receiver<Vec<u8>>, mut output: impl Write) {
    let mut told = 0;
    loop {
        // The time-out is for the last loss, behind which no message may ever come.
        match queue.recv_timeout(REPORT_AFTER) {
            // A closed standard error cannot be reported anywhere.
            Ok(Item::One(message)) => drop(output.write_all(&message)),
            Ok(Item::Flush(done)) => drop(done.try_send(())),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let lost = queue.dropped();
        if lost != told {
            let more = lost - told;
            let _ = writeln!(
                output,
                "flashgate: standard error was blocked, {more} messages are lost"
            );
            told = lost;
        }
    }
}

/// Starts a thread; where the system has none left, that is a failure and no panic.
pub(crate) fn start_thread(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<(), Failure> {
    let builder = thread::Builder::new().name(name.to_owned());
    match builder.spawn(work) {
        Ok(_) => Ok(()),
        Err(error) => Err(Exit::Failure.because(format!(
            "cannot start the thread {name}: {error}; {MORE_THREADS}"
        ))),
    }
}

/// What to do when a thread cannot be started.
pub(crate) const MORE_THREADS: &str =
    "allow more of them (ulimit -u, or TasksMax= of systemd), or more memory";

/// Messages that may wait; then more are dropped.
const MAX_MESSAGES: usize = 1000;

/// Bytes of one message, so that those that wait take 8 MiB at most.
const MAX_MESSAGE: usize = 8 * 1024;

/// A stop has 5 s in all.
const LAST_WORDS: Duration = Duration::from_millis(200);
const REPORT_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_blocked_output_blocks_nobody_and_the_loss_is_told() {
        let gate = Arc::new(Mutex::new(Vec::new()));
        let queue = Queue::new(Gated(Arc::clone(&gate))).unwrap();
        let blocked = gate.lock().unwrap();
        let start = Instant::now();
        let messages = MAX_MESSAGES + 10;
        for _ in 0..messages {
            queue.put(b"x\n".to_vec());
        }
        queue.0.flush(Duration::from_millis(50));
        assert!(start.elapsed() < Duration::from_secs(5));
        // One may be in the hands of the thread.
        let dropped = queue.0.dropped();
        assert!((9..=10).contains(&dropped), "{dropped}");
        drop(blocked);
        queue.0.flush(Duration::from_secs(10));
        queue.0.flush(Duration::from_secs(10));
        let text = String::from_utf8(gate.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text.matches("x\n").count() as u64,
            messages as u64 - dropped
        );
        let told = format!("{dropped} messages are lost");
        assert_eq!(text.matches(&told).count(), 1, "{text}");
    }

    #[test]
    fn a_long_message_is_cut() {
        let gate = Arc::new(Mutex::new(Vec::new()));
        let queue = Queue::new(Gated(Arc::clone(&gate))).unwrap();
        queue.put(vec![b'x'; 3 * MAX_MESSAGE]);
        queue.0.flush(Duration::from_secs(10));
        assert_eq!(gate.lock().unwrap().len(), MAX_MESSAGE + 4);
    }

    /// An output that blocks while a test looks at it.
    struct Gated(Arc<Mutex<Vec<u8>>>);

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
