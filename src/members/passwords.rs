//! Password hashes: argon2id in PHC form, made with today's parameters and checked with their own.

use std::fmt;
use std::time::Duration;

use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier,
    Version,
};
use flashgate_core::Secret;

/// A stored password: a PHC string that this program can and will verify. Its `Debug` is blank.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash(String);

impl Hash {
    /// Hashes a new password with OWASP's first recommendation: 19 MiB, two passes, one lane.
    pub fn new(password: &Secret) -> Result<Self, HashFault> {
        let params = Params::new(NEW_MEMORY, NEW_PASSES, 1, None).map_err(|_| HashFault::Cost)?;
        Self::with(password, params)
    }

    /// Hashes with other parameters; tests that log in thousands use the least there are.
    pub fn with(password: &Secret, params: Params) -> Result<Self, HashFault> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = argon2.hash_password(password.expose().as_bytes());
        // What can fail is the system's random number generator.
        hash.map(|hash| Self(hash.to_string()))
            .map_err(|_| HashFault::NoRandomness)
    }

    /// Takes a hash from elsewhere, if it can be verified here at a bearable cost.
    pub fn parse(text: &str) -> Result<Self, HashFault> {
        parse(text).map(|_| Self(text.to_owned()))
    }

    /// The PHC string, for the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(…)")
    }
}

/// What a check of a password came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What the password is worth.
    pub verdict: Verdict,
    /// What it cost, in KiB of memory times passes over it. The same for everyone who is refused.
    pub work: u64,
}

/// What a password is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the one that was hashed.
    Right,
    /// It is not, or there is nothing to compare it with.
    Wrong,
    /// What is stored cannot be verified here.
    BadHash(HashFault),
}

/// Compares a password with what is stored, or with nothing at the same cost.
///
/// Whoever is unknown, and whoever has a hash that cannot be used, is checked against a hash with
/// the parameters of new passwords, so that the time of an answer does not tell who exists.
pub fn check(password: &Secret, stored: Option<&str>) -> Checked {
    let bytes = password.expose().as_bytes();
    let (hash, params, fault) = match stored.map(parse) {
        Some(Ok((hash, params))) => (hash, params, None),
        None => dummy(None),
        Some(Err(fault)) => dummy(Some(fault)),
    };
    let right = Argon2::default().verify_password(bytes, &hash).is_ok();
    let verdict = match (fault, stored) {
        (Some(fault), _) => Verdict::BadHash(fault),
        (None, Some(_)) if right => Verdict::Right,
        (None, _) => Verdict::Wrong,
    };
    Checked {
        verdict,
        work: work(&params),
    }
}

fn dummy(fault: Option<HashFault>) -> (PasswordHash, Params, Option<HashFault>) {
    let (hash, params) = parse(DUMMY).expect("the constant is a good hash");
    (hash, params, fault)
}

fn parse(text: &str) -> Result<(PasswordHash, Params), HashFault> {
    let hash = PasswordHash::new(text).map_err(|_| HashFault::NotPhc)?;
    if hash.algorithm != ARGON2ID_IDENT {
        return Err(HashFault::NotArgon2id);
    }
    if hash.version.is_none_or(|v| Version::try_from(v).is_err()) {
        return Err(HashFault::Version);
    }
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(HashFault::NotPhc);
    }
    let params = Params::try_from(&hash).map_err(|_| HashFault::NotPhc)?;
    if params.m_cost() > MAX_MEMORY || work(&params) > MAX_WORK {
        return Err(HashFault::Cost);
    }
    Ok((hash, params))
}

/// The time that a check of a stored hash takes on a slow machine: what a refusal has to be held
/// back for, so that nobody can tell the kind of a hash by it. Nothing for what cannot be checked.
pub(super) fn time_to_check(stored: &str) -> Duration {
    let work = parse(stored).map_or(0, |(_, params)| work(&params));
    Duration::from_millis(work / WORK_PER_MILLI)
}

fn work(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

/// Why a hash cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFault {
    /// It is not a complete PHC string.
    NotPhc,
    /// It is one of another algorithm.
    NotArgon2id,
    /// It does not say which version of argon2 made it, or names an unknown one.
    Version,
    /// Verifying it takes too much memory or time.
    Cost,
    /// The system gave no random numbers for a salt.
    NoRandomness,
}

impl fmt::Display for HashFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPhc => f.write_str(
                "is not a PHC string like $argon2id$v=19$m=19456,t=2,p=1$salt$hash (its text is not shown here)",
            ),
            Self::NotArgon2id => f.write_str("is not an argon2id hash; only these are understood"),
            Self::Version => f.write_str("lacks the version v=19 (or v=16)"),
            Self::Cost => write!(
                f,
                "costs too much to verify: m may be {MAX_MEMORY} at most, and m times t {MAX_WORK}"
            ),
            Self::NoRandomness => f.write_str("cannot be made: the system gives no random numbers"),
        }
    }
}

