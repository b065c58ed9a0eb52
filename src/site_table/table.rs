//! The table of a site: which columns are what, and the statements by which members are found.
//!
//! A query of the operator's own stands where a table would. It is not known here what collation the
//! columns have, so what the database takes for equal is compared again, byte for byte.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flashgate_core::{Login, Member, MemberId};
use mysql::consts::{ColumnFlags, ColumnType};
use mysql::prelude::Queryable;
use mysql::{Column, Conn, Params, Row, Value};

use super::server::Server;
use crate::import::dump::{self, TableName};
use crate::import::{Columns, Fields, Names, Options, Problem, Reading, choose_table, doubled};
use crate::password;
use crate::store::{Active, Fault, Found, Name, Nick, Number};

/// A table, and how it is read.
#[derive(Debug)]
pub(crate) struct Table {
    /// What it is called, unless it is a query.
    pub(crate) name: Option<TableName>,
    pub(crate) titles: Vec<String>,
    pub(crate) columns: Columns,
    pub(crate) reading: Reading,
    /// What stands behind FROM.
    source: String,
}

/// A row, of some of the columns.
pub(crate) struct Cells<'a> {
    /// Which, in ascending order.
    wanted: &'a [usize],
    values: Vec<Option<Vec<u8>>>,
}

/// A member as a look found it: nick and name, if they can be used, and whether it is active.
pub(super) type Now = (MemberId, Option<(Nick, Name)>, Active);

impl Table {
    /// Finds the table, and its columns.
    pub(crate) fn find(server: &Server, options: &Options) -> Result<Self, Fault> {
        let (name, source) = match &options.query {
            // A comment at its end would go on otherwise.
            Some(query) => {
                let query = query.trim_end().trim_end_matches(';');
                (None, format!("({query}\n) AS members"))
            }
            None => {
                let name = Self::named(server, options.table.as_deref())?;
                let source = quoted(&name.table);
                (Some(name), source)
            }
        };
        let titles = server.ask(Instant::now(), |connection| match &name {
            // Those that the user may read: a site need not let us see the addresses of its members.
            Some(_) => connection.query_map(format!("SHOW COLUMNS FROM {source}"), first),
            // No query goes further than here that is not one statement, and a SELECT.
            None => {
                let statement = connection.prep(format!("SELECT * FROM {source}"))?;
                let columns = statement.columns();
                let titles = columns.iter().map(|column| column.name_str().into());
                Ok(titles.collect())
            }
        })?;
        let columns = Columns::find(&titles, options)
            .map_err(|problems| Fault::NoTable(problems.join("\n")))?;
        let reading = Reading {
            charset: options.charset.unwrap_or_default(),
            names: Names::Cleaned,
            spaces: options.spaces,
        };
        Ok(Self {
            name,
            titles,
            columns,
            reading,
            source,
        })
    }

    /// The table that is meant, among those that the user may see.
    fn named(server: &Server, wanted: Option<&str>) -> Result<TableName, Fault> {
        let names: Vec<String> =
            server.ask(Instant::now(), |connection| connection.query("SHOW TABLES"))?;
        let tables: Vec<_> = names
            .into_iter()
            .map(|table| dump::Table {
                name: TableName {
                    database: None,
                    table,
                },
                is_filled: true,
            })
            .collect();
        if tables.is_empty() {
            let database = server.database();
            return Err(Fault::NoTable(format!(
                "the database {database} has no table, or none that this user may read"
            )));
        }
        choose_table(&tables, wanted)
            .cloned()
            .map_err(Fault::NoTable)
    }

