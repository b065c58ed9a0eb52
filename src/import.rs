//! Taking members over from an old site: from a CSV file, from a dump of its MySQL database, or from
//! that database itself. Either file may be compressed with gzip. All members come in, or none and a
//! list of what is wrong, unless whoever imports asks to go on without the rows that are refused.
//!
//! What a file is, is told by its first bytes (`file`). `csv_file`, `dump_file` and `site_table` find
//! the rows, `columns` which column is what, `charset` what its bytes say, `texts` what the site has done
//! to its texts, `reading` what a row says of a member; every row goes through the same checks (`row`),
//! and `seen` knows whose number and nick were there before. Files are streamed; what was seen, and the
//! rows of a table, are in temporary files: memory is bounded, however many members there are.

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
    error::Stop,
    reading::{Fields, Names, Problem, Reading},
    row::{Import, PROGRESS_ROWS},
    sink::put,
};

#[cfg(test)]
mod tests;
