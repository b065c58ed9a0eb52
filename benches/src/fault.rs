//! Why a run has failed: the server did something wrong, or the machine could not do its part.

use std::fmt;
use std::io;

use rustix::io::Errno;

/// What ends a run. Only the reader of its output tells the kinds apart.
#[derive(Debug)]
pub(crate) struct Fault(String);

impl Fault {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// With the bytes that show it.
    pub(crate) fn wrong(what: impl fmt::Display, bytes: &[u8]) -> Self {
        let shown = &bytes[..bytes.len().min(200)];
        Self(format!("{what}: \"{}\"", shown.escape_ascii()))
    }

    /// With what was being done.
    pub(crate) fn during(self, what: impl fmt::Display) -> Self {
        Self(format!("{what}: {self}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<Errno> for Fault {
    fn from(error: Errno) -> Self {
        io::Error::from(error).into()
    }
}
