//! The notes of a gateway as lines of text, with the client's name in place of its address.

use std::sync::{Arc, Mutex, PoisonError};

use flashgate_core::{Log, Note, Peer};

/// Collects notes from any thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal(Arc<Mutex<Vec<Note>>>);

impl Journal {
    /// The function that a host calls with each note.
    pub(super) fn log(&self) -> Log {
        let journal = self.clone();
        Box::new(move |_, note| journal.push(note))
    }

    fn push(&self, note: Note) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(note);
    }

    /// The lines since the last call, in order.
    pub(super) fn take(&self, name: impl Fn(Peer) -> String) -> Vec<String> {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |note: Note| format!("{} {}", note.what, name(note.peer));
        notes.drain(..).map(line).collect()
    }
}
