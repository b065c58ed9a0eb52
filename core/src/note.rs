//! What there is to say about what happened, as values with their words: the log's lines, transcripts and
//! `Display` are all made of these. Section "Log lines" of the protocol reference explains each.

mod reason;
mod words;

use alloc::format;
use alloc::sync::Arc;

use crate::conn::filter::TlsVersion;
use crate::id::{ConnId, Peer};
use crate::member::{Denial, Identity, Unavailable};
use NotePart::{Member, Number, Text, Word};
pub use reason::{CloseReason, Refusal};
pub use words::{NotePart, NoteWriter};

/// One event for the log: a connection, and what happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The connection, which may be gone by now. For refusals the last one; `None` where that was refused
    /// before it had an id.
    pub conn: Option<ConnId>,
    /// Where the connection comes from. Where a proxy has named the client, two connections may have the same.
    pub peer: Peer,
    /// What happened.
    pub what: What,
}

/// What happened. `clients` counts open chat connections, `max` is their limit.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// A connection was recognised as chat.
    Connected {
        /// Open chat connections, this one included.
        clients: usize,
        /// Their limit.
        max: usize,
    },
    /// The chat that was recognised a moment ago came through TLS.
    Tls {
        /// Its version.
        version: TlsVersion,
    },
    /// The policy document was asked for, by a socket or over HTTP.
    Crossdomain,
    /// `/server-status` was asked for.
    Status,
    /// A path that is not ours was redirected.
    Redirect {
        /// The HTTP method.
        method: &'static str,
        /// The path as the client sent it, without its query.
        path: Arc<str>,
    },
    /// A member or a guest came online, or a member took over from an older connection.
    Login {
        /// The member or guest.
        who: Identity,
        /// Open chat connections.
        clients: usize,
        /// Their limit.
        max: usize,
    },
    /// An identification failed.
    LoginFailed {
        /// The name that was tried, as the client sent it.
        id: Arc<str>,
        /// Why. For the operator alone: the client gets the same answer for every reason.
        why: Denial,
    },
    /// An identification got no verdict from the member store.
    LoginUnavailable {
        /// The name that was tried, as the client sent it.
        id: Arc<str>,
        /// What was wrong with the store.
        why: Unavailable,
    },
    /// A member or guest has another nick: by NICK, or by a change of the store while the member is online.
    Nick {
        /// The member or guest; a guest as it was called before.
        who: Identity,
        /// The nick before.
        old: Arc<str>,
        /// The nick from now on.
        new: Arc<str>,
    },
    /// A member or a guest left.
    Quit {
        /// The member or guest.
        who: Identity,
    },
    /// The command rate makes a connection's commands wait; at most one note a minute and connection.
    Slowed,
    /// A request for administration that may change something was answered.
    Admin {
        /// Method and path, as the client sent them.
        request: Arc<str>,
        /// The status of the answer.
        status: u16,
        /// The name of the user or of the token that sent it, if it is known.
        by: Option<Arc<str>>,
        /// A detail: a reason, or the member or client concerned.
        about: Option<Arc<str>>,
    },
    /// A drain is over: everyone has left, or its time is up. The host stops the server.
    Drained {
        /// Chat connections that are still open.
        clients: usize,
    },
    /// A chat connection ended.
    Closed {
        /// Why.
        reason: CloseReason,
    },
    /// Connections were turned away; at most one note a second for each reason.
    Refused {
        /// Why.
        reason: Refusal,
        /// How many since the last such note.
        times: u64,
        /// What the last one named, where that is why, as the client sent it: the origin of its page, or
        /// the version of the WebSocket protocol. For [`Refusal::Head`], the status of the answer; for
        /// [`Refusal::Handshake`], what failed.
        detail: Option<Arc<str>>,
    },
}

