//! Tickets: a site that knows a member by its own login vouches for that member, who then need not
//! type the password again.
//!
//! The site and the server share a secret. A ticket stands where a password would, and is one word:
//!
//! ```text
//! ticket:1.ID.MADE.EXPIRY.NONCE.MAC
//! ```
//!
//! - `1` is the version of all this.
//! - `ID` is the member's number, `MADE` and `EXPIRY` are seconds since 1970 UTC; each is written in
//!   its plain form, without a sign or zeros in front.
//! - `NONCE` is 16 to 64 hexadecimal digits in lower case, other ones in each ticket.
//! - `MAC` is HMAC-SHA256 under the secret, over all that stands before its dot, `ticket:` included,
//!   as 64 hexadecimal digits in lower case. The secret is the file's bytes, every one of them.
//!
//! It is good once, for its member alone, from `MADE` to `EXPIRY`, which may lie [`MOST_AHEAD`]
//! seconds ahead. Two clocks may differ by [`SKEW`] seconds.
//!
//! Which tickets are spent is kept in memory, until they have expired. A server that starts does not know
//! which tickets were used with the process before it. So it accepts only tickets made after its start.
//! `MADE` counts whole seconds, so a ticket made in the second of the start counts as made before it.
//! A ticket made up to [`SKEW`] seconds before the start is answered with "try again later", as the site's
//! clock may be behind; an older one is denied.
//!
//! One case remains: where the site's clock is ahead by up to [`SKEW`] seconds, and the server restarts
//! within that time after a login, the ticket of that login looks as if it was made after the restart, and
//! is good once more.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use flashgate_core::{Denial, MemberId, Secret};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::prompt::STANDARD_INPUT;

/// What a site and its server share. Its `Debug` is blank, and its memory is wiped after use.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketSecret(Zeroizing<Vec<u8>>);

impl TicketSecret {
    /// Takes a secret that is long enough.
    pub fn new(bytes: &[u8]) -> Result<Self, SecretFault> {
        match bytes.len() {
            LEAST_SECRET..=MOST_SECRET => Ok(Self(Zeroizing::new(bytes.to_vec()))),
            0..LEAST_SECRET => Err(SecretFault::Short(bytes.len())),
            _ => Err(SecretFault::Long),
        }
    }

    /// Reads it from a file that other users cannot read.
    pub fn read(path: &Path) -> Result<Self, SecretFault> {
        // Not by opening it: opening a pipe waits for a writer.
        if path != Path::new(STANDARD_INPUT) && !fs::metadata(path)?.is_file() {
            return Err(SecretFault::NoFile);
        }
        let file = File::open(path)?;
        if file.metadata()?.permissions().mode() & OTHERS != 0 {
            return Err(SecretFault::Open);
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_SECRET + 1));
        file.take(MOST_SECRET as u64 + 1).read_to_end(&mut bytes)?;
        Self::new(&bytes)
    }
}

impl TicketSecret {
    /// A ticket for a member, and when it expires. Fails if the system has no random numbers.
    pub fn ticket(&self, member: i64) -> Result<(String, u64), String> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce)
            .map_err(|error| format!("The system has no random numbers: {error}."))?;
        let made = wall_clock();
        let expires = made + LIFETIME;
        let mut ticket = format!("{HEAD}{member}.{made}.{expires}.");
        push_hex(&mut ticket, &nonce);
        let mac = Tickets::keyed(self).chain_update(&ticket).finalize();
        ticket.push('.');
        push_hex(&mut ticket, &mac.into_bytes());
        Ok((ticket, expires))
    }
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
}

impl fmt::Debug for TicketSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketSecret(…)")
    }
}

/// Why a file holds no secret that could be used.
#[derive(Debug)]
pub enum SecretFault {
    /// The system does not let the server read it.
    Io(io::Error),
    /// It is a folder, a device or a pipe.
    NoFile,
    /// Everybody on the machine may read or write it.
    Open,
    /// It is so short that it could be guessed.
    Short(usize),
    /// It is longer than any secret needs to be.
    Long,
}

impl From<io::Error> for SecretFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for SecretFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::NoFile => f.write_str("is no file"),
            Self::Open => f.write_str(
                "everybody on this machine may read or write it, and whoever knows it can log in as \
                 every member; chmod o= takes that away, and make a new secret",
            ),
            Self::Short(bytes) => write!(
                f,
                "has {bytes} bytes, and a secret has at least {LEAST_SECRET}; make one with: \
                 openssl rand -hex 32"
            ),
            Self::Long => write!(
                f,
                "is no secret: it has more than {MOST_SECRET} bytes; make one with: openssl rand -hex 32"
            ),
        }
    }
}

/// The tickets of one secret: which are valid, and which of them are used.
pub(super) struct Tickets {
    keyed: Hmac<Sha256>,
    /// The MACs of used tickets, by the time at which they expire. Half of a MAC is enough to tell tickets
    /// apart.
    spent: BTreeSet<(u64, [u8; 16])>,
    /// When the server has started.
    started: u64,
    /// The latest expiry of the used tickets that are no longer kept. A clock that is set back makes none of them
    /// valid again.
    forgotten: u64,
    /// How many are kept.
    most: usize,
}

/// The time in seconds since 1970 UTC, like PHP's `time()`.
pub(super) fn wall_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// What a password is worth as a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// It is valid, and logs its member in this once.
    Login,
    /// It is valid, but no more spent tickets can be remembered. It may be accepted a little later.
    NoCapacity,
    /// It was made shortly before the server started, and may have been used by then. The client needs a
    /// fresh one. This is not a failure of the client: the site's clock may be some seconds behind.
    TooSoon,
    /// It is a ticket that is refused for this reason.
    Nothing(Denial),
    /// It does not look like a ticket.
    NoTicket,
}

