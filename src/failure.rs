//! How a command fails: its message and its exit code.
//!
//! The codes follow one rule. A mistake that the command line alone shows, in one option or in several that
//! contradict each other, is [`Exit::Usage`], with a pointer to `--help`. A mistake that only shows on this
//! machine or with its files (a policy file that cannot be read, a file that is not a store, an address that
//! `--demo` may not use, a limit on open files) is [`Exit::Config`]: starting again does not help until an
//! operator changes something. A fault that another try may mend (a lock, a full disk, no free thread) is
//! [`Exit::Failure`].

use std::fmt;
use std::io::{self, Write};

/// An error on its way to standard error. The message says what was wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// For the operator; may have several lines.
    pub message: String,
}

impl Failure {
    /// A command line that makes no sense, with where to read what does.
    pub fn usage(message: &str) -> Self {
        Exit::Usage.because(format!("{message}\n{HELP}"))
    }

    /// A message without where to read more.
    pub(crate) fn without_help(message: &str) -> &str {
        message.strip_suffix(HELP).unwrap_or(message).trim_end()
    }
}

const HELP: &str = "Run flashgate --help, or flashgate COMMAND --help, for more information.";

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Exit codes. Above 1 they are those of BSD's `sysexits.h`, which service managers can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Something failed that another try may mend, or a member is not there.
    Failure = 1,
    /// The command line makes no sense by itself.
    Usage = 64,
    /// The file to import has faults, or a store holds members who can never log in.
    Data = 65,
    /// An address cannot be listened on, or not be reached.
    Unavailable = 69,
    /// The command line makes sense, but not on this machine or with the files it names.
    Config = 78,
}

impl Exit {
    /// A failure with this exit code, and with its message.
    pub fn because(self, message: impl Into<String>) -> Failure {
        let (exit, message) = (self, message.into());
        Failure { exit, message }
    }

    /// The number for the operating system.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// The result of writing to standard output. A closed pipe is not a failure: `flashgate members list | head`.
pub(crate) fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Exit::Failure.because(format!("cannot write to standard output: {error}")))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints a text on standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}
