//! Taking members over from a CSV file: all of them, or none and a list of what is wrong.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use csv::{ByteRecord, ReaderBuilder};
use rusqlite::{Transaction, TransactionBehavior};

use super::{Active, Fault, Format, Hash, Members, Name, NewMember, Nick, Number, StoreError};
use crate::text::{Plain, Quoted};

/// Checks a whole CSV file by itself, without a store, and counts its members.
pub fn check(csv: &[u8]) -> Result<usize, Faults> {
    let mut import = Import::default();
    let read = import.file(csv, None, &mut |_| {});
    read.expect("only a store fails, and there is none");
    if import.faults.total > 0 {
        return Err(import.faults);
    }
    Ok(import.rows)
}

/// Imports a whole CSV file in one transaction. `progress` is told now and then how many rows are done.
pub fn import(
    members: &mut Members,
    csv: &[u8],
    progress: &mut dyn FnMut(usize),
) -> Result<usize, ImportError> {
    let path = members.path.clone();
    let store_error = |error| ImportError::Store(Fault::from(error).at(&path));

    // One transaction from the first check on, so that nobody else's change comes in between.
    let transaction = members
        .connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(store_error)?;
    let mut import = Import::default();
    import
        .file(csv, Some(&transaction), progress)
        .map_err(store_error)?;
    if import.faults.total > 0 {
        transaction.rollback().map_err(store_error)?;
        return Err(ImportError::Faults(import.faults));
    }
    transaction.commit().map_err(store_error)?;
    Ok(import.rows)
}

/// Why nothing was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportError {
    /// The file has faults.
    Faults(Faults),
    /// The store failed.
    Store(StoreError),
}

/// The faults of a file: all are counted, the first are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// The first of them, in the order of the file.
    pub first: Vec<RowFault>,
    /// How many there are.
    pub total: usize,
}

/// One fault, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// The line on which the row begins, from 1.
    pub line: usize,
    /// The column as a spreadsheet counts them, from 1.
    pub column: usize,
    /// The column's name, if it has one of ours.
    pub name: Option<&'static str>,
    /// What is wrong there, and what to do. Never shows a password.
    pub problem: String,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)?;
        if let Some(name) = self.name {
            write!(f, " ({name})")?;
        }
        write!(f, ": {}", self.problem)
    }
}

#[derive(Default)]
struct Import {
    faults: Faults,
    rows: usize,
    /// The faults of the row at hand, in the order they were found.
    found: Vec<RowFault>,
    /// Where each number and each nick was first seen.
    ids: HashMap<i64, usize>,
    nicks: HashMap<String, usize>,
}

/// Where each column is in a row.
struct Columns {
    ours: [usize; COLUMNS.len()],
    /// What a site has put into its hashes, and how.
    salt: Option<(usize, Format)>,
}

impl Columns {
    fn count(&self) -> usize {
        self.ours.len() + usize::from(self.salt.is_some())
    }
}

impl Import {
    fn file(
        &mut self,
        csv: &[u8],
        transaction: Option<&Transaction<'_>>,
        progress: &mut dyn FnMut(usize),
    ) -> rusqlite::Result<()> {
        // Excel writes a byte order mark, and means nothing by it.
        let csv = csv.strip_prefix(b"\xef\xbb\xbf").unwrap_or(csv);
        // ASCII in UTF-16, with or without its mark.
        let wide = csv.iter().take(4).any(|byte| *byte == 0);
        if wide || csv.starts_with(b"\xff\xfe") || csv.starts_with(b"\xfe\xff") {
            let problem = "the file is not UTF-8, but UTF-16 it seems; save it as UTF-8";
            self.fault(1, 1, None, problem.to_owned());
            self.row_ends();
            return Ok(());
        }
        // Flexible: a row of the wrong length is a fault with a line, like any other.
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(csv);
        let mut lines = Lines::new(csv);
        let mut record = ByteRecord::new();
        let mut columns = None;
        // Reading from memory does not fail, and no row is unequal to a flexible reader.
        while matches!(reader.read_byte_record(&mut record), Ok(true)) {
            let line = lines.of(record.position().map_or(0, csv::Position::byte));
            match columns {
                None => columns = self.header(line, &record),
                Some(ref columns) => self.row(line, &record, columns, transaction)?,
            }
            self.row_ends();
            if columns.is_none() {
                return Ok(());
            }
            if self.rows.is_multiple_of(PROGRESS_ROWS) {
                progress(self.rows);
            }
        }
        if columns.is_none() {
            self.fault(1, 1, None, format!("the file is empty; {HEADER}"));
            self.row_ends();
        }
        Ok(())
    }

