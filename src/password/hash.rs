//! Passwords: new ones become argon2id with today's parameters, stored ones of many formats are
//! checked with their own, and those of an old format are made new once they have been right.

use std::fmt;
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use flashgate_core::Secret;

use super::formats::{Format, Part, Stored};
use super::memory;
use super::scrub::{HASH, apart};

/// A stored password that this program can and will verify. Its `Debug` is blank.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash(String);

impl Hash {
    /// Hashes a new password with OWASP's first recommendation: 19 MiB, two passes, one lane.
    pub fn new(password: &Secret) -> Result<Self, HashFault> {
        Self::of(password.expose().as_bytes(), new_params()).map(Self)
    }

    /// Hashes with other parameters; tests that log in thousands use the least there are.
    pub fn with(password: &Secret, params: Params) -> Result<Self, HashFault> {
        Self::of(password.expose().as_bytes(), params).map(Self)
    }

    /// Takes a hash from elsewhere, if it can be verified here at a bearable cost.
    pub fn parse(text: &str) -> Result<Self, HashFault> {
        Stored::parse(text).map(|_| Self(text.to_owned()))
    }

    /// Takes a hash from a site that kept a salt beside it, in `form` if it is an `md5()`. Formats
    /// that have their salt inside do not need it, whatever is left of it.
    pub fn salted(text: &str, form: Format, salt: &str) -> Result<Self, HashFault> {
        let format = Stored::parse(text)?.format();
        if format == Format::Md5 {
            let prefix = form.prefix_of_salted().ok_or(HashFault::Unsalted)?;
            return Self::parse(&format!("{prefix}{text}${salt}"));
        }
        let has_none = matches!(
            format,
            Format::Sha1 | Format::MysqlPassword | Format::MysqlOldPassword
        );
        if has_none && !salt.is_empty() {
            return Err(HashFault::Unsalted);
        }
        Ok(Self(text.to_owned()))
    }

    /// The new hash of a password that was right, if what is stored is of an old format. It is of no
    /// more of the password than the old one, and says so where that ignored some of it.
    pub fn renewed(password: &Secret, stored: &str) -> Option<Self> {
        let format = Stored::parse(stored).ok()?.format();
        if format.is_current() {
            return None;
        }
        let (password, looks_at) = (password.expose().as_bytes(), format.looks_at());
        let part = looks_at.of(password);
        let tag = if *part == *password {
            Part::All.tag()
        } else {
            looks_at.tag()
        };
        let phc = Self::of(&part, new_params()).ok()?;
        Some(Self(format!("{tag}{phc}")))
    }

    /// The text for the store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(password: &[u8], params: Params) -> Result<String, HashFault> {
        let settings = ParamsString::try_from(&params).expect("three numbers fit");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let (mut salt, mut hash) = ([0; 16], [0; Params::DEFAULT_OUTPUT_LEN]);
        getrandom::fill(&mut salt).map_err(|_| HashFault::NoRandomness)?;
        let made = apart::<HASH, _>(|| memory::hash_into(&argon2, password, &salt, &mut hash));
        made.map_err(|_| HashFault::NoMemory)?;
        let text = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: settings,
            salt: Salt::new(&salt).ok(),
            hash: Output::new(&hash).ok(),
        };
        Ok(text.to_string())
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
    /// The work of argon2, in KiB of memory times passes over it. The same for every refusal.
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
/// An unknown member, an unusable hash and a wrong password for a format without argon2 are checked against a
/// hash with the parameters of new passwords, so that the time of the answer does not show which members
/// exist.
pub fn check(password: &Secret, stored: Option<&str>) -> Checked {
    let bytes = password.expose().as_bytes();
    let (verdict, work) = match stored.map(Stored::parse) {
        Some(Ok(stored)) => {
            let verdict = if apart::<HASH, _>(|| stored.fits(bytes)) {
                Verdict::Right
            } else {
                Verdict::Wrong
            };
            (verdict, stored.argon2_work())
        }
        Some(Err(fault)) => (Verdict::BadHash(fault), 0),
        None => (Verdict::Wrong, 0),
    };
    if verdict == Verdict::Right || work > 0 {
        return Checked { verdict, work };
    }
    let dummy = Stored::parse(DUMMY).expect("the constant is a good hash");
    let _ = apart::<HASH, _>(|| dummy.fits(bytes));
    let work = dummy.argon2_work();
    Checked { verdict, work }
}

/// Whether what is stored is a good hash of an older format.
pub(crate) fn is_old(stored: &str) -> bool {
    Stored::parse(stored).is_ok_and(|stored| !stored.format().is_current())
}

/// How long a hash of today takes to check, on a slow machine.
pub(crate) fn time_of_new() -> Duration {
    Duration::from_millis(NEW_WORK / WORK_PER_MILLI)
}

/// The format of a stored password, or why it cannot be used.
pub(crate) fn format(stored: &str) -> Result<Format, HashFault> {
    Stored::parse(stored).map(|stored| stored.format())
}

