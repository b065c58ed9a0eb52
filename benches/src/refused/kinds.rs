//! The kinds of failed logins, and a store with members for each format of stored passwords. No kind is tried often
//! enough to be slowed down.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use crate::fault::Fault;
use crate::server::Programs;

/// A way to be refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) name: String,
    /// What comes before the number of the member that is tried.
    prefix: &'static str,
    /// The number of the first of them.
    first: usize,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    WrongPassword,
    /// As long as a valid ticket, with a wrong MAC.
    FalseTicket,
}

impl Refusal {
    fn new(name: impl Into<String>, first: usize, what: What) -> Self {
        Self {
            name: name.into(),
            prefix: "",
            first,
            what,
        }
    }

    pub(super) fn id(&self, attempt: usize) -> String {
        format!("{}{}", self.prefix, self.first + attempt / TRIES)
    }

    pub(super) fn password(&self, attempt: usize) -> String {
        match self.what {
            What::WrongPassword => "no password of anybody's".to_owned(),
            What::FalseTicket => {
                let (nonce, mac) = ("0".repeat(32), "0".repeat(64));
                let id = self.id(attempt);
                format!("ticket:1.{id}.1700000000.1700000060.{nonce}.{mac}")
            }
        }
    }
}

/// Which ways to be refused are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ways {
    All,
    /// One of each cost, and those that are refused for another reason than their password.
    Few,
}

/// The members, and a server's options to have tickets, too.
pub(super) struct Store {
    pub(super) programs: Programs,
    pub(super) options: Vec<String>,
    ways: Ways,
    /// Ends with this.
    _folder: TempDir,
}

impl Store {
    pub(super) fn make(programs: &Programs, ways: Ways, tries: usize) -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        let mut rows = "id,nick,name,password,active\n".to_owned();
        let mut add = |first: usize, stored: &str, active: u8| {
            for id in first..=first + tries / TRIES {
                rows.push_str(&format!("{id},m{id},Member {id},\"{stored}\",{active}\n"));
            }
        };
        let formats = formats(ways);
        for (n, (_, stored)) in formats.iter().enumerate() {
            add(WRONG + n * APART, stored, 1);
        }
        let (_, newest) = &formats[0];
        add(INACTIVE, newest, 0);
        add(TICKET, newest, 1);
        programs.import(folder.path(), &rows)?;
        let secret = folder.path().join("secret");
        fs::write(&secret, [b'x'; 32])?;
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
        Ok(Self {
            programs: programs.with_store(folder.path().to_owned()),
            options: vec![format!("--ticket-secret={}", secret.display())],
            ways,
            _folder: folder,
        })
    }

    pub(super) fn refusals(&self) -> Vec<Refusal> {
        let nick = Refusal {
            prefix: "nobody",
            ..Refusal::new("unknown nick", 1, What::WrongPassword)
        };
        let mut refusals = vec![
            nick,
            Refusal::new("inactive", INACTIVE, What::WrongPassword),
            Refusal::new("false ticket", TICKET, What::FalseTicket),
        ];
        if self.ways == Ways::All {
            refusals.extend([
                Refusal::new("unknown number", UNKNOWN, What::WrongPassword),
                Refusal::new("false ticket, unknown", UNKNOWN + APART, What::FalseTicket),
            ]);
        }
        for (n, (format, _)) in formats(self.ways).iter().enumerate() {
            let name = format!("wrong, {format}");
            refusals.push(Refusal::new(name, WRONG + n * APART, What::WrongPassword));
        }
        refusals
    }
}

/// Formats, with a hash in each that fits no password, at costs that sites use.
fn formats(ways: Ways) -> Vec<(&'static str, String)> {
    let of = |head: &str, digits: usize| format!("{head}{}", "a".repeat(digits));
    let argon2 = |head: &str| format!("{head}$c29tZXNhbHRzb21lc2FsdA${}", "A".repeat(43));
    let few = vec![
        ("argon2id", argon2("$argon2id$v=19$m=19456,t=2,p=1")),
        ("SHA-512-crypt", of("$6$saltsalt$", 86)),
        ("md5", of("", 32)),
    ];
    if ways == Ways::Few {
        return few;
    }
    let others = vec![
        ("argon2i of PHP 7.2", argon2("$argon2i$v=19$m=1024,t=2,p=2")),
        ("bcrypt, 10", of("$2y$10$", 53)),
        ("SHA-256-crypt", of("$5$saltsalt$", 43)),
        ("MD5-crypt", of("$1$saltsalt$", 22)),
        ("apr1", of("$apr1$saltsalt$", 22)),
        ("DES-crypt", of("", 13)),
        ("extended DES-crypt", of("_J9..", 15)),
        ("phpass, 2^13", of("$P$B", 30)),
        ("sha1", of("", 40)),
        (
            "md5(salt.password)",
            of("$md5(salt.password)$", 32) + "$salt",
        ),
        (
            "md5(md5(password).salt)",
            of("$md5(md5(password).salt)$", 32) + "$salt",
        ),
        ("MySQL's PASSWORD()", of("*", 40)),
        ("MySQL's OLD_PASSWORD()", of("", 16)),
    ];
    [few, others].concat()
}

/// Times that one name is tried; from the eighth on, each would take four seconds.
const TRIES: usize = 6;

/// Numbers of members, `APART` from one way to the next.
const APART: usize = 10_000;
const INACTIVE: usize = APART;
const TICKET: usize = 2 * APART;
const UNKNOWN: usize = 3 * APART;
const WRONG: usize = 5 * APART;
