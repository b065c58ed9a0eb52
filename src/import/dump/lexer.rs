//! Cuts a dump into words, names, values and signs, and drops its comments.
//!
//! Works on a buffer that it fills as it goes. What may cross the end of the buffer is read through
//! [`Lexer::have`], which moves the rest to the front and reads on.

use std::io::{self, Read};

use super::{DumpError, DumpFault, MAX_VALUE, MAX_WORD, Within, unreadable};

/// The tokens of a dump, one after the other.
#[derive(Debug)]
pub(super) struct Lexer<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The part of the buffer that is still to be read: from here,
    at: usize,
    /// to there.
    filled: usize,
    line: usize,
    /// What ends a statement: `;`, unless a DELIMITER line says otherwise.
    delimiter: Vec<u8>,
    comment: Executed,
    /// The text of the last token, if it was to be kept.
    text: Vec<u8>,
    /// The most bytes of it that are kept, and what happens to more.
    keep: Keep,
    trailer: Trailer,
}

/// A token. Its text is in [`Lexer::text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword, or a name without quotes.
    Word,
    /// A name in backquotes.
    Name,
    /// A string in single quotes, or what hexadecimal digits stand for.
    Text,
    /// In double quotes: a string, or a name in the ANSI mode.
    Double,
    /// A number as it is written, without its sign.
    Number,
    /// Anything else, a byte at a time.
    Sign(u8),
    /// The end of a statement.
    End,
    /// The end of the dump.
    Eof,
}

/// Whether the text of a token is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Up to a limit, which it is a fault to exceed.
    All,
    /// At most as much as the longest keyword.
    Start,
}

/// Whether we are in a comment that MySQL executes, whose content counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Executed {
    Outside,
    Inside,
}

/// Whether a dump ends as it promises. mysqldump writes a last line if it has written a first one,
/// since MySQL 5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trailer {
    /// It began without the first line.
    NotPromised,
    /// The last line has not come yet.
    Promised,
    /// The last line has come.
    Seen,
}

type Result<T> = std::result::Result<T, DumpError>;

