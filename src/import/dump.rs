//! Reads the output of mysqldump and phpMyAdmin: the tables of a dump, and the rows of one table.
//!
//! A dump is a stream of SQL statements, read once from start to end. [`Dump`] stops at each `CREATE TABLE`
//! and each `INSERT INTO`. Of these the caller reads columns and rows, and of the rows some columns.
//! Everything else is skipped.
//!
//! Memory is bounded by the constants below, whatever the dump holds: skipped parts are not kept, so a table
//! of pictures only takes time.
//!
//! `lexer` reads names, values and comments as MySQL writes them, `statements` reads statements, and this
//! file chooses those that matter. Values are bytes, because a dump does not state their encoding.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};

mod lexer;
mod statements;
#[cfg(test)]
mod tests;

pub use statements::{Dump, Row, Statement};

/// Which tables a dump creates or fills, in alphabetical order. Reads all of it.
pub fn tables(reader: impl Read) -> Result<Vec<Table>, DumpError> {
    let mut dump = Dump::new(reader);
    let mut found: BTreeMap<TableName, bool> = BTreeMap::new();
    while let Some(statement) = dump.statement()? {
        let (name, is_filled) = match statement {
            Statement::Create(name) => (name, false),
            Statement::Insert(name) => (name, true),
            Statement::Names(_) => continue,
        };
        if found.len() >= MAX_TABLES && !found.contains_key(&name) {
            return Err(dump.error(DumpFault::TooManyTables));
        }
        *found.entry(name).or_default() |= is_filled;
    }
    let table = |(name, is_filled)| Table { name, is_filled };
    Ok(found.into_iter().map(table).collect())
}

/// A table of a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// Whether the dump has rows of it.
    pub is_filled: bool,
}

/// The name of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableName {
    /// The database, in a dump of several.
    pub database: Option<String>,
    /// The table.
    pub table: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(database) = &self.database {
            write!(f, "{database}.")?;
        }
        f.write_str(&self.table)
    }
}

/// Why a dump cannot be read on, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub fault: DumpFault,
}

/// What is wrong with a dump as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DumpFault {
    /// The file cannot be read.
    Unreadable(String),
    /// It ends in the middle of something.
    Cut(Within),
    /// It has the first line of a complete dump, and not the last.
    NotCompleted,
    /// A value that is wanted is longer than [`MAX_VALUE`].
    LongValue,
    /// A row or a table has more columns than [`MAX_COLUMNS`].
    ManyColumns,
    /// There are more tables than [`MAX_TABLES`].
    TooManyTables,
    /// Something else was expected here.
    Expected(&'static str),
    /// Rows come without the names of their columns.
    NoColumns,
    /// The numbers of values and columns of a row differ.
    Columns {
        /// How many there are.
        values: usize,
        /// How many there should be.
        columns: usize,
    },
    /// A value that is wanted is an expression, which only a database can evaluate.
    Expression,
}

/// What the dump ends in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// A string, or a name in quotes.
    Quotes,
    /// A comment.
    Comment,
    /// A statement.
    Statement,
    /// The compressed file itself.
    Gzip,
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line;
        write!(f, "line {line}: ")?;
        match &self.fault {
            DumpFault::Unreadable(error) => write!(f, "cannot be read on: {error}"),
            DumpFault::Cut(within) => write!(
                f,
                "the dump is cut: it ends in the middle of {within}; make or fetch it again"
            ),
            DumpFault::NotCompleted => f.write_str(
                "the dump is cut, it seems: it ends without the line '-- Dump completed' that \
                 mysqldump writes last; make or fetch it again, or add that line if all is there",
            ),
            DumpFault::LongValue => write!(
                f,
                "a value is longer than {MAX_VALUE} bytes, the most that is read of a column that \
                 is wanted"
            ),
            DumpFault::ManyColumns => write!(
                f,
                "there are more than {MAX_COLUMNS} columns, the most that a row may have"
            ),
            DumpFault::TooManyTables => {
                write!(f, "there are more than {MAX_TABLES} tables; dump one alone")
            }
            DumpFault::Expected(what) => write!(
                f,
                "this is not SQL as mysqldump writes it: {what} is expected here"
            ),
            DumpFault::NoColumns => f.write_str(
                "nobody says what the columns of these rows are called: there is no CREATE TABLE \
                 before them; dump the table with it, or with mysqldump --complete-insert",
            ),
            DumpFault::Columns { values, columns } => {
                write!(f, "a row has {values} values for {columns} columns")
            }
            DumpFault::Expression => f.write_str(
                "a value that is wanted is neither a string nor a number, but has to be worked out",
            ),
        }
    }
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quotes => "a string",
            Self::Comment => "a comment",
            Self::Statement => "a statement",
            Self::Gzip => "its compressed data",
        })
    }
}

/// The meaning of a read error: a decoder reports a file that is cut short as an unexpected end.
fn unreadable(error: &io::Error) -> DumpFault {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        DumpFault::Cut(Within::Gzip)
    } else {
        DumpFault::Unreadable(error.to_string())
    }
}

/// Bytes of a value that is wanted: a hundred times the longest name and the longest hash.
pub const MAX_VALUE: usize = 64 * 1024;

/// Columns of a table, as many as MySQL allows.
pub const MAX_COLUMNS: usize = 4096;

/// Tables of a dump: more than any site has.
pub const MAX_TABLES: usize = 65_536;

/// Bytes of a name or a keyword: MySQL's 64 characters. Anything longer is no name that we look for.
const MAX_WORD: usize = 256;
