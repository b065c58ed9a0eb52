//! The formats of stored passwords by their names, and the limits of each.

use std::fmt;

use super::{MAX_MEMORY, MAX_WORK, PREFIXES, Part};

/// A format of stored passwords that is understood. Its `Display` is its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Argon2id as a PHC string: what new passwords get.
    Argon2id,
    /// Argon2id of a part of a password: the hash before it knew no more.
    Argon2idPart,
    /// Argon2i as a PHC string.
    Argon2i,
    /// bcrypt: `$2y$`, `$2a$` and `$2b$`.
    Bcrypt,
    /// SHA-crypt on SHA-256: `$5$`.
    Sha256Crypt,
    /// SHA-crypt on SHA-512: `$6$`.
    Sha512Crypt,
    /// MD5-crypt: `$1$`.
    Md5Crypt,
    /// Apache's variant of MD5-crypt: `$apr1$`.
    Apr1,
    /// The 13 characters of old Unix.
    Des,
    /// BSDi's extension of these, behind a `_`.
    ExtendedDes,
    /// phpass: `$P$` of WordPress.
    Phpass,
    /// phpass as phpBB has it: `$H$`, of a password that may have been escaped for HTML.
    Phpbb,
    /// bcrypt of what phpass had made for phpBB: `$H\2y$`.
    PhpbbCombined,
    /// bcrypt of a password that may have been escaped for HTML, tagged.
    PhpbbBcrypt,
    /// Argon2id or argon2i of such a password, tagged.
    PhpbbArgon2,
    /// PHP's `md5()`.
    Md5,
    /// PHP's `sha1()`.
    Sha1,
    /// `md5(salt.password)`, tagged.
    Md5SaltPassword,
    /// `md5(md5(password).salt)`, tagged.
    Md5Md5PasswordSalt,
    /// MySQL's `PASSWORD()` since 4.1.
    MysqlPassword,
    /// MySQL's `OLD_PASSWORD()`: its `PASSWORD()` before 4.1.
    MysqlOldPassword,
}

impl Format {
    /// Every format.
    pub fn all() -> impl Iterator<Item = Self> {
        RULES.into_iter().map(|(format, ..)| format)
    }

    /// Whether a password that is stored so stays as it is.
    pub fn is_current(self) -> bool {
        matches!(self, Self::Argon2id | Self::Argon2idPart)
    }

    /// What stands in the store before an `md5()` of this form, if it is a salted one.
    pub(crate) fn prefix_of_salted(self) -> Option<&'static str> {
        let found = PREFIXES.iter().find(|(_, format, _)| *format == self);
        let is_salted = matches!(self, Self::Md5SaltPassword | Self::Md5Md5PasswordSalt);
        found.filter(|_| is_salted).map(|(prefix, ..)| *prefix)
    }

    /// What of a password it looks at.
    pub(crate) fn looks_at(self) -> Part {
        self.rules().2
    }

    /// The most rounds that are verified, in its own unit.
    pub(super) fn most(self) -> Option<u32> {
        self.rules().3
    }

    /// Its row of the table, which has the formats in their order.
    fn rules(self) -> &'static (Self, &'static str, Part, Option<u32>) {
        let rules = &RULES[self as usize];
        debug_assert_eq!(rules.0, self, "the order of the table");
        rules
    }

    /// The most rounds of the phpass that [`Format::PhpbbCombined`] begins with. phpBB has 2^11.
    pub(super) const MOST_FIRST: u32 = 19;

    /// How often a password is tried at the most: phpBB has escaped it for HTML, or another program
    /// has not.
    pub(super) fn tries(self) -> u64 {
        let by_phpbb = [
            Self::Phpbb,
            Self::PhpbbCombined,
            Self::PhpbbBcrypt,
            Self::PhpbbArgon2,
        ];
        if by_phpbb.contains(&self) { 2 } else { 1 }
    }

    /// The limits of the format, for a message about a hash above them.
    pub(crate) fn limit(self) -> String {
        match (self, self.most()) {
            (Self::Bcrypt | Self::PhpbbBcrypt, Some(most)) => {
                format!("the cost may be {most} at most")
            }
            (Self::PhpbbCombined, Some(most)) => {
                let first = Self::MOST_FIRST;
                format!("the cost may be {most} at most, after 2^{first} rounds at most")
            }
            (Self::Phpass | Self::Phpbb, Some(most)) => {
                format!("there may be 2^{most} rounds at most")
            }
            (_, Some(most)) => format!("there may be {most} rounds at most"),
            (_, None) => {
                let work = MAX_WORK / self.tries();
                format!("m may be {MAX_MEMORY} at most, and m times t {work}")
            }
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rules().1)
    }
}

/// Each format with its name, what of a password it looks at, and the most rounds that are verified, in its own
/// unit: a second or two, a fifth at the most of the time after which the core gives a lookup up. Sites have used
/// less: bcrypt's cost is 10 or 12 in PHP, SHA-crypt has 5,000 rounds, BSDi had 725, and WordPress 2^13.
#[rustfmt::skip]
static RULES: [(Format, &str, Part, Option<u32>); 21] = [
    (Format::Argon2id, "argon2id", Part::All, None),
    (Format::Argon2idPart, "argon2id of a part", Part::All, None),
    (Format::Argon2i, "argon2i", Part::All, None),
    (Format::Bcrypt, "bcrypt", Part::First72, Some(14)),
    (Format::Sha256Crypt, "SHA-256-crypt", Part::All, Some(1_000_000)),
    (Format::Sha512Crypt, "SHA-512-crypt", Part::All, Some(1_000_000)),
    (Format::Md5Crypt, "MD5-crypt", Part::All, None),
    (Format::Apr1, "apr1", Part::All, None),
    (Format::Des, "DES-crypt", Part::First8, None),
    (Format::ExtendedDes, "extended DES-crypt", Part::All, Some(10_000_000)),
    (Format::Phpass, "phpass", Part::All, Some(20)),
    (Format::Phpbb, "phpBB's phpass", Part::All, Some(20)),
    (Format::PhpbbCombined, "phpBB's bcrypt of phpass", Part::All, Some(12)), // and there is phpass
    (Format::PhpbbBcrypt, "phpBB's bcrypt", Part::Html72, Some(13)), // half as much, for they may be tried twice
    (Format::PhpbbArgon2, "phpBB's argon2", Part::All, None),
    (Format::Md5, "md5(password)", Part::All, None),
    (Format::Sha1, "sha1(password)", Part::All, None),
    (Format::Md5SaltPassword, "md5(salt.password)", Part::All, None),
    (Format::Md5Md5PasswordSalt, "md5(md5(password).salt)", Part::All, None),
    (Format::MysqlPassword, "MySQL's PASSWORD()", Part::All, None),
    (Format::MysqlOldPassword, "MySQL's OLD_PASSWORD()", Part::NoBlanks, None),
];
