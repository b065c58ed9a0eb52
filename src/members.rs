//! The member store: who may chat, in one SQLite file.
//!
//! [`Members`] is the operator's side: add, list, change, import. [`Pool`] is the server's side: it
//! answers the core's questions on threads of its own. Both go through the same rules ([`Nick`],
//! [`Name`], [`Number`], [`struct@Hash`]) and the same schema.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

mod checkup;
mod hash;
pub mod import;
mod lookup;
mod nick;
mod notes;
mod opened;
mod passwords;
mod pool;
mod schema;
mod stamp;
mod tickets;
mod verified;
mod watch;

pub use checkup::{Checkup, ShutOut, Trouble};
pub use hash::Format;
pub use nick::{Name, NameFault, Nick, Number};
pub use passwords::{Checked, Hash, HashFault, Verdict, check};
pub use pool::{Pool, PoolOptions};
pub use schema::{Fault, StoreError};
pub use tickets::{SecretFault, TicketSecret};

/// An open member store, for the operator's commands.
#[derive(Debug)]
pub struct Members {
    connection: Connection,
    path: PathBuf,
}

impl Members {
    /// Opens a store that is there.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            connection: schema::open(path)?,
            path: path.to_owned(),
        })
    }

    /// A store of nobody that ends with its value: for tests, and to try an import.
    pub fn in_memory() -> Result<Self, StoreError> {
        Ok(Self {
            connection: schema::open_in_memory()?,
            path: PathBuf::from("in memory"),
        })
    }

    /// Opens a store, and makes it first where there is none.
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
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| Fault::from(error).at(&self.path))?;
        let taken = taken(&transaction, member.id, &member.nick)
            .map_err(|error| Fault::from(error).at(&self.path))?;
        if let Some(taken) = taken {
            return Err(AddError::Taken(taken));
        }
        insert(&transaction, member)
            .and_then(|()| transaction.commit())
            .map_err(|error| AddError::Store(Fault::from(error).at(&self.path)))
    }

    /// What of a new member's number and nick somebody has already.
    pub fn taken(&self, id: Number, nick: &Nick) -> Result<Option<Taken>, StoreError> {
        taken(&self.connection, id, nick).map_err(|error| self.error(error))
    }

    /// Every member, by number.
    pub fn list(&self) -> Result<Vec<Listed>, StoreError> {
        let list = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT id, nick, name, active, created_at, last_login_at FROM members ORDER BY id",
            )?;
            statement.query_map([], listed)?.collect::<Result<_, _>>()
        };
        list().map_err(|error| self.error(error))
    }

    /// How many members there are.
    pub fn count(&self) -> Result<i64, StoreError> {
        self.connection
            .query_row("SELECT count(*) FROM members", [], |row| row.get(0))
            .map_err(|error| self.error(error))
    }

    /// How long the slowest hash in the store takes to check, on a slow machine.
    pub fn slowest_check(&self) -> Result<Duration, StoreError> {
        let slowest = || {
            let mut statement = self.connection.prepare("SELECT password FROM members")?;
            let mut rows = statement.query([])?;
            let mut slowest = Duration::ZERO;
            while let Some(row) = rows.next()? {
                // What is not even text is checked against nothing.
                if let Ok(hash) = row.get_ref(0)?.as_str() {
                    slowest = slowest.max(passwords::time_to_check(hash));
                }
            }
            Ok(slowest)
        };
        slowest().map_err(|error| self.error(error))
    }

    /// Finds one member.
    pub fn find(&self, who: &Who) -> Result<Option<Listed>, StoreError> {
        let find = || {
            match who {
            Who::Id(id) => self
                .connection
                .prepare_cached(
                    "SELECT id, nick, name, active, created_at, last_login_at FROM members WHERE id = ?1",
                )?
                .query_row([id.get()], listed)
                .optional(),
            Who::Nick(nick) => self
                .connection
                .prepare_cached(
                    "SELECT id, nick, name, active, created_at, last_login_at FROM members WHERE nick_key = ?1",
                )?
                .query_row([nick.key()], listed)
                .optional(),
        }
        };
        find().map_err(|error| self.error(error))
    }

    /// Gives a member another password.
    pub fn set_password(&mut self, id: Number, hash: &Hash) -> Result<Change, StoreError> {
        self.change(
            "UPDATE members SET password = ?2 WHERE id = ?1",
            params![id.get(), hash.as_str()],
        )
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
        let changed = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values))
            .map_err(|error| self.error(error))?;
        Ok(if changed == 0 {
            Change::NobodyThere
        } else {
            Change::Done
        })
    }

    fn error(&self, error: rusqlite::Error) -> StoreError {
        Fault::from(error).at(&self.path)
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

/// A member as a list shows it: without the password's hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The number.
    pub id: Number,
    /// The nick.
    pub nick: String,
    /// The name that is shown.
    pub name: String,
    /// Whether the member may log in.
    pub active: Active,
    /// When the member was added, in seconds since 1970 UTC.
    pub created_at: i64,
    /// When the member logged in last, likewise.
    pub last_login_at: Option<i64>,
}

/// Whom a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A member's number.
    Id(Number),
    /// A nick, in any letter case.
    Nick(Nick),
}

impl Who {
    /// Reads a number or a nick; no nick is all digits.
    pub fn parse(text: &str) -> Result<Self, NameFault> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            Number::parse(text).map(Self::Id)
        } else {
            Nick::new(text).map(Self::Nick)
        }
    }
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

/// What of a new member somebody has already.
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
    /// The number or the nick is somebody's.
    Taken(Taken),
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for AddError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    let id: i64 = row.get(0)?;
    let active: bool = row.get(3)?;
    Ok(Listed {
        id: Number::new(id).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, id))?,
        nick: lossy(row, 1)?,
        name: lossy(row, 2)?,
        active: if active { Active::Yes } else { Active::No },
        created_at: row.get(4)?,
        last_login_at: row.get(5)?,
    })
}

/// Text that somebody else may have written: it must be seen to be removed.
fn lossy(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    let bytes = row.get_ref(column)?.as_bytes()?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn taken(connection: &Connection, id: Number, nick: &Nick) -> rusqlite::Result<Option<Taken>> {
    if let Some(owner) = owner_of_id(connection, id)? {
        return Ok(Some(Taken::Id(owner)));
    }
    Ok(owner_of_nick(connection, nick)?.map(Taken::Nick))
}

/// The nick of who has this number.
fn owner_of_id(connection: &Connection, id: Number) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT nick FROM members WHERE id = ?1")?
        .query_row([id.get()], |row| lossy(row, 0))
        .optional()
}

/// The nick of who has this nick, perhaps in another letter case.
fn owner_of_nick(connection: &Connection, nick: &Nick) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT nick FROM members WHERE nick_key = ?1")?
        .query_row([nick.key()], |row| lossy(row, 0))
        .optional()
}

fn insert(transaction: &Transaction<'_>, member: &NewMember) -> rusqlite::Result<()> {
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
