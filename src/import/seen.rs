//! The numbers and nicks of earlier rows, in a temporary file of SQLite's that goes with its value: a site
//! may have more members than fit in memory.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::store::{Nick, Number};

/// The numbers and nicks of good rows, and where they are.
pub(super) struct Seen {
    connection: Connection,
}

impl Seen {
    pub(super) fn new() -> rusqlite::Result<Self> {
        // An empty name is a file that SQLite makes when what it holds outgrows its cache.
        let connection = Connection::open("")?;
        connection.execute_batch(
            "PRAGMA journal_mode = OFF;
             PRAGMA synchronous = OFF;
             PRAGMA cache_size = -65536;
             CREATE TABLE ids (id INTEGER PRIMARY KEY, place INTEGER NOT NULL);
             CREATE TABLE nicks (key TEXT PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID;
             BEGIN",
        )?;
        Ok(Self { connection })
    }

    /// Where the row with this number was.
    pub(super) fn id(&self, id: Number) -> rusqlite::Result<Option<usize>> {
        self.connection
            .prepare_cached("SELECT place FROM ids WHERE id = ?1")?
            .query_row([id.get()], place)
            .optional()
    }

    /// Where the row with this nick was, in any letter case.
    pub(super) fn nick(&self, key: &str) -> rusqlite::Result<Option<usize>> {
        self.connection
            .prepare_cached("SELECT place FROM nicks WHERE key = ?1")?
            .query_row([key], place)
            .optional()
    }

    /// Notes the row of a member.
    pub(super) fn add(&mut self, id: Number, nick: &Nick, place: usize) -> rusqlite::Result<()> {
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached("INSERT INTO ids (id, place) VALUES (?1, ?2)")?
            .execute(params![id.get(), place])?;
        self.connection
            .prepare_cached("INSERT INTO nicks (key, place) VALUES (?1, ?2)")?
            .execute(params![nick.key(), place])?;
        Ok(())
    }
}

fn place(row: &Row<'_>) -> rusqlite::Result<usize> {
    let place: i64 = row.get(0)?;
    Ok(usize::try_from(place).unwrap_or(usize::MAX))
}
