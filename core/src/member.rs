//! Members, and the questions the core asks about them.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::admin::{AdminAnswer, AdminRequest};
use crate::id::Source;

/// A member's number, as on the original site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub i64);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A member or a guest, as the log names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A member, by its number.
    Member(MemberId),
    /// A guest, by its nick: a client without an account. The nick begins with `~`.
    Guest(Arc<str>),
}

/// A member as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The member's number.
    pub id: MemberId,
    /// The name by which others address the member, unique byte for byte: `aid` on the wire.
    pub nick: Arc<str>,
    /// The name that is shown.
    pub name: Arc<str>,
}

/// The `id` of an IDENTIFY: a member's number or nick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// A member's number in its plain form.
    Id(MemberId),
    /// Anything else: a nick, byte for byte. `07` and `7x` are nicks, too, and no member has them.
    Nick(Arc<str>),
}

impl Login {
    /// Reads the `id` of an IDENTIFY. Only the plain decimal form is a number, so that `7`, `07` and `+7` are not
    /// three names of one member.
    pub fn parse(text: &str) -> Self {
        let plain =
            text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        match text.parse() {
            Ok(id) if plain => Self::Id(MemberId(id)),
            Ok(_) | Err(_) => Self::Nick(Arc::from(text)),
        }
    }
}

/// A password on its way to the store. Its `Debug` is blank, its memory is wiped after use, and it has no
/// `==`, which would take longer the more of a guess is right.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a password.
    pub fn new(password: &str) -> Self {
        Self(Zeroizing::new(String::from(password)))
    }

    /// The password itself, for the code that verifies it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both are the same text. The time it takes depends on their lengths alone.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A question to the member store. The enum is exhaustive: a store has to answer every question, so a new one is
/// a breaking change.
#[derive(Clone, Debug)]
pub enum Query {
    /// Is there an active member of this name with this password?
    Identify {
        /// The member that the client claims to be.
        login: Login,
        /// The password or ticket that it sent.
        password: Secret,
        /// What the question counts against. A store with a queue takes turns between sources.
        source: Source,
    },
    /// May this member, whose password was right, become online here? Asked only with
    /// [`Claims::Host`](crate::Claims::Host). [`Answer::Claimed`] is yes; a denial for
    /// [`Denial::AlreadyOnline`] is no.
    Claim(Member),
    /// Give a member that is online another nick, for good. The nick keeps the rules, and is not the member's own
    /// byte for byte; it may be in another letter case. [`Answer::Renamed`] is yes, [`Answer::Taken`] is no. A
    /// store that does not change nicks is never asked: see [`NickChanges`](crate::NickChanges).
    Rename {
        /// The member.
        member: MemberId,
        /// The nick that it wants.
        nick: Arc<str>,
        /// What the question counts against. A store with a queue takes turns between sources.
        source: Source,
    },
    /// Give a member another password, if the old one is right. [`Answer::PasswordChanged`] is yes,
    /// [`Answer::PasswordNotAllowed`] is no, and a wrong password or a member who may not log in is a denial. From the
    /// answer on, the old password must let nobody in. A store that does not change passwords is never asked: see
    /// [`PasswordChanges`](crate::PasswordChanges).
    ChangePassword {
        /// The member, which is online.
        member: MemberId,
        /// The password that the client sent as the old one.
        old: Secret,
        /// The password from now on.
        new: Secret,
        /// What the question counts against, as above.
        source: Source,
    },
    /// What should the gateway do for this request? The answer is [`Answer::Admin`]. Asked only where a listener has
    /// the role [`Role::Admin`](crate::Role::Admin). The host bounds the number of requests that it keeps.
    Admin(Box<AdminRequest>),
}

