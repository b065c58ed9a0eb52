//! Cuts a byte stream into commands.
//!
//! NUL ends a command. If the first terminator is LF or CRLF, these end commands, too, until the first NUL. A NUL
//! shows that the client is Flash, whose ActionScript sends `text + "\n"` and then a NUL of its own.
//!
//! The framer can go on at any byte and stores no bytes: the caller passes all that is not consumed yet, and the
//! framer remembers how far it has searched. It is `Copy`: a caller that may not take a command yet drops the
//! copy that found it.

use memchr::{memchr, memchr2, memchr3};

use crate::wire::codepage::CodePage;

use super::telnet::{self, IAC, Sequence};

/// How commands end on one connection, and how far the search for an end has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Framer {
    terminator: Terminator,
    progress: Progress,
    opening: Opening,
    inside: Inside,
    /// The first bytes of the input that are known to hold no terminator.
    searched: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Terminator {
    /// No terminator has come yet: the first one decides.
    #[default]
    Undecided,
    Nul,
    /// LF, CRLF or NUL. After the first NUL, only NUL.
    Line,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    /// The input begins with a command.
    #[default]
    Reading,
    /// The command was too long and was answered. The rest of it is skipped.
    Skipping,
}

/// Whether the first command has arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Opening {
    #[default]
    Fresh,
    /// A byte order mark was dropped, but no command has arrived.
    Marked,
    Over,
}

/// Whether the input is inside a telnet subnegotiation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Inside {
    #[default]
    Text,
    /// It is, from the first byte of the input on.
    Subnegotiation,
    /// It is, from somewhere in the command on.
    SubnegotiationInCommand,
}

/// The rules for the bytes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// The most bytes in a command, without its terminator.
    pub(crate) limit: usize,
    pub(crate) telnet: Telnet,
    /// The code page of commands that are not UTF-8.
    pub(crate) page: Option<CodePage>,
}

/// Where telnet sequences are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telnet {
    /// Everywhere: a raw connection without a code page, where 0xFF has no other meaning.
    Everywhere,
    /// Only before the first command: 0xFF is a letter in many code pages.
    Before,
    /// Nowhere: telnet clients do not use WebSocket.
    Nowhere,
}

/// What the input begins with, and how many bytes of it that takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A command, without its terminator. Telnet sequences may still be inside.
    Command(&'a [u8], usize),
    /// A command above the limit. Returned once, as soon as it is known.
    TooLong(usize),
    /// The rest of such a command, or a part of it.
    Skip(usize),
    /// A byte order mark before the first command, or a telnet sequence, or a part of one.
    Noise(usize),
    /// More bytes are needed.
    Partial,
}

impl Rules {
    /// For a raw connection.
    pub(crate) fn stream(limit: usize, page: Option<CodePage>) -> Self {
        let telnet = match page {
            Some(_) => Telnet::Before,
            None => Telnet::Everywhere,
        };
        Self {
            telnet,
            ..Self::websocket(limit, page)
        }
    }

    /// For a WebSocket.
    pub(crate) fn websocket(limit: usize, page: Option<CodePage>) -> Self {
        Self {
            limit,
            telnet: Telnet::Nowhere,
            page,
        }
    }
}

