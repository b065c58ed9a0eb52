//! What every row goes through, wherever it is from: its fields, one by one, and whether somebody has
//! its number or its nick.

use std::borrow::Cow;
use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::super::{self as members, Active, Hash, Name, NewMember, Nick, Number, passwords};
use super::columns::{ACTIVE, ActiveBy, COLUMNS, Columns, ID, NAME, NICK, PASSWORD};
use super::file::Kind;
use super::seen::Seen;
use super::{Charset, Cleaned, Options, Report, RowFault, Sink, Stop, Watch, shortened};
use crate::text::{Plain, Quoted, is_unseen};

/// An import that goes on, row by row.
pub(super) struct Import<'a> {
    pub(super) options: &'a Options,
    pub(super) report: Report,
    sink: Sink<'a>,
    kind: Kind,
    watch: &'a mut dyn Watch,
    seen: Seen,
    /// The faults of the row at hand, in the order they were found.
    found: Vec<RowFault>,
}

/// A row, as far as it is right.
struct Fields {
    id: Option<Number>,
    nick: Option<Nick>,
    name: Option<Name>,
    password: Option<Hash>,
    active: Option<Active>,
    /// What the name was before it was cleaned.
    was: Option<String>,
}

impl<'a> Import<'a> {
    pub(super) fn new(
        sink: Sink<'a>,
        kind: Kind,
        options: &'a Options,
        watch: &'a mut dyn Watch,
    ) -> Result<Self, Stop> {
        let report = Report {
            charset: options.charset.unwrap_or_default(),
            ..Report::default()
        };
        Ok(Self {
            options,
            report,
            sink,
            kind,
            watch,
            seen: Seen::new().map_err(Stop::Scratch)?,
            found: Vec::new(),
        })
    }

