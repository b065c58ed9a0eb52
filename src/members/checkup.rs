//! Looking a whole store over: how its passwords are stored, and who can never log in.

use std::collections::BTreeMap;
use std::fmt;

use rusqlite::Row;

use super::{Fault, Format, HashFault, Members, StoreError, lossy, passwords};

/// What a look at every member has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkup {
    /// How many passwords there are of each format that can be verified.
    pub formats: BTreeMap<Format, usize>,
    /// Who can never log in, by number.
    pub shut_out: Vec<ShutOut>,
}

/// A member who can never log in, until an operator has done something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShutOut {
    /// The number.
    pub id: i64,
    /// The nick, as far as it can be read.
    pub nick: String,
    /// Why.
    pub why: Trouble,
}

/// What is wrong with a member's row. Its `Display` never shows a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The stored password cannot be verified.
    Password(HashFault),
    /// What this column holds is not text.
    NotText(&'static str),
}

impl Members {
    /// Looks at every member's row as a login would, without a password.
    pub fn check(&self) -> Result<Checkup, StoreError> {
        let check = || {
            let mut found = Checkup::default();
            let mut statement = self
                .connection
                .prepare("SELECT id, nick, name, password FROM members ORDER BY id")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                match looked_at(row)? {
                    Ok(format) => *found.formats.entry(format).or_default() += 1,
                    Err(why) => found.shut_out.push(ShutOut {
                        id: row.get(0)?,
                        nick: lossy(row, 1)?,
                        why,
                    }),
                }
            }
            Ok(found)
        };
        check().map_err(|error: rusqlite::Error| Fault::from(error).at(&self.path))
    }
}

fn looked_at(row: &Row<'_>) -> rusqlite::Result<Result<Format, Trouble>> {
    for (at, column) in [(1, "nick"), (2, "name"), (3, "password")] {
        if std::str::from_utf8(row.get_ref(at)?.as_bytes()?).is_err() {
            return Ok(Err(Trouble::NotText(column)));
        }
    }
    let stored = row.get_ref(3)?.as_str()?;
    Ok(passwords::format(stored).map_err(Trouble::Password))
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password(fault) => write!(f, "the stored password {fault}"),
            Self::NotText(column) => write!(f, "the {column} in the store is not valid UTF-8"),
        }
    }
}
