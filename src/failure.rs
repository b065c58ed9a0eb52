//! How a command fails: what to say, and with which exit code.

use std::fmt;

/// An error on its way to standard error. The message says what was wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// For the operator; may have several lines.
    pub message: String,
}

impl Failure {
    /// A failure with its message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Exit codes. Above 1 they are those of BSD's `sysexits.h`, which service managers can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Something failed: the store, a file, a member who is not there.
    Failure,
    /// The command line makes no sense.
    Usage,
    /// The file to import has faults.
    Data,
    /// An address cannot be listened on.
    Unavailable,
    /// The options make sense, but what they name or add up to does not.
    Config,
}

impl Exit {
    /// The number for the operating system.
    pub const fn code(self) -> u8 {
        match self {
            Self::Failure => 1,
            Self::Usage => 64,
            Self::Data => 65,
            Self::Unavailable => 69,
            Self::Config => 78,
        }
    }
}
