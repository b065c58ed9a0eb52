//! `members import`: members of an old site, from a table, from a dump of its database, or from the
//! database while it runs.

use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FromArgs};

use super::common::{open_if_there, open_or_create};
use crate::failure::Failure;
use crate::import::{ActiveIf, Charset, Map, Options, Refused, Spaces, Target};
use crate::store::is_address;

mod origin;
mod outcome;
mod printer;

use origin::Origin;
use outcome::outcome;
use printer::{Printed, Printer};

/// Import all members from a CSV file, a MySQL dump or a running MySQL database, or none if any row is wrong.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "import",
    note = "A dump is the output of mysqldump, mariadb-dump or phpMyAdmin. Dumps and CSV files may be compressed with gzip. Columns are found by names that old sites have used (username, user_pass, uid and others), or named with --map. A name that cannot be shown is cleaned or replaced by the nick, which is reported; any other fault refuses the row.",
    note = "The first row of a CSV file names the columns id,nick,name,password,active, in any order, or others with --map. Names in it are not cleaned: a bad one refuses its row.",
    note = "password is a hash made by PHP, MySQL, WordPress or phpBB; in a CSV file it stands in double quotes if it contains commas. active is 1 or 0. Name a column of salts after the way the site used them: md5(salt.password) or md5(md5(password).salt), as a title in a CSV file, or with --map 'md5(salt.password)=COLUMN'.",
    note = "A database is only read, in one or two passes, and its rows are treated like those of a dump. Its address must not contain the password: every user of the machine can see command lines.",
    note = "Exit codes, also with --dry-run: 65 if the file or a row cannot be imported, 69 if a database cannot be reached, 78 if it refuses the login or has no such table."
)]
pub(crate) struct Import {
    /// What is imported.
    #[argh(
        positional,
        arg_name = "FILE-or-URL",
        description = "the CSV file or the dump, - for standard input; or mysql://USER@HOST/DATABASE, the database of your site, which is only read"
    )]
    file: PathBuf,

    /// table of a dump (default: the only one with rows, or members) or of a database (default: the only one, or members)
    #[argh(option, arg_name = "NAME")]
    table: Option<String>,

    /// query to use instead of a table of a database: SELECT … AS id, … AS nick, … AS password, optionally name and active
    #[argh(option, arg_name = "SQL")]
    query: Option<String>,

    /// what the columns are called: nick=username,name=realname,id=uid,password=pass,active=enabled; an empty name= or active= means that there is no such column: the nick is shown, and everyone is active
    #[argh(option, arg_name = "OURS=COLUMN,…")]
    map: Option<Map>,

    /// only members whose row has one of these values in this column may log in, like user_type=0,3
    #[argh(option, arg_name = "COLUMN=VALUE,…")]
    active_if: Option<ActiveIf>,

    /// encoding of texts: utf8, latin1, latin2, double-utf8 (encoded twice) or auto (for each text UTF-8, or latin1 if it is not); default: what the dump says, or utf8; a database states its own, except for double-utf8
    #[argh(option, arg_name = "NAME")]
    charset: Option<Charset>,

    /// character to replace spaces in nicks with, like _; without it, rows with such a nick are refused
    #[argh(option, arg_name = "CHAR")]
    spaces: Option<Spaces>,

    /// file with the password of the database user; other users must not be able to read it; or set FLASHGATE_MYSQL_PASSWORD
    #[argh(option, arg_name = "FILE")]
    mysql_password: Option<PathBuf>,

    /// change nothing; print what would be imported and what would be refused
    #[argh(switch)]
    dry_run: bool,

    /// import the good rows even if others are refused, and print those
    #[argh(switch)]
    skip_refused: bool,

    /// file of the member store (default: the one that the configuration names, or flashgate.db), created if missing
    #[argh(option, arg_name = "FILE")]
    pub(super) members: Option<PathBuf>,

    /// configuration file that names the member store (default /etc/flashgate/flashgate.toml, if it is there)
    #[argh(option, arg_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

impl Import {
    /// Whether it is a database that is asked, and not a file that is read.
    fn asks_a_site(&self) -> bool {
        self.file.to_str().is_some_and(is_address)
    }

    fn options(&self) -> Options {
        Options {
            table: self.table.clone(),
            query: self.query.clone(),
            map: self.map.clone().unwrap_or_default(),
            active_if: self.active_if.clone(),
            charset: self.charset,
            spaces: self.spaces,
            refused: match self.skip_refused {
                true => Refused::Skip,
                false => Refused::StopAll,
            },
        }
    }
}

pub(super) fn run(command: &Import, store: &Path) -> Result<String, Failure> {
    let opened = open_if_there(store)?;
    let mut origin = Origin::of(command)?;
    let printed = match command.dry_run || command.skip_refused {
        true => Printed::Rows,
        false => Printed::Cleaned,
    };
    let import = |origin: &mut Origin, target: Target<'_>| {
        let mut printer = Printer::new(origin.bar(), printed);
        let imported = origin.import(target, &mut printer);
        printer.end().map(|()| (imported, printed))
    };
    let (imported, printed) = match opened {
        opened if command.dry_run => import(&mut origin, Target::Nowhere(opened.as_ref()))?,
        Some(mut members) => import(&mut origin, Target::Store(&mut members))?,
        // No store is made where nothing comes in.
        None => match origin.import(Target::Nowhere(None), &mut ()) {
            Ok(report) if report.good() > 0 => {
                let mut members = open_or_create(store)?;
                import(&mut origin, Target::Store(&mut members))?
            }
            nothing => (nothing, Printed::Cleaned),
        },
    };
    origin.bar().finish_and_clear();
    outcome(command, imported, printed)
}