impl Framer {
    /// Finds the next command in `input`, the bytes that were not consumed so far.
    pub(crate) fn next<'a>(&mut self, input: &'a [u8], rules: Rules) -> Frame<'a> {
        if self.opening != Opening::Over
            && let Some(frame) = self.open(input, rules.telnet)
        {
            return frame;
        }
        let mut from = input.len().min(self.searched as usize);
        while let Some(at) = self.find(&input[from..], rules.telnet) {
            let at = from + at;
            if input[at] != IAC {
                return self.terminated(input, at, rules.limit);
            }
            match self.telnet(input, at) {
                Found::Content(length) => from = at + length,
                Found::Frame(frame) => return frame,
                Found::Partial => return self.unterminated(input, at, rules.limit),
            }
        }
        self.unterminated(input, input.len(), rules.limit)
    }

    /// Takes what is left at the end of the stream: one last command. If a command is being skipped, at most the
    /// beginning of a telnet sequence is left.
    pub(crate) fn finish<'a>(&self, input: &'a [u8], limit: usize) -> Frame<'a> {
        if self.progress == Progress::Skipping {
            Frame::Skip(input.len())
        } else if self.inside == Inside::Subnegotiation {
            Frame::Noise(input.len())
        } else if input.len() > limit {
            Frame::TooLong(input.len())
        } else {
            Frame::Command(input, input.len())
        }
    }

    /// Whether the last command ended as a line.
    pub(crate) fn is_line(&self) -> bool {
        self.terminator == Terminator::Line
    }

    /// Whether a NUL has ended a command. A person at a terminal sends none.
    pub(crate) fn is_flash(&self) -> bool {
        self.terminator == Terminator::Nul
    }

    /// Whether every command so far was blank.
    pub(crate) fn is_fresh(&self) -> bool {
        self.opening != Opening::Over
    }

    /// A command that is not blank has arrived.
    pub(crate) fn has_begun(&mut self) {
        self.opening = Opening::Over;
    }

    /// Takes what is allowed only before the first command.
    fn open(&mut self, input: &[u8], telnet: Telnet) -> Option<Frame<'static>> {
        let begins = self.searched == 0 && self.inside == Inside::Text;
        if !begins || self.progress == Progress::Skipping {
            return None;
        }
        if telnet == Telnet::Before && input.first() == Some(&IAC) {
            return match self.telnet(input, 0) {
                Found::Frame(frame) => Some(frame),
                Found::Partial => Some(Frame::Partial),
                Found::Content(_) => None,
            };
        }
        if self.opening == Opening::Fresh && input.starts_with(MARK) {
            self.opening = Opening::Marked;
            return Some(Frame::Noise(MARK.len()));
        }
        let half = self.opening == Opening::Fresh && !input.is_empty() && MARK.starts_with(input);
        half.then_some(Frame::Partial)
    }

    fn find(&self, bytes: &[u8], telnet: Telnet) -> Option<usize> {
        if self.inside != Inside::Text {
            return memchr(IAC, bytes);
        }
        match (self.terminator, telnet) {
            (Terminator::Nul, Telnet::Everywhere) => memchr2(0, IAC, bytes),
            (Terminator::Nul, Telnet::Before | Telnet::Nowhere) => memchr(0, bytes),
            (Terminator::Undecided | Terminator::Line, Telnet::Everywhere) => {
                memchr3(0, b'\n', IAC, bytes)
            }
            (Terminator::Undecided | Terminator::Line, Telnet::Before | Telnet::Nowhere) => {
                memchr2(0, b'\n', bytes)
            }
        }
    }

    /// Interprets the IAC at `at`.
    #[cold]
    fn telnet(&mut self, input: &[u8], at: usize) -> Found {
        if at > 0 && self.is_dropping() {
            return Found::Frame(self.dropped(at));
        }
        let length = if self.inside != Inside::Text {
            match input.get(at + 1) {
                None => return Found::Partial,
                Some(&telnet::SE) => self.inside = Inside::Text,
                Some(_) => {}
            }
            2
        } else {
            match telnet::sequence(&input[at..]) {
                Sequence::Partial => return Found::Partial,
                Sequence::None => return Found::Content(1 + usize::from(input[at + 1] == IAC)),
                Sequence::Whole(length) => length,
                Sequence::Subnegotiation => {
                    self.inside = if at == 0 {
                        Inside::Subnegotiation
                    } else {
                        Inside::SubnegotiationInCommand
                    };
                    2
                }
            }
        };
        if at == 0 {
            self.searched = 0;
            Found::Frame(Frame::Noise(length))
        } else {
            Found::Content(length)
        }
    }

    fn terminated<'a>(&mut self, input: &'a [u8], end: usize, limit: usize) -> Frame<'a> {
        if input[end] == 0 {
            self.terminator = Terminator::Nul;
        } else {
            self.terminator = Terminator::Line;
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

    /// There is no terminator in the first `end` bytes. After them comes half a telnet sequence.
    fn unterminated(&mut self, input: &[u8], end: usize, limit: usize) -> Frame<'static> {
        if end == 0 {
            return Frame::Partial;
        }
        if self.is_dropping() {
            return self.dropped(end);
        }
        // A CR at the end may be half of a CRLF, which does not count.
        let half = self.terminator != Terminator::Nul && input.ends_with(b"\r");
        if input.len() - usize::from(half) > limit {
            (self.progress, self.searched) = (Progress::Skipping, 0);
            if self.inside == Inside::SubnegotiationInCommand {
                self.inside = Inside::Subnegotiation;
            }
            return Frame::TooLong(end);
        }
        // Beyond 4 GiB the bytes are searched again.
        self.searched = u32::try_from(end).unwrap_or(u32::MAX);
        Frame::Partial
    }

    /// Whether the input has no byte of a command to carry out.
    pub(crate) fn is_dropping(&self) -> bool {
        self.progress == Progress::Skipping || self.inside == Inside::Subnegotiation
    }

    fn dropped(&mut self, length: usize) -> Frame<'static> {
        self.searched = 0;
        if self.inside == Inside::Text {
            Frame::Skip(length)
        } else {
            Frame::Noise(length)
        }
    }
}

/// The meaning of an IAC.
enum Found {
    /// This many bytes belong to the command. Telnet sequences in it are dropped when it is read.
    Content(usize),
    /// The end of what to take now.
    Frame(Frame<'static>),
    /// The beginning of a sequence.
    Partial,
}

/// The byte order mark in UTF-8.
pub(crate) const MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests;
