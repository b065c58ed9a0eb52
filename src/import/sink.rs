//! Where imported members go.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::ImportError;
use super::options::Options;
use super::report::Report;
use crate::store::{Fault, Members};

/// Where members go.
#[derive(Debug)]
pub enum Target<'a> {
    /// Into a store, in one transaction.
    Store(&'a mut Members),
    /// Nowhere: the rows are only checked, against a store if there is one.
    Nowhere(Option<&'a Members>),
}

/// Where good rows go, and which members are there already.
pub(crate) struct Sink<'a> {
    /// The store whose members' numbers and nicks are taken; none if there is no store.
    pub(super) known: Option<&'a Connection>,
    /// Where rows are inserted, unless they are only checked.
    pub(super) into: Option<&'a Transaction<'a>>,
    path: &'a Path,
}

impl Sink<'_> {
    /// The store has failed.
    pub(super) fn failed(&self, error: rusqlite::Error) -> ImportError {
        ImportError::Store(Fault::from(error).at(self.path))
    }
}

/// Imports what `read` reads into the target, in one transaction.
pub(crate) fn put(
    target: Target<'_>,
    options: &Options,
    read: impl FnOnce(Sink<'_>) -> Result<Report, ImportError>,
) -> Result<Report, ImportError> {
    let Members { connection, path } = match target {
        Target::Store(members) => members,
        Target::Nowhere(store) => {
            let sink = Sink {
                known: store.map(|store| &store.connection),
                into: None,
                path: store.map_or("".as_ref(), |store| &store.path),
            };
            return read(sink)?.judged(options);
        }
    };
    let failed = |error| ImportError::Store(Fault::from(error).at(path));
    // Rows come in no order of nicks: with a small cache, each page is written many times.
    let cache = connection.pragma_update(None, "cache_size", CACHE_KIB);
    cache.map_err(failed)?;
    // One transaction from the first check on, so that no other change comes in between.
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed)?;
    let anyone = "SELECT EXISTS (SELECT 1 FROM members)";
    let anyone = transaction.query_row(anyone, [], |row| row.get::<_, bool>(0));
    let sink = Sink {
        known: anyone.map_err(failed)?.then_some(&transaction),
        into: Some(&transaction),
        path,
    };
    let report = read(sink).and_then(|report| report.judged(options));
    let ended = match &report {
        Ok(_) => transaction.commit(),
        Err(_) => transaction.rollback(),
    };
    ended.map_err(failed)?;
    report
}

/// SQLite's page cache during an import; negative numbers are KiB.
const CACHE_KIB: i64 = -128 * 1024;
