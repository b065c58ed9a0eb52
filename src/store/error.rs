//! A store that cannot be used: what is wrong with it, and what the operator can do.

use std::fmt;
use std::path::{Path, PathBuf};

use flashgate_core::MemberId;
use rusqlite::{ErrorCode, ffi};

use super::schema::VERSION;
use crate::failure::{Exit, Failure};
use flashgate_core::name::NameFault;

/// A store that cannot be used, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    /// The file, or the address of a site's table.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no file, or an empty one.
    Missing,
    /// An empty path names no file.
    NoPath,
    /// The file cannot be made.
    CannotCreate(String),
    /// The file cannot be opened.
    CannotOpen(String),
    /// It is no SQLite database.
    NotADatabase,
    /// It is a damaged SQLite database.
    Corrupt,
    /// Another process has locked it.
    Locked,
    /// It may be read, but not written.
    ReadOnly,
    /// Its disk is full.
    Full,
    /// It is an SQLite database of some other program.
    Foreign,
    /// A newer flashgate has changed its schema.
    Newer {
        /// The schema's version.
        found: i64,
    },
    /// It has an older schema, which a running server does not change.
    Older,
    /// A column of one member is not text; the other members are fine.
    Unreadable {
        /// The member's number.
        id: i64,
        /// The column.
        column: &'static str,
    },
    /// The nick of one member breaks a rule; the other members are fine.
    Misnamed {
        /// The member's number.
        id: i64,
        /// The rule.
        why: NameFault,
    },
    /// The system does not answer a thread that reads or writes it.
    Hangs,
    /// The database of the site cannot be reached, or does not answer.
    Unreachable(String),
    /// The database of the site has cancelled a query that took too long.
    Slow(String),
    /// The database of the site does not let us in, or not at the table.
    NotAllowed(String),
    /// The site has no table, or none with the columns that are needed.
    NoTable(String),
    /// A row of the site's table is no member; the other rows are fine.
    Unfit {
        /// The member's number.
        id: i64,
        /// What is wrong with it.
        why: String,
    },
    /// Anything else that the database has to say.
    Other(String),
}

impl Fault {
    /// The member, and what is wrong with it, where the fault is that of one row.
    pub(crate) fn of_one_member(&self) -> Option<(MemberId, String)> {
        // Every other fault is that of the whole store.
        #[allow(clippy::wildcard_enum_match_arm)]
        let (id, why) = match self {
            Self::Unreadable { id, column } => (
                id,
                format!(
                    "the {column} in the store is not valid UTF-8; remove the member with \
                     flashgate members remove {id}, and add it again"
                ),
            ),
            Self::Misnamed { id, why } => (
                id,
                format!("the nick {why}; choose another with flashgate members rename {id} NICK"),
            ),
            Self::Unfit { id, why } => (id, format!("in the site's table, {why}")),
            _ => return None,
        };
        Some((MemberId(*id), why))
    }

    pub(crate) fn at(self, path: &Path) -> StoreError {
        StoreError {
            path: path.to_owned(),
            fault: self,
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        // rusqlite's enums may grow. Other codes are best described by SQLite itself.
        #[allow(clippy::wildcard_enum_match_arm)]
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase,
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::OperationInterrupted) => Self::Slow(error.to_string()),
            // The disk was full for another process, or a quota did not allow more.
            Some(ErrorCode::SystemIoFailure) if lacks_space(&error) => Self::Full,
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::CannotOpen(error.to_string())
            }
            _ => Self::Other(error.to_string()),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        #[allow(clippy::wildcard_enum_match_arm)]
        let exit = match error.fault {
            Fault::Locked | Fault::Full | Fault::Other(_) => Exit::Failure,
            Fault::Hangs | Fault::Unreachable(_) | Fault::Slow(_) => Exit::Unavailable,
            // An operator has to mend every other fault.
            _ => Exit::Config,
        };
        exit.because(error.to_string())
    }
}

