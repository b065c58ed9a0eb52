//! Taking members over from an old site: from a CSV file, from a dump of its MySQL database, or from
//! that database itself. Either file may be compressed with gzip. All members come in, or none and a
//! list of what is wrong, unless whoever imports asks to go on without the rows that are refused.
//!
//! What a file is, is told by its first bytes (`file`). `csv_file`, `dump_file` and `site_table` find
//! the rows, `columns` which column is what, `charset` what its bytes say, `texts` what the site has done
//! to its texts, `reading` what a row says of a member; every row goes through the same checks (`row`),
//! and `seen` knows whose number and nick were there before. Files are streamed; what was seen, and the
//! rows of a table, are in temporary files: memory is bounded, however many members there are.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use rusqlite::{Connection, Transaction, TransactionBehavior};

#[cfg(feature = "mysql")]
use super::SiteTable;
use super::dump::{DumpError, TableName};
use super::{Fault, Members, StoreError};
use crate::password::Format;
use crate::text::{Plain, Quoted};

mod charset;
mod columns;
mod csv_file;
mod dump_file;
mod file;
mod reading;
mod row;
mod seen;
#[cfg(feature = "mysql")]
mod site_table;
mod texts;

pub use charset::Charset;
#[cfg(feature = "mysql")]
pub(super) use charset::doubled;
#[cfg(feature = "mysql")]
pub(super) use columns::Columns;
pub use columns::{ActiveIf, Map};
#[cfg(feature = "mysql")]
pub(super) use dump_file::choose_table;
pub use file::Source;
pub(super) use reading::Names;
pub use reading::Spaces;
#[cfg(feature = "mysql")]
pub(super) use reading::{Fields, Problem, Reading};
use row::Import;

/// How a file is to be read, and what becomes of rows that are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The table of a dump or a database; otherwise the only one (of a dump, with rows), or the one
    /// called `members`.
    pub table: Option<String>,
    /// A query to a database whose rows are taken instead of those of a table.
    pub query: Option<String>,
    /// Which column is what, where their names do not say so.
    pub map: Map,
    /// Who is active, where no column says 1 or 0.
    pub active_if: Option<ActiveIf>,
    /// What texts are in; otherwise what a dump says, or UTF-8.
    pub charset: Option<Charset>,
    /// What stands for spaces in nicks; otherwise a row with such a nick is refused.
    pub spaces: Option<Spaces>,
    /// What becomes of rows that are refused.
    pub refused: Refused,
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

