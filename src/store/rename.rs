//! Changes of nicks, and nicks that members have given up.
//!
//! Triggers note each nick that a member gives up, whatever program changes it (see the schema). For a day it is
//! taken for every other member, so that nobody passes for the member that others knew by it.

use std::sync::Arc;
use std::time::Duration;

use flashgate_core::name::{Nick, Number};
use flashgate_core::{Member, MemberId};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::error::{Fault, StoreError};
use super::members::{Members, lossy};

/// The result of a change of a nick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Renaming {
    /// The member has the nick. This is the member now.
    Done(Member),
    /// The nick is another member's, or was until a short while ago.
    Taken,
    /// There is no such member, or it may not log in.
    NobodyThere,
}

/// Gives a member another nick, unless that is taken. The change survives a loss of power.
pub(super) fn rename(
    connection: &mut Connection,
    id: MemberId,
    nick: &Nick,
    busy: Duration,
) -> Result<Renaming, Fault> {
    connection.busy_timeout(busy)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    let renaming = rename_now(connection, id, nick);
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(renaming?)
}

fn rename_now(
    connection: &mut Connection,
    id: MemberId,
    nick: &Nick,
) -> rusqlite::Result<Renaming> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let key = nick.key();
    // A program that knows no keys may have set a nick without its key.
    let is_taken = transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM members WHERE (nick_key = ?1 OR nick = ?2) AND id <> ?3)",
        )?
        .query_row(params![key, nick.as_str(), id.0], |row| row.get(0))?;
    if is_taken || given_up(&transaction, nick, id.0)?.is_some() {
        return Ok(Renaming::Taken);
    }
    let changed = transaction
        .prepare_cached("UPDATE members SET nick = ?2, nick_key = ?3 WHERE id = ?1 AND active = 1")?
        .execute(params![id.0, nick.as_str(), key])?;
    if changed == 0 {
        return Ok(Renaming::NobodyThere);
    }
    let name = transaction
        .prepare_cached("SELECT name FROM members WHERE id = ?1")?
        .query_row([id.0], |row| lossy(row, 0))?;
    transaction.commit()?;
    Ok(Renaming::Done(Member {
        id,
        nick: Arc::from(nick.as_str()),
        name: Arc::from(name),
    }))
}

/// The member that gave a nick up less than a day ago, if it is another than `id`.
fn given_up(connection: &Connection, nick: &Nick, id: i64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT member FROM given_up WHERE nick_key = ?1 AND member <> ?2 AND at > unixepoch() - 86400",
        )?
        .query_row(params![nick.key(), id], |row| row.get(0))
        .optional()
}

impl Members {
    /// The number of the member that gave a nick up less than a day ago, if it is another than `id`. The operator
    /// can give the nick away all the same.
    pub fn given_up(&self, nick: &Nick, id: Number) -> Result<Option<i64>, StoreError> {
        self.ask(|store| given_up(store, nick, id.get()))
    }
}