/// Whether the operation that failed makes a file longer, or writes to it.
fn lacks_space(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| {
        let code = error.extended_code;
        code == ffi::SQLITE_IOERR_SHMSIZE || code == ffi::SQLITE_IOERR_WRITE
    })
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fault != Fault::NoPath {
            let is_address = self.path.to_str().is_some_and(is_address);
            let what = if is_address {
                "database"
            } else {
                "member store"
            };
            write!(f, "the {what} {} ", self.path.display())?;
        }
        f.write_str(&self.fault.what())
    }
}

impl Fault {
    /// What is wrong and what to do; the name of the store comes before it.
    fn what(&self) -> String {
        if let Some((id, why)) = self.of_one_member() {
            return format!("has a member {id} that cannot be used: {why}");
        }
        let what: &str = match self {
            Self::NoPath => "the path of the member store is empty; check --members",
            Self::Missing => {
                "does not exist or is empty; check --members, or create it by adding a member: \
                 flashgate members add --id 1 --nick NICK --name NAME"
            }
            Self::CannotCreate(why) => {
                &format!("cannot be created ({why}); check that its folder exists and is writable")
            }
            Self::CannotOpen(why) => &format!(
                "cannot be opened ({why}); check that the file and its folder are readable and writable, \
                     and that the disk has free space and inodes (df -i)"
            ),
            Self::NotADatabase => "is not an SQLite database; check --members, or restore a backup",
            Self::Corrupt => "is damaged; restore a backup",
            Self::Locked => "is locked by another program; close it, or try again later",
            Self::ReadOnly => "is not writable; check the permissions of the file and its folder",
            Self::Full => "cannot be written: the disk is full or broken; free some space",
            Self::Foreign => {
                "is a database of another program, and was not changed; check --members"
            }
            Self::Newer { found } => &format!(
                "was made by a newer flashgate (its schema is version {found}, this program supports \
                     {VERSION}); use that flashgate, or another file"
            ),
            Self::Older => {
                "has an older schema than this server; run any flashgate members command to bring it up to date"
            }
            Self::Hangs => {
                "does not respond; check its disk, or the server that its folder is mounted from"
            }
            Self::Unreachable(why) => {
                &format!("cannot be reached ({why}); check its address, and that it is running")
            }
            Self::Slow(why) => &format!(
                "takes too long ({why}); check what locks the table, and whether it has indexes"
            ),
            Self::NotAllowed(why) => &format!(
                "refuses the login ({why}); check the user in its address, the password in \
                     --mysql-password or FLASHGATE_MYSQL_PASSWORD, and GRANT SELECT on the table"
            ),
            Self::NoTable(why) => &format!("cannot be used: {why}"),
            Self::Other(why) => &format!("has failed: {why}"),
            // The message above has it.
            Self::Unreadable { .. } | Self::Misnamed { .. } | Self::Unfit { .. } => "",
        };
        what.to_owned()
    }
}

/// Whether a text is meant as the address of a site's database, and not as the name of a file.
///
/// An address with a wrong beginning is one, too: `mariadb://u:secret@h/d` may contain a password, so it must not be
/// shown like the name of a file.
pub fn is_address(text: &str) -> bool {
    text.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Faults that another try may mend, faults of another server, and faults for the operator.
    #[test]
    fn faults_of_a_store_have_their_exit_codes() {
        let code = |fault: Fault| {
            let path = "m.db".into();
            Failure::from(StoreError { path, fault }).exit.code()
        };
        assert_eq!(
            [Fault::Locked, Fault::Full, Fault::Other(String::new())].map(code),
            [1; 3]
        );
        assert_eq!(
            [
                Fault::Unreachable(String::new()),
                Fault::Slow(String::new())
            ]
            .map(code),
            [69; 2]
        );
        assert_eq!(
            [
                Fault::Missing,
                Fault::Corrupt,
                Fault::ReadOnly,
                Fault::Older
            ]
            .map(code),
            [78; 4]
        );
    }
}
