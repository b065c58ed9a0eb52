//! How a stored password is read: by its prefix or, without one, by its length and characters.

use argon2::{Params, PasswordHash, Version};

use super::super::hash::HashFault;
use super::{Argon2Hash, Crypted, Format, MAX_MEMORY, MAX_WORK, Of, Part, Stored, digits, work};

/// How a stored password is read once its prefix is known.
pub(super) enum Read {
    /// All of it, as a PHC string.
    Phc,
    /// What comes after the prefix.
    Crypted(ReadCrypted),
}

pub(super) type ReadCrypted = for<'a> fn(Format, &'a str) -> Result<Crypted<'a>, HashFault>;

pub(super) fn argon2<'a>(format: Format, phc: &str, part: Part) -> Result<Stored<'a>, HashFault> {
    let damaged = || HashFault::Damaged(format);
    let hash = PasswordHash::new(phc).map_err(|_| damaged())?;
    if hash.version.is_none_or(|v| Version::try_from(v).is_err()) {
        return Err(HashFault::Version);
    }
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(damaged());
    }
    let params = Params::try_from(&hash).map_err(|_| damaged())?;
    if params.m_cost() > MAX_MEMORY || work(format, &params) > MAX_WORK {
        return Err(HashFault::Cost(format));
    }
    Ok(Stored::Argon2(Box::new(Argon2Hash {
        format,
        hash,
        params,
        part,
    })))
}

/// `10$`, 22 characters of salt and 31 of hash.
fn bcrypt(format: Format, rest: &str) -> Result<Crypted<'_>, HashFault> {
    let damaged = HashFault::Damaged(format);
    let (cost, text) = rest.split_once('$').ok_or(damaged)?;
    let is_whole = text.len() == 53 && Digits::Crypt.are_all(text);
    match bcrypt_cost(cost) {
        Some(cost) if is_whole => Crypted::new(format, &text[..22], cost, &text[22..]),
        Some(_) | None => Err(damaged),
    }
}

/// What phpass and bcrypt were given and what bcrypt gave: `9saltsalt$10\`, 22 characters of salt,
/// `$` and 31 of hash.
fn combined(format: Format, rest: &str) -> Result<Crypted<'_>, HashFault> {
    let damaged = HashFault::Damaged(format);
    let (first, rest) = rest.split_once('$').ok_or(damaged)?;
    let (cost, rest) = rest.split_once('\\').ok_or(damaged)?;
    let (salt, hash) = rest.split_once('$').ok_or(damaged)?;
    let lengths = [first.len(), salt.len(), hash.len()];
    let are_digits = [first, salt, hash].map(|text| Digits::Crypt.are_all(text));
    let rounds = first.get(..1).and_then(digits::little_endian);
    let (Some(rounds @ 7..=30), Some(cost), [9, 22, 31], [true, true, true]) =
        (rounds, bcrypt_cost(cost), lengths, are_digits)
    else {
        return Err(damaged);
    };
    if rounds > Format::MOST_FIRST {
        return Err(HashFault::Cost(format));
    }
    let salt_of_first = &first[1..];
    let hash = Crypted::new(format, salt, cost, hash)?;
    let of = Of::Phpass {
        salt: salt_of_first,
        rounds,
    };
    Ok(Crypted { of, ..hash })
}

/// Two digits.
fn bcrypt_cost(text: &str) -> Option<u32> {
    let cost = number(text.strip_prefix('0').unwrap_or(text))?;
    (text.len() == 2 && cost >= 4).then_some(cost)
}

/// `rounds=5000$` or nothing, the salt, `$`, and the hash.
fn sha_crypt(format: Format, rest: &str) -> Result<Crypted<'_>, HashFault> {
    let damaged = HashFault::Damaged(format);
    let (rounds, rest) = match rest.strip_prefix("rounds=") {
        Some(rest) => {
            let (rounds, rest) = rest.split_once('$').ok_or(damaged)?;
            (number(rounds).ok_or(damaged)?, rest)
        }
        None => (5000, rest),
    };
    if rounds < 1000 {
        return Err(damaged);
    }
    let length = if format == Format::Sha256Crypt {
        43
    } else {
        86
    };
    salt_and_hash(format, rounds, rest, 16, length)
}

fn md5_crypt(format: Format, rest: &str) -> Result<Crypted<'_>, HashFault> {
    salt_and_hash(format, 1000, rest, 8, 22)
}

fn salt_and_hash(
    format: Format,
    rounds: u32,
    rest: &str,
    longest_salt: usize,
    length: usize,
) -> Result<Crypted<'_>, HashFault> {
    match rest.split_once('$') {
        Some((salt, hash))
            if salt.len() <= longest_salt
                && hash.len() == length
                && Digits::Crypt.are_all(hash) =>
        {
            Crypted::new(format, salt, rounds, hash)
        }
        Some(_) | None => Err(HashFault::Damaged(format)),
    }
}

/// Two characters of salt and 11 of hash.
fn des(format: Format, text: &str) -> Result<Crypted<'_>, HashFault> {
    Crypted::new(format, &text[..2], 25, &text[2..])
}

