//! The checks that every row goes through: its fields, and whether its number or nick is taken.

use std::fmt::Display;

use rusqlite::Connection;

use super::columns::{COLUMNS, Columns, ID, NAME, NICK};
use super::error::ImportError;
use super::options::{Options, Refused};
use super::reading::{Names, Problem, Reading, Was, is_like_a_number};
use super::report::{Cleaned, Place, Report, RowFault, Watch};
use super::seen::Seen;
use super::sink::Sink;
use crate::password;
use crate::store::{self, Active, NewMember};
use crate::text::Plain;

/// A running import, row by row.
pub(crate) struct Import<'a> {
    pub(crate) options: &'a Options,
    pub(crate) report: Report,
    sink: Sink<'a>,
    names: Names,
    watch: &'a mut dyn Watch,
    seen: Seen,
    /// The faults of the current row, in the order in which they were found.
    found: Vec<RowFault>,
}

impl<'a> Import<'a> {
    pub(crate) fn new(
        sink: Sink<'a>,
        names: Names,
        options: &'a Options,
        watch: &'a mut dyn Watch,
    ) -> Result<Self, ImportError> {
        let report = Report {
            charset: options.charset.unwrap_or_default(),
            ..Report::default()
        };
        Ok(Self {
            options,
            report,
            sink,
            names,
            watch,
            seen: Seen::new().map_err(ImportError::scratch)?,
            found: Vec::new(),
        })
    }

    /// Imports a row whose columns are known; `get` gives the content of a column.
    pub(crate) fn row<'r>(
        &mut self,
        place: Place,
        columns: &Columns,
        get: &dyn Fn(usize) -> Option<&'r [u8]>,
    ) -> Result<(), ImportError> {
        let reading = Reading {
            charset: self.report.charset,
            names: self.names,
            spaces: self.options.spaces,
        };
        let (fields, problems) = reading.fields(columns, get);
        for Problem { column, name, why } in problems {
            self.fault(place, column + 1, name, why);
        }
        if let Some(id) = fields.id {
            let first = self.seen.id(id).map_err(ImportError::scratch)?;
            let problem = first.map(|first| {
                let first = place.other(first);
                format!("{} is the number of {first} already", id.get())
            });
            let owner = |members: &Connection| store::owner_of_id(members, id);
            let column = (columns.id, ID);
            self.check(place, column, &id.get(), problem, owner)?;
        }
        if let Some(nick) = &fields.nick {
            let (shown, first) = (nick.as_str(), self.seen.nick(&nick.key()));
            let problem = first.map_err(ImportError::scratch)?.map(|first| {
                let first = place.other(first);
                format!("{shown} is the nick of {first} already (letter case does not count)")
            });
            let owner = |members: &Connection| store::owner_of_nick(members, nick);
            let column = (columns.nick, NICK);
            self.check(place, column, &shown, problem, owner)?;
        }
        if self.found.is_empty()
            && let (was, Some(member)) = fields.whole()
        {
            self.take(place, &member, was)?;
        } else if self.names == Names::Cleaned {
            // Its place is not enough: a dump has many rows in a line, and a database sorts none.
            let id = get(columns.id).map(|id| String::from_utf8_lossy(id));
            let id = match id {
                Some(id) if is_like_a_number(&id) => id.into_owned(),
                Some(_) => "not shown".to_owned(),
                None => "NULL".to_owned(),
            };
            for fault in &mut self.found {
                fault.id = Some(id.clone());
            }
        }
        self.row_ends();
        Ok(())
    }

    /// Ends a row, with or without faults.
    pub(crate) fn row_ends(&mut self) {
        self.report.rows += 1;
        self.report.refused += usize::from(!self.found.is_empty());
        self.faults_end();
        if self.report.rows.is_multiple_of(PROGRESS_ROWS) {
            self.watch.rows(self.report.rows);
        }
    }

    pub(crate) fn fault(
        &mut self,
        place: Place,
        column: usize,
        name: Option<&'static str>,
        problem: String,
    ) {
        self.found.push(RowFault {
            place,
            id: None,
            column,
            name,
            problem,
        });
    }

    /// Whether anything is wrong with the current row.
    pub(crate) fn is_at_fault(&self) -> bool {
        !self.found.is_empty()
    }

    /// Reports the faults of a row in the order of their columns.
    pub(crate) fn faults_end(&mut self) {
        self.found.sort_by_key(|fault| fault.column);
        let faults = &mut self.report.faults;
        faults.total += self.found.len();
        for fault in self.found.drain(..) {
            self.watch.refused(&fault);
            if faults.first.len() < MAX_FAULTS {
                faults.first.push(fault);
            }
        }
    }

    /// Checks that a number or a nick is free in the store, unless it is taken in the file: `problem`.
    fn check(
        &mut self,
        place: Place,
        (column, name): (usize, usize),
        shown: &dyn Display,
        problem: Option<String>,
        owner: impl FnOnce(&Connection) -> rusqlite::Result<Option<String>>,
    ) -> Result<(), ImportError> {
        let problem = match (problem, self.sink.known) {
            (None, Some(members)) => {
                let owner = owner(members).map_err(|error| self.sink.failed(error))?;
                owner.map(|owner| format!("{shown} is in the store already, as {}", Plain(&owner)))
            }
            (problem, _) => problem,
        };
        if let Some(problem) = problem {
            self.fault(place, column + 1, Some(COLUMNS[name]), problem);
        }
        Ok(())
    }

    /// Takes a good row.
    fn take(&mut self, place: Place, member: &NewMember, was: Was) -> Result<(), ImportError> {
        let NewMember { id, nick, .. } = member;
        let seen = self.seen.add(*id, nick, place.number());
        seen.map_err(ImportError::scratch)?;
        // After a fault that stops the import, nothing will be kept, so only the checks continue.
        let is_lost = self.options.refused == Refused::StopAll && self.report.refused > 0;
        if let (Some(transaction), false) = (self.sink.into, is_lost) {
            store::insert(transaction, member).map_err(|error| self.sink.failed(error))?;
        }
        let report = &mut self.report;
        report.active += usize::from(member.active == Active::Yes);
        if let Ok(format) = password::format(member.password.as_str()) {
            *report.formats.entry(format).or_default() += 1;
        }
        report.filled += usize::from(was.nick.is_some());
        report.cleaned += usize::from(was.name.is_some());
        let changed = [
            (NICK, was.nick, nick.as_str()),
            (NAME, was.name, member.name.as_str()),
        ];
        for (column, was, is) in changed {
            if let Some(was) = was {
                let (column, is) = (COLUMNS[column], is.to_owned());
                let id = id.get();
                self.watch.cleaned(&Cleaned {
                    place,
                    id,
                    column,
                    was,
                    is,
                });
            }
        }
        Ok(())
    }
}

/// Faults that are kept: more than anyone mends before trying again.
pub(crate) const MAX_FAULTS: usize = 100;

/// Rows between two reports of progress.
pub(crate) const PROGRESS_ROWS: usize = 1000;
