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
    pub const ALL: [Self; 21] = [
        Self::Argon2id,
        Self::Argon2idPart,
        Self::Argon2i,
        Self::Bcrypt,
        Self::Sha256Crypt,
        Self::Sha512Crypt,
        Self::Md5Crypt,
        Self::Apr1,
        Self::Des,
        Self::ExtendedDes,
        Self::Phpass,
        Self::Phpbb,
        Self::PhpbbCombined,
        Self::PhpbbBcrypt,
        Self::PhpbbArgon2,
        Self::Md5,
        Self::Sha1,
        Self::Md5SaltPassword,
        Self::Md5Md5PasswordSalt,
        Self::MysqlPassword,
        Self::MysqlOldPassword,
    ];

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
        match self {
            Self::Des => Part::First8,
            Self::Bcrypt => Part::First72,
            Self::PhpbbBcrypt => Part::Html72,
            Self::MysqlOldPassword => Part::NoBlanks,
            Self::Argon2id
            | Self::Argon2idPart
            | Self::Argon2i
            | Self::Sha256Crypt
            | Self::Sha512Crypt
            | Self::Md5Crypt
            | Self::Apr1
            | Self::ExtendedDes
            | Self::Phpass
            | Self::Phpbb
            | Self::PhpbbCombined
            | Self::PhpbbArgon2
            | Self::Md5
            | Self::Sha1
            | Self::Md5SaltPassword
            | Self::Md5Md5PasswordSalt
            | Self::MysqlPassword => Part::All,
        }
    }

    /// The most rounds that are verified, in its own unit: a second or two, a fifth at the most of
    /// the time after which the core gives a lookup up. Sites have used less: bcrypt's cost is 10
    /// or 12 in PHP, SHA-crypt has 5,000 rounds, BSDi had 725, and WordPress 2^13.
    pub(super) fn most(self) -> Option<u32> {
        match self {
            Self::Bcrypt => Some(14),
            // Half as much, for they may be tried twice.
            Self::PhpbbBcrypt => Some(13),
            // And there is phpass.
            Self::PhpbbCombined => Some(12),
            Self::Sha256Crypt | Self::Sha512Crypt => Some(1_000_000),
            Self::ExtendedDes => Some(10_000_000),
            Self::Phpass | Self::Phpbb => Some(20),
            Self::Argon2id
            | Self::Argon2idPart
            | Self::Argon2i
            | Self::PhpbbArgon2
            | Self::Md5Crypt
            | Self::Apr1
            | Self::Des
            | Self::Md5
            | Self::Sha1
            | Self::Md5SaltPassword
            | Self::Md5Md5PasswordSalt
            | Self::MysqlPassword
            | Self::MysqlOldPassword => None,
        }
    }

    /// The most rounds of the phpass that [`Format::PhpbbCombined`] begins with. phpBB has 2^11.
    pub(super) const MOST_FIRST: u32 = 19;

    /// How often a password is tried at the most: phpBB has escaped it for HTML, or another program
    /// has not.
    pub(super) fn tries(self) -> u64 {
        match self {
            Self::Phpbb | Self::PhpbbCombined | Self::PhpbbBcrypt | Self::PhpbbArgon2 => 2,
            Self::Argon2id
            | Self::Argon2idPart
            | Self::Argon2i
            | Self::Bcrypt
            | Self::Sha256Crypt
            | Self::Sha512Crypt
            | Self::Md5Crypt
            | Self::Apr1
            | Self::Des
            | Self::ExtendedDes
            | Self::Phpass
            | Self::Md5
            | Self::Sha1
            | Self::Md5SaltPassword
            | Self::Md5Md5PasswordSalt
            | Self::MysqlPassword
            | Self::MysqlOldPassword => 1,
        }
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
        f.write_str(match self {
            Self::Argon2id => "argon2id",
            Self::Argon2idPart => "argon2id of a part",
            Self::Argon2i => "argon2i",
            Self::Bcrypt => "bcrypt",
            Self::Sha256Crypt => "SHA-256-crypt",
            Self::Sha512Crypt => "SHA-512-crypt",
            Self::Md5Crypt => "MD5-crypt",
            Self::Apr1 => "apr1",
            Self::Des => "DES-crypt",
            Self::ExtendedDes => "extended DES-crypt",
            Self::Phpass => "phpass",
            Self::Phpbb => "phpBB's phpass",
            Self::PhpbbCombined => "phpBB's bcrypt of phpass",
            Self::PhpbbBcrypt => "phpBB's bcrypt",
            Self::PhpbbArgon2 => "phpBB's argon2",
            Self::Md5 => "md5(password)",
            Self::Sha1 => "sha1(password)",
            Self::Md5SaltPassword => "md5(salt.password)",
            Self::Md5Md5PasswordSalt => "md5(md5(password).salt)",
            Self::MysqlPassword => "MySQL's PASSWORD()",
            Self::MysqlOldPassword => "MySQL's OLD_PASSWORD()",
        })
    }
}
