//! Whose number and nick were in the file already. In a temporary file of SQLite's, which is gone
//! with its value: a site may have more members than fit in memory.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::{Nick, Number};

/// The numbers and nicks of good rows, and the lines they are on.
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
             CREATE TABLE ids (id INTEGER PRIMARY KEY, line INTEGER NOT NULL);
             CREATE TABLE nicks (key TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID;
             BEGIN",
        )?;
        Ok(Self { connection })
    }

    /// The line where a number was.
    pub(super) fn id(&self, id: Number) -> rusqlite::Result<Option<usize>> {
        self.connection
            .prepare_cached("SELECT line FROM ids WHERE id = ?1")?
            .query_row([id.get()], line)
            .optional()
    }

    /// The line where a nick was, in any letter case.
    pub(super) fn nick(&self, key: &str) -> rusqlite::Result<Option<usize>> {
        self.connection
            .prepare_cached("SELECT line FROM nicks WHERE key = ?1")?
            .query_row([key], line)
            .optional()
    }

    /// Takes down the row of a member.
    pub(super) fn add(&mut self, id: Number, nick: &Nick, line: usize) -> rusqlite::Result<()> {
        let line = i64::try_from(line).unwrap_or(i64::MAX);
        self.connection
            .prepare_cached("INSERT INTO ids (id, line) VALUES (?1, ?2)")?
            .execute(params![id.get(), line])?;
        self.connection
            .prepare_cached("INSERT INTO nicks (key, line) VALUES (?1, ?2)")?
            .execute(params![nick.key(), line])?;
        Ok(())
    }
}

fn line(row: &Row<'_>) -> rusqlite::Result<usize> {
    let line: i64 = row.get(0)?;
    Ok(usize::try_from(line).unwrap_or(usize::MAX))
}
