//! `members import`: members of an old site, from a table or from a dump of its database.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FromArgs};
use indicatif::{ProgressBar, ProgressStyle};

use super::{counted, default_store, open_or_create};
use crate::failure::{Exit, Failure, written};
use crate::members::Members;
use crate::members::import::{
    self, ActiveIf, Charset, Cleaned, ImportError, Map, Options, Refused, Report, RowFault, Source,
    Target, Watch,
};
use crate::text::Plain;

/// Add all members of a CSV file or a MySQL dump, or none if anything in it is wrong.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "import",
    note = "A dump is what mysqldump, mariadb-dump or phpMyAdmin has written; either file may be compressed with gzip. Its columns are found by names that old sites have used (username, user_pass, uid and such), or are named with --map. A name that could not be shown is cleaned, or the nick stands in for it, and the report says so; all else that is wrong refuses the row.",
    note = "The first row of a CSV file names the columns id,nick,name,password,active, in any order, or others with --map. Its names are not cleaned, but refused.",
    note = "password is a hash as PHP, MySQL, WordPress or phpBB has made it, in double quotes in a CSV file if it contains commas; active is 1 or 0. A column of salts is named for what the site made of them: md5(salt.password) or md5(md5(password).salt), as a title in a CSV file, or with --map 'md5(salt.password)=COLUMN'.",
    note = "Ends with 65 if the file, or a row of it, cannot be imported; with --dry-run, too."
)]
pub(in crate::cli) struct Import {
    /// the CSV file or the dump
    #[argh(positional)]
    file: PathBuf,

    /// table of a dump (default: the only one with rows, or members)
    #[argh(option, arg_name = "NAME")]
    table: Option<String>,

    /// which column is what, as in nick=username,name=realname,id=uid,password=pass,active=enabled; name= and active= say that there is none: the nick is shown, everyone is active
    #[argh(option, arg_name = "OURS=COLUMN,…")]
    map: Option<Map>,

    /// only members whose row has this value in this column may log in
    #[argh(option, arg_name = "COLUMN=VALUE")]
    active_if: Option<ActiveIf>,

    /// what texts are in: utf8, latin1, latin2, double-utf8 (encoded twice) or auto (UTF-8, else latin1; each text by itself); default: what a dump says, or utf8
    #[argh(option, arg_name = "NAME")]
    charset: Option<Charset>,

    /// change nothing; say what would be imported, and what would not
    #[argh(switch)]
    dry_run: bool,

    /// import the others if rows are refused, and say which were
    #[argh(switch)]
    skip_refused: bool,

    /// file of the member store (default flashgate.db); created when missing
    #[argh(option, arg_name = "FILE", default = "default_store()")]
    members: PathBuf,
}

pub(super) fn run(command: &Import) -> Result<String, Failure> {
    let map = command.map.clone().unwrap_or_default();
    if command.active_if.is_some() && map.says_active() {
        return Err(Failure::usage(
            "--active-if and active in --map both say who is active",
        ));
    }
    let options = Options {
        table: command.table.clone(),
        query: None,
        map,
        active_if: command.active_if.clone(),
        charset: command.charset,
        refused: if command.skip_refused {
            Refused::Skip
        } else {
            Refused::StopAll
        },
    };
    let mut file = ImportFile::open(&command.file)?;
    let imported = if command.dry_run {
        let found = command.members.exists();
        let store = found.then(|| Members::open(&command.members)).transpose()?;
        let mut told = Told::new(&file.bar, Tell::Rows);
        let target = Target::Nowhere(store.as_ref());
        let imported = import::import(target, &mut file, &options, &mut told);
        told.end()?;
        imported
    } else {
        // No store is made for a file of which nothing comes in.
        let checked = if command.members.exists() {
            None
        } else {
            Some(import::import(
                Target::Nowhere(None),
                &mut file,
                &options,
                &mut (),
            ))
        };
        match checked {
            Some(Ok(report)) if report.good() == 0 => Ok(report),
            Some(Err(error)) => Err(error),
            Some(Ok(_)) | None => {
                let mut members = open_or_create(&command.members)?;
                let tell = if command.skip_refused {
                    Tell::Rows
                } else {
                    Tell::Cleaned
                };
                let mut told = Told::new(&file.bar, tell);
                let target = Target::Store(&mut members);
                let imported = import::import(target, &mut file, &options, &mut told);
                told.end()?;
                imported
            }
        }
    };
    file.bar.finish_and_clear();
    said(command, imported)
}

/// What is said of an import at its end.
fn said(command: &Import, imported: Result<Report, ImportError>) -> Result<String, Failure> {
    let file = command.file.display();
    let report = match imported {
        Ok(report) => report,
        Err(ImportError::Refused(report)) if command.dry_run && report.refused > 0 => {
            super::super::say(&summary(command, &report))?;
            return Err(Failure::new(
                Exit::Data,
                format!(
                    "{file} has {}: nothing would be imported, or the other {} with --skip-refused",
                    counted(report.faults.total, "fault"),
                    counted(report.good(), "row"),
                ),
            ));
        }
        Err(ImportError::Refused(report)) => return Err(refused(&command.file, &report)),
        Err(error) => return Err(failed(&command.file, error)),
    };
    let what = if report.table.is_some() {
        "holds"
    } else {
        "names the columns and"
    };
    if report.rows == 0 {
        return Ok(format!("{file} {what} no members: nothing to import\n"));
    }
    let is_told = report.table.is_some() || command.dry_run || command.skip_refused;
    let mut said = if is_told {
        summary(command, &report)
    } else {
        String::new()
    };
    if command.dry_run {
        said.push_str(&format!(
            "would import {}; nothing was changed\n",
            counted(report.good(), "member")
        ));
    } else {
        said.push_str(&format!("imported {}\n", counted(report.good(), "member")));
    }
    Ok(said)
}

