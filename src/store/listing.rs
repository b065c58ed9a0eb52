//! Members as an operator looks them up: one, all, or those that pass a filter.

use rusqlite::{OptionalExtension, Row, params};

use super::error::StoreError;
use super::members::{Active, Members, lossy};
use crate::password::{self, Format};
use flashgate_core::name::{NameFault, Nick, Number, fold};

/// The member that a command is about.
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

/// Which members to list; all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only members who may log in, or who may not.
    pub active: Option<Active>,
    /// Only members whose nick matches: `*` stands for any text, `?` for one character. Letter case does not
    /// count.
    pub nick: Option<String>,
    /// Only members who have logged in at this time or later, in seconds since 1970 UTC.
    pub since: Option<i64>,
    /// Only members who have not logged in since this time, or never.
    pub not_since: Option<i64>,
    /// Only members who have never logged in.
    pub never: bool,
    /// Only members whose password is stored like this.
    pub format: Option<Stored>,
}

/// How a password is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// In a format that lets its member log in.
    In(Format),
    /// In none.
    Useless,
}

impl Members {
    /// Every member, by number.
    pub fn list(&self) -> Result<Vec<Listed>, StoreError> {
        self.select(&Filter::default())
    }

    /// The members that match a filter, by number.
    pub fn select(&self, filter: &Filter) -> Result<Vec<Listed>, StoreError> {
        // To SQLite, a NUL ends a pattern, and no nick has one. A [ begins a set.
        if filter.nick.as_ref().is_some_and(|nick| nick.contains('\0')) {
            return Ok(Vec::new());
        }
        let nick = filter.nick.as_ref();
        let nick = nick.map(|nick| fold(nick).replace('[', "[[]"));
        self.ask(|store| {
            let mut statement = store.prepare(&format!(
                "{LISTED}
                 WHERE (?1 IS NULL OR active = ?1)
                   AND (?2 IS NULL OR nick_key GLOB ?2)
                   AND (?3 IS NULL OR last_login_at >= ?3)
                   AND (?4 IS NULL OR last_login_at < ?4 OR last_login_at IS NULL)
                   AND (NOT ?5 OR last_login_at IS NULL)
                 ORDER BY id"
            ))?;
            let mut rows = statement.query(params![
                filter.active.map(|active| active == Active::Yes),
                nick,
                filter.since,
                filter.not_since,
                filter.never,
            ])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let format = filter.format;
                if format.is_none_or(|wanted| format_at(row, 6) == wanted) {
                    found.push(listed(row)?);
                }
            }
            Ok(found)
        })
    }

    /// How the password of a member is stored, and the hash itself.
    pub fn stored(&self, id: Number) -> Result<Option<(Stored, String)>, StoreError> {
        let query = "SELECT password FROM members WHERE id = ?1";
        let stored = |row: &Row<'_>| Ok((format_at(row, 0), lossy(row, 0)?));
        self.ask(|store| store.query_row(query, [id.get()], stored).optional())
    }

    /// Finds one member.
    pub fn find(&self, who: &Who) -> Result<Option<Listed>, StoreError> {
        self.ask(|store| match who {
            Who::Id(id) => store
                .prepare_cached(&format!("{LISTED} WHERE id = ?1"))?
                .query_row([id.get()], listed)
                .optional(),
            Who::Nick(nick) => store
                .prepare_cached(&format!("{LISTED} WHERE nick_key = ?1"))?
                .query_row([nick.key()], listed)
                .optional(),
        })
    }
}

/// What [`listed`] reads, and the password.
const LISTED: &str =
    "SELECT id, nick, name, active, created_at, last_login_at, password FROM members";

/// What is not even text is in no format.
fn format_at(row: &Row<'_>, column: usize) -> Stored {
    let stored = row.get_ref(column).ok().and_then(|text| text.as_str().ok());
    let format = stored.and_then(|stored| password::format(stored).ok());
    format.map_or(Stored::Useless, Stored::In)
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
