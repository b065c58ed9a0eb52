//! Transcripts: conversations with a server as a person would write them down.
//!
//! A transcript is a text file that reads like a session with `nc`:
//!
//! ```text
//! # What MSG does: the sender gets it first, then the recipient.
//!
//! member 1 alice secret1 Alice
//! member 2 bob secret2 Bob
//!
//! == A message to a member who has left
//! a connects
//! a > IDENTIFY 1 secret1\0
//! a < <login aid="alice" name="Alice" />\0
//! a < <identify aid="alice" name="Alice" />\0
//! a > MSG bob hi\0
//! a < <error value="User is already left."/>\0
//! time +600s
//! a half-closes
//! a < end
//! log CONNECTED (1/4096) a
//! …
//! ```
//!
//! # Before the first step
//!
//! Lines before the first `== title` hold for every scenario of the file, lines after a title for that
//! scenario.
//!
//! | line | meaning |
//! |---|---|
//! | `# text` | a comment; the file begins with one |
//! | `set max-clients 2` | a setting, named as the program's options and `Limits` are; times as `500ms`, `10s`, `11m`, `16d` |
//! | `set site /a.txt text/plain hello` | a file of the site: path, type and text; `set site-policy /a.html default-src 'none'` gives it a Content-Security-Policy, `set site-gzip /a.html BYTES` and `set site-br` a compressed form |
//! | `set east-of-utc 7200` | the server's local time, in seconds east of UTC |
//! | `member 1 alice secret1 Alice Liddell` | a member: number, nick, password, and the name that is shown |
//! | `inactive member 3 carol secret3 Carol` | a member who may not log in |
//! | `only core: why` | does not run on sockets |
//!
//! # Steps
//!
//! | line | meaning |
//! |---|---|
//! | `a connects` | a client called `a`; `from 127.0.0.2`, `from unix` over a Unix socket, `to policy` for the policy listener, `to metrics` for that of metrics (`set metrics-listener on`) |
//! | `a > PING x\0` | it sends these bytes |
//! | `a < <pong value="x"/>\0` | exactly these bytes come |
//! | `  > more`, `  < more` | the line above goes on |
//! | `a upgrades` | it sends a plain upgrade to WebSocket, and gets the plain answer 101 to it |
//! | `a half-closes`, `a resets`, `a vanishes` | it ends its sending side, it breaks off, it answers no more |
//! | `a stops reading`, `a takes 100`, `a reads on` | how much of the server's bytes it reads |
//! | `a < end` | the server has closed after everything above; nothing was lost |
//! | `a < cut` | the server has cut it off; what was unread is lost |
//! | `a is refused` | the server did not take the connection |
//! | `time +500ms` | time passes, at once; every byte that a client has got must stand above |
//! | `store holds`, `store answers at once`, `store fails`, `store is busy` | what the member store does from now on |
//! | `store answers first`, `store fails last`, `store denies first: wrong password`, `store changes first`, `store is busy for first` | it answers a question that it has held |
//! | `store has 1` | this many questions wait in it |
//! | `disable 1`, `rename 1 alicia`, `remove 1` | a member is changed from outside |
//! | `announce Tea is ready` | the operator says something to everyone online; with escapes |
//! | `kick 1 Too loud`, `kick alice` | the operator closes the connection of a member, with a reason or without |
//! | `configure max-clients 3` | new settings: those so far, and this one |
//! | `shutdown`, `server ends` | the server begins to stop, the server has stopped |
//! | `log QUIT 1 a` | the next line of the log, with the client's name in the place of its address |
//!
//! In bytes, `\0 \n \r \t \\` are as usual, `\xHH` is any byte, `\s` a space at the end of a line,
//! and `{x*8192}` repeats what is before the star. All bytes and all ends must be there. The log may be
//! left out, but a scenario with one line of it has all of them. The clock starts at 2007-07-10
//! 10:54:02.
//!
//! # WebSocket
//!
//! Frames (RFC 6455, section 5) stand among the bytes: `a > {text LIST}{ping abc}`.
//!
//! | in a line | meaning |
//! |---|---|
//! | `{text hi}`, `{binary hi\0}` | a whole message, in one frame |
//! | `{ping abc}`, `{pong abc}` | control frames |
//! | `{close 1000 bye}`, `{close 1000}`, `{close}` | with a code and a reason, with a code, with nothing |
//! | `{close \x03}` | with these bytes in place of a code |
//! | `{text- LI}{more- S}{more T}` | a message in three fragments: `-` is for one that is not the last |
//! | `{text}` | no payload |
//! | `{text {x*8192}}` | a repetition in a payload; other braces come in pairs, or are `\x7b` and `\x7d` |
//! | `{{ping a}*3}` | a repetition of frames |
//! | `{unmasked text hi}` | without its mask, which a server must not take |
//!
//! What a client sends is masked, by 37 fa 21 3d at all times, and what it gets is not. A length
//! takes as few bytes as it can. Whatever no frame should be is written byte by byte; with a mask of
//! zeros it can still be read: `\xc1\x85\0\0\0\0Hello`.
//!
//! What has come is shown as frames if it begins with `HTTP/1.1 101`, as far as they are whole.
//!
//! # Playing
//!
//! [`Scenario::play`] plays on any [`Driver`]: on the [`Bare`] core, or on sockets in front of a
//! runtime. What clients send is [cut](Cut) in many ways, which must not make a difference. On
//! sockets a scenario is held [against](Against) the bare core, step by step: as many bytes must
//! have reached the core of the one as of the other, and in the end every client has got the same.

mod bare;
mod cuts;
mod driver;
mod filtered;
mod frames;
mod journal;
mod outcome;
mod parse;
mod play;
mod rewrite;
mod seeds;
mod settings;
mod step;
mod store;
#[cfg(test)]
mod tests;
mod text;

pub use bare::Bare;
pub use cuts::Cut;
pub use driver::{Appetite, Arrival, Driver, Patience};
pub use filtered::{Filtered, NEEDS_PLAIN};
pub use outcome::{Against, Failure, Played, Stream};
pub use parse::ParseError;
pub use step::{Drivers, End, Scenario};

/// One file of scenarios.
#[derive(Clone, Debug)]
pub struct Transcript {
    text: String,
    scenarios: Vec<Scenario>,
}

impl Transcript {
    /// Reads a transcript; `file` is what errors call it.
    pub fn parse(file: &str, text: &str) -> Result<Self, ParseError> {
        Ok(Self {
            text: text.to_owned(),
            scenarios: parse::parse(file, text)?,
        })
    }

    /// Its scenarios, in order.
    pub fn scenarios(&self) -> &[Scenario] {
        &self.scenarios
    }

    /// The text with its expectations written anew from what the core does. All else stays.
    pub fn rewritten(&self) -> Result<String, Failure> {
        let mut edits = Vec::new();
        for scenario in &self.scenarios {
            let played = scenario.play(Cut::Whole, Against::Rewrite, |host| Ok(Bare::new(host)))?;
            edits.extend(played.edits);
        }
        Ok(rewrite::apply(&self.text, edits))
    }
}
