//! How a command is found in a client's text, and carried out. The table of commands is
//! [`COMMANDS`].

use crate::chat::commands::COMMANDS;
use crate::chat::context::Context;
use crate::chat::reply;
use crate::chunk::Level;
use crate::text;

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Command {
    /// In capitals; a client may write it in any case.
    pub(super) word: &'static str,
    /// The level that a client shows by sending it, even if the command leads to an error.
    pub(super) level: Level,
    /// How many commands it counts as for the command rate, whatever becomes of it.
    pub(super) price: u8,
    pub(crate) takes: Takes,
    pub(crate) keeps: Keeps,
    pub(super) run: fn(&mut dyn Context, Args<'_>),
}

/// The arguments that a command needs, and the error that a client gets without them. More text than
/// that is ignored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    Nothing,
    /// One word.
    Word {
        usage: &'static str,
    },
    /// One word, then text to the end of the command.
    WordAndText {
        usage: &'static str,
    },
    /// One word, then text that may be missing.
    WordAndMaybeText {
        usage: &'static str,
    },
    /// One word, then options.
    WordAndOptions {
        usage: &'static str,
        are_good: fn(&str) -> bool,
    },
    /// Two words, then text that may be missing.
    TwoWordsAndMaybeText {
        usage: &'static str,
    },
    /// Two texts that may have spaces inside, with a tab between; without one, a word and then text.
    TwoTexts {
        usage: &'static str,
    },
    /// Words that may be missing.
    MaybeWords,
}

/// What a recording may keep of a command's arguments as it was sent; of the rest it keeps the class of
/// each character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    NoArgument,
    /// The first argument, which names a member or a room.
    FirstArgument,
    /// The first argument, if it names a room.
    Room,
    /// The first two arguments, if they name a room and a member.
    RoomAndMember,
    /// The first argument, if it names a room; not the key behind it.
    RoomNotKey,
    /// The first argument, which names a room, and the options behind it without the key.
    RoomAndOptions,
}

/// The arguments of a command, borrowed from the text it came in. When it is carried out, those that it needs
/// are not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Args<'a> {
    /// The first word.
    pub(crate) word: &'a str,
    /// What follows it, without white space around it.
    pub(crate) text: &'a str,
}

/// A command with its arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) command: &'static Command,
    pub(crate) args: Args<'a>,
}

impl<'a> Args<'a> {
    #[inline]
    fn of(text: &'a str) -> Self {
        let (word, text) = split(text);
        let text = text::trim(text);
        Self { word, text }
    }

    /// Two texts: up to the first tab, and what follows it. Without a tab, the first space divides them.
    fn divided(text: &'a str) -> Self {
        let (word, text) = text.split_once('\t').unwrap_or_else(|| split(text));
        Self {
            word: text::trim(word),
            text: text::trim(text),
        }
    }

    /// The text as further arguments: its first word, and what follows that.
    pub(crate) fn further(self) -> Self {
        Self::of(self.text)
    }
}

impl<'a> Call<'a> {
    /// The error that the client gets because an argument is missing or wrong.
    pub(crate) fn usage(&self) -> Option<&'static str> {
        let Args { word, text } = self.args;
        let (usage, is_good) = match self.command.takes {
            Takes::Nothing | Takes::MaybeWords => return None,
            Takes::Word { usage } | Takes::WordAndMaybeText { usage } => (usage, !word.is_empty()),
            Takes::WordAndText { usage } | Takes::TwoWordsAndMaybeText { usage } => {
                (usage, !text.is_empty())
            }
            Takes::TwoTexts { usage } => (usage, !word.is_empty() && !text.is_empty()),
            Takes::WordAndOptions { usage, are_good } => {
                (usage, !word.is_empty() && are_good(text))
            }
        };
        (!is_good).then_some(usage)
    }

    /// How many commands it counts as for the command rate. An error costs as much.
    pub(crate) fn price(&self) -> u8 {
        self.command.price
    }

    /// The room and the key that the client wants to join it with.
    pub(crate) fn key(&self) -> Option<(&'a str, &'a str)> {
        let key = self.args.further().word;
        let gives = self.command.keeps == Keeps::RoomNotKey && !key.is_empty();
        (gives && self.usage().is_none()).then_some((self.args.word, key))
    }

    /// Carries the command out.
    pub(crate) fn run(self, context: &mut dyn Context) {
        if self.command.level == Level::Two {
            context.raise_level();
        }
        match self.usage() {
            Some(usage) => context.say(&reply::error(usage)),
            None => (self.command.run)(context, self.args),
        }
    }
}

