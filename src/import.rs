//! Imports members of an old site from a CSV file, from a dump of its MySQL database, or from that database
//! itself. Files may be compressed with gzip. All members are imported, or none and a list of faults, unless
//! the operator asks to skip rows with faults.
//!
//! `file` finds the kind of a file by its first bytes. `csv_file`, `dump_file` and the `site_table` area find
//! the rows, `columns` maps the columns, `charset` decodes bytes, `texts` undoes what the site did to its
//! texts, and `reading` makes a member of a row. Every row goes through the same checks (`row`); `seen` knows
//! the numbers and nicks of earlier rows. Files are streamed, and `seen` and the rows of a table are
//! temporary files, so memory is bounded for any number of members.

mod charset;
mod columns;
mod csv_file;
pub mod dump;
mod dump_file;
mod error;
mod file;
mod options;
mod reading;
mod report;
mod row;
mod run;
mod seen;
mod sink;
mod texts;

pub use charset::Charset;
pub use columns::{ActiveIf, Map};
pub use error::ImportError;
pub use file::Source;
pub use options::{Options, Refused};
pub use reading::Spaces;
pub use report::{Cleaned, Faults, Place, Report, RowFault, Watch};
pub use run::import;
pub use sink::Target;
#[cfg(feature = "mysql")]
pub(crate) use {
    charset::doubled,
    columns::Columns,
    dump_file::choose_table,
    reading::{Fields, Names, Problem, Reading},
    row::{Import, PROGRESS_ROWS},
    sink::put,
};

#[cfg(test)]
mod tests;
