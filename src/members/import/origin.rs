//! What is imported: a file, or the table of a site.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use super::Import;
use super::outcome::unreadable;
use crate::failure::Failure;
use crate::import::{self, ImportError, Options, Report, Source, Target, Watch};
use crate::site_table;
#[cfg(feature = "mysql")]
use crate::site_table::SiteTable;

/// Where members come from.
pub(super) enum Origin {
    File(ImportFile, Options),
    #[cfg(feature = "mysql")]
    Site(SiteTable, ProgressBar),
}

impl Origin {
    /// As the command says. A file is opened, and a database not asked yet.
    pub(super) fn of(command: &Import) -> Result<Self, Failure> {
        if command.asks_a_site() {
            return Self::site(command);
        }
        if command.query.is_some() {
            return Err(Failure::usage(
                "--query needs a running database, mysql://USER@HOST/DATABASE; leave it out for a file \
                 (--table names a table of a dump)",
            ));
        }
        if command.mysql_password.is_some() {
            return Err(Failure::usage(
                "--mysql-password needs a running database, mysql://USER@HOST/DATABASE; leave it out for \
                 a file",
            ));
        }
        let options = command.options();
        options.check()?;
        Ok(Self::File(ImportFile::open(&command.file)?, options))
    }

    #[cfg(feature = "mysql")]
    fn site(command: &Import) -> Result<Self, Failure> {
        let password = command.mysql_password.as_deref();
        let table = site_table::open(&command.file, command.options(), password)?;
        // How many rows there are is asked later, if at all.
        Ok(Self::Site(table, styled(ProgressBar::no_length())))
    }

    #[cfg(not(feature = "mysql"))]
    fn site(_command: &Import) -> Result<Self, Failure> {
        Err(site_table::unable())
    }

    pub(super) fn bar(&self) -> &ProgressBar {
        match self {
            Self::File(file, _) => &file.bar,
            #[cfg(feature = "mysql")]
            Self::Site(_, bar) => bar,
        }
    }

    /// Imports all of it, or checks it.
    pub(super) fn import(
        &mut self,
        target: Target<'_>,
        watch: &mut dyn Watch,
    ) -> Result<Report, ImportError> {
        match self {
            Self::File(file, options) => import::import(target, file, options, watch),
            #[cfg(feature = "mysql")]
            Self::Site(table, _) => site_table::import_table(target, table, watch),
        }
    }
}

/// A file that is read more than once; of a pipe, a temporary file with what it held.
pub(super) struct ImportFile {
    path: PathBuf,
    piped: Option<File>,
    bar: ProgressBar,
}

impl ImportFile {
    fn open(path: &Path) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let about = file.metadata().map_err(|error| unreadable(path, &error))?;
        let (mut piped, mut size) = (None, about.len());
        if !about.is_file() {
            let mut held = tempfile::tempfile().map_err(|error| unreadable(path, &error))?;
            size = io::copy(&mut file.take(MAX_PIPED + 1), &mut held)
                .map_err(|error| unreadable(path, &error))?;
            if size > MAX_PIPED {
                let why = "it is no file and holds more than 512 MiB; save it as a file first";
                return Err(unreadable(path, &why));
            }
            piped = Some(held);
        }
        Ok(Self {
            path: path.to_owned(),
            piped,
            bar: styled(ProgressBar::new(size)),
        })
    }
}

impl Source for ImportFile {
    fn open(&mut self) -> io::Result<Box<dyn Read + '_>> {
        self.bar.set_position(0);
        Ok(match &self.piped {
            Some(held) => {
                let mut held = held;
                held.rewind()?;
                Box::new(self.bar.wrap_read(held))
            }
            None => Box::new(self.bar.wrap_read(File::open(&self.path)?)),
        })
    }
}

/// Nothing is drawn where standard error is no terminal.
fn styled(bar: ProgressBar) -> ProgressBar {
    match ProgressStyle::with_template(BAR) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

const BAR: &str = "{wide_bar} {percent}%, {msg}";

/// What a pipe may hold: a million members and more, and less than a common folder for temporary files.
const MAX_PIPED: u64 = 512 * 1024 * 1024;
