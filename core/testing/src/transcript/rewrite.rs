//! `UPDATE=1`: rewrites the expectations of a transcript from what the core does.

use std::ops::Range;

use super::driver::Driver;
use super::frames;
use super::play::Player;
use super::step::{Act, ClientId, Step};
use super::text::show;

/// Lines of the file, counted from 0, and their replacements.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    lines: Range<usize>,
    by: Vec<String>,
}

/// The text after all edits.
pub(super) fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.lines.start);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for edit in edits.into_iter().rev() {
        lines.splice(edit.lines, edit.by);
    }
    let mut out = lines.join("\n");
    out.push('\n');
    out
}

impl<D: Driver> Player<'_, D> {
    /// Replaces what step `at` expected by what the client received: one answer, or everything if no line of the same
    /// client follows.
    pub(super) fn rewrite_seen(&mut self, at: usize, client: ClientId) {
        let followed = self.is_followed(
            at,
            |step| matches!(step, Step::Client(c, Act::Sees(_)) if *c == client),
        );
        let name = self.name(client);
        let seen = &mut self.seen[client];
        let frames = frames::whole(&seen.bytes);
        let mut by = Vec::new();
        let mut head = format!("{name} <");
        for (piece, ends) in pieces(&seen.bytes, seen.told, &frames) {
            seen.told = piece.end;
            by.push(format!("{head} {}", show(&seen.bytes, piece, &frames)));
            // The head of an HTTP answer reads better as one step.
            head = match ends {
                Ends::Answer => format!("{name} <"),
                Ends::Line => "  <".to_owned(),
            };
            if followed && ends == Ends::Answer {
                break;
            }
        }
        self.edit(at, by);
    }

    /// Replaces step `at` by what the log says, in the same way.
    pub(super) fn rewrite_log(&mut self, at: usize) {
        let followed = self.is_followed(at, |step| matches!(step, Step::Log(_)));
        let rest = self.log.get(self.log_told..).unwrap_or_default();
        let take = if followed {
            rest.len().min(1)
        } else {
            rest.len()
        };
        let by = rest[..take].iter().map(|line| format!("log {line}"));
        let by = by.collect();
        self.log_told += take;
        self.edit(at, by);
    }

    fn is_followed(&self, at: usize, by: impl Fn(&Step) -> bool) -> bool {
        let steps = &self.scenario.steps;
        let next = steps.get(at + 1);
        next.is_some_and(|next| next.lines.start == steps[at].lines.end && by(&next.step))
    }

    fn edit(&mut self, at: usize, by: Vec<String>) {
        let lines = self.scenario.steps[at].lines.clone();
        self.edits.push(Edit { lines, by });
    }
}

/// What a piece ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Answer,
    Line,
}

/// Cuts a stream, from a position on, into pieces for lines of their own: answers, the lines of an HTTP answer,
/// frames.
pub(super) fn pieces(
    stream: &[u8],
    from: usize,
    frames: &[Range<usize>],
) -> Vec<(Range<usize>, Ends)> {
    let head = frames::upgraded(stream);
    let mut pieces = Vec::new();
    let mut at = from;
    while at < stream.len() {
        if let Some(frame) = frames.iter().find(|frame| frame.start == at) {
            pieces.push((frame.clone(), Ends::Answer));
            at = frame.end;
            continue;
        }
        let next = frames.iter().find(|frame| frame.start > at);
        let rest = &stream[at..next.map_or(stream.len(), |frame| frame.start)];
        let end = rest.iter().position(|b| matches!(b, 0 | b'\n'));
        let end = at + end.map_or(rest.len(), |end| end + 1);
        let ends = match stream[end - 1] {
            b'\n' if Some(end) != head => Ends::Line,
            _ => Ends::Answer,
        };
        pieces.push((at..end, ends));
        at = end;
    }
    pieces
}
