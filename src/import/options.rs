//! How rows are read.

use super::charset::Charset;
use super::columns::{ActiveIf, Map};
use super::reading::Spaces;
use crate::failure::Failure;

/// How to read a file, and what to do with rows that are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The table of a dump or a database; otherwise the only one (of a dump, with rows), or the one
    /// called `members`.
    pub table: Option<String>,
    /// A query to a database whose rows are used instead of those of a table.
    pub query: Option<String>,
    /// Which column is what, where their names do not say so.
    pub map: Map,
    /// Which members are active, if no column says 1 or 0.
    pub active_if: Option<ActiveIf>,
    /// The encoding of texts; without it what the dump says, or UTF-8.
    pub charset: Option<Charset>,
    /// The character for spaces in nicks; without it a row with such a nick is refused.
    pub spaces: Option<Spaces>,
    /// What becomes of rows that are refused.
    pub refused: Refused,
}

impl Options {
    /// Whether they contradict each other.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.active_if.is_some() && self.map.says_active() {
            return Err(Failure::usage(
                "--active-if and active= in --map both define which members are active; leave out one of them",
            ));
        }
        if self.table.is_some() && self.query.is_some() {
            return Err(Failure::usage(
                "--query replaces a table; leave out --table or --query",
            ));
        }
        Ok(())
    }
}

/// What becomes of rows that are refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refused {
    /// Nothing is imported because of them.
    #[default]
    StopAll,
    /// The others are imported without them.
    Skip,
}
