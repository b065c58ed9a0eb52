//! `members export`: rows for other programs, or for an import elsewhere.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use argh::{ArgsInfo, FromArgs};
use csv::Writer;

use super::common::{counted, open};
use super::list::iso;
use crate::failure::{Failure, written};
use crate::files;
use crate::store::{Exported, Members, Passwords};

/// Write every member as a row of CSV, to standard output or into a new file that only you can read.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "export",
    note = "With --with-hashes the columns are id,nick,name,password,active, and members import reads the file. Without it they are id,nick,name,active,created_at,last_login_at, for other programs only."
)]
pub(crate) struct Export {
    /// the file to make (default: standard output)
    #[argh(positional)]
    file: Option<PathBuf>,

    /// include the hashes of passwords, so that the file can be imported
    #[argh(switch)]
    with_hashes: bool,

    /// file of the member store (default: the one that the configuration names, or flashgate.db)
    #[argh(option, arg_name = "FILE")]
    pub(super) members: Option<PathBuf>,

    /// configuration file that names the member store (default /etc/flashgate/flashgate.toml, if it is there)
    #[argh(option, arg_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

pub(super) fn run(options: &Export, store: &Path) -> Result<String, Failure> {
    let members = open(store)?;
    let exported = match &options.file {
        None => rows(&members, options, io::stdout().lock())?,
        Some(path) => {
            let file = files::create(path).map_err(|error| cannot(path, &error))?;
            let exported = rows(&members, options, file);
            if !matches!(exported, Ok(Ok(_))) {
                // Half of the members must not be taken for all of them.
                let _ = fs::remove_file(path);
            }
            exported?
        }
    };
    match (exported, &options.file) {
        (Ok((rows, refused)), _) => tell(rows, &refused, options),
        (Err(error), None) => written(Err(error))?,
        (Err(error), Some(path)) => return Err(cannot(path, &error)),
    }
    Ok(String::new())
}

/// What an import would say, while it can still be mended. Standard output has the rows.
fn tell(rows: usize, refused: &[String], options: &Export) {
    let mut said = String::new();
    if let Some(file) = &options.file {
        said = format!(
            "exported {} into {}\n",
            counted(rows, "member"),
            file.display()
        );
    }
    if !options.with_hashes {
        said.push_str(
            "there are no passwords in it, so it cannot be imported; --with-hashes adds their hashes\n",
        );
    } else if !refused.is_empty() {
        let count = counted(refused.len(), "row");
        said.push_str(&format!("an import will refuse {count}:\n"));
        for row in refused.iter().take(MOST_SHOWN) {
            said.push_str(&format!("{row}\n"));
        }
        if refused.len() > MOST_SHOWN {
            said.push_str(&format!("… and {} more\n", refused.len() - MOST_SHOWN));
        }
    }
    let _ = io::stderr().write_all(said.as_bytes());
}

type Rows = (usize, Vec<String>);

/// Writes the rows; how many they are, and what an import would refuse.
fn rows(members: &Members, options: &Export, to: impl Write) -> Result<io::Result<Rows>, Failure> {
    let passwords = if options.with_hashes {
        Passwords::With
    } else {
        Passwords::Without
    };
    let mut csv = Writer::from_writer(BufWriter::new(to));
    let head = match passwords {
        Passwords::With => "id,nick,name,password,active",
        Passwords::Without => "id,nick,name,active,created_at,last_login_at",
    };
    if let Err(error) = csv.write_record(head.split(',')) {
        return Ok(Err(error.into()));
    }
    let (mut count, mut refused) = (0, Vec::new());
    let done = members.export(passwords, |member| {
        count += 1;
        if let Some(why) = member.refused() {
            refused.push(format!("member {}: {why}", member.id));
        }
        csv.write_record(record(member)).map_err(io::Error::from)
    })?;
    Ok(done.and_then(|()| csv.flush()).map(|()| (count, refused)))
}

fn record(member: &Exported) -> Vec<String> {
    let active = i32::from(member.active).to_string();
    let mut record = vec![
        member.id.to_string(),
        member.nick.clone(),
        member.name.clone(),
    ];
    match &member.password {
        Some(hash) => record.extend([hash.clone(), active]),
        None => record.extend([
            active,
            iso(member.created_at),
            member.last_login_at.map(iso).unwrap_or_default(),
        ]),
    }
    record
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    files::failure("cannot write", path, error)
}

/// Rows that an import would refuse, of which more would say no more.
const MOST_SHOWN: usize = 20;