impl PartialEq for Query {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Identify {
                    login,
                    password,
                    source,
                },
                Self::Identify {
                    login: other_login,
                    password: other_password,
                    source: other_source,
                },
            ) => login == other_login && source == other_source && password.matches(other_password),
            (Self::Claim(member), Self::Claim(other)) => member == other,
            (Self::Admin(request), Self::Admin(other)) => request == other,
            (
                Self::Rename {
                    member,
                    nick,
                    source,
                },
                Self::Rename {
                    member: other,
                    nick: other_nick,
                    source: other_source,
                },
            ) => member == other && nick == other_nick && source == other_source,
            (
                Self::ChangePassword {
                    member,
                    old,
                    new,
                    source,
                },
                Self::ChangePassword {
                    member: other,
                    old: other_old,
                    new: other_new,
                    source: other_source,
                },
            ) => {
                let is_same = old.matches(other_old) & new.matches(other_new);
                is_same && member == other && source == other_source
            }
            (
                Self::Identify { .. }
                | Self::Claim(_)
                | Self::Rename { .. }
                | Self::ChangePassword { .. }
                | Self::Admin(_),
                _,
            ) => false,
        }
    }
}

impl Eq for Query {}

/// The member store's answer. The enum is exhaustive, as [`Query`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The password is right, and the member is active.
    Member(Member),
    /// The member may become online.
    Claimed,
    /// The store has given the member another nick: the member as it is now.
    Renamed(Member),
    /// The nick belongs to another member, or did until a short while ago.
    Taken,
    /// The member has the new password.
    PasswordChanged,
    /// The old password is right, but the store cannot take the new one: it may be too long.
    PasswordNotAllowed,
    /// What the gateway does for a request for administration.
    Admin(Box<AdminAnswer>),
    /// The client may not log in. Every denial gets the same answer after the same time. The member, if there is
    /// one, lets failures by number and by nick count as those of one name.
    Denied(Denial, Option<MemberId>),
    /// The store could not answer.
    Unavailable(Unavailable),
}

/// Why a login was denied. The operator's log shows the reason; the client never learns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denial {
    /// No member has this number or nick.
    Unknown,
    /// The member has another password.
    WrongPassword,
    /// The member is disabled.
    Inactive,
    /// The stored password or name of this member cannot be used; the hash may be unknown.
    Unusable,
    /// The member was disabled or removed during the lookup.
    Changed,
    /// The password is a ticket, and this server has no secret for tickets.
    NoTickets,
    /// The password begins like a ticket but is malformed.
    TicketMalformed,
    /// The ticket is signed with another secret, or forged.
    TicketOfOther,
    /// The ticket is for another member.
    TicketOfMember,
    /// The ticket was made before the server started.
    TicketBeforeStart,
    /// The ticket was made in the future, by the server's clock.
    TicketEarly,
    /// The ticket is valid for longer than a ticket may be.
    TicketTooLong,
    /// The ticket has expired.
    TicketExpired,
    /// The ticket was used before.
    TicketSpent,
    /// The member is online already. Only the gateway uses this, after the store has accepted the login.
    AlreadyOnline,
}

impl Denial {
    /// The words of the log line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::WrongPassword => "wrong password",
            Self::Inactive => "inactive",
            Self::Unusable => "unusable in the store",
            Self::Changed => "changed meanwhile",
            Self::NoTickets => "ticket, but no secret is set",
            Self::TicketMalformed => "ticket malformed",
            Self::TicketOfOther => "ticket of another server",
            Self::TicketOfMember => "ticket of another member",
            Self::TicketBeforeStart => "ticket made before the start",
            Self::TicketEarly => "ticket from the future",
            Self::TicketTooLong => "ticket valid for too long",
            Self::TicketExpired => "ticket expired",
            Self::TicketSpent => "ticket spent",
            Self::AlreadyOnline => "already online",
        }
    }

    /// The denial for which [`as_str`](Self::as_str) returns `words`.
    pub fn named(words: &str) -> Option<Self> {
        let mut all = DENIALS.into_iter();
        all.find(|denial| denial.as_str() == words)
    }
}

