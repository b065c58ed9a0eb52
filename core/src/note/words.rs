//! The pieces that notes are written in, and their text.

use core::fmt;

use super::NotePart::{Member, Number, Text, Word};
use super::{Note, What};
use crate::id::Peer;
use crate::json;
use crate::member::MemberId;

/// A piece of what a note says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotePart<'a> {
    /// Words of ours.
    Word(&'static str),
    /// A count.
    Number(u64),
    /// A member's number.
    Member(MemberId),
    /// The peer of a connection.
    Peer(Peer),
    /// Text from a client, of any length. It may hold anything, so it is to be quoted.
    Text(&'a str),
}

/// Something that writes down what notes say.
pub trait NoteWriter {
    /// Takes a note's words, in order, and the same facts by name. `event` is one word for the kind of note.
    fn write(
        &mut self,
        event: &'static str,
        words: &[NotePart<'_>],
        facts: &[(&'static str, NotePart<'_>)],
    );
}

/// The words, one space, and the peer.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.peer)
    }
}

/// The words.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = Shown { f, result: Ok(()) };
        self.write_to(&mut shown);
        shown.result
    }
}

struct Shown<'a, 'f> {
    f: &'a mut fmt::Formatter<'f>,
    result: fmt::Result,
}

impl NoteWriter for Shown<'_, '_> {
    fn write(
        &mut self,
        _event: &'static str,
        words: &[NotePart<'_>],
        _facts: &[(&'static str, NotePart<'_>)],
    ) {
        self.result = words
            .iter()
            .try_for_each(|part| fmt::Display::fmt(part, self.f));
    }
}

impl fmt::Display for NotePart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word(word) => f.write_str(word),
            Number(number) => write!(f, "{number}"),
            Member(member) => write!(f, "{member}"),
            Self::Peer(peer) => write!(f, "{peer}"),
            Text(text) => json::quote(text, f),
        }
    }
}