/// Finds the command in a text that was [trimmed](text::trim) before; `None` if no command has its first
/// word.
#[inline]
pub(crate) fn parse(text: &str) -> Option<Call<'_>> {
    let (word, rest) = split(text);
    let command = named(word)?;
    let args = match command.takes {
        Takes::TwoTexts { .. } => Args::divided(rest),
        Takes::Nothing
        | Takes::Word { .. }
        | Takes::WordAndText { .. }
        | Takes::WordAndMaybeText { .. }
        | Takes::WordAndOptions { .. }
        | Takes::TwoWordsAndMaybeText { .. }
        | Takes::MaybeWords => Args::of(rest),
    };
    Some(Call { command, args })
}

#[inline]
fn named(word: &str) -> Option<&'static Command> {
    // The released 2007 script wanted its commands with a slash, the one in the article without.
    let word = word.strip_prefix('/').unwrap_or(word);
    let key = key(word)?;
    let at = KEYS.iter().position(|other| *other == key)?;
    COMMANDS.get(at)
}

/// The word of each command as a number: comparing these takes a fraction of what comparing texts does.
static KEYS: [u64; COMMANDS.len()] = {
    let mut keys = [0; COMMANDS.len()];
    let mut at = 0;
    while at < keys.len() {
        match key(COMMANDS[at].word) {
            Some(key) => keys[at] = key,
            None => panic!("a word has at most 8 bytes"),
        }
        at += 1;
    }
    keys
};

/// A word of 1 to 8 bytes as a number, without letter case.
const fn key(word: &str) -> Option<u64> {
    let bytes = word.as_bytes();
    if bytes.is_empty() || bytes.len() > size_of::<u64>() {
        return None;
    }
    let (mut key, mut at) = (0, 0);
    while at < bytes.len() {
        key = key << 8 | bytes[at].to_ascii_uppercase() as u64;
        at += 1;
    }
    Some(key)
}

