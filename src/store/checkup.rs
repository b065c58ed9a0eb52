//! Checks a whole store: damage in the file, formats of passwords, members who can never log in, and nicks
//! that break a rule or clash.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use rusqlite::Row;

use super::error::{Fault, StoreError};
use super::members::{Members, lossy};
use crate::password::{self, Format, HashFault};
use flashgate_core::name::{Name, NameFault, Nick};

/// What a look at every member has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkup {
    /// How many passwords there are of each format that can be verified.
    pub formats: BTreeMap<Format, usize>,
    /// Members who can never log in, by number.
    pub shut_out: Vec<ShutOut>,
    /// Members whose nick or name breaks a rule or clashes, by number.
    pub misnamed: Vec<Misnamed>,
    /// What SQLite finds wrong with the file; if anything, no member was looked at.
    pub damage: Vec<String>,
}

/// A member that others cannot address, or whose nick looks like another's. Flashgate makes none; other
/// programs and earlier versions with fewer rules may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misnamed {
    /// The number.
    pub id: i64,
    /// The nick.
    pub nick: String,
    /// What is wrong with it.
    pub why: NickTrouble,
}

/// What is wrong with a stored nick, or with the name beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NickTrouble {
    /// It breaks a rule, and its member cannot log in.
    Rule(NameFault),
    /// It is that member's too, but for letter case.
    Clash(i64),
    /// It is not found by the operator's commands: `nick_key` is another's.
    Key,
    /// The name breaks a rule.
    Name(NameFault),
}

/// A member who cannot log in until an operator changes something.
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
    /// Looks at the file, and at every member's row as a login would, without a password.
    pub fn check(&self) -> Result<Checkup, StoreError> {
        let check = || {
            let mut found = Checkup {
                damage: self.damage()?,
                ..Checkup::default()
            };
            if !found.damage.is_empty() {
                return Ok(found);
            }
            let mut nicks = BTreeMap::new();
            let mut statement = self
                .connection
                .prepare("SELECT id, nick, name, password, nick_key FROM members ORDER BY id")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                if let Ok(nick) = row.get_ref(1)?.as_str() {
                    let of_name = row.get_ref(2)?.as_str().ok();
                    let of_name = of_name.and_then(|name| Name::new(name).err());
                    let why = misnamed(row, nick, &mut nicks)?;
                    for why in [why, of_name.map(NickTrouble::Name)].into_iter().flatten() {
                        let (id, nick) = (row.get(0)?, nick.to_owned());
                        found.misnamed.push(Misnamed { id, nick, why });
                    }
                }
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

    /// How many members have a nick that breaks a rule, and so cannot log in.
    pub fn misnamed(&self) -> Result<usize, StoreError> {
        let count = || {
            let mut statement = self.connection.prepare("SELECT nick FROM members")?;
            let mut rows = statement.query([])?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                let nick = row.get_ref(0)?.as_str();
                count += usize::from(nick.is_ok_and(|nick| Nick::new(nick).is_err()));
            }
            Ok(count)
        };
        count().map_err(|error: rusqlite::Error| Fault::from(error).at(&self.path))
    }

    /// What SQLite finds wrong with the file: its pages, its indices, its tables' own rules.
    fn damage(&self) -> rusqlite::Result<Vec<String>> {
        let mut statement = self
            .connection
            .prepare(&format!("PRAGMA integrity_check({MOST_DAMAGE})"))?;
        let lines = statement.query_map([], |row| row.get(0))?;
        let lines = lines.collect::<rusqlite::Result<Vec<String>>>()?;
        Ok(if lines == ["ok"] { Vec::new() } else { lines })
    }
}

/// What is wrong with a nick, given the keys of the nicks before it.
fn misnamed(
    row: &Row<'_>,
    text: &str,
    nicks: &mut BTreeMap<String, i64>,
) -> rusqlite::Result<Option<NickTrouble>> {
    let nick = match Nick::new(text) {
        Ok(nick) => nick,
        Err(fault) => return Ok(Some(NickTrouble::Rule(fault))),
    };
    let key = nick.key();
    let is_found = row.get_ref(4)?.as_bytes()? == key.as_bytes();
    Ok(match nicks.entry(key) {
        Entry::Occupied(other) => Some(NickTrouble::Clash(*other.get())),
        Entry::Vacant(free) => {
            free.insert(row.get(0)?);
            (!is_found).then_some(NickTrouble::Key)
        }
    })
}

fn looked_at(row: &Row<'_>) -> rusqlite::Result<Result<Format, Trouble>> {
    for (at, column) in [(1, "nick"), (2, "name"), (3, "password")] {
        if std::str::from_utf8(row.get_ref(at)?.as_bytes()?).is_err() {
            return Ok(Err(Trouble::NotText(column)));
        }
    }
    let stored = row.get_ref(3)?.as_str()?;
    Ok(password::format(stored).map_err(Trouble::Password))
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password(fault) => write!(f, "the stored password {fault}"),
            Self::NotText(column) => write!(f, "the {column} in the store is not valid UTF-8"),
        }
    }
}

impl fmt::Display for NickTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(fault) => write!(f, "the nick {fault}; nobody can log in by it"),
            Self::Clash(other) => {
                write!(f, "the nick is that of member {other}, but for letter case")
            }
            Self::Key => f.write_str("nick_key in the store is not that of the nick"),
            Self::Name(fault) => write!(f, "the name {fault}"),
        }
    }
}

/// Damage is damage: the first lines say enough.
const MOST_DAMAGE: usize = 10;
