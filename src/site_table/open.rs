//! From options to the table of a site: its address, and the password of the database.

use std::env::{self, VarError};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use flashgate_core::Secret;
use zeroize::Zeroizing;

use super::address::Address;
use super::site::SiteTable;
use crate::failure::{Exit, Failure};
use crate::import::{Charset, Options};
use crate::prompt::STANDARD_INPUT;

/// The table that the options name; it is not asked yet.
pub(crate) fn open(
    address: &Path,
    options: Options,
    password_file: Option<&Path>,
) -> Result<SiteTable, Failure> {
    options.check()?;
    if let Some(charset @ (Charset::Latin1 | Charset::Latin2)) = options.charset {
        return Err(Failure::usage(&format!(
            "a database states the encoding of its texts; leave out --charset {charset} (only \
             double-utf8 is useful here)"
        )));
    }
    let text = address.to_str().unwrap_or_default();
    // Never shown: it may have a password in it.
    let address = Address::parse(text).map_err(|fault| {
        Failure::usage(&format!("cannot use the address of the database: {fault}"))
    })?;
    let password = password(password_file)?;
    if address.is_remote() {
        log::warn!(
            "the connection to {address} is not encrypted and carries hashes of passwords; \
             use a socket or a tunnel (ssh -L) on a network that others can read"
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
            return Err(Exit::Config.because(why));
        }
    };
    match (file, said) {
        (Some(_), Some(_)) => Err(Failure::usage(&format!(
            "--mysql-password and {VARIABLE} are both given; leave out one of them"
        ))),
        (Some(file), None) => read(file).map(Some).map_err(|why| {
            let file = file.display();
            Exit::Config.because(format!("--mysql-password {file}: {why}"))
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