/// The text up to the first space, and what follows the spaces behind it.
#[inline]
fn split(text: &str) -> (&str, &str) {
    let space = text.bytes().position(|byte| byte == b' ');
    let (word, rest) = space.map_or((text, ""), |at| (&text[..at], &text[at + 1..]));
    let spaces = rest.bytes().take_while(|byte| *byte == b' ').count();
    (word, &rest[spaces..])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error for a word that no command has.
    const UNKNOWN: &str = "unknown";
    const IDENTIFY: &str = "Usage: IDENTIFY id password";
    const MSG: &str = "Usage: MSG nick text";
    const PING: &str = "Usage: PING token";
    const PASSWD: &str = "Usage: PASSWD old new";

    /// The command's word and arguments, or the error.
    fn read(text: &str) -> Result<(&str, &str, &str), &str> {
        let call = parse(text).ok_or(UNKNOWN)?;
        let (word, args) = (call.command.word, call.args);
        call.usage().map_or(Ok((word, args.word, args.text)), Err)
    }

    #[test]
    fn grammar() {
        let cases = [
            ("LIST", Ok(("LIST", "", ""))),
            ("list", Ok(("LIST", "", ""))),
            ("/LiSt", Ok(("LIST", "", ""))),
            ("LIST of everyone", Ok(("LIST", "of", "everyone"))),
            ("QUIT now", Ok(("QUIT", "now", ""))),
            ("//LIST", Err(UNKNOWN)),
            ("/ LIST", Err(UNKNOWN)),
            ("/", Err(UNKNOWN)),
            ("LIST\tx", Err(UNKNOWN)),
            ("LISTS", Err(UNKNOWN)),
            ("ſ", Err(UNKNOWN)),
            ("PING a b", Ok(("PING", "a", "b"))),
            ("PING   a", Ok(("PING", "a", ""))),
            ("PING", Err(PING)),
            ("IDENTIFY 1 secret1", Ok(("IDENTIFY", "1", "secret1"))),
            (
                "IDENTIFY  1  two  words",
                Ok(("IDENTIFY", "1", "two  words")),
            ),
            ("IDENTIFY 1", Err(IDENTIFY)),
            ("IDENTIFY", Err(IDENTIFY)),
            ("IDENTIFY 1\tsecret1", Err(IDENTIFY)),
            ("MSG bob hi", Ok(("MSG", "bob", "hi"))),
            ("MSG bob  hi  there", Ok(("MSG", "bob", "hi  there"))),
            ("MSG bob \r\n hi", Ok(("MSG", "bob", "hi"))),
            ("MSG bob line\rline", Ok(("MSG", "bob", "line\rline"))),
            ("MSG bob \u{a0}", Ok(("MSG", "bob", "\u{a0}"))),
            ("MSG bob", Err(MSG)),
            ("MSG", Err(MSG)),
            ("hello", Ok(("HELLO", "", ""))),
            ("ME bob waves back", Ok(("ME", "bob", "waves back"))),
            ("ME bob", Err("Usage: ME nick text")),
            ("GUEST", Ok(("GUEST", "", ""))),
            ("PASSWD old new", Ok(("PASSWD", "old", "new"))),
            ("PASSWD  old  new one", Ok(("PASSWD", "old", "new one"))),
            (
                "PASSWD old one \t new\tone",
                Ok(("PASSWD", "old one", "new\tone")),
            ),
            ("PASSWD old\tnew", Ok(("PASSWD", "old", "new"))),
            ("PASSWD old", Err(PASSWD)),
            ("PASSWD old\t", Err(PASSWD)),
            ("PASSWD \tnew one", Err(PASSWD)),
            ("PASSWD", Err(PASSWD)),
            ("guest  mona lisa", Ok(("GUEST", "mona", "lisa"))),
            ("NICK zoe now", Ok(("NICK", "zoe", "now"))),
            ("NICK", Err("Usage: NICK new")),
            ("join #a", Ok(("JOIN", "#a", ""))),
            ("JOIN #a  key and more", Ok(("JOIN", "#a", "key and more"))),
            ("JOIN", Err("Usage: JOIN #room [key]")),
            ("TOPIC #a", Ok(("TOPIC", "#a", ""))),
            ("TOPIC #a to  pic", Ok(("TOPIC", "#a", "to  pic"))),
            ("KICK #a", Err("Usage: KICK #room nick [reason]")),
            ("KICK #a bob", Ok(("KICK", "#a", "bob"))),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn every_command_is_found_by_its_word() {
        for command in &COMMANDS {
            let text = alloc::format!("{} a b", command.word.to_lowercase());
            let call = parse(&text).expect("it has all arguments");
            assert!(core::ptr::eq(call.command, command), "{}", command.word);
            match command.takes {
                Takes::Nothing | Takes::MaybeWords => {}
                Takes::Word { usage }
                | Takes::WordAndText { usage }
                | Takes::WordAndMaybeText { usage }
                | Takes::WordAndOptions { usage, .. }
                | Takes::TwoTexts { usage }
                | Takes::TwoWordsAndMaybeText { usage } => {
                    let start = alloc::format!("Usage: {} ", command.word);
                    assert!(usage.starts_with(&start), "{usage}");
                    assert_eq!(read(command.word), Err(usage));
                }
            }
        }
    }
}