    /// Takes a row whose columns are where they should be; `get` gives what is in one.
    pub(super) fn row<'r>(
        &mut self,
        line: usize,
        columns: &Columns,
        get: &dyn Fn(usize) -> Option<&'r [u8]>,
    ) -> Result<(), Stop> {
        let fields = self.fields(line, columns, get);
        if let Some(id) = fields.id {
            self.check_id(line, columns.id + 1, id)?;
        }
        if let Some(nick) = &fields.nick {
            self.check_nick(line, columns.nick + 1, nick)?;
        }
        if self.found.is_empty()
            && let (was, Some(member)) = fields.whole()
        {
            self.take(line, &member, was)?;
        } else if self.kind == Kind::Dump {
            let id = get(columns.id).map(|id| shortened(&String::from_utf8_lossy(id)));
            let id = id.unwrap_or_else(|| "NULL".to_owned());
            for fault in &mut self.found {
                fault.id = Some(id.clone());
            }
        }
        self.row_ends();
        Ok(())
    }

    /// A row ends, for which there were faults or none.
    pub(super) fn row_ends(&mut self) {
        self.report.rows += 1;
        self.report.refused += usize::from(!self.found.is_empty());
        self.faults_end();
        if self.report.rows.is_multiple_of(PROGRESS_ROWS) {
            self.watch.rows(self.report.rows);
        }
    }

    pub(super) fn fault(
        &mut self,
        line: usize,
        column: usize,
        name: Option<&'static str>,
        problem: String,
    ) {
        self.found.push(RowFault {
            line,
            id: None,
            column,
            name,
            problem,
        });
    }

    /// Whether anything is wrong with the row at hand.
    pub(super) fn is_at_fault(&self) -> bool {
        !self.found.is_empty()
    }

    /// Tells the faults that were found in the order of their columns.
    pub(super) fn faults_end(&mut self) {
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

    /// Reads the fields of a row; every one of them is looked at, whatever is wrong with the others.
    fn fields<'r>(
        &mut self,
        line: usize,
        columns: &Columns,
        get: &dyn Fn(usize) -> Option<&'r [u8]>,
    ) -> Fields {
        let charset = self.report.charset;
        let bytes = |at: usize| get(at).ok_or_else(|| "is NULL".to_owned());
        let text = |at: usize| bytes(at).and_then(|bytes| charset.decode(bytes));
        let id = text(columns.id).and_then(|t| Number::parse(t.trim()).map_err(|f| shown(&t, &f)));
        let nick = text(columns.nick).and_then(|t| Nick::new(&t).map_err(|f| shown(&t, &f)));
        let (name, was) = self.name(columns.name, nick.as_ref().ok(), get);
        // Whatever stands there, it may be a secret.
        let salt = columns.salt.map(|(at, form)| {
            let salt = get(at).unwrap_or_default();
            (at, form, charset.exact(salt))
        });
        let password = bytes(columns.password).and_then(|bytes| {
            let text = charset.exact(bytes)?;
            let hash = match &salt {
                Some((_, form, Ok(salt))) => Hash::salted(text, *form, salt),
                Some((.., Err(_))) | None => Hash::parse(text),
            };
            hash.map_err(|f| f.to_string())
        });
        let active = is_active(&columns.active, charset, get);

        if let Some((at, _, Err(problem))) = salt {
            self.fault(line, at + 1, None, problem);
        }
        let mut told = |which: usize, at: Option<usize>, problem| {
            self.fault(
                line,
                at.unwrap_or_default() + 1,
                Some(COLUMNS[which]),
                problem,
            );
        };
        Fields {
            id: id
                .map_err(|problem| told(ID, Some(columns.id), problem))
                .ok(),
            nick: nick
                .map_err(|problem| told(NICK, Some(columns.nick), problem))
                .ok(),
            name: match name {
                Some(name) => name
                    .map_err(|problem| told(NAME, columns.name, problem))
                    .ok(),
                None => None,
            },
            password: password
                .map_err(|problem| told(PASSWORD, Some(columns.password), problem))
                .ok(),
            active: active
                .map_err(|problem| told(ACTIVE, columns.active.column(), problem))
                .ok(),
            was,
        }
    }

    /// The name, and what it was if it had to be cleaned. Nothing where it would be the nick and that
    /// is at fault itself. Whoever has a table can mend it; nobody can mend a dump, so its names are
    /// cleaned.
    fn name<'r>(
        &self,
        column: Option<usize>,
        nick: Option<&Nick>,
        get: &dyn Fn(usize) -> Option<&'r [u8]>,
    ) -> (Option<Result<Name, String>>, Option<String>) {
        let of_nick = || nick.map(|nick| Name::new(nick.as_str()).map_err(|f| shown("", &f)));
        let Some(column) = column else {
            return (of_nick(), None);
        };
        let text = match get(column).map(|bytes| self.report.charset.decode(bytes)) {
            Some(Ok(text)) => text,
            Some(Err(problem)) => return (Some(Err(problem)), None),
            None => Cow::Borrowed(""),
        };
        match (Name::new(&text), self.kind) {
            (Ok(name), _) => (Some(Ok(name)), None),
            (Err(fault), Kind::Csv) => (Some(Err(shown(&text, &fault))), None),
            (Err(_), Kind::Dump) => {
                let cleaned = Name::new(&clean(&text)).ok().map(Ok);
                (cleaned.or_else(of_nick), Some(shortened(&text)))
            }
        }
    }

    /// A number is nobody's yet, neither in the file nor in the store.
    fn check_id(&mut self, line: usize, column: usize, id: Number) -> Result<(), Stop> {
        let shown = id.get();
        let problem = if let Some(first) = self.seen.id(id).map_err(Stop::Scratch)? {
            format!("{shown} is the number of line {first} already")
        } else {
            let owner = self
                .sink
                .store()
                .map(|store| members::owner_of_id(store, id));
            match owner.transpose().map_err(Stop::Store)?.flatten() {
                None => return Ok(()),
                Some(owner) => format!("{shown} is in the store already, as {}", Plain(&owner)),
            }
        };
        self.fault(line, column, Some(COLUMNS[ID]), problem);
        Ok(())
    }

    /// A nick is nobody's yet, in no letter case.
    fn check_nick(&mut self, line: usize, column: usize, nick: &Nick) -> Result<(), Stop> {
        let shown = nick.as_str();
        let problem = if let Some(first) = self.seen.nick(&nick.key()).map_err(Stop::Scratch)? {
            format!("{shown} is the nick of line {first} already (letter case does not count)")
        } else {
            let owner = self
                .sink
                .store()
                .map(|store| members::owner_of_nick(store, nick));
            match owner.transpose().map_err(Stop::Store)?.flatten() {
                None => return Ok(()),
                Some(owner) => format!("{shown} is in the store already, as {}", Plain(&owner)),
            }
        };
        self.fault(line, column, Some(COLUMNS[NICK]), problem);
        Ok(())
    }

    /// Takes a good row.
    fn take(&mut self, line: usize, member: &NewMember, was: Option<String>) -> Result<(), Stop> {
        let NewMember { id, nick, .. } = member;
        self.seen.add(*id, nick, line).map_err(Stop::Scratch)?;
        // After a fault that stops all, nothing will stay, so only the checks go on.
        let is_lost = self.options.refused == super::Refused::StopAll && self.report.refused > 0;
        if let (Some(transaction), false) = (self.sink.transaction(), is_lost) {
            members::insert(transaction, member).map_err(Stop::Store)?;
        }
        let report = &mut self.report;
        report.active += usize::from(member.active == Active::Yes);
        if let Ok(format) = passwords::format(member.password.as_str()) {
            *report.formats.entry(format).or_default() += 1;
        }
        if let Some(was) = was {
            report.cleaned += 1;
            let (id, is) = (id.get(), member.name.as_str().to_owned());
            self.watch.cleaned(&Cleaned { line, id, was, is });
        }
        Ok(())
    }
}