/// Where members go.
#[derive(Debug)]
pub enum Target<'a> {
    /// Into a store, in one transaction.
    Store(&'a mut Members),
    /// Nowhere: the rows are only checked, against a store if there is one.
    Nowhere(Option<&'a Members>),
}

/// Is told what happens while rows are read.
pub trait Watch {
    /// Whether it is of use to know how many rows are to come, which a database has to count.
    fn wants_total(&self) -> bool {
        false
    }
    /// So many rows are to come.
    fn total(&mut self, _rows: u64) {}
    /// So many rows are done. Told now and then; of a table, while they are taken and again while they
    /// are looked at.
    fn rows(&mut self, _done: usize) {}
    /// Something is wrong with a row, which is refused.
    fn refused(&mut self, _fault: &RowFault) {}
    /// A nick was filled, or a name had to be cleaned.
    fn cleaned(&mut self, _cleaned: &Cleaned) {}
}

/// Nobody watches.
impl Watch for () {}

/// Imports a whole file, or checks it.
pub fn import(
    target: Target<'_>,
    source: &mut dyn Source,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<Report, ImportError> {
    put(target, options, |sink| {
        read_file(sink, source, options, watch)
    })
}

/// Imports the table of a site, or checks it.
#[cfg(feature = "mysql")]
pub fn import_table(
    target: Target<'_>,
    site: &SiteTable,
    watch: &mut dyn Watch,
) -> Result<Report, ImportError> {
    // Before the store is locked: the site's server may be slow, and others write to the store.
    let fetched = site_table::fetch(site, watch).map_err(|stop| stop.at("".as_ref()))?;
    put(target, site.options(), |sink| {
        let mut import = Import::new(sink, Names::Cleaned, site.options(), watch)?;
        fetched.read(&mut import)?;
        Ok(import.report)
    })
}

/// Puts rows where they go, if they are good enough.
fn put(
    target: Target<'_>,
    options: &Options,
    read: impl FnOnce(Sink<'_>) -> Result<Report, Stop>,
) -> Result<Report, ImportError> {
    let members = match target {
        Target::Store(members) => members,
        Target::Nowhere(store) => {
            let sink = store.map_or(Sink::Nothing, |store| Sink::Look(&store.connection));
            let read = read(sink);
            let path = store.map(|store| &*store.path).unwrap_or("".as_ref());
            return read
                .map_err(|stop| stop.at(path))
                .and_then(|report| report.judged(options));
        }
    };
    let path = members.path.clone();
    let store_error = |error| ImportError::Store(Fault::from(error).at(&path));
    // Rows come in no order of nicks: with a small cache, each page is written many times.
    let cache = members
        .connection
        .pragma_update(None, "cache_size", CACHE_KIB);
    cache.map_err(store_error)?;
    // One transaction from the first check on, so that nobody else's change comes in between.
    let transaction = members
        .connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(store_error)?;
    let anyone = "SELECT EXISTS (SELECT 1 FROM members)";
    let anyone = transaction.query_row(anyone, [], |row| row.get::<_, bool>(0));
    let sink = if anyone.map_err(store_error)? {
        Sink::Store(&transaction)
    } else {
        Sink::Empty(&transaction)
    };
    let read = read(sink);
    let report = read
        .map_err(|stop| stop.at(&path))
        .and_then(|report| report.judged(options));
    match &report {
        Ok(_) => transaction.commit().map_err(store_error)?,
        Err(_) => transaction.rollback().map_err(store_error)?,
    }
    report
}

fn read_file(
    sink: Sink<'_>,
    source: &mut dyn Source,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<Report, Stop> {
    let (kind, file) = file::open(source)?;
    if kind == file::Kind::Csv && options.table.is_some() {
        let why = "it is no dump as far as its first bytes tell, and has no tables";
        return Err(Stop::Unusable(why.to_owned()));
    }
    let names = match kind {
        file::Kind::Csv => Names::AsTheyAre,
        file::Kind::Dump => Names::Cleaned,
    };
    let mut import = Import::new(sink, names, options, watch)?;
    match kind {
        file::Kind::Csv => csv_file::read(&mut import, file)?,
        file::Kind::Dump => {
            drop(file);
            dump_file::read(&mut import, source)?;
        }
    }
    Ok(import.report)
}

/// What was found in a file, or in a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The table, of a dump or of a database; a query has none.
    pub table: Option<TableName>,
    /// Which column is taken for what: our name, and the file's.
    pub columns: Vec<(&'static str, String)>,
    /// What texts are in.
    pub charset: Charset,
    /// How many rows there are.
    pub rows: usize,
    /// How many of them have something wrong with them.
    pub refused: usize,
    /// How many of the others may log in.
    pub active: usize,
    /// How the passwords of the others are stored.
    pub formats: BTreeMap<Format, usize>,
    /// How many of the others have a nick whose spaces were filled.
    pub filled: usize,
    /// How many of the others have a name that had to be cleaned.
    pub cleaned: usize,
    /// What is wrong.
    pub faults: Faults,
}

impl Report {
    /// How many rows are good.
    pub fn good(&self) -> usize {
        self.rows - self.refused
    }

    fn judged(self, options: &Options) -> Result<Self, ImportError> {
        let in_header = self.faults.total > 0 && self.refused == 0;
        let stops = self.refused > 0 && options.refused == Refused::StopAll;
        if in_header || stops {
            return Err(ImportError::Refused(Box::new(self)));
        }
        Ok(self)
    }
}

/// Why nothing was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportError {
    /// Rows were refused, or the first row of a CSV file.
    Refused(Box<Report>),
    /// The file cannot be read.
    Unreadable(String),
    /// The file cannot be used as it is, whatever its rows are.
    Unusable(String),
    /// The dump is damaged.
    Dump(DumpError),
    /// The database of the site cannot be used, or has failed.
    Site(StoreError),
    /// The store failed.
    Store(StoreError),
    /// What was seen already, or has come from a database, cannot be kept.
    Scratch(String),
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
    /// Which it is of those that a database sends, from 1.
    Row(usize),
}

impl Place {
    /// What is counted, from 1.
    pub fn number(self) -> usize {
        match self {
            Self::Line(number) | Self::Row(number) => number,
        }
    }

    /// Another place where the same is counted.
    fn other(self, number: usize) -> Self {
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

/// A nick whose spaces were filled, or a name that had to be cleaned to be shown.
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
    /// What it became.
    pub is: String,
}

impl fmt::Display for Cleaned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, id, column) = (self.place, self.id, self.column);
        let (was, is) = (Quoted(&self.was), Quoted(&self.is));
        write!(f, "{place}, id {id}: the {column} {was} becomes {is}")
    }
}

/// Where good rows go.
enum Sink<'a> {
    /// Into a store where others are.
    Store(&'a Transaction<'a>),
    /// Into a store of nobody, where nobody has to be looked for.
    Empty(&'a Transaction<'a>),
    /// Only looks who is there.
    Look(&'a Connection),
    Nothing,
}

impl Sink<'_> {
    /// Who is there already.
    fn store(&self) -> Option<&Connection> {
        match self {
            Self::Store(transaction) => Some(transaction),
            Self::Look(store) => Some(store),
            Self::Empty(_) | Self::Nothing => None,
        }
    }

    /// Where rows are inserted.
    fn transaction(&self) -> Option<&Transaction<'_>> {
        match self {
            Self::Store(transaction) | Self::Empty(transaction) => Some(transaction),
            Self::Look(_) | Self::Nothing => None,
        }
    }
}

/// Why nothing more is read.
enum Stop {
    #[cfg(feature = "mysql")]
    Site(StoreError),
    Unreadable(io::Error),
    Unusable(String),
    Dump(DumpError),
    Store(rusqlite::Error),
    Scratch(rusqlite::Error),
}

impl Stop {
    fn at(self, path: &std::path::Path) -> ImportError {
        match self {
            #[cfg(feature = "mysql")]
            Self::Site(error) => ImportError::Site(error),
            Self::Unreadable(error) => ImportError::Unreadable(error.to_string()),
            Self::Unusable(why) => ImportError::Unusable(why),
            Self::Dump(error) => ImportError::Dump(error),
            Self::Store(error) => ImportError::Store(Fault::from(error).at(path)),
            Self::Scratch(error) => ImportError::Scratch(error.to_string()),
        }
    }
}

impl From<DumpError> for Stop {
    fn from(error: DumpError) -> Self {
        Self::Dump(error)
    }
}

/// Of the store's pages that are in memory during an import; negative, SQLite takes it for KiB.
const CACHE_KIB: i64 = -128 * 1024;

/// The beginning of a text, for a message.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests;