impl<R: Read> Lexer<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER],
            at: 0,
            filled: 0,
            line: 1,
            delimiter: b";".to_vec(),
            comment: Executed::Outside,
            text: Vec::new(),
            keep: Keep::Start,
            trailer: Trailer::NotPromised,
        }
    }

    /// The text of the last token: all of it, if it was to be kept.
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The current line.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    pub(super) fn error(&self, fault: DumpFault) -> DumpError {
        let line = self.line;
        DumpError { line, fault }
    }

    /// Skips a byte order mark, which is no part of the first statement.
    pub(super) fn skip_mark(&mut self) -> Result<()> {
        if self.have(3)?.starts_with(b"\xef\xbb\xbf") {
            self.at += 3;
        }
        Ok(())
    }

    pub(super) fn next(&mut self, keep: Keep) -> Result<Token> {
        self.skip_blank()?;
        self.text.clear();
        self.keep = keep;
        if self.at_delimiter()? {
            self.at += self.delimiter.len();
            return Ok(Token::End);
        }
        let ahead = self.have(2)?;
        let (Some(&byte), after) = (ahead.first(), ahead.get(1).copied()) else {
            return match self.comment {
                Executed::Outside => Ok(Token::Eof),
                Executed::Inside => Err(self.error(DumpFault::Cut(Within::Comment))),
            };
        };
        match byte {
            b'\'' | b'"' | b'`' => {
                self.at += 1;
                self.quoted(byte)
            }
            b'0'..=b'9' => self.number(),
            b'.' if after.is_some_and(|after| after.is_ascii_digit()) => self.number(),
            byte if is_of_word(byte) => {
                self.word()?;
                Ok(Token::Word)
            }
            byte => {
                self.at += 1;
                Ok(Token::Sign(byte))
            }
        }
    }

    /// The quotes that follow a word at once, as in `x'6869'`; without them it is a word alone.
    pub(super) fn quotes_behind(&mut self, keep: Keep) -> Result<Option<Token>> {
        if self.have(1)? == b"'" {
            self.next(keep).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Skips a dot, if one is next.
    pub(super) fn skip_dot(&mut self) -> Result<bool> {
        self.skip_blank()?;
        let is_dot = self.have(1)? == b".";
        self.at += usize::from(is_dot);
        Ok(is_dot)
    }

    /// Makes bytes of the hexadecimal digits in the last token.
    pub(super) fn unhex(&mut self) -> Result<()> {
        let expected = self.error(DumpFault::Expected("an even number of hexadecimal digits"));
        let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
        if !self.text.len().is_multiple_of(2) {
            return Err(expected);
        }
        for at in 0..self.text.len() / 2 {
            let (Some(high), Some(low)) = (digit(self.text[2 * at]), digit(self.text[2 * at + 1]))
            else {
                return Err(expected);
            };
            self.text[at] = high << 4 | low;
        }
        self.text.truncate(self.text.len() / 2);
        Ok(())
    }

    /// Makes a decimal number of the binary digits in the last token.
    pub(super) fn unbit(&mut self) -> Result<()> {
        let digits = std::str::from_utf8(&self.text);
        let number = digits
            .ok()
            .and_then(|digits| u64::from_str_radix(digits, 2).ok());
        match number {
            Some(number) => self.text = number.to_string().into_bytes(),
            None => return Err(self.error(DumpFault::Expected("up to 64 binary digits"))),
        }
        Ok(())
    }

    /// The rest of a DELIMITER line. It is the client's command, not a statement.
    pub(super) fn take_delimiter(&mut self) -> Result<()> {
        let mut line = Vec::new();
        while let [byte, ..] = *self.have(1)?
            && byte != b'\n'
        {
            self.at += 1;
            if line.len() < MAX_WORD {
                line.push(byte);
            }
        }
        let word = line.trim_ascii();
        if word.is_empty() || word.len() > MAX_DELIMITER {
            return Err(self.error(DumpFault::Expected("a short word behind DELIMITER")));
        }
        self.delimiter = word.to_vec();
        Ok(())
    }

    /// The fault, if any, when the dump ends here, between two statements.
    pub(super) fn ends(&self) -> Result<()> {
        match self.trailer {
            Trailer::Promised => Err(self.error(DumpFault::NotCompleted)),
            Trailer::NotPromised | Trailer::Seen => Ok(()),
        }
    }

    /// Reads from behind an opening quote to the closing one.
    fn quoted(&mut self, quote: u8) -> Result<Token> {
        loop {
            if self.have(1)?.is_empty() {
                return Err(self.error(DumpFault::Cut(Within::Quotes)));
            }
            let ahead = &self.buffer[self.at..self.filled];
            let stop = ahead
                .iter()
                .position(|&byte| byte == quote || byte == b'\\');
            self.take(stop.unwrap_or(ahead.len()))?;
            if stop.is_none() {
                continue;
            }
            let ahead = self.have(2)?;
            match (ahead.first().copied(), ahead.get(1).copied()) {
                (None, _) => {}
                (Some(b'\\'), _) if quote == b'`' => self.take(1)?,
                (Some(b'\\'), Some(_)) => {
                    self.at += 1;
                    self.take(1)?;
                    self.unescape();
                }
                (Some(b'\\'), None) => self.at += 1,
                (Some(_), Some(again)) if again == quote => {
                    self.at += 1;
                    self.take(1)?;
                }
                (Some(_), _) => {
                    self.at += 1;
                    break;
                }
            }
        }
        Ok(match quote {
            b'\'' => Token::Text,
            b'"' => Token::Double,
            _ => Token::Name,
        })
    }

    /// Handles the byte just taken, which was behind a backslash.
    fn unescape(&mut self) {
        let Some(last) = self.text.last_mut() else {
            return;
        };
        *last = match *last {
            b'0' => 0,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'r' => b'\r',
            b'Z' => 0x1a,
            // For LIKE; elsewhere the backslash stays.
            wildcard @ (b'%' | b'_') => {
                *last = b'\\';
                self.text.push(wildcard);
                return;
            }
            itself => itself,
        };
    }

    /// Reads a number, or what begins with `0x` or `0b`.
    fn number(&mut self) -> Result<Token> {
        let start = self.have(2)?;
        let (hex, bits) = (start.starts_with(b"0x"), start.starts_with(b"0b"));
        loop {
            self.word()?;
            // A dot, or the sign of an exponent.
            let inside = match *self.have(1)? {
                [b'.', ..] => true,
                [b'+' | b'-', ..] => self.text.ends_with(b"e") || self.text.ends_with(b"E"),
                _ => false,
            };
            if !inside || hex || bits {
                break;
            }
            self.take(1)?;
        }
        if !(hex || bits) || self.keep == Keep::Start {
            return Ok(Token::Number);
        }
        self.text.drain(..2);
        if hex {
            self.unhex()?
        } else {
            self.unbit()?
        }
        Ok(Token::Text)
    }

    fn word(&mut self) -> Result<()> {
        let plain = self.delimiter == b";";
        loop {
            if self.have(1)?.is_empty() {
                return Ok(());
            }
            if plain {
                let ahead = &self.buffer[self.at..self.filled];
                let stop = ahead.iter().position(|&byte| !is_of_word(byte));
                self.take(stop.unwrap_or(ahead.len()))?;
                if stop.is_some() {
                    return Ok(());
                }
            } else if self.at_delimiter()? || !is_of_word(self.buffer[self.at]) {
                // MySQL's client does so, too: it finds `$$` at the end of `END$$`.
                return Ok(());
            } else {
                self.take(1)?;
            }
        }
    }

    /// Consumes the next bytes, which are all in the buffer, and keeps them if they are wanted.
    fn take(&mut self, count: usize) -> Result<()> {
        let bytes = &self.buffer[self.at..self.at + count];
        self.at += count;
        let room = match self.keep {
            Keep::All => MAX_VALUE - self.text.len().min(MAX_VALUE),
            Keep::Start => MAX_WORD - self.text.len().min(MAX_WORD),
        };
        self.text.extend_from_slice(&bytes[..count.min(room)]);
        self.line += bytes.iter().filter(|&&byte| byte == b'\n').count();
        if count > room && self.keep == Keep::All {
            return Err(self.error(DumpFault::LongValue));
        }
        Ok(())
    }

    /// Skips white space and comments.
    fn skip_blank(&mut self) -> Result<()> {
        loop {
            let custom = self.delimiter != b";";
            if custom && self.at_delimiter()? {
                return Ok(());
            }
            let (ahead, is_executed) = (self.four()?, self.comment == Executed::Inside);
            match ahead {
                [b'\n', ..] => {
                    self.line += 1;
                    self.at += 1;
                }
                [byte, ..] if byte.is_ascii_whitespace() || byte == 0x0b => self.at += 1,
                [b'#', ..] => self.skip_line()?,
                // A dump that ends with `--` ends with white space, as four() has it.
                [b'-', b'-', ..=b' ', _] => self.skip_line()?,
                [b'/', b'*', b'!', _] => {
                    self.at += 3;
                    self.enter()?;
                }
                [b'/', b'*', b'M', b'!'] => {
                    self.at += 4;
                    self.enter()?;
                }
                [b'/', b'*', ..] => {
                    self.at += 2;
                    self.skip_comment()?;
                }
                [b'*', b'/', ..] if is_executed => {
                    self.at += 2;
                    self.comment = Executed::Outside;
                }
                _ => return Ok(()),
            }
        }
    }

    /// Reads on behind the `/*!` of a comment that servers of this version or later execute.
    fn enter(&mut self) -> Result<()> {
        let digits = self
            .have(6)?
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        // No server has this version. MariaDB's dumps begin with such a comment, which is for the client only.
        if self.have(6)?.starts_with(b"999999") {
            return self.skip_comment();
        }
        self.at += digits;
        self.comment = Executed::Inside;
        Ok(())
    }

    fn skip_comment(&mut self) -> Result<()> {
        loop {
            match *self.have(2)? {
                [b'*', b'/'] => {
                    self.at += 2;
                    return Ok(());
                }
                [byte, _] => {
                    self.line += usize::from(byte == b'\n');
                    self.at += 1;
                }
                _ => return Err(self.error(DumpFault::Cut(Within::Comment))),
            }
        }
    }

    /// Skips to the end of the line or of the dump.
    fn skip_line(&mut self) -> Result<()> {
        let start = self.have(LONGEST_LINE)?;
        if start.starts_with(TRAILER) {
            self.trailer = Trailer::Seen;
        } else if PROMISES.iter().any(|promise| start.starts_with(promise)) {
            // Several dumps may follow each other in one file.
            self.trailer = Trailer::Promised;
        }
        while !self.have(1)?.is_empty() {
            let ahead = &self.buffer[self.at..self.filled];
            let stop = ahead.iter().position(|&byte| byte == b'\n');
            self.at += stop.unwrap_or(ahead.len());
            if stop.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn at_delimiter(&mut self) -> Result<bool> {
        let length = self.delimiter.len();
        self.have(length)?;
        Ok(self.buffer[self.at..self.filled].starts_with(&self.delimiter))
    }

    /// The next four bytes, NUL where there are fewer.
    fn four(&mut self) -> Result<[u8; 4]> {
        let ahead = self.have(4)?;
        Ok(std::array::from_fn(|at| {
            ahead.get(at).copied().unwrap_or(0)
        }))
    }

    /// The next bytes, at most this many; fewer at the end of the dump.
    fn have(&mut self, count: usize) -> Result<&[u8]> {
        while self.filled - self.at < count {
            if self.filled == self.buffer.len() {
                self.buffer.copy_within(self.at..self.filled, 0);
                self.filled -= self.at;
                self.at = 0;
            } else if self.at == self.filled {
                (self.at, self.filled) = (0, 0);
            }
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(0) => break,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.error(unreadable(&error))),
            }
        }
        let end = self.filled.min(self.at + count);
        Ok(&self.buffer[self.at..end])
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'@' | 0x80..)
}

const BUFFER: usize = 128 * 1024;

const MAX_DELIMITER: usize = 16;

/// How the last line begins that mysqldump writes,
const TRAILER: &[u8] = b"-- Dump completed";

/// and the first line of those that do.
const PROMISES: [&[u8]; 2] = [b"-- MySQL dump 10.13", b"-- MariaDB dump "];

const LONGEST_LINE: usize = 19;
