//! The report of an import.

use std::collections::BTreeMap;
use std::fmt;

use super::charset::Charset;
use super::dump::TableName;
use super::error::ImportError;
use super::options::{Options, Refused};
use crate::password::Format;
use crate::text::{Plain, Quoted};

/// The report about a file, or a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The table, of a dump or of a database; a query has none.
    pub table: Option<TableName>,
    /// The columns: our name and the file's name of each.
    pub columns: Vec<(&'static str, String)>,
    /// The encoding of texts.
    pub charset: Charset,
    /// How many rows there are.
    pub rows: usize,
    /// How many of them have something wrong with them.
    pub refused: usize,
    /// How many of the good rows may log in.
    pub active: usize,
    /// How the passwords of the good rows are stored.
    pub formats: BTreeMap<Format, usize>,
    /// How many of the good rows have a nick whose spaces were filled.
    pub filled: usize,
    /// How many of the good rows have a name that had to be cleaned.
    pub cleaned: usize,
    /// What is wrong.
    pub faults: Faults,
}

impl Report {
    /// How many rows are good.
    pub fn good(&self) -> usize {
        self.rows - self.refused
    }

    pub(super) fn judged(self, options: &Options) -> Result<Self, ImportError> {
        let in_header = self.faults.total > 0 && self.refused == 0;
        let stops = self.refused > 0 && options.refused == Refused::StopAll;
        if in_header || stops {
            return Err(ImportError::Refused(Box::new(self)));
        }
        Ok(self)
    }
}

/// The faults of a file: all are counted, the first are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The first of them, in the order of the file.
    pub first: Vec<RowFault>,
    /// How many there are.
    pub total: usize,
}

/// Where a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The line of a file on which it begins, from 1.
    Line(usize),
    /// Its number among the rows that a database sends, from 1.
    Row(usize),
}

impl Place {
    /// What is counted, from 1.
    pub fn number(self) -> usize {
        match self {
            Self::Line(number) | Self::Row(number) => number,
        }
    }

    /// Another place, counted in the same way.
    pub(super) fn other(self, number: usize) -> Self {
        match self {
            Self::Line(_) => Self::Line(number),
            Self::Row(_) => Self::Row(number),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// One fault, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// Where the row is.
    pub place: Place,
    /// The row's number of a member, as far as it can be read: a line of a dump has many rows, and in
    /// a database no row has a number of its own.
    pub id: Option<String>,
    /// The column as a spreadsheet counts them, from 1.
    pub column: usize,
    /// The column's name, if it has one of ours.
    pub name: Option<&'static str>,
    /// What is wrong there, and what to do. Never shows a password.
    pub problem: String,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, ", self.place)?;
        if let Some(id) = &self.id {
            write!(f, "id {}, ", Plain(id))?;
        }
        write!(f, "column {}", self.column)?;
        if let Some(name) = self.name {
            write!(f, " ({name})")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// A nick whose spaces were replaced, or a name that was cleaned so that it can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// Where the row is.
    pub place: Place,
    /// The member's number.
    pub id: i64,
    /// Our name of the column.
    pub column: &'static str,
    /// The beginning of what stands there.
    pub was: String,
    /// The new value.
    pub is: String,
}

impl fmt::Display for Cleaned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, id, column) = (self.place, self.id, self.column);
        let (was, is) = (Quoted(&self.was), Quoted(&self.is));
        write!(f, "{place}, id {id}: the {column} {was} becomes {is}")
    }
}

/// Follows an import row by row.
pub trait Watch {
    /// Whether it is of use to know how many rows are to come, which a database has to count.
    fn wants_total(&self) -> bool {
        false
    }
    /// This many rows will come.
    fn total(&mut self, _rows: u64) {}
    /// The number of rows done, now and then. Rows of a table are counted twice: when fetched and when
    /// checked.
    fn rows(&mut self, _done: usize) {}
    /// Something is wrong with a row, which is refused.
    fn refused(&mut self, _fault: &RowFault) {}
    /// A nick was filled, or a name had to be cleaned.
    fn cleaned(&mut self, _cleaned: &Cleaned) {}
}

/// Ignores everything.
impl Watch for () {}
