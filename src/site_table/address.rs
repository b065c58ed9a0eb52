//! Where the database of a site is: `mysql://user@host:3306/database`, or `?socket=/path` behind it.

use std::fmt;
use std::path::Path;

use mysql::{Opts, OptsBuilder};

/// The address of a database, as an operator writes it. Never with a password, which others would see
/// in the list of processes and in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    text: String,
    opts: Opts,
}

impl Address {
    /// Reads `mysql://user@host:port/database?socket=/path`. Without a port it is 3306; the socket
    /// goes before host and port.
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        let (scheme, rest) = text.split_once("://").ok_or(AddressFault::Scheme)?;
        if !scheme.eq_ignore_ascii_case("mysql") {
            return Err(AddressFault::Scheme);
        }
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        // Before anything else: what is said about other faults may show the text.
        if let Some((user, _)) = place.rsplit_once('@')
            && user.contains(':')
        {
            return Err(AddressFault::Password);
        }
        let only_socket = options.is_empty() || options.starts_with("socket=/");
        if !only_socket || options.contains(['&', '#']) {
            return Err(AddressFault::Option);
        }
        if place.matches('/').count() > 1 {
            return Err(AddressFault::Malformed("too many slashes".to_owned()));
        }
        let opts = Opts::from_url(&format!("mysql://{rest}"));
        let opts = opts.map_err(|error| AddressFault::Malformed(error.to_string()))?;
        if opts.get_user().is_none_or(str::is_empty) {
            return Err(AddressFault::User);
        }
        // Written as %3A. It would appear in every line about a refused login.
        if opts.get_user().is_some_and(|user| user.contains(':')) {
            return Err(AddressFault::Password);
        }
        if opts.get_db_name().is_none_or(str::is_empty) {
            return Err(AddressFault::Database);
        }
        let text = text.to_owned();
        Ok(Self { text, opts })
    }

    /// Whether what is said goes over a network, where others could listen.
    pub fn is_remote(&self) -> bool {
        self.opts.get_socket().is_none() && !self.opts.addr_is_loopback()
    }

    pub(super) fn opts(&self) -> OptsBuilder {
        OptsBuilder::from_opts(self.opts.clone())
    }

    pub(super) fn database(&self) -> &str {
        self.opts.get_db_name().unwrap_or_default()
    }

    pub(super) fn as_path(&self) -> &Path {
        Path::new(&self.text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// Why a text is no address of a database. What it says never shows a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressFault {
    /// It begins otherwise.
    Scheme,
    /// It has a password in it.
    Password,
    /// It names no user.
    User,
    /// It names no database.
    Database,
    /// It has something other than a socket behind its question mark.
    Option,
    /// It is no URL.
    Malformed(String),
}

impl fmt::Display for AddressFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str("it does not begin with mysql://")?,
            Self::Password => {
                return f.write_str(
                    "it has a password in it, which everybody on this machine can see: change that \
                     password, and give the new one with --mysql-password FILE or in the environment \
                     as FLASHGATE_MYSQL_PASSWORD",
                );
            }
            Self::User => f.write_str("it names no user")?,
            Self::Database => f.write_str("it names no database")?,
            Self::Option => f.write_str("behind its ? stands something other than socket=/PATH")?,
            Self::Malformed(why) => write!(f, "it is no address ({why})")?,
        }
        f.write_str(
            "; write mysql://USER@HOST/DATABASE, with :PORT behind the host if that is not 3306, or \
             mysql://USER@localhost/DATABASE?socket=/run/mysqld/mysqld.sock",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (good, user, database, remote) in [
            ("mysql://forum@localhost/forum", "forum", "forum", false),
            (
                "mysql://forum@127.0.0.1:3307/forum",
                "forum",
                "forum",
                false,
            ),
            ("mysql://forum@[::1]/forum", "forum", "forum", false),
            ("MySQL://a%40b@db.example/x", "a@b", "x", true),
            ("mysql://f@192.0.2.1/x", "f", "x", true),
            (
                "mysql://f@db.example/x?socket=/run/mysqld/mysqld.sock",
                "f",
                "x",
                false,
            ),
        ] {
            let address = Address::parse(good).unwrap();
            assert_eq!(address.opts.get_user(), Some(user), "{good}");
            assert_eq!(address.database(), database, "{good}");
            assert_eq!(address.is_remote(), remote, "{good}");
            assert_eq!(address.to_string(), good);
        }
        for (bad, fault) in [
            ("members.db", AddressFault::Scheme),
            ("mysql:/x", AddressFault::Scheme),
            ("mariadb://u:hunter2@h/d", AddressFault::Scheme),
            (" mysql://u:hunter2@h/d", AddressFault::Scheme),
            ("mysql://u%3Ahunter2@h/d", AddressFault::Password),
            ("mysql://u:hunter2@h/d", AddressFault::Password),
            ("mysql://u:@h/d", AddressFault::Password),
            ("mysql://u:hunter@2@h/d", AddressFault::Password),
            ("mysql://h/d", AddressFault::User),
            ("mysql://u@h", AddressFault::Database),
            ("mysql://u@h/", AddressFault::Database),
            ("mysql://u@h/d?pool_min=1", AddressFault::Option),
            ("mysql://u@h/d?socket=x", AddressFault::Option),
            (
                "mysql://u@h/d?socket=/x&secure_auth=false",
                AddressFault::Option,
            ),
        ] {
            let found = Address::parse(bad).unwrap_err();
            assert_eq!(found, fault, "{bad}");
            assert!(!found.to_string().contains("hunter"), "{bad}");
        }
        for bad in [
            "mysql://",
            "mysql://u@h:x/d",
            "mysql://u@/d",
            "mysql://u@h/d/e",
        ] {
            let fault = Address::parse(bad).unwrap_err();
            assert!(fault.to_string().contains("mysql://USER@HOST"), "{bad}");
        }
    }
}
