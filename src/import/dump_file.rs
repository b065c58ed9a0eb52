//! The rows of one table of a dump. The dump is read twice: which tables there are is known at its
//! end, and before that no row is anyone's.

use std::io::Read;

use super::charset::Charset;
use super::columns::Columns;
use super::dump::{self, Dump, DumpError, DumpFault, Filled, Row, Statement, Table, TableName};
use super::error::Stop;
use super::file::{self, Source};
use super::report::Place;
use super::row::Import;
use crate::text::Plain;

pub(super) fn read(import: &mut Import<'_>, source: &mut dyn Source) -> Result<(), Stop> {
    let tables = {
        let (_, file) = file::open(source)?;
        dump::tables(file)?
    };
    let table = choose_table(&tables, import.options.table.as_deref()).map_err(Stop::Unusable)?;
    import.report.table = Some(table.clone());
    let (_, file) = file::open(source)?;
    rows(import, Dump::new(file), table)
}

fn rows(import: &mut Import<'_>, mut dump: Dump<impl Read>, table: &TableName) -> Result<(), Stop> {
    let mut created: Option<Vec<String>> = None;
    let mut known: Option<Known> = None;
    let mut row = Row::default();
    while let Some(statement) = dump.statement()? {
        match statement {
            Statement::Names(name) => {
                let said = Charset::of_mysql(&name).unwrap_or_default();
                import.report.charset = import.options.charset.unwrap_or(said);
            }
            Statement::Create(name) if name == *table => created = dump.columns()?,
            Statement::Insert(name) if name == *table => {
                let titles = match dump.columns()? {
                    Some(titles) => titles,
                    None => no_columns(&dump, created.clone())?,
                };
                let columns = Known::of(known, titles, import)?;
                while dump.row(columns.columns.count, &columns.wanted, &mut row)? {
                    import.row(Place::Line(row.line()), &columns.columns, &|at| row.get(at))?;
                }
                known = Some(columns);
            }
            Statement::Create(_) | Statement::Insert(_) => {}
        }
    }
    // The faults of an empty table are reported, too.
    if let (None, Some(titles)) = (&known, created) {
        Known::of(None, titles, import)?;
    }
    Ok(())
}

fn no_columns(
    dump: &Dump<impl Read>,
    created: Option<Vec<String>>,
) -> Result<Vec<String>, DumpError> {
    created.ok_or_else(|| dump.error(DumpFault::NoColumns))
}

/// Columns by their names, which may be named anew for each row.
struct Known {
    titles: Vec<String>,
    columns: Columns,
    wanted: Vec<usize>,
}

impl Known {
    fn of(
        before: Option<Self>,
        titles: Vec<String>,
        import: &mut Import<'_>,
    ) -> Result<Self, Stop> {
        if let Some(before) = before.filter(|before| before.titles == titles) {
            return Ok(before);
        }
        let columns = Columns::find(&titles, import.options)
            .map_err(|problems| Stop::Unusable(problems.join("\n")))?;
        import.report.columns = columns.named(&titles);
        Ok(Self {
            wanted: columns.wanted(),
            titles,
            columns,
        })
    }
}

/// The table that is meant.
pub(crate) fn choose_table<'a>(
    tables: &'a [Table],
    wanted: Option<&str>,
) -> Result<&'a TableName, String> {
    let is_called =
        |table: &&Table, name: &str| table.name.table == name || table.name.to_string() == name;
    let mut found: Vec<_> = match wanted {
        Some(wanted) => tables
            .iter()
            .filter(|table| is_called(table, wanted))
            .collect(),
        None => tables
            .iter()
            .filter(|table| table.filled == Filled::Yes)
            .collect(),
    };
    if wanted.is_none() && found.len() != 1 {
        // With rows or without.
        found = tables
            .iter()
            .filter(|table| is_called(table, "members"))
            .collect();
        if found.is_empty() && tables.len() == 1 {
            found = tables.iter().collect();
        }
    }
    match (found.as_slice(), wanted) {
        ([only], _) => Ok(&only.name),
        ([], _) if tables.is_empty() => Err("no table is created or filled in it".to_owned()),
        ([], Some(wanted)) => Err(format!(
            "there is no table {}; there are {}",
            Plain(wanted),
            list(tables.iter())
        )),
        ([], None) => Err(format!(
            "there are several tables; name the one of the members with --table: {}",
            list(tables.iter())
        )),
        (several, _) => Err(format!(
            "there are several tables of that name; say which with --table: {}",
            list(several.iter().copied())
        )),
    }
}

/// Tables by their names, those with rows first.
fn list<'a>(tables: impl Iterator<Item = &'a Table>) -> String {
    let mut tables: Vec<_> = tables.collect();
    tables.sort_by_key(|table| std::cmp::Reverse(table.filled));
    let names = tables.iter().take(MAX_TOLD).map(|table| {
        let empty = match table.filled {
            Filled::Yes => "",
            Filled::No => " (without rows)",
        };
        format!("{}{empty}", Plain(&table.name.to_string()))
    });
    let mut shown: Vec<_> = names.collect();
    if tables.len() > MAX_TOLD {
        shown.push(format!("and {} more", tables.len() - MAX_TOLD));
    }
    shown.join(", ")
}

/// Tables in a message.
const MAX_TOLD: usize = 100;
