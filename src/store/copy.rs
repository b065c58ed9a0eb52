//! Copies of a store: a backup, which is a whole store, and rows for other programs.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::members::{Members, lossy};
use crate::failure::Failure;
use crate::files;
use crate::password::Hash;
use flashgate_core::name::{Name, Nick};

impl Members {
    /// Copies the store, as of one moment, into a new file that only its owner can read. Others may write to the
    /// store meanwhile. Returns the number of members in it.
    pub fn back_up(&self, to: &Path) -> Result<i64, Failure> {
        let failed = |error| files::failure("cannot back up into", to, &error);
        let path = std::path::absolute(to).map_err(failed)?;
        files::create(&path).map_err(failed)?;
        let copied = self.copy_into(&path).and_then(|members| {
            // A copy that is kept is on the disk, not only in the system's memory.
            let synced = fs::File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(|error| error.to_string())?;
            Ok(members)
        });
        copied.map_err(|why| {
            // An incomplete copy is of no use.
            let _ = fs::remove_file(&path);
            failed(io::Error::other(why))
        })
    }

    fn copy_into(&self, path: &Path) -> Result<i64, String> {
        let copy = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let mut copy = Connection::open_with_flags(path, flags)?;
            // All pages in one step, as of one moment. What others write to the log meanwhile is not in the copy.
            let step = Backup::new(&self.connection, &mut copy)?.step(-1)?;
            if step != StepResult::Done {
                return Ok(Err(
                    "the store is locked by another program; try again later".to_owned(),
                ));
            }
            let sound: String =
                copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
            if sound != "ok" {
                return Ok(Err(format!("the store is damaged: {sound}")));
            }
            copy.query_row("SELECT count(*) FROM members", [], |row| row.get(0))
                .map(Ok)
        };
        let copied = copy().map_err(|error: rusqlite::Error| error.to_string())?;
        // Reading it creates a log beside it, which is removed when it is closed.
        copied
    }

    /// Every member as the fields of a row, by number: id, nick, name, password, active, and the
    /// times of the first and the last login.
    pub fn export(
        &self,
        passwords: Passwords,
        mut row: impl FnMut(&Exported) -> io::Result<()>,
    ) -> Result<io::Result<()>, StoreError> {
        self.ask(|store| {
            let mut statement = store.prepare(
                "SELECT id, nick, name, password, active, created_at, last_login_at
                 FROM members ORDER BY id",
            )?;
            let mut rows = statement.query([])?;
            while let Some(found) = rows.next()? {
                let text = |at: usize| lossy(found, at);
                let is_text = |at: &(usize, _)| {
                    let value = found.get_ref(at.0);
                    value.is_ok_and(|value| value.as_str().is_ok())
                };
                let unreadable = [(1, "nick"), (2, "name"), (3, "password")];
                let unreadable = unreadable.into_iter().find(|at| !is_text(at));
                let password = (passwords == Passwords::With).then(|| text(3));
                let exported = Exported {
                    id: found.get(0)?,
                    nick: text(1)?,
                    name: text(2)?,
                    password: password.transpose()?,
                    active: found.get(4)?,
                    created_at: found.get(5)?,
                    last_login_at: found.get(6)?,
                    unreadable: unreadable.map(|(_, column)| column),
                };
                if let Err(error) = row(&exported) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        })
    }
}

/// Whether rows are to have hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passwords {
    /// With them.
    With,
    /// Without.
    Without,
}

/// A member as other programs get it. Its `Debug` shows no hash.
pub struct Exported {
    /// The number.
    pub id: i64,
    /// The nick.
    pub nick: String,
    /// The name that is shown.
    pub name: String,
    /// The hash, if it was asked for.
    pub password: Option<String>,
    /// Whether the member may log in.
    pub active: bool,
    /// When the member was added, in seconds since 1970 UTC.
    pub created_at: i64,
    /// When the member logged in last, likewise.
    pub last_login_at: Option<i64>,
    /// A value that is not text in the store, and is not shown.
    pub unreadable: Option<&'static str>,
}

impl Exported {
    /// Why an import would refuse this row, or should, if so.
    pub fn refused(&self) -> Option<String> {
        if let Some(column) = self.unreadable {
            return Some(format!("the {column} in the store is not valid UTF-8"));
        }
        if let Err(fault) = Nick::new(&self.nick) {
            return Some(format!("the nick {fault}"));
        }
        if let Err(fault) = Name::new(&self.name) {
            return Some(format!("the name {fault}"));
        }
        let fault = Hash::parse(self.password.as_deref()?).err()?;
        Some(format!("the password {fault}"))
    }
}

impl fmt::Debug for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exported({} {:?} …)", self.id, self.nick)
    }
}