const DENIALS: [Denial; 15] = [
    Denial::Unknown,
    Denial::WrongPassword,
    Denial::Inactive,
    Denial::Unusable,
    Denial::Changed,
    Denial::NoTickets,
    Denial::TicketMalformed,
    Denial::TicketOfOther,
    Denial::TicketOfMember,
    Denial::TicketBeforeStart,
    Denial::TicketEarly,
    Denial::TicketTooLong,
    Denial::TicketExpired,
    Denial::TicketSpent,
    Denial::AlreadyOnline,
];

impl Answer {
    /// The member that the question was about, if the answer names one.
    pub fn member(&self) -> Option<MemberId> {
        match self {
            Self::Member(member) | Self::Renamed(member) => Some(member.id),
            Self::Denied(_, member) => *member,
            Self::Claimed
            | Self::Taken
            | Self::PasswordChanged
            | Self::PasswordNotAllowed
            | Self::Admin(_)
            | Self::Unavailable(_) => None,
        }
    }
}

/// Why a store could not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// It is broken, locked or missing.
    Failed,
    /// Its queue is full.
    Busy,
    /// It has not answered within [`Limits::lookup`](crate::Limits::lookup).
    TimedOut,
    /// The ticket was made just before the server's start: it may have been used then.
    TicketBeforeStart,
    /// The limit on remembered tickets is reached; no ticket is accepted until one of them expires.
    TicketsFull,
}

impl Unavailable {
    /// The words of the log line, and of `/readyz`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "store failed",
            Self::Busy => "store busy",
            Self::TimedOut => "store timed out",
            Self::TicketBeforeStart => "ticket made before the start",
            Self::TicketsFull => "too many spent tickets",
        }
    }
}

/// A change to a member while the gateway runs. A member that is online and was renamed stays online under its
/// new nick; one that was disabled or removed is logged out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberEvent {
    /// The member may no longer log in.
    Disabled(MemberId),
    /// The member has another nick: the member as it is now. The event may follow the answer to the member's own
    /// [`Query::Rename`], and then changes nothing.
    Renamed(Member),
    /// The member was removed.
    Removed(MemberId),
}

impl MemberEvent {
    /// The member that has changed.
    pub fn member(&self) -> MemberId {
        match self {
            Self::Renamed(member) => member.id,
            Self::Disabled(id) | Self::Removed(id) => *id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_plain_form_is_a_number() {
        for (text, id) in [("0", 0), ("7", 7), ("9223372036854775807", i64::MAX)] {
            assert_eq!(Login::parse(text), Login::Id(MemberId(id)));
        }
        for text in [
            "07",
            "00",
            "7x",
            "+7",
            "-7",
            " 7",
            "",
            "٧",
            "9223372036854775808",
            "alice",
        ] {
            assert_eq!(Login::parse(text), Login::Nick(Arc::from(text)));
        }
    }

    #[test]
    fn the_reference_explains_why_a_login_failed() {
        let unavailable = [
            Unavailable::Failed,
            Unavailable::Busy,
            Unavailable::TimedOut,
            Unavailable::TicketBeforeStart,
            Unavailable::TicketsFull,
        ];
        let unavailable = unavailable.map(Unavailable::as_str);
        for words in DENIALS.map(Denial::as_str).into_iter().chain(unavailable) {
            let words = alloc::format!("`{words}`");
            let rows = include_str!("../PROTOCOL.md").lines();
            let mut rows = rows.filter(|line| line.starts_with("| `"));
            assert!(rows.any(|row| row.contains(&words)), "{words}");
        }
    }

    #[test]
    fn denials_are_listed_in_order_and_found_by_their_words() {
        for (place, denial) in DENIALS.into_iter().enumerate() {
            assert_eq!(denial as usize, place);
            assert_eq!(Denial::named(denial.as_str()), Some(denial));
        }
        assert_eq!(Denial::named("another"), None);
    }

    #[test]
    fn a_secret_does_not_show() {
        let secret = Secret::new("hunter2");
        assert_eq!(alloc::format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.expose(), "hunter2");
        for (other, same) in [
            ("hunter2", true),
            ("hunter3", false),
            ("hunter22", false),
            ("", false),
        ] {
            assert_eq!(secret.matches(&Secret::new(other)), same, "{other}");
        }
    }
}