/// Whether a password looks like a ticket.
pub(super) fn is_ticket(password: &Secret) -> bool {
    password.expose().starts_with(WORD)
}

impl Tickets {
    /// The tickets of a server that starts `now`.
    pub(super) fn new(secret: &TicketSecret, now: u64) -> Self {
        Self {
            keyed: Self::keyed(secret),
            spent: BTreeSet::new(),
            started: now,
            forgotten: 0,
            most: MOST_SPENT,
        }
    }

    /// Accepts only tickets of this secret from now on.
    pub(super) fn set_secret(&mut self, secret: &TicketSecret) {
        self.keyed = Self::keyed(secret);
    }

    fn keyed(secret: &TicketSecret) -> Hmac<Sha256> {
        Hmac::new_from_slice(&secret.0).expect("a key may have any length")
    }

    /// Checks a password as a ticket of a member, and uses the ticket up.
    pub(super) fn spend(&mut self, password: &Secret, member: MemberId, now: u64) -> Worth {
        let Some(ticket) = Ticket::parse(password.expose()) else {
            return match is_ticket(password) {
                true => Worth::Nothing(Denial::TicketMalformed),
                false => Worth::NoTicket,
            };
        };
        // Before all other checks, so that a client learns nothing by trying. The comparison takes constant time.
        let keyed = self.keyed.clone().chain_update(ticket.signed);
        if keyed.verify_slice(&ticket.mac).is_err() {
            return Worth::Nothing(Denial::TicketOfOther);
        }
        self.forget(now);
        if let Some(why) = self.denial(&ticket, member, now) {
            return Worth::Nothing(why);
        }
        if ticket.made <= self.started {
            return Worth::TooSoon;
        }
        if self.spent.len() >= self.most {
            return Worth::NoCapacity;
        }
        self.spent.insert(ticket.spent());
        Worth::Login
    }

    /// Why a ticket with the right MAC does not let this member in.
    fn denial(&self, ticket: &Ticket<'_>, member: MemberId, now: u64) -> Option<Denial> {
        Some(match ticket {
            _ if ticket.id != member => Denial::TicketOfMember,
            _ if ticket.expiry + SKEW < now || ticket.expiry <= self.forgotten => {
                Denial::TicketExpired
            }
            _ if ticket.expiry > now + MOST_AHEAD => Denial::TicketTooLong,
            _ if ticket.made > now + SKEW => Denial::TicketEarly,
            _ if self.spent.contains(&ticket.spent()) => Denial::TicketSpent,
            _ if ticket.made + SKEW < self.started => Denial::TicketBeforeStart,
            _ => return None,
        })
    }

    /// Forgets used tickets that have expired.
    fn forget(&mut self, now: u64) {
        while let Some(&(expiry, _)) = self.spent.first()
            && expiry + SKEW < now
        {
            self.spent.pop_first();
            self.forgotten = self.forgotten.max(expiry);
        }
    }
}

/// What a ticket states, before anything is verified.
struct Ticket<'a> {
    signed: &'a str,
    id: MemberId,
    made: u64,
    expiry: u64,
    mac: [u8; 32],
}

impl<'a> Ticket<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (signed, mac) = text.rsplit_once('.')?;
        let mut parts = signed.strip_prefix(HEAD)?.split('.');
        let (id, made, expiry) = (parts.next()?, parts.next()?, parts.next()?);
        let nonce = parts.next()?;
        let good_nonce =
            (16..=64).contains(&nonce.len()) && nonce.bytes().all(|b| digit(b).is_some());
        if !good_nonce || parts.next().is_some() {
            return None;
        }
        Some(Self {
            signed,
            id: MemberId(i64::try_from(number(id)?).ok()?),
            made: number(made)?,
            expiry: number(expiry)?,
            mac: unhex(mac)?,
        })
    }

    /// What is remembered of a used ticket.
    fn spent(&self) -> (u64, [u8; 16]) {
        let half = self.mac.first_chunk().expect("it has 32 bytes");
        (self.expiry, *half)
    }
}

/// A number in its plain form, so that each has one text. The limit keeps sums from overflowing.
fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let number: u64 = text.parse().ok()?;
    (plain && number <= i64::MAX as u64).then_some(number)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    if pairs.len() != bytes.len() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// Lower case alone, so that there is one text for each ticket.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// What a ticket of this version begins with.
const HEAD: &str = "ticket:1.";

/// What a ticket of any version begins with.
const WORD: &str = "ticket:";

/// A key shorter than the MAC makes the MAC weaker (RFC 2104, section 3).
const LEAST_SECRET: usize = 32;
const MOST_SECRET: usize = 4096;

/// Permissions of others. The group may be that of the web server.
const OTHERS: u32 = 0o006;

/// The longest lifetime of a ticket, in seconds: long enough for a page to load on a slow line, and short
/// enough that a copied ticket is soon useless.
pub(super) const MOST_AHEAD: u64 = 300;

/// Seconds for which a ticket made by this server is valid: enough for a page to load.
const LIFETIME: u64 = 60;

/// Seconds by which the clocks of a site and its server may differ. Clocks that are set over the network differ by
/// much less.
pub(super) const SKEW: u64 = 3;

/// Tickets that are spent and not expired: sixteen times the connections that a server takes by
/// default, within five minutes. They take 3 MB.
const MOST_SPENT: usize = 65_536;

#[cfg(test)]
mod tests;
