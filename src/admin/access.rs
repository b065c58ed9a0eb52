//! Access to administration: for processes that can connect to the Unix socket, and for clients over TCP with a token.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use flashgate_core::{AdminRequest, Peer, Secret};
use nix::unistd::{Uid, User};
use zeroize::Zeroizing;

use super::problem::Problem;

/// The tokens of a file, each with the name that the log shows.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Vec<(Arc<str>, Secret)>);

impl Tokens {
    /// Reads them from a file that other users cannot read: a token a line, with a name and a space in front of it or
    /// without. Empty lines and lines that begin with `#` are skipped.
    pub fn read(path: &Path) -> Result<Self, TokenFault> {
        if !fs::metadata(path)?.is_file() {
            return Err(TokenFault::NoFile);
        }
        let file = File::open(path)?;
        if file.metadata()?.permissions().mode() & OTHERS != 0 {
            return Err(TokenFault::Open);
        }
        let mut text = Zeroizing::new(String::with_capacity(MOST_BYTES + 1));
        file.take(MOST_BYTES as u64 + 1)
            .read_to_string(&mut text)
            .map_err(|_| TokenFault::NoText)?;
        if text.len() > MOST_BYTES {
            return Err(TokenFault::Long);
        }
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, TokenFault> {
        let mut tokens = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, token) = match line.split_once(char::is_whitespace) {
                Some((name, token)) => (name, token.trim_start()),
                None => (UNNAMED, line),
            };
            let is_good = |b: u8| b.is_ascii_graphic();
            if token.len() < LEAST_TOKEN || !token.bytes().all(is_good) {
                return Err(TokenFault::Token(number));
            }
            tokens.push((Arc::from(name), Secret::new(token)));
        }
        if tokens.is_empty() {
            return Err(TokenFault::Empty);
        }
        Ok(Self(tokens))
    }

    /// Whether every token of these is there with the same name.
    pub(super) fn has_all_of(&self, others: &Self) -> bool {
        let has = |(name, token): &(Arc<str>, Secret)| self.name(token).as_ref() == Some(name);
        others.0.iter().all(has)
    }

    /// The name of a token. The search takes the same time whichever token matches.
    fn name(&self, token: &Secret) -> Option<Arc<str>> {
        let mut found = None;
        for (name, known) in &self.0 {
            if known.matches(token) {
                found = Some(Arc::clone(name));
            }
        }
        found
    }

    /// The sender of a request.
    pub(super) fn who(&self, request: &AdminRequest) -> Result<Option<Arc<str>>, Problem> {
        match request.peer {
            Peer::Unix => Ok(request.user.map(user)),
            Peer::Address(_) => match request.token.as_ref().map(|token| self.name(token)) {
                Some(Some(name)) => Ok(Some(name)),
                Some(None) => Err(unauthorized("The token is not known.")),
                None => Err(unauthorized(
                    "A token is needed: send the field Authorization: Bearer TOKEN.",
                )),
            },
        }
    }
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(401, detail)
}

/// The name of a user, or the number if it has none.
fn user(number: u32) -> Arc<str> {
    let named = User::from_uid(Uid::from_raw(number)).ok().flatten();
    named.map_or_else(
        || Arc::from(number.to_string()),
        |user| Arc::from(user.name),
    )
}

/// Why a file of tokens cannot be used.
#[derive(Debug)]
pub enum TokenFault {
    /// The system does not let the server read it.
    Io(io::Error),
    /// It is a folder, a device or a pipe.
    NoFile,
    /// Everybody on the machine may read or write it.
    Open,
    /// It is not UTF-8.
    NoText,
    /// It is too large for a list of tokens.
    Long,
    /// It has no token.
    Empty,
    /// The token in this line is too short, or has other characters than visible ASCII.
    Token(usize),
}

impl From<io::Error> for TokenFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::NoFile => f.write_str("is no file"),
            Self::Open => f.write_str(
                "everybody on this machine may read or write it, and whoever knows a token administers the server; \
                 chmod o= takes that away, and make a new token",
            ),
            Self::NoText => f.write_str("cannot be read as UTF-8"),
            Self::Long => write!(f, "has more than {MOST_BYTES} bytes; a line has a name and a token"),
            Self::Empty => f.write_str("has no token; make one with: openssl rand -hex 32"),
            Self::Token(line) => write!(
                f,
                "line {line}: a token has at least {LEAST_TOKEN} visible ASCII characters; write NAME TOKEN, and make \
                 a token with: openssl rand -hex 32"
            ),
        }
    }
}

/// What the log calls a token without a name.
const UNNAMED: &str = "token";

const LEAST_TOKEN: usize = 32;
const MOST_BYTES: usize = 64 * 1024;

/// Permissions of others.
const OTHERS: u32 = 0o006;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_token_with_a_name_or_without() {
        let long = "0123456789abcdef0123456789abcdef";
        let text = format!("# tokens\n\nsite  {long}\n{long}X\n");
        let tokens = Tokens::parse(&text).unwrap();
        let name = |token: &str| tokens.name(&Secret::new(token));
        assert_eq!(name(long).as_deref(), Some("site"));
        assert_eq!(name(&format!("{long}X")).as_deref(), Some(UNNAMED));
        assert_eq!(name(&long[1..]), None);
        assert_eq!(name(""), None);
        let more = Tokens::parse(&format!("{text}new {}\n", "n".repeat(32))).unwrap();
        assert!(more.has_all_of(&tokens) && !tokens.has_all_of(&more));
        let renamed = Tokens::parse(&text.replace("site", "other")).unwrap();
        assert!(!renamed.has_all_of(&tokens));
        assert!(tokens.has_all_of(&Tokens::default()));
        for (bad, expected) in [
            ("", "has no token"),
            ("# x\n", "has no token"),
            ("site short\n", "line 1"),
            ("\nsite 0123456789abcdef0123456789abcde\u{e9}\n", "line 2"),
        ] {
            let fault = Tokens::parse(bad).unwrap_err().to_string();
            assert!(fault.contains(expected), "{bad:?}: {fault}");
        }
    }
}
