//! Imports a file.

use super::error::ImportError;
use super::file::Source;
use super::options::Options;
use super::reading::Names;
use super::report::{Report, Watch};
use super::row::Import;
use super::sink::{Target, put};
use super::{csv_file, dump_file, file};

/// Imports a whole file, or checks it.
pub fn import(
    target: Target<'_>,
    source: &mut dyn Source,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<Report, ImportError> {
    put(target, options, |sink| {
        let (kind, file) = file::open(source)?;
        if kind == file::Kind::Csv && options.table.is_some() {
            let why = "it is no dump as far as its first bytes tell, and has no tables";
            return Err(ImportError::Unusable(why.to_owned()));
        }
        if kind == file::Kind::Csv {
            let mut import = Import::new(sink, Names::AsTheyAre, options, watch)?;
            csv_file::read(&mut import, file)?;
            return Ok(import.report);
        }
        drop(file);
        let mut import = Import::new(sink, Names::Cleaned, options, watch)?;
        dump_file::read(&mut import, source)?;
        Ok(import.report)
    })
}
