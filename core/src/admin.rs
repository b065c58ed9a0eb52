//! Administration: the request that the core hands to the host, and the host's answer.
//!
//! A listener of the role [`Role::Admin`](crate::Role::Admin) takes HTTP requests with a body. The core reads a
//! request within its limits, and asks the host with [`Query::Admin`](crate::Query::Admin). The host knows paths, JSON
//! and permissions. It answers with an [`AdminOrder`]; the gateway carries it out in one step, and writes the result.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use zeroize::Zeroizing;

use crate::id::Peer;
use crate::member::Secret;
use crate::time::Millis;

/// A whole request on a listener for administration.
#[derive(Clone)]
pub struct AdminRequest {
    /// The method, like `GET`. The gateway leaves out the body of the answer to `HEAD`.
    pub method: Arc<str>,
    /// The path as the client sent it, percent-encoded, without the query.
    pub path: Arc<str>,
    /// The query behind the `?`, if there is one.
    pub query: Option<Arc<str>>,
    /// The bearer token of its `Authorization` field. A request from an address always has one.
    pub token: Option<Secret>,
    /// The address that it comes from.
    pub peer: Peer,
    /// The number of the user at the other end of a Unix socket, where the system tells it.
    pub user: Option<u32>,
    /// The body. It is wiped after use, as it may hold a password.
    pub body: Zeroizing<Box<[u8]>>,
}

/// Without what may be secret.
impl fmt::Debug for AdminRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query)
            .field("peer", &self.peer)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl PartialEq for AdminRequest {
    fn eq(&self, other: &Self) -> bool {
        let token = match (&self.token, &other.token) {
            (Some(token), Some(other)) => token.matches(other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        let named = |request: &Self| {
            let Self {
                method,
                path,
                query,
                ..
            } = request;
            (method.clone(), path.clone(), query.clone())
        };
        token
            && named(self) == named(other)
            && (self.peer, self.user, &self.body) == (other.peer, other.user, &other.body)
    }
}

impl Eq for AdminRequest {}

/// The host's answer to an [`AdminRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminAnswer {
    /// The name of the user or of the token that sent the request, for the log; `None` if it is not known.
    pub by: Option<Arc<str>>,
    /// A detail for the log, besides method, path and result.
    pub about: Option<Arc<str>>,
    /// What the gateway does.
    pub order: AdminOrder,
}

/// What the gateway does for a request. The enum is exhaustive, so that no code that records or plays answers misses
/// one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminOrder {
    /// Answers with JSON that the host has made.
    Json {
        /// The status, like 200. A status that the gateway does not know becomes 500.
        status: u16,
        /// The JSON.
        body: String,
    },
    /// Refuses the request, with a problem description (RFC 9457).
    Problem {
        /// The status, like 404. A status that the gateway does not know becomes 500.
        status: u16,
        /// What is wrong, and what to do.
        detail: String,
        /// The methods of the path, for 405.
        allow: Option<&'static str>,
    },
    /// Answers with the state of the gateway.
    Status {
        /// The version of the program.
        version: Arc<str>,
    },
    /// Answers with the counters, as `/metrics` does.
    Metrics,
    /// Answers with the members and guests that are online.
    Clients(AdminPage),
    /// Answers with the rooms.
    Rooms(AdminPage),
    /// Closes the connection of a member or guest that is online.
    Kick {
        /// The nick.
        nick: Arc<str>,
        /// What the client gets as the reason.
        reason: Option<Arc<str>>,
    },
    /// Sends an announcement to everyone online whose client knows the element.
    Announce {
        /// The text.
        text: Arc<str>,
        /// The room, if it is not for everyone.
        room: Option<Arc<str>>,
    },
    /// Sends a message of the site to a member or guest that is online.
    Send {
        /// The sender: one of [`Config::reserved_nicks`](crate::Config::reserved_nicks).
        from: Arc<str>,
        /// The nick of the recipient.
        to: Arc<str>,
        /// The message.
        text: Arc<str>,
    },
    /// Answers with a stream of events, one JSON object a line, until the client closes.
    Events(AdminTexts),
    /// Refuses new clients, notifies everyone online, and makes a note when all have left or the time is up.
    Drain {
        /// How long clients may stay.
        within: Millis,
        /// The text for everyone online.
        text: Arc<str>,
    },
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminPage {
    /// The `next` of the page before; the first page has none.
    pub after: Option<Arc<str>>,
    /// The largest number of rows. The gateway answers with at most 1,000.
    pub limit: usize,
}

/// Whether a stream of events shows messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminTexts {
    /// It does not.
    Hidden,
    /// It does, with their texts.
    Shown,
}