/// What was found in a file, for a person.
fn summary(command: &Import, report: &Report) -> String {
    let file = command.file.display();
    let of = match &report.table {
        Some(table) => format!("table {} of {file}", Plain(&table.to_string())),
        None => file.to_string(),
    };
    let mut said = format!("{of}, in {}:\n", report.charset);
    for (ours, theirs) in &report.columns {
        said.push_str(&format!("  {ours:<10}{}\n", Plain(theirs)));
    }
    let (rows, good) = (counted(report.rows, "row"), report.good());
    said.push_str(&format!(
        "{rows}: {good} good, {} refused\n",
        report.refused
    ));
    for (format, count) in &report.formats {
        let later = if format.is_current() {
            ""
        } else {
            ", and argon2id after the next login"
        };
        said.push_str(&format!("{count:8}  {format}{later}\n"));
    }
    let (active, not) = (report.active, good - report.active);
    said.push_str(&format!("{active:8}  active\n{not:8}  not active\n"));
    if report.cleaned > 0 {
        said.push_str(&format!(
            "{:8}  with a name that had to be cleaned\n",
            report.cleaned
        ));
    }
    said
}

fn refused(file: &Path, report: &Report) -> Failure {
    let (file, faults) = (file.display(), &report.faults);
    let total = counted(faults.total, "fault");
    let mut message = format!("{file} has {total}, nothing was imported:");
    for fault in &faults.first {
        message.push_str(&format!("\n{file}: {fault}"));
    }
    if faults.total > faults.first.len() {
        let more = faults.total - faults.first.len();
        message.push_str(&format!("\n… and {more} more"));
    }
    Failure::new(Exit::Data, message)
}

fn failed(file: &Path, error: ImportError) -> Failure {
    let name = file.display();
    match error {
        ImportError::Refused(report) => refused(file, &report),
        ImportError::Store(error) => error.into(),
        ImportError::Unreadable(error) => unreadable(file, &error),
        ImportError::Unusable(why) => {
            Failure::new(Exit::Data, format!("{name}, nothing was imported: {why}"))
        }
        ImportError::Dump(error) => {
            Failure::new(Exit::Data, format!("{name}, nothing was imported: {error}"))
        }
        ImportError::Scratch(error) => Failure::new(
            Exit::Failure,
            format!("cannot keep in a temporary file which members were there: {error}"),
        ),
    }
}

fn unreadable(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    let file = file.display();
    Failure::new(Exit::Failure, format!("cannot read {file}: {error}"))
}

/// A file that is read more than once; of a pipe, what it held.
struct ImportFile {
    path: PathBuf,
    piped: Option<Vec<u8>>,
    bar: ProgressBar,
}

impl ImportFile {
    fn open(path: &Path) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let about = file.metadata().map_err(|error| unreadable(path, &error))?;
        let mut piped = None;
        if !about.is_file() {
            let mut held = Vec::new();
            let size = file.take(MAX_PIPED + 1).read_to_end(&mut held);
            if size.map_err(|error| unreadable(path, &error))? as u64 > MAX_PIPED {
                let why = "it is no file and holds more than 512 MiB; save it as a file first";
                return Err(unreadable(path, &why));
            }
            piped = Some(held);
        }
        let size = piped.as_ref().map_or(about.len(), |held| held.len() as u64);
        // Nothing is drawn where standard error is no terminal.
        let bar = ProgressBar::new(size);
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
        Ok(Self {
            path: path.to_owned(),
            piped,
            bar,
        })
    }
}

impl Source for ImportFile {
    fn open(&mut self) -> io::Result<Box<dyn Read + '_>> {
        self.bar.set_position(0);
        Ok(match &self.piped {
            Some(held) => Box::new(self.bar.wrap_read(held.as_slice())),
            None => Box::new(self.bar.wrap_read(File::open(&self.path)?)),
        })
    }
}

/// What of a file's rows is told as it is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tell {
    /// Those that are refused, and names that are cleaned.
    Rows,
    /// Names that are cleaned; the others stop all, and are told then.
    Cleaned,
}

/// Tells, on standard output: a file may have more to be told than fits in memory.
struct Told {
    bar: ProgressBar,
    tell: Tell,
    out: io::BufWriter<io::Stdout>,
    wrote: io::Result<()>,
}

impl Told {
    fn new(bar: &ProgressBar, tell: Tell) -> Self {
        Self {
            bar: bar.clone(),
            tell,
            out: io::BufWriter::new(io::stdout()),
            wrote: Ok(()),
        }
    }

    fn line(&mut self, line: &dyn std::fmt::Display) {
        if self.wrote.is_ok() {
            self.wrote = self.bar.suspend(|| writeln!(self.out, "{line}"));
        }
    }

    fn end(mut self) -> Result<(), Failure> {
        written(
            self.wrote
                .and_then(|()| self.bar.suspend(|| self.out.flush())),
        )
    }
}

impl Watch for Told {
    fn rows(&mut self, done: usize) {
        self.bar.set_message(format!("{done} rows"));
    }

    fn refused(&mut self, fault: &RowFault) {
        if self.tell == Tell::Rows {
            self.line(&format_args!("refused: {fault}"));
        }
    }

    fn cleaned(&mut self, cleaned: &Cleaned) {
        self.line(cleaned);
    }
}

const BAR: &str = "{wide_bar} {percent}%, {msg}";

/// What a pipe may hold, as much as a CSV file.
const MAX_PIPED: u64 = 512 * 1024 * 1024;
