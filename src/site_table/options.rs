//! The options that say where the table of a site is and how it is read: the same for `serve`, which
//! asks it at each login, and for `members import`.

use std::path::PathBuf;

#[cfg(not(feature = "mysql"))]
use crate::failure::Exit;
use crate::failure::Failure;
use crate::import::{ActiveIf, Charset, Map, Options, Refused, Spaces};

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
                "--active-if and active= in --map both define which members are active; leave out one of them",
            ));
        }
        if self.table.is_some() && self.query.is_some() {
            return Err(Failure::usage(
                "--query replaces a table; leave out --table or --query",
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

/// Says that this program was built without the client of such a database.
#[cfg(not(feature = "mysql"))]
pub(crate) fn unable() -> Failure {
    Exit::Config.because(
        "this flashgate was built without support for MySQL; build one with it: \
         cargo install --path . --features mysql",
    )
}
