//! Stored passwords in every format that PHP sites have used: reading them, their cost, and whether a
//! password fits.
//!
//! A stored password is one text that contains everything. Most formats are like this. A salt that a site
//! kept in a column of its own comes after a prefix of ours, as in
//! `$md5(salt.password)$5f4dcc3b5aa765d61d8327deb882cf99$s4lt`.
//!
//! A format is recognised by its prefix or, without one, by its length and characters. To add one: a
//! [`Format`], a line in [`PREFIXES`] or [`BARE`], its limit in [`Format::most`], its time in
//! [`Crypted::time`], and vectors made by another program.

use std::borrow::Cow;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::hash::HashFault;
use super::memory;

mod bcrypt;
mod des;
mod digits;
mod format;
pub(crate) mod html;
mod md5;
mod mysql;
mod part;
mod read;
mod sha;
#[cfg(test)]
mod tests;

pub use format::Format;
pub(super) use part::Part;
use read::{ARGON2ID, BARE, PHPBB, PREFIXES, Read, ReadCrypted};

/// A stored password that can be compared with one that is typed. It has no `Debug`.
pub(super) enum Stored<'a> {
    Argon2(Box<Argon2Hash>),
    Crypted(Crypted<'a>),
}

/// A PHC string, and how much of a password it is about.
pub(super) struct Argon2Hash {
    format: Format,
    hash: PasswordHash,
    params: Params,
    part: Part,
}

/// A hash that is compared as the text in which it is written.
pub(super) struct Crypted<'a> {
    format: Format,
    of: Of<'a>,
    /// As it is written.
    salt: &'a str,
    /// In the format's own unit: rounds, or the logarithm of their number.
    rounds: u32,
    /// What the right password gives.
    expected: Zeroizing<String>,
}

/// What is hashed.
#[derive(Clone, Copy)]
enum Of<'a> {
    Password,
    /// What phpass made of it. The number of rounds is given by its logarithm.
    Phpass {
        salt: &'a str,
        rounds: u32,
    },
}

impl<'a> Stored<'a> {
    /// Reads what is stored, if it can be verified here at a bearable cost.
    pub(super) fn parse(text: &'a str) -> Result<Self, HashFault> {
        for part in Part::CUT {
            if let Some(phc) = text.strip_prefix(part.tag())
                && phc.starts_with(ARGON2ID)
            {
                return read::argon2(Format::Argon2idPart, phc, part);
            }
        }
        for (prefix, format, read) in PREFIXES {
            if let Some(rest) = text.strip_prefix(prefix) {
                return match read {
                    Read::Phc => {
                        let phc = text.strip_prefix(PHPBB).unwrap_or(text);
                        read::argon2(*format, phc, Part::All)
                    }
                    Read::Crypted(read) => Self::crypted(*format, *read, rest),
                };
            }
        }
        let bare = BARE
            .iter()
            .find(|(length, digits, ..)| text.len() == *length && digits.are_all(text));
        let none = if text.is_empty() {
            HashFault::Empty
        } else {
            HashFault::Unknown
        };
        let (_, _, format, read) = bare.ok_or(none)?;
        Self::crypted(*format, *read, text)
    }

    fn crypted(format: Format, read: ReadCrypted, text: &'a str) -> Result<Self, HashFault> {
        let hash = read(format, text).ok_or(HashFault::Damaged(format))?;
        let first = match hash.of {
            Of::Password => 0,
            Of::Phpass { rounds, .. } => rounds,
        };
        if format.most().is_some_and(|most| hash.rounds > most) || first > Format::MOST_FIRST {
            return Err(HashFault::Cost(format));
        }
        Ok(Self::Crypted(hash))
    }

    /// Whether this is the password. Compares in constant time.
    pub(super) fn fits(&self, password: &[u8]) -> bool {
        match self {
            Self::Argon2(argon2) => argon2.fits(password),
            Self::Crypted(crypted) => crypted.fits(password),
        }
    }

    pub(super) fn format(&self) -> Format {
        match self {
            Self::Argon2(argon2) => argon2.format,
            Self::Crypted(crypted) => crypted.format,
        }
    }

    /// What argon2 does for it at the most, in KiB of memory times passes over it.
    pub(super) fn argon2_work(&self) -> u64 {
        match self {
            Self::Argon2(argon2) => work(argon2.format, &argon2.params),
            Self::Crypted(_) => 0,
        }
    }

    /// How long anything but argon2 takes for it at the most, on a slow machine.
    pub(super) fn time(&self) -> Duration {
        match self {
            Self::Argon2(_) => Duration::ZERO,
            Self::Crypted(crypted) => crypted.time(),
        }
    }
}

impl Argon2Hash {
    fn fits(&self, password: &[u8]) -> bool {
        let part = self.part.of(password);
        let fits = |password: &[u8]| self.is_of(password).unwrap_or(false);
        fits(&part) || self.format.tries() == 2 && html::escaped(&part).is_some_and(|p| fits(&p))
    }

    /// `None` if what is stored lacks something, which was seen to be there.
    fn is_of(&self, password: &[u8]) -> Option<bool> {
        let PasswordHash {
            algorithm,
            version,
            salt: Some(salt),
            hash: Some(expected),
            ..
        } = &self.hash
        else {
            return None;
        };
        let algorithm = Algorithm::try_from(algorithm.as_str()).ok()?;
        let version = Version::try_from((*version)?).ok()?;
        let argon2 = Argon2::new(algorithm, version, self.params.clone());
        let mut made = Zeroizing::new(vec![0; expected.len()]);
        memory::hash_into(&argon2, password, salt, &mut made).ok()?;
        Some(made.ct_eq(expected.as_ref()).into())
    }
}

