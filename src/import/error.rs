//! Why nothing is imported.

use std::io;
use std::path::Path;

use super::dump::DumpError;
use super::report::Report;
use crate::store::{Fault, StoreError};

/// Why nothing was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportError {
    /// Rows were refused, or the first row of a CSV file.
    Refused(Box<Report>),
    /// The file cannot be read.
    Unreadable(String),
    /// The file cannot be used as it is, whatever its rows are.
    Unusable(String),
    /// The dump is damaged.
    Dump(DumpError),
    /// The database of the site cannot be used, or has failed.
    Site(StoreError),
    /// The store failed.
    Store(StoreError),
    /// What was seen already, or has come from a database, cannot be kept.
    Scratch(String),
}

/// Why nothing more is read.
pub(crate) enum Stop {
    #[cfg(feature = "mysql")]
    Site(StoreError),
    Unreadable(io::Error),
    Unusable(String),
    Dump(DumpError),
    Store(rusqlite::Error),
    Scratch(rusqlite::Error),
}

impl Stop {
    pub(crate) fn at(self, path: &Path) -> ImportError {
        match self {
            #[cfg(feature = "mysql")]
            Self::Site(error) => ImportError::Site(error),
            Self::Unreadable(error) => ImportError::Unreadable(error.to_string()),
            Self::Unusable(why) => ImportError::Unusable(why),
            Self::Dump(error) => ImportError::Dump(error),
            Self::Store(error) => ImportError::Store(Fault::from(error).at(path)),
            Self::Scratch(error) => ImportError::Scratch(error.to_string()),
        }
    }
}

impl From<DumpError> for Stop {
    fn from(error: DumpError) -> Self {
        Self::Dump(error)
    }
}