/// Four characters of rounds, four of salt and 11 of hash.
fn extended_des(format: Format, rest: &str) -> Result<Crypted<'_>, HashFault> {
    let rounds = rest.get(..4).and_then(digits::little_endian);
    match rounds {
        Some(rounds @ 1..) if rest.len() == 19 && Digits::Crypt.are_all(rest) => {
            Crypted::new(format, &rest[4..8], rounds, &rest[8..])
        }
        Some(_) | None => Err(HashFault::Damaged(format)),
    }
}

/// One character of rounds, eight of salt and 22 of hash.
fn phpass(format: Format, rest: &str) -> Result<Crypted<'_>, HashFault> {
    let rounds = rest.get(..1).and_then(digits::little_endian);
    match rounds {
        Some(rounds @ 7..=30) if rest.len() == 31 && rest.is_char_boundary(9) => {
            if !Digits::Crypt.are_all(&rest[9..]) {
                return Err(HashFault::Damaged(format));
            }
            Crypted::new(format, &rest[1..9], rounds, &rest[9..])
        }
        Some(_) | None => Err(HashFault::Damaged(format)),
    }
}

/// Hexadecimal digits in either case, and nothing else.
fn hex(format: Format, text: &str) -> Result<Crypted<'_>, HashFault> {
    let mut hash = Crypted::new(format, "", 1, text)?;
    hash.expected.make_ascii_lowercase();
    Ok(hash)
}

/// 40 hexadecimal digits behind MySQL's star.
fn starred(format: Format, rest: &str) -> Result<Crypted<'_>, HashFault> {
    if rest.len() == 40 && Digits::Hex.are_all(rest) {
        hex(format, rest)
    } else {
        Err(HashFault::Damaged(format))
    }
}

/// 32 hexadecimal digits, `$`, and the salt: whatever it is, to the end.
fn salted(format: Format, rest: &str) -> Result<Crypted<'_>, HashFault> {
    match rest.split_once('$') {
        Some((digest, salt)) if digest.len() == 32 && Digits::Hex.are_all(digest) => {
            let hash = hex(format, digest)?;
            Ok(Crypted { salt, ..hash })
        }
        Some(_) | None => Err(HashFault::Damaged(format)),
    }
}

fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    // More digits than a number has: more rounds than anyone has time for.
    plain
        .then(|| text.parse().unwrap_or(u32::MAX))
        .filter(|_| !text.is_empty())
}

/// The characters of a hash.
#[derive(Clone, Copy)]
pub(super) enum Digits {
    Hex,
    /// `./0-9A-Za-z`, whatever each is worth.
    Crypt,
}

impl Digits {
    pub(super) fn are_all(self, text: &str) -> bool {
        text.bytes().all(|byte| match self {
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Crypt => byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/'),
        })
    }
}

pub(super) const ARGON2ID: &str = "$argon2id$";

pub(super) const PREFIXES: &[(&str, Format, Read)] = &[
    (ARGON2ID, Format::Argon2id, Read::Phc),
    ("$argon2i$", Format::Argon2i, Read::Phc),
    ("$2y$", Format::Bcrypt, Read::Crypted(bcrypt)),
    ("$2a$", Format::Bcrypt, Read::Crypted(bcrypt)),
    ("$2b$", Format::Bcrypt, Read::Crypted(bcrypt)),
    ("$5$", Format::Sha256Crypt, Read::Crypted(sha_crypt)),
    ("$6$", Format::Sha512Crypt, Read::Crypted(sha_crypt)),
    ("$1$", Format::Md5Crypt, Read::Crypted(md5_crypt)),
    ("$apr1$", Format::Apr1, Read::Crypted(md5_crypt)),
    ("_", Format::ExtendedDes, Read::Crypted(extended_des)),
    ("$P$", Format::Phpass, Read::Crypted(phpass)),
    ("$H$", Format::Phpbb, Read::Crypted(phpass)),
    // The last where PHP was older than 5.3.7; they are the same for phpass's digits.
    ("$H\\2y$", Format::PhpbbCombined, Read::Crypted(combined)),
    ("$H\\2a$", Format::PhpbbCombined, Read::Crypted(combined)),
    ("$phpbb$2y$", Format::PhpbbBcrypt, Read::Crypted(bcrypt)),
    ("$phpbb$2a$", Format::PhpbbBcrypt, Read::Crypted(bcrypt)),
    ("$phpbb$2b$", Format::PhpbbBcrypt, Read::Crypted(bcrypt)),
    ("$phpbb$argon2id$", Format::PhpbbArgon2, Read::Phc),
    ("$phpbb$argon2i$", Format::PhpbbArgon2, Read::Phc),
    ("*", Format::MysqlPassword, Read::Crypted(starred)),
    (
        SALT_PASSWORD,
        Format::Md5SaltPassword,
        Read::Crypted(salted),
    ),
    (
        PASSWORD_SALT,
        Format::Md5Md5PasswordSalt,
        Read::Crypted(salted),
    ),
];

const SALT_PASSWORD: &str = "$md5(salt.password)$";
const PASSWORD_SALT: &str = "$md5(md5(password).salt)$";

/// What stands before a hash that a phpBB has made, where the hash does not say so by itself.
pub(super) const PHPBB: &str = "$phpbb";

pub(super) const BARE: &[(usize, Digits, Format, ReadCrypted)] = &[
    (13, Digits::Crypt, Format::Des, des),
    (16, Digits::Hex, Format::MysqlOldPassword, hex),
    (32, Digits::Hex, Format::Md5, hex),
    (40, Digits::Hex, Format::Sha1, hex),
];
