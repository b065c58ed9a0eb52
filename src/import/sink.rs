//! Where imported members go.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::{ImportError, Stop};
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

/// Puts rows where they go, if they are good enough.
pub(crate) fn put(
    target: Target<'_>,
    options: &Options,
    read: impl FnOnce(Sink<'_>) -> Result<Report, Stop>,
) -> Result<Report, ImportError> {
    let members = match target {
        Target::Store(members) => members,
        Target::Nowhere(store) => {
            let sink = store.map_or(Sink::Nothing, |store| Sink::Look(&store.connection));
            let read = read(sink);
            let path = store.map(|store| &*store.path).unwrap_or("".as_ref());
            return read
                .map_err(|stop| stop.at(path))
                .and_then(|report| report.judged(options));
        }
    };
    let path = members.path.clone();
    let store_error = |error| ImportError::Store(Fault::from(error).at(&path));
    // Rows come in no order of nicks: with a small cache, each page is written many times.
    let cache = members
        .connection
        .pragma_update(None, "cache_size", CACHE_KIB);
    cache.map_err(store_error)?;
    // One transaction from the first check on, so that no other change comes in between.
    let transaction = members
        .connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(store_error)?;
    let anyone = "SELECT EXISTS (SELECT 1 FROM members)";
    let anyone = transaction.query_row(anyone, [], |row| row.get::<_, bool>(0));
    let sink = if anyone.map_err(store_error)? {
        Sink::Store(&transaction)
    } else {
        Sink::Empty(&transaction)
    };
    let read = read(sink);
    let report = read
        .map_err(|stop| stop.at(&path))
        .and_then(|report| report.judged(options));
    match &report {
        Ok(_) => transaction.commit().map_err(store_error)?,
        Err(_) => transaction.rollback().map_err(store_error)?,
    }
    report
}

/// Where good rows go.
pub(crate) enum Sink<'a> {
    /// Into a store where others are.
    Store(&'a Transaction<'a>),
    /// Into an empty store, where no number or nick is taken.
    Empty(&'a Transaction<'a>),
    /// Only looks up which numbers and nicks are taken.
    Look(&'a Connection),
    Nothing,
}

impl Sink<'_> {
    /// The store with the existing members.
    pub(super) fn store(&self) -> Option<&Connection> {
        match self {
            Self::Store(transaction) => Some(transaction),
            Self::Look(store) => Some(store),
            Self::Empty(_) | Self::Nothing => None,
        }
    }

    /// Where rows are inserted.
    pub(super) fn transaction(&self) -> Option<&Transaction<'_>> {
        match self {
            Self::Store(transaction) | Self::Empty(transaction) => Some(transaction),
            Self::Look(_) | Self::Nothing => None,
        }
    }
}

/// Of the store's pages that are in memory during an import; negative, SQLite takes it for KiB.
const CACHE_KIB: i64 = -128 * 1024;
