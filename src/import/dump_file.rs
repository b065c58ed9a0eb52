//! The rows of one table of a dump. The dump is read twice: only at its end is it known which tables there are.

use std::io::Read;

use super::charset::Charset;
use super::columns::Columns;
use super::dump::{self, Dump, DumpFault, Row, Statement, Table, TableName};
use super::error::ImportError;
use super::file::{self, Source};
use super::report::Place;
use super::row::Import;
use crate::text::Plain;

pub(super) fn read(import: &mut Import<'_>, source: &mut dyn Source) -> Result<(), ImportError> {
    let tables = dump::tables(file::open(source)?.1)?;
    let table = choose_table(&tables, import.options.table.as_deref());
    let table = table.map_err(ImportError::Unusable)?;
    import.report.table = Some(table.clone());
    let (_, file) = file::open(source)?;
    rows(import, Dump::new(file), table)
}

fn rows(
    import: &mut Import<'_>,
    mut dump: Dump<impl Read>,
    table: &TableName,
) -> Result<(), ImportError> {
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
                let titles = dump.columns()?.or_else(|| created.clone());
                let titles = titles.ok_or_else(|| dump.error(DumpFault::NoColumns))?;
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

/// Columns by their names, which each INSERT may list in another order.
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
    ) -> Result<Self, ImportError> {
        if let Some(before) = before.filter(|before| before.titles == titles) {
            return Ok(before);
        }
        let columns = Columns::find(&titles, import.options)
            .map_err(|problems| ImportError::Unusable(problems.join("\n")))?;
        import.report.columns = columns.named(&titles);
        Ok(Self {
            wanted: columns.wanted(),
            titles,
            columns,
        })
    }
}

/// The table that the options mean.
pub(crate) fn choose_table<'a>(
    tables: &'a [Table],
    wanted: Option<&str>,
) -> Result<&'a TableName, String> {
    let called = |name: &str| {
        let is_it = |table: &&Table| table.name.table == name || table.name.to_string() == name;
        tables.iter().filter(is_it).collect::<Vec<_>>()
    };
    let found = match wanted {
        Some(wanted) => called(wanted),
        None => {
            let filled: Vec<_> = tables.iter().filter(|table| table.is_filled).collect();
            // With rows or without.
            match (filled.len(), called("members")) {
                (1, _) => filled,
                (_, none) if none.is_empty() && tables.len() == 1 => tables.iter().collect(),
                (_, members) => members,
            }
        }
    };
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
    tables.sort_by_key(|table| !table.is_filled);
    let names = tables.iter().take(MAX_TOLD).map(|table| {
        let empty = if table.is_filled {
            ""
        } else {
            " (without rows)"
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
