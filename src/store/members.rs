//! The operator's side of a store: add members, change them, remove them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::error::{Fault, StoreError};
use super::{opened, schema};
use crate::password::{self, Hash};
use flashgate_core::name::{Name, Nick, Number};

/// An open member store, for the operator's commands.
#[derive(Debug)]
pub struct Members {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
}

impl Members {
    /// Opens a store that is there.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            connection: schema::open(path)?,
            path: path.to_owned(),
        })
    }

    /// Opens a store that can be read, but not written: on a disk that is full or read-only. `error` is why
    /// it could not be opened otherwise, and is given back where this is no help.
    pub fn open_unwritable(path: &Path, error: StoreError) -> Result<Self, StoreError> {
        if !opened::may_be_beside(&error.fault) {
            return Err(error);
        }
        let connection = opened::open_unshared(path).map_err(|_| error)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
        })
    }

    /// Opens a store to look at it. An earlier schema is an error, and is not changed.
    pub fn inspect(path: &Path) -> Result<Self, StoreError> {
        match schema::open_current(path, schema::ADMIN_BUSY) {
            Ok(connection) => Ok(Self {
                connection,
                path: path.to_owned(),
            }),
            Err(fault) => Self::open_unwritable(path, fault.at(path)),
        }
    }

    /// The version of the schema.
    pub const SCHEMA: i64 = schema::VERSION;

    /// An empty store in memory, for tests and to try an import.
    pub fn in_memory() -> Result<Self, StoreError> {
        Ok(Self {
            connection: schema::open_in_memory()?,
            path: PathBuf::from("in memory"),
        })
    }

    /// Opens a store, and creates it first if there is none.
    pub fn open_or_create(path: &Path) -> Result<(Self, Origin), StoreError> {
        let origin = match path.try_exists() {
            Ok(false) => Origin::Created,
            Ok(true) | Err(_) => Origin::Found,
        };
        if origin == Origin::Created {
            schema::create_file(path)?;
        }
        Ok((Self::open(path)?, origin))
    }

    /// Adds a member.
    pub fn add(&mut self, member: &NewMember) -> Result<(), AddError> {
        let failed = |error| Fault::from(error).at(&self.path);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        if let Some(taken) = taken(&transaction, member.id, &member.nick).map_err(failed)? {
            return Err(AddError::Taken(taken));
        }
        insert(&transaction, member)
            .and_then(|()| transaction.commit())
            .map_err(|error| failed(error).into())
    }

    /// Which of a new member's number and nick is taken.
    pub fn taken(&self, id: Number, nick: &Nick) -> Result<Option<Taken>, StoreError> {
        self.ask(|store| taken(store, id, nick))
    }

    /// How many members there are.
    pub fn count(&self) -> Result<i64, StoreError> {
        self.ask(|store| store.query_row("SELECT count(*) FROM members", [], |row| row.get(0)))
    }

    /// How long the slowest hash in the store takes to check, on a slow machine.
    pub fn slowest_check(&self) -> Result<Duration, StoreError> {
        let mut slowest = Duration::ZERO;
        self.rows("SELECT password FROM members", |row| {
            // What is not even text is checked against nothing.
            if let Ok(hash) = row.get_ref(0)?.as_str() {
                slowest = slowest.max(password::time_to_check(hash));
            }
            Ok(())
        })?;
        Ok(slowest)
    }

    /// Gives a member another password.
    pub fn set_password(&mut self, id: Number, hash: &Hash) -> Result<Change, StoreError> {
        self.change(
            "UPDATE members SET password = ?2 WHERE id = ?1",
            params![id.get(), hash.as_str()],
        )
    }

    /// Gives a member another nick, and perhaps another name. The nick may be the member's own in
    /// another letter case.
    pub fn rename(
        &mut self,
        id: Number,
        nick: &Nick,
        name: Option<&Name>,
    ) -> Result<Change, AddError> {
        let store = |error| AddError::Store(Fault::from(error).at(&self.path));
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(store)?;
        let clash = transaction
            .query_row(
                "SELECT nick FROM members WHERE nick_key = ?1 AND id <> ?2",
                params![nick.key(), id.get()],
                |row| lossy(row, 0),
            )
            .optional()
            .map_err(store)?;
        if let Some(owner) = clash {
            return Err(AddError::Taken(Taken::Nick(owner)));
        }
        let changed = transaction
            .execute(
                "UPDATE members SET nick = ?2, nick_key = ?3, name = coalesce(?4, name) WHERE id = ?1",
                params![id.get(), nick.as_str(), nick.key(), name.map(Name::as_str)],
            )
            .and_then(|changed| transaction.commit().map(|()| changed))
            .map_err(store)?;
        Ok(Change::of(changed))
    }

    /// Lets a member log in, or not.
    pub fn set_active(&mut self, id: Number, active: Active) -> Result<Change, StoreError> {
        self.change(
            "UPDATE members SET active = ?2 WHERE id = ?1",
            params![id.get(), active == Active::Yes],
        )
    }

    /// Removes a member.
    pub fn remove(&mut self, id: Number) -> Result<Change, StoreError> {
        self.change("DELETE FROM members WHERE id = ?1", params![id.get()])
    }

    fn change(&mut self, sql: &str, values: impl rusqlite::Params) -> Result<Change, StoreError> {
        self.ask(|store| store.prepare_cached(sql)?.execute(values))
            .map(Change::of)
    }

    /// Asks the store something.
    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        question(&self.connection).map_err(|error| Fault::from(error).at(&self.path))
    }

    /// Gives each row of a query to `each`.
    pub(super) fn rows(
        &self,
        query: &str,
        mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        self.ask(|store| {
            let mut statement = store.prepare(query)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                each(row)?;
            }
            Ok(())
        })
    }
}