    fn header(&mut self, line: usize, record: &ByteRecord) -> Option<Columns> {
        // What spreadsheets write in some countries.
        let semicolons = record.len() == 1 && record.iter().any(|all| all.contains(&b';'));
        let tabs = record.len() == 1 && record.iter().any(|all| all.contains(&b'\t'));
        if semicolons || tabs {
            let by = if semicolons { "semicolons" } else { "tabs" };
            let problem = format!("the columns are separated by {by}; separate them by commas");
            self.fault(line, 1, None, problem);
            return None;
        }
        let mut columns: [Option<usize>; COLUMNS.len()] = [None; COLUMNS.len()];
        let mut salt = None;
        for (at, title) in record.iter().enumerate() {
            let title = String::from_utf8_lossy(title).trim().to_ascii_lowercase();
            match COLUMNS.iter().position(|name| *name == title) {
                Some(known) if columns[known].is_none() => columns[known] = Some(at),
                Some(known) => {
                    let problem = "this column is there twice".to_owned();
                    self.fault(line, at + 1, Some(COLUMNS[known]), problem);
                }
                None if salt.is_none()
                    && let Some(form) = salted(&title) =>
                {
                    salt = Some((at, form));
                }
                None if title == "salt" || salted(&title).is_some() => {
                    self.fault(line, at + 1, None, SALT.to_owned());
                }
                None => {
                    let problem =
                        format!("unknown column {}; {HEADER}", Quoted(&shortened(&title)));
                    self.fault(line, at + 1, None, problem);
                }
            }
        }
        for (known, at) in columns.iter().enumerate() {
            if at.is_none() {
                let problem = format!("this column is missing; {HEADER}");
                self.fault(line, record.len() + 1, Some(COLUMNS[known]), problem);
            }
        }
        if !self.found.is_empty() {
            return None;
        }
        let ours = columns.map(|at| at.expect("a missing column is a fault"));
        Some(Columns { ours, salt })
    }

