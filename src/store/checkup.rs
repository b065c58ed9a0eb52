//! Checks a whole store: damage in the file, formats of passwords, members who can never log in, and nicks
//! that break a rule or clash.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use rusqlite::{Connection, Row};

use super::error::StoreError;
use super::members::{Members, lossy};
use crate::password::{self, Format, HashFault};
use flashgate_core::name::{Name, NameFault, Nick};

/// What a look at every member has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkup {
    /// How many passwords there are of each format that can be verified.
    pub formats: BTreeMap<Format, usize>,
    /// Members who can never log in until an operator changes something, by number.
    pub shut_out: Vec<Wrong<Trouble>>,
    /// Members whose nick or name breaks a rule or clashes, by number: others cannot address them, or their nick
    /// looks like another's. Flashgate makes none; other programs and earlier versions with fewer rules may have.
    pub misnamed: Vec<Wrong<NickTrouble>>,
    /// What SQLite finds wrong with the file; if anything, no member was looked at.
    pub damage: Vec<String>,
}

/// A member, and what is wrong with its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong<W> {
    /// The number.
    pub id: i64,
    /// The nick, as far as it can be read.
    pub nick: String,
    /// What is wrong.
    pub why: W,
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
        let mut found = Checkup {
            damage: self.ask(damage)?,
            ..Checkup::default()
        };
        if !found.damage.is_empty() {
            return Ok(found);
        }
        let mut nicks = BTreeMap::new();
        let query = "SELECT id, nick, name, password, nick_key FROM members ORDER BY id";
        self.rows(query, |row| {
            if let Ok(nick) = row.get_ref(1)?.as_str() {
                let of_name = row.get_ref(2)?.as_str().ok();
                let of_name = of_name.and_then(|name| Name::new(name).err());
                let why = misnamed(row, nick, &mut nicks)?;
                for why in [why, of_name.map(NickTrouble::Name)].into_iter().flatten() {
                    let (id, nick) = (row.get(0)?, nick.to_owned());
                    found.misnamed.push(Wrong { id, nick, why });
                }
            }
            match looked_at(row)? {
                Ok(format) => *found.formats.entry(format).or_default() += 1,
                Err(why) => {
                    let (id, nick) = (row.get(0)?, lossy(row, 1)?);
                    found.shut_out.push(Wrong { id, nick, why });
                }
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// How many members have a nick that breaks a rule, and so cannot log in.
    pub fn misnamed(&self) -> Result<usize, StoreError> {
        let mut count = 0;
        self.rows("SELECT nick FROM members", |row| {
            let nick = row.get_ref(0)?.as_str();
            count += usize::from(nick.is_ok_and(|nick| Nick::new(nick).is_err()));
            Ok(())
        })?;
        Ok(count)
    }
}

/// What SQLite finds wrong with the file: its pages, its indices, its tables' own rules.
fn damage(store: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = store.prepare(&format!("PRAGMA integrity_check({MOST_DAMAGE})"))?;
    let lines = statement.query_map([], |row| row.get(0))?;
    let lines = lines.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(if lines == ["ok"] { Vec::new() } else { lines })
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
