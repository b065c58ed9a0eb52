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

/// Reads a hash of a format; none if it is damaged.
pub(super) type ReadCrypted = for<'a> fn(Format, &'a str) -> Option<Crypted<'a>>;

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
fn bcrypt(format: Format, rest: &str) -> Option<Crypted<'_>> {
    let (cost, text) = rest.split_once('$')?;
    let hash = crypt_digits(text, 53)?;
    Some(Crypted::new(
        format,
        &text[..22],
        bcrypt_cost(cost)?,
        &hash[22..],
    ))
}

/// What phpass and bcrypt were given and what bcrypt gave: `9saltsalt$10\`, 22 characters of salt,
/// `$` and 31 of hash.
fn combined(format: Format, rest: &str) -> Option<Crypted<'_>> {
    let (first, rest) = rest.split_once('$')?;
    let (cost, rest) = rest.split_once('\\')?;
    let (salt, hash) = rest.split_once('$')?;
    let first = crypt_digits(first, 9)?;
    let of = Of::Phpass {
        salt: &first[1..],
        rounds: phpass_rounds(first)?,
    };
    let (salt, hash) = (crypt_digits(salt, 22)?, crypt_digits(hash, 31)?);
    let hash = Crypted::new(format, salt, bcrypt_cost(cost)?, hash);
    Some(Crypted { of, ..hash })
}

/// Two digits.
fn bcrypt_cost(text: &str) -> Option<u32> {
    let cost = number(text.strip_prefix('0').unwrap_or(text))?;
    (text.len() == 2 && cost >= 4).then_some(cost)
}

/// `rounds=5000$` or nothing, the salt, `$`, and the hash.
fn sha_crypt(format: Format, rest: &str) -> Option<Crypted<'_>> {
    let (rounds, rest) = match rest.strip_prefix("rounds=") {
        Some(rest) => rest.split_once('$')?,
        None => ("5000", rest),
    };
    let rounds = number(rounds).filter(|rounds| *rounds >= 1000)?;
    let length = if format == Format::Sha256Crypt {
        43
    } else {
        86
    };
    salt_and_hash(format, rounds, rest, 16, length)
}

fn md5_crypt(format: Format, rest: &str) -> Option<Crypted<'_>> {
    salt_and_hash(format, 1000, rest, 8, 22)
}

fn salt_and_hash(
    format: Format,
    rounds: u32,
    rest: &str,
    longest_salt: usize,
    length: usize,
) -> Option<Crypted<'_>> {
    let (salt, hash) = rest.split_once('$')?;
    let hash = crypt_digits(hash, length)?;
    (salt.len() <= longest_salt).then(|| Crypted::new(format, salt, rounds, hash))
}

/// Two characters of salt and 11 of hash.
fn des(format: Format, text: &str) -> Option<Crypted<'_>> {
    Some(Crypted::new(format, &text[..2], 25, &text[2..]))
}

/// Four characters of rounds, four of salt and 11 of hash.
fn extended_des(format: Format, rest: &str) -> Option<Crypted<'_>> {
    let rest = crypt_digits(rest, 19)?;
    let rounds = digits::little_endian(&rest[..4]).filter(|rounds| *rounds > 0)?;
    Some(Crypted::new(format, &rest[4..8], rounds, &rest[8..]))
}

/// One character of rounds, eight of salt and 22 of hash.
fn phpass(format: Format, rest: &str) -> Option<Crypted<'_>> {
    let (rounds, salt) = (phpass_rounds(rest)?, rest.get(1..9)?);
    let hash = crypt_digits(rest.get(9..)?, 22)?;
    Some(Crypted::new(format, salt, rounds, hash))
}

/// The logarithm of the rounds of phpass, which its first character stands for.
fn phpass_rounds(text: &str) -> Option<u32> {
    let rounds = digits::little_endian(text.get(..1)?)?;
    (7..=30).contains(&rounds).then_some(rounds)
}

/// Hexadecimal digits in either case, and nothing else.
fn hex(format: Format, text: &str) -> Option<Crypted<'_>> {
    let mut hash = Crypted::new(format, "", 1, text);
    hash.expected.make_ascii_lowercase();
    Some(hash)
}

/// 40 hexadecimal digits behind MySQL's star.
fn starred(format: Format, rest: &str) -> Option<Crypted<'_>> {
    (rest.len() == 40 && Digits::Hex.are_all(rest)).then(|| hex(format, rest))?
}

/// 32 hexadecimal digits, `$`, and the salt: whatever it is, to the end.
fn salted(format: Format, rest: &str) -> Option<Crypted<'_>> {
    let (digest, salt) = rest.split_once('$')?;
    let is_digest = digest.len() == 32 && Digits::Hex.are_all(digest);
    let hash = is_digest.then(|| hex(format, digest))??;
    Some(Crypted { salt, ..hash })
}

/// This text, if it is so many characters of a hash.
fn crypt_digits(text: &str, length: usize) -> Option<&str> {
    (text.len() == length && Digits::Crypt.are_all(text)).then_some(text)
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
