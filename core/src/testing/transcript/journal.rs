//! The notes of a gateway as lines of text, with the client's name in place of its address.

use core::net::SocketAddr;
use std::format;
use std::string::String;
use std::sync::{Arc, Mutex, PoisonError};
use std::vec::Vec;

use crate::host::Log;
use crate::note::Note;

/// Collects notes from whatever thread they come.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal(Arc<Mutex<Vec<Note>>>);

impl Journal {
    /// The end that a host has.
    pub(super) fn log(&self) -> Log {
        let journal = self.clone();
        std::boxed::Box::new(move |_, note| journal.push(note))
    }

    fn push(&self, note: Note) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(note);
    }

    /// What has come since the last call, in order.
    pub(super) fn take(&self, name: impl Fn(SocketAddr) -> String) -> Vec<String> {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.drain(..).map(|note| line(&note, &name)).collect()
    }
}

/// One note, worded as section 10 of the protocol has it.
fn line(note: &Note, name: impl Fn(SocketAddr) -> String) -> String {
    match note {
        Note::Connected { peer, clients, max } => {
            format!("CONNECTED ({clients}/{max}) {}", name(*peer))
        }
        Note::Crossdomain { peer } => format!("CROSSDOMAIN.XML REQUEST {}", name(*peer)),
        Note::Status { peer } => format!("STATUS REQUEST {}", name(*peer)),
        Note::Redirect { peer, method, path } => {
            let request = quoted(&format!("{method} {path}"));
            format!("REDIRECT {request} {}", name(*peer))
        }
        Note::Login {
            peer,
            member,
            clients,
            max,
        } => format!("LOGIN {member}({clients}/{max}) {}", name(*peer)),
        Note::LoginFailed { peer, id, why } => {
            let (id, why) = (quoted(id), why.as_str());
            format!("LOGIN FAILED {id} {why} {}", name(*peer))
        }
        Note::LoginUnavailable { peer, id, why } => {
            let why = why.as_str();
            format!("LOGIN UNAVAILABLE {} {why} {}", quoted(id), name(*peer))
        }
        Note::Slowed { peer } => format!("SLOWED command rate {}", name(*peer)),
        Note::Quit { peer, member } => format!("QUIT {member} {}", name(*peer)),
        Note::Closed { peer, reason } => format!("CLOSED {} {}", reason.as_str(), name(*peer)),
        Note::Refused {
            peer,
            reason,
            times,
            detail,
        } => {
            let detail = detail.as_deref().map(quoted);
            let what = [Some(reason.as_str()), detail.as_deref()];
            let what = what.into_iter().flatten().collect::<Vec<_>>().join(" ");
            format!("REFUSED {times} {what} {}", name(*peer))
        }
    }
}

/// A client's text with quotes around it and JSON's escapes in it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