impl<'a> Crypted<'a> {
    fn new(format: Format, salt: &'a str, rounds: u32, expected: &'a str) -> Self {
        Self {
            format,
            of: Of::Password,
            salt,
            rounds,
            expected: Zeroizing::new(expected.to_owned()),
        }
    }

    fn fits(&self, password: &[u8]) -> bool {
        // To C, a NUL is where a password ends: no site has ever let one in.
        if password.contains(&0) {
            return false;
        }
        // What bcrypt leaves out, it leaves out of the escaped password.
        let mut cut = self.format.looks_at();
        if cut == Part::Html72 {
            cut = Part::First72;
        }
        let part = cut.of(password);
        let fits = |password: &[u8]| password.len() <= LONGEST && self.is_of(password);
        fits(&part)
            || self.format.tries() == 2
                && html::escaped(&part).is_some_and(|escaped| fits(&cut.of(&escaped)))
    }

    fn is_of(&self, password: &[u8]) -> bool {
        let (salt, rounds) = (self.salt.as_bytes(), self.rounds);
        let made = match self.format {
            // Not a text; nothing fits.
            Format::Argon2id | Format::Argon2idPart | Format::Argon2i | Format::PhpbbArgon2 => {
                return false;
            }
            Format::Bcrypt | Format::PhpbbBcrypt | Format::PhpbbCombined => {
                let first = match self.of {
                    Of::Password => None,
                    Of::Phpass { salt, rounds } => {
                        Some(md5::phpass(password, salt.as_bytes(), rounds))
                    }
                };
                let of = first.as_ref().map_or(password, |first| first.as_bytes());
                match digits::of_bcrypt_salt(self.salt) {
                    Some(salt) => bcrypt::hash(of, salt, rounds),
                    None => return false,
                }
            }
            Format::Sha256Crypt => sha::crypt256(password, salt, rounds),
            Format::Sha512Crypt => sha::crypt512(password, salt, rounds),
            Format::Md5Crypt => md5::crypt(password, b"$1$", salt),
            Format::Apr1 => md5::crypt(password, b"$apr1$", salt),
            Format::Des => des::crypt(password, salt),
            Format::ExtendedDes => des::crypt_extended(password, salt, rounds),
            Format::Phpass | Format::Phpbb => md5::phpass(password, salt, rounds),
            Format::Md5 => digits::hex(&*md5::of(&[password])),
            Format::Sha1 => digits::hex(&*sha::sha1(password)),
            Format::Md5SaltPassword => digits::hex(&*md5::of(&[salt, password])),
            Format::Md5Md5PasswordSalt => {
                let inner = digits::hex(&*md5::of(&[password]));
                digits::hex(&*md5::of(&[inner.as_bytes(), salt]))
            }
            Format::MysqlPassword => digits::hex(&*sha::sha1(&*sha::sha1(password))),
            Format::MysqlOldPassword => mysql::old_password(password),
        };
        made.as_bytes().ct_eq(self.expected.as_bytes()).into()
    }

    /// Of the longest password that is tried. Twice what was measured, for argon2's times are so too.
    fn time(&self) -> Duration {
        let rounds = u64::from(self.rounds);
        let first = match self.of {
            Of::Password => 0,
            Of::Phpass { rounds, .. } => 2_000 << rounds,
        };
        let nanos = match self.format {
            Format::Argon2id | Format::Argon2idPart | Format::Argon2i | Format::PhpbbArgon2 => 0,
            Format::Bcrypt | Format::PhpbbBcrypt | Format::PhpbbCombined => 250_000 << rounds,
            Format::Sha256Crypt | Format::Sha512Crypt => 4_000 * rounds,
            Format::Md5Crypt | Format::Apr1 => 2_000_000,
            Format::Des => 100_000,
            Format::ExtendedDes => 300 * rounds,
            Format::Phpass | Format::Phpbb => 2_000 << rounds,
            Format::Md5
            | Format::Sha1
            | Format::Md5SaltPassword
            | Format::Md5Md5PasswordSalt
            | Format::MysqlPassword
            | Format::MysqlOldPassword => 20_000,
        };
        Duration::from_nanos(self.format.tries() * (first + nanos))
    }
}

/// A hash from a phpBB, as it is stored here: with a tag where one like it might be from elsewhere.
/// Then what was hashed is perhaps no password, but one that has been escaped for HTML.
pub(crate) fn of_phpbb(text: &str) -> Cow<'_, str> {
    let tagged = [PHPBB, text].concat();
    let is_known = |(prefix, ..): &(&str, Format, Read)| {
        prefix.starts_with(PHPBB) && tagged.starts_with(prefix)
    };
    if PREFIXES.iter().any(is_known) {
        Cow::Owned(tagged)
    } else {
        Cow::Borrowed(text)
    }
}

fn work(format: Format, params: &Params) -> u64 {
    format.tries() * u64::from(params.m_cost()) * u64::from(params.t_cost())
}

/// KiB. libsodium's `MODERATE` and four times PHP's default pass; a hash that asks for gigabytes,
/// times the threads of the pool, could take the server down.
pub(super) const MAX_MEMORY: u32 = 256 * 1024;

/// KiB times passes: about a second, a tenth of the time after which the core gives a lookup up.
pub(super) const MAX_WORK: u64 = 1024 * 1024;

/// The longest password that is tried with anything but argon2, in bytes. The time of other formats grows
/// with the password, which the client chooses.
const LONGEST: usize = 256;
