//! What the throttle holds back: commands whose password the member store is to check.

use alloc::string::ToString as _;

use crate::chat::commands::identify::Identify;
use crate::chat::commands::passwd::Passwd;
use crate::chat::question::About;
use crate::chat::throttle::Flight;
use crate::id::Source;
use crate::member::{Login, Query};

/// A command with a password.
#[derive(Debug)]
pub(crate) enum Attempt {
    Identify(Identify),
    Passwd(Passwd),
}

impl Attempt {
    /// The name that a wrong password counts against.
    pub(crate) fn login(&self) -> Login {
        match self {
            Self::Identify(identify) => identify.login.clone(),
            Self::Passwd(passwd) => Login::Id(passwd.member),
        }
    }

    /// The question to the member store, and what has to be remembered for its answer.
    pub(crate) fn question(self, source: Source, flight: Option<Flight>) -> (Query, About) {
        match self {
            Self::Identify(Identify {
                id,
                login,
                password,
            }) => {
                let query = Query::Identify {
                    login,
                    password,
                    source,
                };
                (query, About::Login { id, flight })
            }
            Self::Passwd(Passwd { member, old, new }) => {
                let id = member.to_string().into();
                let query = Query::ChangePassword {
                    member,
                    old,
                    new,
                    source,
                };
                (query, About::Password { id, flight })
            }
        }
    }
}