/// The time of a refusal by a stored hash on a slow machine. All refusals are delayed to the longest of
/// these, so that their time does not show the kind of hash. Zero for a hash that cannot be checked, which
/// costs as little as an unknown member.
pub(crate) fn time_to_check(stored: &str) -> Duration {
    let Ok(stored) = Stored::parse(stored) else {
        return Duration::ZERO;
    };
    let work = match stored.argon2_work() {
        0 => NEW_WORK,
        work => work,
    };
    stored.time() + Duration::from_millis(work / WORK_PER_MILLI)
}

fn new_params() -> Params {
    Params::new(NEW_MEMORY, NEW_PASSES, 1, None).expect("the constants are good parameters")
}

/// Why a hash cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFault {
    /// Nothing is stored, so that no password fits.
    Empty,
    /// It is in no format that is known.
    Unknown,
    /// It begins as this format does, and does not go on so.
    Damaged(Format),
    /// It does not say which version of argon2 made it, or names an unknown one.
    Version,
    /// Verifying it takes too much memory or time.
    Cost(Format),
    /// There is a salt beside it, which no form of it that is known has.
    Unsalted,
    /// The system gave no random numbers for a salt.
    NoRandomness,
    /// The system gave no memory to hash in.
    NoMemory,
}

impl fmt::Display for HashFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::Unknown => f.write_str("is in no known format (its text is not shown here)"),
            Self::Damaged(format) => write!(
                f,
                "begins like {format} but is none, or not all of it (its text is not shown here)"
            ),
            Self::Version => f.write_str("lacks the version v=19 (or v=16)"),
            Self::Cost(format) => write!(
                f,
                "is {format} and costs too much to verify: {}",
                format.limit()
            ),
            Self::Unsalted => f.write_str(
                "has a salt beside it and is no md5() of 32 hexadecimal digits; it cannot be verified",
            ),
            Self::NoRandomness => f.write_str("cannot be made: the system gives no random numbers"),
            Self::NoMemory => f.write_str("cannot be made: the system gives no memory"),
        }
    }
}

const NEW_MEMORY: u32 = 19 * 1024;
const NEW_PASSES: u32 = 2;
const NEW_WORK: u64 = NEW_MEMORY as u64 * NEW_PASSES as u64;

/// KiB times passes in a millisecond: half of what a core of a small rented server does today.
const WORK_PER_MILLI: u64 = 400;

/// A hash that no password fits, with the parameters of new ones.
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
        assert_eq!(broken.verdict, Verdict::BadHash(HashFault::Unknown));
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
        assert_eq!(parse("$phpbb$argon2id$v=19$m=262144,t=2,p=1"), Ok(()));
        let fault = parse("$phpbb$argon2id$v=19$m=262144,t=3,p=1").unwrap_err();
        assert_eq!(fault, HashFault::Cost(Format::PhpbbArgon2));
        assert!(fault.to_string().ends_with("m times t 524288"), "{fault}");
        let cost = HashFault::Cost(Format::Argon2id);
        let damaged = HashFault::Damaged(Format::Argon2id);
        for (bad, fault) in [
            ("$argon2d$v=19$m=65536,t=4,p=1", HashFault::Unknown),
            ("$argon2id$m=65536,t=4,p=1", HashFault::Version),
            ("$argon2id$v=20$m=65536,t=4,p=1", HashFault::Version),
            ("$argon2id$v=19$m=262145,t=1,p=1", cost),
            ("$argon2id$v=19$m=4194304,t=1,p=1", cost),
            ("$argon2id$v=19$m=8,t=4294967295,p=1", cost),
            ("$argon2id$v=19$m=7,t=1,p=1", damaged),
            ("$argon2id$v=19$m=x,t=1,p=1", damaged),
        ] {
            assert_eq!(parse(bad), Err(fault), "{bad}");
        }
        for bad in [
            "",
            "secret1",
            "$2y$10$abcdefghijklmnopqrstuv",
            "$2x$10$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBuH",
            "$argon2id$v=19$m=8,t=1,p=1",
        ] {
            let fault = Hash::parse(bad).unwrap_err();
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
        // A refusal by an old hash includes the dummy hash, too.
        let bcrypt = format!("$2y$12${}", "a".repeat(53));
        assert_eq!(time_to_check(&bcrypt).as_millis(), 1024 + 97);
        let sha = format!("$6$salt${}", "a".repeat(86));
        assert_eq!(time_to_check(&sha).as_millis(), 20 + 97);
        assert_eq!(time_to_check(&"a".repeat(32)).as_millis(), 97);
        // What may have been escaped may be tried twice.
        assert_eq!(
            time_to_check(&format!("$phpbb{bcrypt}")).as_millis(),
            2048 + 97
        );
        assert_eq!(time_to_check(&format!("$phpbb{php}")).as_millis(), 1310);
        let combined = format!(
            "$H\\2y$9{}$12\\{}${}",
            "a".repeat(8),
            "a".repeat(22),
            "a".repeat(31)
        );
        assert_eq!(time_to_check(&combined).as_millis(), 2048 + 8 + 97);
    }
}
