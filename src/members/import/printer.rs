//! Output while rows are read: refused rows, cleaned names, and progress.

use std::io::{self, Write};

use indicatif::ProgressBar;

use crate::failure::{Failure, written};
use crate::import::{Cleaned, RowFault, Watch};

/// Which rows to print as they are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Printed {
    /// Those that are refused, and names that are cleaned.
    Rows,
    /// Rows with cleaned names. Refused rows stop the import and are printed at its end.
    Cleaned,
}

/// What the bar shows the progress of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    /// Of a file; the bar follows it by itself.
    Bytes,
    /// Of a table.
    Rows,
}

/// Prints to standard output at once: there may be more lines than fit in memory.
pub(super) struct Printer {
    bar: ProgressBar,
    printed: Printed,
    measure: Measure,
    out: io::BufWriter<io::Stdout>,
    wrote: io::Result<()>,
}

impl Printer {
    pub(super) fn new(bar: &ProgressBar, printed: Printed) -> Self {
        Self {
            bar: bar.clone(),
            printed,
            measure: Measure::Bytes,
            out: io::BufWriter::new(io::stdout()),
            wrote: Ok(()),
        }
    }

    fn line(&mut self, line: &dyn std::fmt::Display) {
        if self.wrote.is_ok() {
            self.wrote = self.bar.suspend(|| writeln!(self.out, "{line}"));
        }
    }

    pub(super) fn end(mut self) -> Result<(), Failure> {
        written(
            self.wrote
                .and_then(|()| self.bar.suspend(|| self.out.flush())),
        )
    }
}

impl Watch for Printer {
    fn wants_total(&self) -> bool {
        !self.bar.is_hidden()
    }

    fn total(&mut self, rows: u64) {
        self.bar.set_length(rows);
        self.measure = Measure::Rows;
    }

    fn rows(&mut self, done: usize) {
        if self.measure == Measure::Rows {
            self.bar.set_position(done as u64);
        }
        self.bar.set_message(format!("{done} rows"));
    }

    fn refused(&mut self, fault: &RowFault) {
        if self.printed == Printed::Rows {
            self.line(&format_args!("refused: {fault}"));
        }
    }

    fn cleaned(&mut self, cleaned: &Cleaned) {
        self.line(cleaned);
    }
}