/// A member to be added, all of it checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMember {
    /// The number.
    pub id: Number,
    /// The nick.
    pub nick: Nick,
    /// The name that is shown.
    pub name: Name,
    /// The password's hash.
    pub password: Hash,
    /// Whether the member may log in.
    pub active: Active,
}

/// Whether a member may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Active {
    /// The member may.
    Yes,
    /// The member may not.
    No,
}

/// Whether a store was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was there.
    Found,
    /// It has just been made.
    Created,
}

/// Whether a change found its member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is done.
    Done,
    /// There is no such member (any more).
    NobodyThere,
}

impl Change {
    fn of(rows: usize) -> Self {
        if rows == 0 {
            Self::NobodyThere
        } else {
            Self::Done
        }
    }
}

/// Which part of a new member is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The number; its owner's nick.
    Id(String),
    /// The nick, perhaps in another letter case: as its owner writes it.
    Nick(String),
}

/// Why a member was not added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddError {
    /// The number or the nick is taken.
    Taken(Taken),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for AddError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Reads text that another program may have written. It has to be shown to be removed.
pub(super) fn lossy(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    let bytes = row.get_ref(column)?.as_bytes()?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn taken(connection: &Connection, id: Number, nick: &Nick) -> rusqlite::Result<Option<Taken>> {
    if let Some(owner) = owner_of_id(connection, id)? {
        return Ok(Some(Taken::Id(owner)));
    }
    Ok(owner_of_nick(connection, nick)?.map(Taken::Nick))
}

/// The nick of the member with this number.
pub(crate) fn owner_of_id(connection: &Connection, id: Number) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT nick FROM members WHERE id = ?1")?
        .query_row([id.get()], |row| lossy(row, 0))
        .optional()
}

/// The nick of the member with this nick, in any letter case.
pub(crate) fn owner_of_nick(
    connection: &Connection,
    nick: &Nick,
) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT nick FROM members WHERE nick_key = ?1")?
        .query_row([nick.key()], |row| lossy(row, 0))
        .optional()
}

pub(crate) fn insert(transaction: &Transaction<'_>, member: &NewMember) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO members (id, nick, nick_key, name, password, active)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            member.id.get(),
            member.nick.as_str(),
            member.nick.key(),
            member.name.as_str(),
            member.password.as_str(),
            member.active == Active::Yes,
        ])?;
    Ok(())
}

/// The file that holds the members unless an option names another.
pub const DEFAULT_STORE: &str = "flashgate.db";
