//! Why nothing is imported.

use std::io;

use super::dump::DumpError;
use super::report::Report;
use crate::store::StoreError;

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
    /// The numbers and nicks of earlier rows, or the rows of a database, cannot be kept.
    Scratch(String),
}

impl ImportError {
    /// A temporary file has failed.
    pub(crate) fn scratch(error: rusqlite::Error) -> Self {
        Self::Scratch(error.to_string())
    }
}

impl From<io::Error> for ImportError {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<DumpError> for ImportError {
    fn from(error: DumpError) -> Self {
        Self::Dump(error)
    }
}
