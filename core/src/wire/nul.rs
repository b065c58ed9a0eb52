//! Cuts a byte stream into commands, each ended by a NUL byte or, for `nc` and friends, by a line end.
//!
//! The framer is resumable and keeps no bytes: it is handed what has not been consumed yet, however
//! that is cut, and remembers how far it has searched. It is `Copy`, so that a caller who may not
//! take a command yet just drops the copy that found it.

use memchr::{memchr, memchr2};

/// Where commands end on one connection, and how far the search has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Framer {
    terminator: Terminator,
    progress: Progress,
    /// So many of the bytes at hand are known to hold no terminator.
    searched: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Terminator {
    /// None was seen yet: the first one decides.
    #[default]
    Undecided,
    Nul,
    /// LF, or CR and LF.
    Line,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    /// The bytes at hand are the beginning of a command.
    #[default]
    Reading,
    /// The command was too long and said so; the rest of it is skipped.
    Skipping,
}

/// What the bytes at hand begin with, and how many of them that takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A command, without its terminator.
    Command(&'a [u8], usize),
    /// A command that is over the limit; said once, as soon as it is known.
    TooLong(usize),
    /// Nothing that matters.
    Skip(usize),
    /// The beginning of something: more bytes are needed.
    Partial,
}

impl Framer {
    /// Finds the next command in `input`, the bytes that were not consumed so far.
    pub(crate) fn next<'a>(&mut self, input: &'a [u8], limit: usize) -> Frame<'a> {
        let searched = input.len().min(self.searched as usize);
        match self.find(&input[searched..]) {
            Some(at) => self.terminated(input, searched + at, limit),
            None => self.unterminated(input, limit),
        }
    }

    /// Takes what is left at the end of the stream: one last command. Of one that is skipped nothing is left.
    pub(crate) fn finish<'a>(&self, input: &'a [u8], limit: usize) -> Frame<'a> {
        debug_assert!(self.progress == Progress::Reading);
        if input.len() > limit {
            Frame::TooLong(input.len())
        } else {
            Frame::Command(input, input.len())
        }
    }

    /// Whether a NUL inside a command is content.
    pub(crate) fn is_line(&self) -> bool {
        self.terminator == Terminator::Line
    }

    fn find(&self, bytes: &[u8]) -> Option<usize> {
        match self.terminator {
            Terminator::Undecided => memchr2(0, b'\n', bytes),
            Terminator::Nul => memchr(0, bytes),
            Terminator::Line => memchr(b'\n', bytes),
        }
    }

    fn terminated<'a>(&mut self, input: &'a [u8], end: usize, limit: usize) -> Frame<'a> {
        if self.terminator == Terminator::Undecided {
            self.terminator = if input[end] == 0 {
                Terminator::Nul
            } else {
                Terminator::Line
            };
        }
        let skipping = self.progress == Progress::Skipping;
        (self.progress, self.searched) = (Progress::Reading, 0);
        if skipping {
            return Frame::Skip(end + 1);
        }
        let mut command = &input[..end];
        if self.terminator == Terminator::Line {
            command = command.strip_suffix(b"\r").unwrap_or(command);
        }
        if command.len() > limit {
            return Frame::TooLong(end + 1);
        }
        Frame::Command(command, end + 1)
    }

    fn unterminated<'a>(&mut self, input: &'a [u8], limit: usize) -> Frame<'a> {
        if self.progress == Progress::Skipping {
            return if input.is_empty() {
                Frame::Partial
            } else {
                Frame::Skip(input.len())
            };
        }
        // A CR at the end may turn out to be half of a line end, which does not count.
        let half = self.terminator != Terminator::Nul && input.ends_with(b"\r");
        if input.len() - usize::from(half) > limit {
            (self.progress, self.searched) = (Progress::Skipping, 0);
            return Frame::TooLong(input.len());
        }
        // Of more than 4 GiB the rest is searched again.
        self.searched = u32::try_from(input.len()).unwrap_or(u32::MAX);
        Frame::Partial
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    /// Feeds `pieces` with a limit of 4 and writes down what comes out.
    fn run(pieces: &[&[u8]]) -> Vec<String> {
        let (mut framer, mut kept, mut seen) = (Framer::default(), Vec::new(), Vec::new());
        let mut take = |frame: Frame<'_>| match frame {
            Frame::Command(text, n) => (seen.push(text.escape_ascii().to_string()), n).1,
            Frame::TooLong(n) => (seen.push("too long".to_string()), n).1,
            Frame::Skip(n) => n,
            Frame::Partial => 0,
        };
        for piece in pieces {
            kept.extend_from_slice(piece);
            loop {
                let n = take(framer.next(&kept, 4));
                if n == 0 {
                    break;
                }
                kept.drain(..n);
            }
            assert!(
                kept.len() <= 5,
                "keeps no more than a command and half a terminator"
            );
        }
        if !kept.is_empty() {
            take(framer.finish(&kept, 4));
        }
        seen
    }

    #[test]
    fn frames() {
        let cases: [(&[u8], &[&str]); 17] = [
            (b"", &[]),
            (b"a\0b\0", &["a", "b"]),
            (b"a\nb\r\nc", &["a", "b", "c"]),
            (b"a\0b\nc\0", &["a", "b\\nc"]),
            (b"a\nb\0c\n", &["a", "b\\x00c"]),
            (b"\0\0a\0", &["", "", "a"]),
            (b"\na\0\n", &["", "a\\x00"]),
            (b"a\rb\0", &["a\\rb"]),
            (b"abcd\0", &["abcd"]),
            (b"abcde\0f\0", &["too long", "f"]),
            (b"abcd\r\nefgh\r\n", &["abcd", "efgh"]),
            (b"abcd\r\0", &["too long"]),
            (b"abcdefgh\0ij\n\0", &["too long", "ij\\n"]),
            (b"abcdefgh\nij\0\n", &["too long", "ij\\x00"]),
            (b"abcde", &["too long"]),
            (b"abcd\r", &["too long"]),
            (b"x\nabcd\rz\n", &["x", "too long"]),
        ];
        for (input, commands) in cases {
            assert_eq!(run(&[input]), commands, "whole: {}", input.escape_ascii());
            let bytes: Vec<&[u8]> = input.chunks(1).collect();
            assert_eq!(run(&bytes), commands, "bytewise: {}", input.escape_ascii());
            for cut in 0..input.len() {
                let (a, b) = input.split_at(cut);
                assert_eq!(
                    run(&[a, b]),
                    commands,
                    "cut at {cut}: {}",
                    input.escape_ascii()
                );
            }
        }
    }
}
