//! The outcome of a scenario, and what it is compared with.

use super::rewrite::Edit;
use super::step::End;
use super::text::difference;

/// A difference from what the transcript says.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The line of the transcript, from 1.
    pub line: usize,
    /// What was expected, and what came instead.
    pub message: String,
}

/// The outcome of a scenario.
#[derive(Clone, Debug)]
pub struct Played {
    /// What each client received, in the order in which they connected.
    pub streams: Vec<Stream>,
    /// The server's progress after each step.
    pub(super) points: Vec<Point>,
    pub(super) edits: Vec<Edit>,
}

/// A server's progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// Bytes, ends of stream and resets that have reached the core.
    pub(super) reached: u64,
    /// Questions that the store has taken.
    pub(super) taken: u64,
}

/// Everything that one client received, to the end of its connection.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The client's name.
    pub client: String,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// How the connection ended.
    pub end: End,
}

impl Played {
    /// What another driver did differently, if anything.
    pub fn difference(&self, other: &Self) -> Option<String> {
        for (this, that) in self.streams.iter().zip(&other.streams) {
            let cut = this.end == End::Cut || that.end == End::Cut;
            let same = this.bytes == that.bytes
                || cut && this.bytes.starts_with(&that.bytes)
                || cut && that.bytes.starts_with(&this.bytes);
            if !same {
                let difference = difference(b"", &this.bytes, &that.bytes);
                return Some(format!("{} got other bytes:{difference}", this.client));
            }
        }
        None
    }
}

/// What a scenario is compared with, besides its own lines.
#[derive(Clone, Copy, Debug)]
pub enum Against<'a> {
    /// Nothing: the bare core.
    Nothing,
    /// The bare core with the same cuts: each step must bring as many bytes to the core.
    Core(&'a Played),
    /// Nothing: wrong lines are rewritten.
    Rewrite,
}
