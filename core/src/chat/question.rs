//! What commands ask the host.

use alloc::sync::Arc;

use crate::chat::commands::{identify, nick, passwd};
use crate::chat::context::Context;
use crate::chat::throttle::Flight;
use crate::member::{Answer, Member};
use crate::time::Millis;

/// What a question is about: the command that asked it, and what that has to remember.
#[derive(Debug)]
pub(crate) enum About {
    /// Whether the password of an IDENTIFY is right.
    Login {
        /// The number or nick as the client sent it, for the log.
        id: Arc<str>,
        /// What it counts as; `None` where logins are not throttled.
        flight: Option<Flight>,
    },
    /// Whether the old password of a PASSWD is right and the new one is stored.
    Password {
        /// The member's number, for the log.
        id: Arc<str>,
        /// As above.
        flight: Option<Flight>,
    },
    /// Whether the member of an IDENTIFY may become online here.
    Claim {
        /// As above.
        id: Arc<str>,
        member: Member,
    },
    /// Whether a member may have the nick of a NICK.
    Rename {
        /// The nick at the question, for the log.
        old: Arc<str>,
    },
}

impl About {
    /// Goes on with the command, whose client still waits.
    pub(crate) fn answered(self, context: &mut dyn Context, asked: Millis, answer: Answer) {
        match self {
            Self::Login { id, .. } => identify::answered(context, id, asked, answer),
            Self::Password { .. } => passwd::answered(context, asked, &answer),
            Self::Claim { id, member } => identify::claimed(context, id, member, asked, answer),
            Self::Rename { .. } => nick::answered(context, &answer),
        }
    }

    /// Whether an answer is one to this question. A host that mixes them up has no answer.
    pub(crate) fn is_answered_by(&self, answer: &Answer) -> bool {
        match answer {
            Answer::Member(_) => matches!(self, Self::Login { .. }),
            Answer::Claimed => matches!(self, Self::Claim { .. }),
            Answer::Renamed(_) | Answer::Taken => matches!(self, Self::Rename { .. }),
            Answer::PasswordChanged | Answer::PasswordNotAllowed => {
                matches!(self, Self::Password { .. })
            }
            Answer::Admin(_) => false,
            Answer::Denied(..) | Answer::Unavailable(_) => true,
        }
    }

    /// What a password counts as until it is answered.
    pub(crate) fn flight(&mut self) -> Option<&mut Flight> {
        match self {
            Self::Login { flight, .. } | Self::Password { flight, .. } => flight.as_mut(),
            Self::Claim { .. } | Self::Rename { .. } => None,
        }
    }

    /// The member that a claim is for.
    pub(crate) fn claimed(&mut self) -> Option<&mut Member> {
        match self {
            Self::Login { .. } | Self::Password { .. } | Self::Rename { .. } => None,
            Self::Claim { member, .. } => Some(member),
        }
    }
}
