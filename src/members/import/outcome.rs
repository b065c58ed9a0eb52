//! What is printed at the end of an import: how it went, or why nothing was imported.

use std::fmt::Display;
use std::path::Path;

use super::super::common::{counted, counts};
use super::Import;
use super::printer::Printed;
use crate::failure::{self, Exit, Failure};
use crate::import::{ImportError, Report};
use crate::log::diagnostics;
use crate::text::Plain;

/// The text at the end of an import, or its failure.
pub(super) fn outcome(
    command: &Import,
    imported: Result<Report, ImportError>,
    printed: Printed,
) -> Result<String, Failure> {
    let file = command.file.display();
    let report = match imported {
        Ok(report) => report,
        Err(ImportError::Refused(report)) if command.dry_run && report.refused > 0 => {
            failure::print(&summary(command, &report))?;
            return Err(Exit::Data.because(format!(
                "{file} has {}: nothing would be imported{}",
                counted(report.faults.total, "fault"),
                match report.good() {
                    0 => String::new(),
                    good => format!(
                        ", or the other {} with --skip-refused",
                        counted(good, "row")
                    ),
                },
            )));
        }
        Err(ImportError::Refused(report)) => return Err(refused(&command.file, &report)),
        Err(error) => return Err(failed(&command.file, error)),
    };
    let holds = report.table.is_some() || command.asks_a_site();
    let what = if holds {
        "holds"
    } else {
        "names the columns and"
    };
    if report.rows > 0 && report.good() == 0 {
        return Err(all_refused(command, &report, printed));
    }
    if report.rows == 0 {
        return Ok(format!("{file} {what} no members: nothing to import\n"));
    }
    let is_printed = holds || command.dry_run || command.skip_refused;
    let mut text = if is_printed {
        summary(command, &report)
    } else {
        String::new()
    };
    if command.dry_run {
        text.push_str(&format!(
            "would import {}; nothing was changed\n",
            counted(report.good(), "member")
        ));
    } else {
        text.push_str(&format!("imported {}\n", counted(report.good(), "member")));
    }
    if let Some(active_if) = &command.active_if
        && report.active == 0
    {
        diagnostics::say(&format!(
            "no row has {}, so none of these members can log in; check --active-if",
            Plain(&active_if.to_string())
        ));
    }
    Ok(text)
}

/// What was found, for a person.
fn summary(command: &Import, report: &Report) -> String {
    let file = command.file.display();
    let of = match &report.table {
        Some(table) => format!("table {} of {file}", Plain(&table.to_string())),
        None if command.asks_a_site() => format!("the query to {file}"),
        None => file.to_string(),
    };
    let mut text = format!("{of}, in {}:\n", report.charset);
    for (ours, theirs) in &report.columns {
        text.push_str(&format!("  {ours:<10}{}\n", Plain(theirs)));
    }
    let (rows, good) = (counted(report.rows, "row"), report.good());
    text.push_str(&format!(
        "{rows}: {good} good, {} refused\n",
        report.refused
    ));
    text.push_str(&counts(&report.formats));
    let (active, not) = (report.active, good - report.active);
    text.push_str(&format!("{active:8}  active\n{not:8}  not active\n"));
    if report.filled > 0 {
        text.push_str(&format!(
            "{:8}  with a nick whose spaces were filled\n",
            report.filled
        ));
    }
    if report.cleaned > 0 {
        text.push_str(&format!(
            "{:8}  with a name that had to be cleaned\n",
            report.cleaned
        ));
    }
    text
}

/// No row is left to import. The reasons are listed here unless they were printed row by row.
fn all_refused(command: &Import, report: &Report, printed: Printed) -> Failure {
    if printed == Printed::Rows {
        let (file, rows) = (command.file.display(), counted(report.rows, "row"));
        let message = format!("{file}, nothing was imported: all of its {rows} were refused");
        return Exit::Data.because(message);
    }
    refused(&command.file, report)
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
    Exit::Data.because(message)
}

fn failed(file: &Path, error: ImportError) -> Failure {
    let name = file.display();
    match error {
        ImportError::Refused(report) => refused(file, &report),
        ImportError::Store(error) => error.into(),
        ImportError::Site(error) => {
            let Failure { exit, message } = Failure::from(error);
            exit.because(format!("nothing was imported: {message}"))
        }
        ImportError::Unreadable(error) => unreadable(file, &error),
        ImportError::Unusable(why) => {
            Exit::Data.because(format!("{name}, nothing was imported: {why}"))
        }
        ImportError::Dump(error) => {
            Exit::Data.because(format!("{name}, nothing was imported: {error}"))
        }
        ImportError::Scratch(error) => Exit::Failure.because(format!(
                "cannot write a temporary file: {error}; check the space in the folder for temporary files (TMPDIR)"
            ),
        ),
    }
}

/// A file that cannot be read.
pub(super) fn unreadable(file: &Path, error: &dyn Display) -> Failure {
    let file = file.display();
    Exit::Failure.because(format!("cannot read {file}: {error}"))
}