impl Fields {
    fn whole(self) -> (Option<String>, Option<NewMember>) {
        let was = self.was;
        let whole = || {
            Some(NewMember {
                id: self.id?,
                nick: self.nick?,
                name: self.name?,
                password: self.password?,
                active: self.active?,
            })
        };
        (was, whole())
    }
}

fn shown(text: &str, fault: &dyn fmt::Display) -> String {
    format!("{} {fault}", Quoted(&shortened(text)))
}

fn is_active<'r>(
    by: &ActiveBy,
    charset: Charset,
    get: &dyn Fn(usize) -> Option<&'r [u8]>,
) -> Result<Active, String> {
    let is_active = match by {
        ActiveBy::Everyone => true,
        ActiveBy::If(at, value) => match get(*at) {
            Some(bytes) => charset.decode(bytes)? == *value,
            None => false,
        },
        ActiveBy::Column(at) => {
            let text = charset.decode(get(*at).ok_or("is NULL")?)?;
            match text.trim().to_ascii_lowercase().as_str() {
                // A BIT of MySQL's is a byte.
                "1" | "true" | "yes" | "\u{1}" => true,
                "0" | "false" | "no" | "\0" => false,
                _ => return Err(shown(&text, &"is neither 1 nor 0")),
            }
        }
    };
    Ok(if is_active { Active::Yes } else { Active::No })
}

/// A name without what makes it none: what cannot be seen goes, what moves a line becomes a space,
/// and what is too long is cut.
fn clean(text: &str) -> String {
    let spaced = text.replace(|c: char| c.is_whitespace() || c.is_control(), " ");
    let words = spaced.split(' ').map(|word| {
        let is_seen = |c: &char| !is_unseen(*c) && !matches!(c, '\u{fffe}' | '\u{ffff}');
        word.chars().filter(is_seen).collect::<String>()
    });
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let short: String = words.join(" ").nfc().take(MAX_NAME).collect();
    short.trim_end().to_owned()
}

/// Characters of a name, as [`Name`] has them.
const MAX_NAME: usize = 100;

/// Faults that are kept: more than anyone mends before trying again.
pub(super) const MAX_FAULTS: usize = 100;

const PROGRESS_ROWS: usize = 1000;
