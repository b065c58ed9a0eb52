//! The options that say where the table of a site is and how it is read: the same for `serve`, which
//! asks it at each login, and for `members import`.

use std::path::PathBuf;

use crate::failure::{Exit, Failure};
use crate::members::import::{ActiveIf, Charset, Map, Options, Refused, Spaces};

/// What the options say of a table.
#[derive(Clone, Debug)]
pub(crate) struct TableOptions<'a> {
    pub(crate) table: Option<&'a String>,
    pub(crate) query: Option<&'a String>,
    pub(crate) map: Option<&'a Map>,
    pub(crate) active_if: Option<&'a ActiveIf>,
    pub(crate) charset: Option<Charset>,
    pub(crate) spaces: Option<Spaces>,
    pub(crate) password: Option<&'a PathBuf>,
}

impl TableOptions<'_> {
    /// Whether any of them is given.
    pub(crate) fn are_given(&self) -> bool {
        let reads = self.table.is_some() || self.query.is_some() || self.map.is_some();
        let as_text = self.charset.is_some() || self.spaces.is_some();
        reads || as_text || self.active_if.is_some() || self.password.is_some()
    }

    /// How a table is read, or a file.
    pub(crate) fn read_as(&self, refused: Refused) -> Result<Options, Failure> {
        let map = self.map.cloned().unwrap_or_default();
        if self.active_if.is_some() && map.says_active() {
            return Err(Failure::usage(
                "--active-if and active in --map both say who is active",
            ));
        }
        if self.table.is_some() && self.query.is_some() {
            return Err(Failure::usage(
                "--query stands for a table; leave out --table or --query",
            ));
        }
        Ok(Options {
            table: self.table.cloned(),
            query: self.query.cloned(),
            map,
            active_if: self.active_if.cloned(),
            charset: self.charset,
            spaces: self.spaces,
            refused,
        })
    }
}

#[cfg(feature = "mysql")]
pub(crate) use with_mysql::open;

#[cfg(feature = "mysql")]
mod with_mysql {
    use std::env::{self, VarError};
    use std::fs::{self, File};
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use flashgate_core::Secret;
    use zeroize::Zeroizing;

    use super::*;
    use crate::members::{Address, SiteTable};
    use crate::prompt::STANDARD_INPUT;

    /// The table that the options name; it is not asked yet.
    pub(crate) fn open(
        address: &Path,
        given: &TableOptions<'_>,
        refused: Refused,
    ) -> Result<SiteTable, Failure> {
        let options = given.read_as(refused)?;
        if let Some(charset @ (Charset::Latin1 | Charset::Latin2)) = given.charset {
            return Err(Failure::usage(&format!(
                "a database says itself what its texts are in; leave out --charset {charset} (only \
                 double-utf8 is something that it does not know)"
            )));
        }
        let text = address.to_str().unwrap_or_default();
        // Never shown: it may have a password in it.
        let address = Address::parse(text).map_err(|fault| {
            Failure::usage(&format!(
                "the address of the database cannot be used: {fault}"
            ))
        })?;
        let password = password(given.password.map(PathBuf::as_path))?;
        if address.is_remote() {
            log::warn!(
                "what {address} answers goes over the network as it is, hashes of passwords \
                 included; use a socket or a tunnel (ssh -L) where others could listen"
            );
        }
        Ok(SiteTable::new(address, password, options))
    }

    /// The password, from a file or from the environment.
    fn password(file: Option<&Path>) -> Result<Option<Secret>, Failure> {
        let said = match env::var(VARIABLE) {
            Ok(said) => Some(Zeroizing::new(said)),
            Err(VarError::NotPresent) => None,
            Err(VarError::NotUnicode(_)) => {
                let why = format!("{VARIABLE} is not valid UTF-8");
                return Err(Failure::new(Exit::Config, why));
            }
        };
        match (file, said) {
            (Some(_), Some(_)) => Err(Failure::usage(&format!(
                "--mysql-password and {VARIABLE} are both given; leave one of them out"
            ))),
            (Some(file), None) => read(file).map(Some).map_err(|why| {
                let file = file.display();
                Failure::new(Exit::Config, format!("--mysql-password {file}: {why}"))
            }),
            (None, said) => Ok(said.map(|said| Secret::new(&said))),
        }
    }

    /// One line, in a file that is kept from the eyes of others.
    fn read(path: &Path) -> Result<Secret, String> {
        let unreadable = |error| format!("cannot be read: {error}");
        // Not by opening it: that waits for a writer where it is a pipe.
        let about = fs::metadata(path).map_err(unreadable)?;
        if path != Path::new(STANDARD_INPUT) && !about.is_file() {
            return Err("is no file".to_owned());
        }
        if about.permissions().mode() & OTHERS != 0 {
            return Err(
                "everybody on this machine may read or write it; chmod o= takes that away, and \
                 change the password"
                    .to_owned(),
            );
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(MOST + 1));
        let file = File::open(path).map_err(unreadable)?;
        let read = file.take(MOST as u64 + 1).read_to_end(&mut bytes);
        read.map_err(unreadable)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| "is not valid UTF-8".to_owned())?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if text.len() > MOST || line.contains('\n') {
            return Err("holds more than one line with a password".to_owned());
        }
        Ok(Secret::new(line))
    }

    const VARIABLE: &str = "FLASHGATE_MYSQL_PASSWORD";

    /// Read, write and execute, for everybody else.
    const OTHERS: u32 = 0o007;

    /// Bytes of a password; MySQL allows fewer.
    const MOST: usize = 1024;
}

/// What whoever wants such a table is told by a program that cannot ask for one.
#[cfg(not(feature = "mysql"))]
pub(crate) fn unable() -> Failure {
    Failure::new(
        Exit::Config,
        "this flashgate was built without MySQL; build one that has it: \
         cargo install --path . --features mysql",
    )
}