    fn row(
        &mut self,
        line: usize,
        record: &ByteRecord,
        columns: &Columns,
        transaction: Option<&Transaction<'_>>,
    ) -> rusqlite::Result<()> {
        self.rows += 1;
        if record.len() != columns.count() {
            let problem = format!(
                "this row has {} fields and the first row {}; a field with commas, such as a \
                 password hash, must be in double quotes",
                record.len(),
                columns.count()
            );
            self.fault(line, record.len().min(columns.count()) + 1, None, problem);
            return Ok(());
        }
        let row = self.fields(line, record, columns);
        if let Some(id) = row.id {
            self.check_id(line, columns.ours[ID] + 1, id, transaction)?;
        }
        if let Some(nick) = &row.nick {
            self.check_nick(line, columns.ours[NICK] + 1, nick, transaction)?;
        }
        // After a fault nothing will stay, so only the checks go on.
        let good = self.found.is_empty() && self.faults.total == 0;
        match (row.whole(), transaction) {
            (Some(member), Some(transaction)) if good => super::insert(transaction, &member),
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }

    /// Reads the fields of a row; every one of them is looked at, whatever is wrong with the others.
    fn fields(&mut self, line: usize, record: &ByteRecord, columns: &Columns) -> Fields {
        let text_at = |at: usize| {
            let bytes = record.get(at).unwrap_or_default();
            let text = std::str::from_utf8(bytes);
            text.map_err(|_| "is not valid UTF-8; save the file as UTF-8".to_owned())
        };
        let field = |which: usize| text_at(columns.ours[which]);
        let shown =
            |text: &str, fault: &dyn fmt::Display| format!("{} {fault}", Quoted(&shortened(text)));
        let id = field(ID).and_then(|t| Number::parse(t.trim()).map_err(|f| shown(t, &f)));
        let nick = field(NICK).and_then(|t| Nick::new(t).map_err(|f| shown(t, &f)));
        let name = field(NAME).and_then(|t| Name::new(t).map_err(|f| shown(t, &f)));
        // Whatever stands there, it may be a secret.
        let salt = columns.salt.map(|(at, form)| (at, form, text_at(at)));
        let password = field(PASSWORD).and_then(|t| {
            let hash = match &salt {
                Some((_, form, Ok(salt))) => Hash::salted(t, *form, salt),
                Some((.., Err(_))) | None => Hash::parse(t),
            };
            hash.map_err(|f| f.to_string())
        });
        let active =
            field(ACTIVE).and_then(|t| active(t).ok_or_else(|| shown(t, &"is neither 1 nor 0")));

        if let Some((at, _, Err(problem))) = salt {
            self.fault(line, at + 1, None, problem);
        }
        let mut told = |which: usize, problem| {
            self.fault(line, columns.ours[which] + 1, Some(COLUMNS[which]), problem);
        };
        Fields {
            id: id.map_err(|problem| told(ID, problem)).ok(),
            nick: nick.map_err(|problem| told(NICK, problem)).ok(),
            name: name.map_err(|problem| told(NAME, problem)).ok(),
            password: password.map_err(|problem| told(PASSWORD, problem)).ok(),
            active: active.map_err(|problem| told(ACTIVE, problem)).ok(),
        }
    }

    /// A number is nobody's yet, neither in the file nor in the store.
    fn check_id(
        &mut self,
        line: usize,
        column: usize,
        id: Number,
        transaction: Option<&Transaction<'_>>,
    ) -> rusqlite::Result<()> {
        let shown = id.get();
        let problem = match self.ids.entry(shown) {
            Entry::Occupied(first) => {
                format!("{shown} is the number of line {} already", first.get())
            }
            Entry::Vacant(free) => {
                free.insert(line);
                let owner = match transaction {
                    Some(transaction) => super::owner_of_id(transaction, id)?,
                    None => None,
                };
                match owner {
                    None => return Ok(()),
                    Some(owner) => format!("{shown} is in the store already, as {}", Plain(&owner)),
                }
            }
        };
        self.fault(line, column, Some(COLUMNS[ID]), problem);
        Ok(())
    }

    /// A nick is nobody's yet, in no letter case.
    fn check_nick(
        &mut self,
        line: usize,
        column: usize,
        nick: &Nick,
        transaction: Option<&Transaction<'_>>,
    ) -> rusqlite::Result<()> {
        let shown = nick.as_str();
        let problem = match self.nicks.entry(nick.key()) {
            Entry::Occupied(first) => format!(
                "{shown} is the nick of line {} already (letter case does not count)",
                first.get()
            ),
            Entry::Vacant(free) => {
                free.insert(line);
                let owner = match transaction {
                    Some(transaction) => super::owner_of_nick(transaction, nick)?,
                    None => None,
                };
                match owner {
                    None => return Ok(()),
                    Some(owner) => format!("{shown} is in the store already, as {}", Plain(&owner)),
                }
            }
        };
        self.fault(line, column, Some(COLUMNS[NICK]), problem);
        Ok(())
    }

    fn fault(&mut self, line: usize, column: usize, name: Option<&'static str>, problem: String) {
        self.found.push(RowFault {
            line,
            column,
            name,
            problem,
        });
    }

    /// Tells the faults of a row in the order of its columns.
    fn row_ends(&mut self) {
        self.found.sort_by_key(|fault| fault.column);
        self.faults.total += self.found.len();
        let room = MAX_FAULTS - self.faults.first.len();
        self.faults.first.extend(self.found.drain(..).take(room));
    }
}

/// A row, as far as it is right.
struct Fields {
    id: Option<Number>,
    nick: Option<Nick>,
    name: Option<Name>,
    password: Option<Hash>,
    active: Option<Active>,
}

impl Fields {
    fn whole(self) -> Option<NewMember> {
        Some(NewMember {
            id: self.id?,
            nick: self.nick?,
            name: self.name?,
            password: self.password?,
            active: self.active?,
        })
    }
}

fn active(text: &str) -> Option<Active> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Some(Active::Yes),
        "0" | "false" | "no" => Some(Active::No),
        _ => None,
    }
}

/// The form that a column of salts is named for.
fn salted(title: &str) -> Option<Format> {
    let forms = [Format::Md5SaltPassword, Format::Md5Md5PasswordSalt];
    forms.into_iter().find(|form| form.to_string() == title)
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Tells on which line a byte is. The reader's own count leaves out empty lines before a row, and
/// the LF of a CR LF.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
        }
    }

    /// The line of the row that begins at `byte`, or behind the line ends there. Bytes come in order.
    fn of(&mut self, byte: u64) -> usize {
        let from = usize::try_from(byte).unwrap_or(usize::MAX);
        while let Some(&next) = self.text.get(self.at)
            && (self.at < from || matches!(next, b'\r' | b'\n'))
        {
            let pair = next == b'\r' && self.text.get(self.at + 1) == Some(&b'\n');
            self.line += usize::from(matches!(next, b'\r' | b'\n') && !pair);
            self.at += 1;
        }
        self.line
    }
}

const COLUMNS: [&str; 5] = ["id", "nick", "name", "password", "active"];
const ID: usize = 0;
const NICK: usize = 1;
const NAME: usize = 2;
const PASSWORD: usize = 3;
const ACTIVE: usize = 4;

const HEADER: &str =
    "the first row must name the columns id,nick,name,password,active, in any order";

const SALT: &str = "name the one column of salts for what the site made of them: \
     md5(salt.password) or md5(md5(password).salt)";

/// Faults that are told one by one: more than anyone mends before trying again.
const MAX_FAULTS: usize = 100;

const PROGRESS_ROWS: usize = 1000;

#[cfg(test)]
mod tests;