impl What {
    /// Writes what happened, in words and as facts.
    pub fn write_to(&self, to: &mut impl NoteWriter) {
        match self {
            Self::Connected { clients, max } => {
                let (clients, max) = (count(*clients), count(*max));
                let words = [Word("CONNECTED ("), clients, Word("/"), max, Word(")")];
                to.write("connected", &words, &[("clients", clients), ("max", max)]);
            }
            Self::Tls { version } => {
                let version = Word(version.as_str());
                to.write("tls", &[Word("TLS "), version], &[("version", version)]);
            }
            Self::Crossdomain => {
                to.write("crossdomain", &[Word("CROSSDOMAIN.XML REQUEST")], &[]);
            }
            Self::Status => to.write("status", &[Word("STATUS REQUEST")], &[]),
            Self::Redirect { method, path } => {
                let request = format!("{method} {path}");
                let facts = [("method", Word(method)), ("path", Text(path))];
                to.write("redirect", &[Word("REDIRECT "), Text(&request)], &facts);
            }
            Self::Login { who, clients, max } => {
                let ((kind, who), clients, max) = (named(who), count(*clients), count(*max));
                let [open, slash, close] = [Word("("), Word("/"), Word(")")];
                let words = [Word("LOGIN "), who, open, clients, slash, max, close];
                let facts = [(kind, who), ("clients", clients), ("max", max)];
                to.write("login", &words, &facts);
            }
            Self::LoginFailed { id, why } => {
                let (id, why) = (Text(id), Word(why.as_str()));
                let words = [Word("LOGIN FAILED "), id, Word(" "), why];
                to.write("login_failed", &words, &[("id", id), ("reason", why)]);
            }
            Self::LoginUnavailable { id, why } => {
                let (id, why) = (Text(id), Word(why.as_str()));
                let words = [Word("LOGIN UNAVAILABLE "), id, Word(" "), why];
                to.write("login_unavailable", &words, &[("id", id), ("reason", why)]);
            }
            Self::Slowed => to.write("slowed", &[Word("SLOWED command rate")], &[]),
            Self::Nick { who, old, new } => {
                let ((kind, who), old, new) = (named(who), Text(old), Text(new));
                let words = [Word("NICK "), who, Word(" "), old, Word(" "), new];
                to.write("nick", &words, &[(kind, who), ("old", old), ("new", new)]);
            }
            Self::Quit { who } => {
                let (kind, who) = named(who);
                to.write("quit", &[Word("QUIT "), who], &[(kind, who)]);
            }
            Self::Admin {
                request,
                status,
                by,
                about,
            } => {
                let (request, status) = (Text(request), Number(u64::from(*status)));
                let mut words = [Word("ADMIN "), request, Word(" "), status].to_vec();
                let mut facts = [("request", request), ("status", status)].to_vec();
                if let Some(by) = by {
                    words.extend([Word(" by "), Text(by)]);
                    facts.push(("by", Text(by)));
                }
                if let Some(about) = about {
                    words.extend([Word(" "), Text(about)]);
                    facts.push(("about", Text(about)));
                }
                to.write("admin", &words, &facts);
            }
            Self::Drained { clients } => {
                let clients = count(*clients);
                let words = [Word("DRAINED ("), clients, Word(" left)")];
                to.write("drained", &words, &[("clients", clients)]);
            }
            Self::Closed { reason } => {
                let reason = Word(reason.as_str());
                to.write("closed", &[Word("CLOSED "), reason], &[("reason", reason)]);
            }
            Self::Refused {
                reason,
                times,
                detail,
            } => reason::refused(*reason, *times, detail.as_deref(), to),
        }
    }
}

/// What a member or guest is called among the facts, and its number or nick.
fn named(who: &Identity) -> (&'static str, NotePart<'_>) {
    match who {
        Identity::Member(member) => ("member", Member(*member)),
        Identity::Guest(nick) => ("guest", Text(nick)),
    }
}

fn count(number: usize) -> NotePart<'static> {
    Number(number as u64)
}
