//! Imports a file.

use super::error::{ImportError, Stop};
use super::file::Source;
use super::options::Options;
use super::reading::Names;
use super::report::{Report, Watch};
use super::row::Import;
use super::sink::{Sink, Target, put};
use super::{csv_file, dump_file, file};

/// Imports a whole file, or checks it.
pub fn import(
    target: Target<'_>,
    source: &mut dyn Source,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<Report, ImportError> {
    put(target, options, |sink| {
        read_file(sink, source, options, watch)
    })
}

fn read_file(
    sink: Sink<'_>,
    source: &mut dyn Source,
    options: &Options,
    watch: &mut dyn Watch,
) -> Result<Report, Stop> {
    let (kind, file) = file::open(source)?;
    if kind == file::Kind::Csv && options.table.is_some() {
        let why = "it is no dump as far as its first bytes tell, and has no tables";
        return Err(Stop::Unusable(why.to_owned()));
    }
    let names = match kind {
        file::Kind::Csv => Names::AsTheyAre,
        file::Kind::Dump => Names::Cleaned,
    };
    let mut import = Import::new(sink, names, options, watch)?;
    match kind {
        file::Kind::Csv => csv_file::read(&mut import, file)?,
        file::Kind::Dump => {
            drop(file);
            dump_file::read(&mut import, source)?;
        }
    }
    Ok(import.report)
}