    /// Finds the member that a client names.
    pub(super) fn member(
        &self,
        server: &Server,
        login: &Login,
        since: Instant,
    ) -> Result<Option<Found>, Fault> {
        let (column, texts) = match login {
            // As a text, so that a column of texts is compared as such: `7x` is not 7.
            Login::Id(id) => (self.columns.id, vec![id.to_string()]),
            Login::Nick(nick) => (self.columns.nick, self.stored_as(nick)),
        };
        let (wanted, column) = (self.columns.wanted(), quoted(&self.titles[column]));
        let (list, source) = (self.list(&wanted), &self.source);
        let places = vec!["?"; texts.len()].join(", ");
        let sql =
            format!("SELECT {list} FROM {source} WHERE {column} IN ({places}) LIMIT {MOST_ALIKE}");
        let rows = server.ask(since, |connection| {
            let rows: mysql::Result<Vec<Row>> = connection.exec(&sql, Params::from(texts.clone()));
            if let Err(mysql::Error::MySqlError(said)) = &rows
                && NOT_COMPARABLE.contains(&said.code)
            {
                return Ok(Vec::new()); // So no row can have it.
            }
            rows
        })?;
        let cells = rows.into_iter().map(|row| Cells::of(self, &wanted, row));
        let mut found = cells.filter(|cells| self.is_meant(cells, login));
        let Some(first) = found.next() else {
            return Ok(None);
        };
        let second = found.next().is_some();
        let found = self.read(&first, second)?;
        let spaces = self.reading.spaces;
        if matches!(login, Login::Id(_))
            && spaces.is_some_and(|spaces| spaces.may_have_filled(&found.member.nick))
        {
            // Filling the spaces of one row may give the nick of another. Such a nick belongs to neither.
            let nick = Login::Nick(Arc::clone(&found.member.nick));
            self.member(server, &nick, since)?;
        }
        Ok(Some(found))
    }

    /// What a site may have for a nick.
    fn stored_as(&self, nick: &str) -> Vec<String> {
        let emptied = self.reading.spaces.map(|spaces| spaces.emptied(nick));
        let mut forms = Vec::new();
        for nick in [Some(nick.to_owned()), emptied].into_iter().flatten() {
            let stored = self.columns.texts.stored(&nick);
            forms.push(doubled(self.reading.charset, &stored));
            forms.push(stored.into_owned());
        }
        forms.sort_unstable();
        forms.dedup();
        forms
    }

    /// Whether a row is the one, and not merely like it.
    fn is_meant(&self, cells: &Cells<'_>, login: &Login) -> bool {
        match login {
            Login::Id(id) => self.id(cells) == Some(*id),
            Login::Nick(nick) => {
                let stored = self.reading.nick(&self.columns, &|at| cells.get(at));
                stored.is_ok_and(|(stored, _)| stored.as_str() == &**nick)
            }
        }
    }

    /// The number of a row, if it has one in its plain form.
    fn id(&self, cells: &Cells<'_>) -> Option<MemberId> {
        let text = std::str::from_utf8(cells.get(self.columns.id)?).ok()?;
        match Login::parse(text) {
            Login::Id(id) => Some(id),
            Login::Nick(_) => None,
        }
    }

    fn read(&self, cells: &Cells<'_>, is_twice: bool) -> Result<Found, Fault> {
        let id = self.id(cells);
        let (fields, problems) = self.reading.fields(&self.columns, &|at| cells.get(at));
        let salt = self.columns.salt.map(|(at, _)| at);
        let is_of_password =
            |problem: &Problem| [Some(self.columns.password), salt].contains(&Some(problem.column));
        let (unusable, others): (Vec<_>, Vec<_>) = problems.into_iter().partition(is_of_password);
        let unusable = (!unusable.is_empty()).then(|| self.told(unusable).join("; "));
        let mut faults = self.told(others);
        if id.is_none() {
            faults.push("its number is not in its plain form".to_owned());
        }
        if is_twice {
            faults.push("another row has the same number or nick".to_owned());
        }
        match (id, fields) {
            (
                Some(id),
                Fields {
                    nick: Some(nick),
                    name: Some(name),
                    active: Some(active),
                    password,
                    ..
                },
            ) if faults.is_empty() => Ok(Found {
                member: Member {
                    id,
                    nick: nick.as_str().into(),
                    name: name.as_str().into(),
                },
                active: active == Active::Yes,
                // No password fits an empty hash. The member may still log in by a ticket.
                password: match (password, &unusable) {
                    (Some(hash), None) => hash.as_str().to_owned(),
                    (Some(_) | None, _) => String::new(),
                },
                unusable,
                // Such a table has no counter of changes.
                as_of: 0,
                comparisons: 0,
                file: None,
            }),
            (id, _) => Err(Fault::Unfit {
                id: id.map_or(0, |id| id.0),
                why: faults.join("; "),
            }),
        }
    }