const NEW_MEMORY: u32 = 19 * 1024;
const NEW_PASSES: u32 = 2;

/// KiB. libsodium's `MODERATE` and four times PHP's default pass; a hash that asks for gigabytes,
/// times the threads of the pool, could take the server down.
const MAX_MEMORY: u32 = 256 * 1024;

/// KiB times passes: about a second, a tenth of the time after which the core gives a lookup up.
const MAX_WORK: u64 = 1024 * 1024;

/// KiB times passes in a millisecond: half of what a core of a small rented server does today.
const WORK_PER_MILLI: u64 = 400;

/// Nobody's password, with the parameters of new ones.
const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdCE$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[cfg(test)]
mod tests {
    use super::*;

    fn least(password: &str) -> Hash {
        Hash::with(&Secret::new(password), Params::new(8, 1, 1, None).unwrap()).unwrap()
    }

    #[test]
    fn verdicts_and_their_cost() {
        let hash = Hash::new(&Secret::new("secret1")).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(format!("{hash:?}"), "Hash(…)");

        let check = |password, stored| check(&Secret::new(password), stored);
        let full = u64::from(NEW_MEMORY * NEW_PASSES);
        let right = check("secret1", Some(hash.as_str()));
        assert_eq!((right.verdict, right.work), (Verdict::Right, full));
        let wrong = check("secret2", Some(hash.as_str()));
        assert_eq!((wrong.verdict, wrong.work), (Verdict::Wrong, full));
        let nobody = check("secret1", None);
        assert_eq!((nobody.verdict, nobody.work), (Verdict::Wrong, full));
        let broken = check("secret1", Some("secret1"));
        assert_eq!(broken.verdict, Verdict::BadHash(HashFault::NotPhc));
        assert_eq!(broken.work, full);
        // Stored parameters are obeyed.
        let cheap = check("x", Some(least("x").as_str()));
        assert_eq!((cheap.verdict, cheap.work), (Verdict::Right, 8));
    }

    #[test]
    fn hashes_from_elsewhere() {
        let tail = "$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let parse = |head: &str| Hash::parse(&format!("{head}{tail}")).map(|_| ());
        for good in [
            "$argon2id$v=19$m=65536,t=4,p=1",  // PHP's default
            "$argon2id$v=19$m=262144,t=3,p=1", // libsodium's MODERATE
            "$argon2id$v=16$m=8,t=1,p=1",
        ] {
            assert_eq!(parse(good), Ok(()), "{good}");
        }
        for (bad, fault) in [
            ("$argon2i$v=19$m=65536,t=4,p=1", HashFault::NotArgon2id),
            ("$argon2d$v=19$m=65536,t=4,p=1", HashFault::NotArgon2id),
            ("$argon2id$m=65536,t=4,p=1", HashFault::Version),
            ("$argon2id$v=20$m=65536,t=4,p=1", HashFault::Version),
            ("$argon2id$v=19$m=262145,t=1,p=1", HashFault::Cost),
            ("$argon2id$v=19$m=4194304,t=1,p=1", HashFault::Cost),
            ("$argon2id$v=19$m=8,t=4294967295,p=1", HashFault::Cost),
            ("$argon2id$v=19$m=7,t=1,p=1", HashFault::NotPhc),
            ("$argon2id$v=19$m=x,t=1,p=1", HashFault::NotPhc),
        ] {
            assert_eq!(parse(bad), Err(fault), "{bad}");
        }
        for bad in [
            "",
            "secret1",
            "$2y$10$abcdefghijklmnopqrstuv",
            "$argon2id$v=19$m=8,t=1,p=1",
        ] {
            let fault = Hash::parse(bad).unwrap_err();
            assert!(
                matches!(fault, HashFault::NotPhc | HashFault::NotArgon2id),
                "{bad} {fault:?}"
            );
            assert!(bad.is_empty() || !fault.to_string().contains(bad));
        }
    }

    #[test]
    fn a_refusal_outlasts_every_hash() {
        let default = Hash::new(&Secret::new("x")).unwrap();
        assert_eq!(time_to_check(default.as_str()).as_millis(), 97);
        let tail = "p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAA";
        // PHP's default, and the slowest that is taken.
        let php = format!("$argon2id$v=19$m=65536,t=4,{tail}");
        assert_eq!(time_to_check(&php).as_millis(), 655);
        let slowest = format!("$argon2id$v=19$m=262144,t=4,{tail}");
        assert_eq!(time_to_check(&slowest).as_millis(), 2621);
        assert_eq!(time_to_check("md5 or so"), Duration::ZERO);
    }
}