    /// Problems by the site's names of its columns.
    fn told(&self, problems: Vec<Problem>) -> Vec<String> {
        let told = |problem: Problem| format!("{} {}", self.titles[problem.column], problem.why);
        problems.into_iter().map(told).collect()
    }

    /// Reads some members. A member that is not in the answer is not in the table.
    pub(super) fn among(&self, server: &Server, ids: &[MemberId]) -> Result<Vec<Now>, Fault> {
        let wanted = self.columns.of_a_look();
        let (list, source) = (self.list(&wanted), &self.source);
        let id = quoted(&self.titles[self.columns.id]);
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            // Numbers, and nothing else.
            let ids: Vec<_> = ids.iter().map(|id| format!("'{}'", id.0)).collect();
            let ids = ids.join(",");
            let sql = format!("SELECT {list} FROM {source} WHERE {id} IN ({ids})");
            let rows: Vec<Row> = server.ask(Instant::now(), |connection| connection.query(&sql))?;
            for row in rows {
                let cells = Cells::of(self, &wanted, row);
                let get = |at| cells.get(at);
                // Numbers that are filled with zeros come so here, and as numbers from a lookup.
                let text = cells.get(self.columns.id).map(String::from_utf8_lossy);
                let id = text.and_then(|text| Number::parse(text.trim()).ok());
                let Some(id) = id.map(|id| MemberId(id.get())) else {
                    continue;
                };
                let names = self.reading.nick_and_name(&self.columns, &get);
                let active = self.reading.active(&self.columns, &get);
                found.push((id, names, active.unwrap_or(Active::No)));
            }
        }
        Ok(found)
    }

    /// How long the slowest hash takes to check, on a slow machine.
    pub(super) fn slowest_check(&self, server: &Server) -> Result<Duration, Fault> {
        let password = quoted(&self.titles[self.columns.password]);
        let sql = format!("SELECT {password} FROM {}", self.source);
        server.ask(Instant::now(), |connection| {
            let mut slowest = Duration::ZERO;
            for row in connection.query_iter(&sql)? {
                // What is not even text is checked against nothing.
                if let Some(Value::Bytes(hash)) = row?.take(0)
                    && let Ok(hash) = std::str::from_utf8(&hash)
                {
                    let hash = self.columns.texts.hash(hash);
                    slowest = slowest.max(password::time_to_check(&hash));
                }
            }
            Ok(slowest)
        })
    }

    /// Whether some row is of an active member.
    pub(super) fn has_active(&self, server: &Server) -> Result<bool, Fault> {
        let wanted = self.columns.of_a_look();
        let sql = format!("SELECT {} FROM {}", self.list(&wanted), self.source);
        server.ask(Instant::now(), |connection| {
            for row in connection.query_iter(&sql)? {
                let cells = Cells::of(self, &wanted, row?);
                let active = self.reading.active(&self.columns, &|at| cells.get(at));
                if active == Ok(Active::Yes) {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// Gives every row to `each`, as it comes: they may be more than fit in memory.
    pub(crate) fn rows<E>(
        &self,
        connection: &mut Conn,
        mut each: impl FnMut(&Cells<'_>) -> Result<(), E>,
    ) -> mysql::Result<Result<(), E>> {
        let wanted = self.columns.wanted();
        let (list, source) = (self.list(&wanted), &self.source);
        let sql = format!("SELECT {list} FROM {source}");
        for row in connection.query_iter(sql)? {
            if let Err(stop) = each(&Cells::of(self, &wanted, row?)) {
                return Ok(Err(stop));
            }
        }
        Ok(Ok(()))
    }

    /// How many rows there are.
    pub(crate) fn count(&self, connection: &mut Conn) -> mysql::Result<u64> {
        let sql = format!("SELECT count(*) FROM {}", self.source);
        Ok(connection.query_first(sql)?.unwrap_or(0))
    }

    /// Columns, as a statement names them.
    fn list(&self, wanted: &[usize]) -> String {
        let names: Vec<_> = wanted.iter().map(|at| quoted(&self.titles[*at])).collect();
        names.join(", ")
    }
}

impl<'a> Cells<'a> {
    fn of(table: &Table, wanted: &'a [usize], row: Row) -> Self {
        let columns = row.columns();
        let values = row.unwrap().into_iter().zip(&*columns).zip(wanted);
        let values = values.map(|((value, column), at)| {
            // An id has no leading zeros, because members log in by it.
            let is_id = *at == table.columns.id;
            bytes(value, column, if is_id { 0 } else { filled(column) })
        });
        Self {
            wanted,
            values: values.collect(),
        }
    }

    /// What is in a column of the table; nothing if that is NULL, or was not wanted.
    pub(crate) fn get(&self, column: usize) -> Option<&[u8]> {
        let at = self.wanted.binary_search(&column).ok()?;
        self.values.get(at)?.as_deref()
    }
}

/// A value as a dump would write it, which is what `--active-if` is compared with. From a prepared statement,
/// as lookups use it, numbers and times come as such, and only their column knows how they are written.
fn bytes(value: Value, column: &Column, width: usize) -> Option<Vec<u8>> {
    let decimals = usize::from(column.decimals());
    let is_fixed = decimals < AS_MANY_AS_THERE_ARE;
    let days = [ColumnType::MYSQL_TYPE_DATE, ColumnType::MYSQL_TYPE_NEWDATE];
    let is_day = days.contains(&column.column_type());
    let text = match value {
        Value::NULL => return None,
        Value::Bytes(bytes) => return Some(bytes),
        Value::Int(number) => format!("{number:0width$}"),
        Value::UInt(number) => format!("{number:0width$}"),
        Value::Float(number) if is_fixed => format!("{number:0width$.decimals$}"),
        Value::Float(number) => format!("{number:0width$}"),
        Value::Double(number) if is_fixed => format!("{number:0width$.decimals$}"),
        Value::Double(number) => format!("{number:0width$}"),
        Value::Date(year, month, day, ..) if is_day => format!("{year:04}-{month:02}-{day:02}"),
        Value::Date(year, month, day, hour, minute, second, micros) => {
            let parts = fraction(micros, decimals);
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{parts}")
        }
        Value::Time(is_negative, days, hours, minutes, seconds, micros) => {
            let sign = if is_negative { "-" } else { "" };
            let hours = 24 * days + u32::from(hours);
            let parts = fraction(micros, decimals);
            format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{parts}")
        }
    };
    Some(text.into_bytes())
}

/// How many digits numbers are filled up to with zeros.
fn filled(column: &Column) -> usize {
    if column.flags().contains(ColumnFlags::ZEROFILL_FLAG) {
        column.column_length() as usize
    } else {
        0
    }
}

/// Parts of a second, as many digits as a column has.
fn fraction(micros: u32, decimals: usize) -> String {
    match decimals {
        1..=6 => format!(".{micros:06}")[..=decimals].to_owned(),
        _ => String::new(),
    }
}

/// What a row says first.
fn first(row: Row) -> String {
    let said = row.unwrap().into_iter().next();
    let Some(Value::Bytes(said)) = said else {
        return String::new();
    };
    String::from_utf8_lossy(&said).into_owned()
}

/// A name, as MySQL takes it for one whatever is in it.
fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Rows that a collation may take for one: letter case, accents and blanks at the end do not count.
const MOST_ALIKE: usize = 100;

/// What a column says of its decimals if there is no fixed number of them.
const AS_MANY_AS_THERE_ARE: usize = 31;

/// Members in one statement of a look.
const AT_ONCE: usize = 1000;

/// A text has letters that the column's character set lacks.
const NOT_COMPARABLE: [u16; 5] = [1267, 1270, 1271, 1366, 3854];
