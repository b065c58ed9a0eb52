//! What a client may ask, read from the text of one command.

/// One command, its arguments borrowed from the text it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    Identify { id: &'a str, password: &'a str },
    Msg { nick: &'a str, text: &'a str },
    List,
    Ping { token: &'a str },
    Quit,
}

/// What is wrong with a command, said in the words of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) &'static str);

/// Reads a command that was [trimmed](trim) before.
pub(crate) fn parse(text: &str) -> Result<Command<'_>, Fault> {
    let (word, rest) = word(text);
    // The released 2007 script wanted its commands with a slash, the one in the article without.
    let word = word.strip_prefix('/').unwrap_or(word);
    let Some((_, verb)) = VERBS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word))
    else {
        return Err(UNKNOWN);
    };
    let (first, last) = self::word(rest);
    let last = trim(last);
    match verb {
        Verb::Identify if last.is_empty() => Err(Fault("Usage: IDENTIFY id password")),
        Verb::Identify => Ok(Command::Identify {
            id: first,
            password: last,
        }),
        Verb::Msg if last.is_empty() => Err(Fault("Usage: MSG nick text")),
        Verb::Msg => Ok(Command::Msg {
            nick: first,
            text: last,
        }),
        Verb::List => Ok(Command::List),
        Verb::Ping if first.is_empty() => Err(Fault("Usage: PING token")),
        Verb::Ping => Ok(Command::Ping { token: first }),
        Verb::Quit => Ok(Command::Quit),
    }
}

/// Drops white space around a command or its last argument: Flash text fields end in CR, `nc` in LF.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|c| u8::try_from(c).is_ok_and(is_space))
}

/// Whether a command is nothing but white space; old players send such after non-ASCII text.
pub(crate) fn is_blank(command: &[u8]) -> bool {
    command.iter().copied().all(is_space)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'\x0b' | b'\x0c')
}

/// The text up to the first space, and what follows the spaces behind it.
fn word(text: &str) -> (&str, &str) {
    let space = text.bytes().position(|byte| byte == b' ');
    let (word, rest) = space.map_or((text, ""), |at| (&text[..at], &text[at + 1..]));
    (word, rest.trim_start_matches(' '))
}

/// The word is none of ours.
pub(crate) const UNKNOWN: Fault = Fault("Unknown command.");

#[derive(Clone, Copy)]
enum Verb {
    Identify,
    Msg,
    List,
    Ping,
    Quit,
}

const VERBS: [(&str, Verb); 5] = [
    ("IDENTIFY", Verb::Identify),
    ("MSG", Verb::Msg),
    ("LIST", Verb::List),
    ("PING", Verb::Ping),
    ("QUIT", Verb::Quit),
];

#[cfg(test)]
mod tests {
    use super::*;

    const IDENTIFY: Fault = Fault("Usage: IDENTIFY id password");
    const MSG: Fault = Fault("Usage: MSG nick text");
    const PING: Fault = Fault("Usage: PING token");

    #[test]
    fn grammar() {
        let msg = |nick, text| Ok(Command::Msg { nick, text });
        let cases = [
            ("LIST", Ok(Command::List)),
            ("list", Ok(Command::List)),
            ("/LiSt", Ok(Command::List)),
            ("LIST of everyone", Ok(Command::List)),
            ("QUIT now", Ok(Command::Quit)),
            ("//LIST", Err(UNKNOWN)),
            ("/ LIST", Err(UNKNOWN)),
            ("/", Err(UNKNOWN)),
            ("LIST\tx", Err(UNKNOWN)),
            ("LISTS", Err(UNKNOWN)),
            ("ſ", Err(UNKNOWN)),
            ("PING a b", Ok(Command::Ping { token: "a" })),
            ("PING   a", Ok(Command::Ping { token: "a" })),
            ("PING", Err(PING)),
            (
                "IDENTIFY 1 secret1",
                Ok(Command::Identify {
                    id: "1",
                    password: "secret1",
                }),
            ),
            (
                "IDENTIFY  1  two  words",
                Ok(Command::Identify {
                    id: "1",
                    password: "two  words",
                }),
            ),
            ("IDENTIFY 1", Err(IDENTIFY)),
            ("IDENTIFY", Err(IDENTIFY)),
            ("IDENTIFY 1\tsecret1", Err(IDENTIFY)),
            ("MSG bob hi", msg("bob", "hi")),
            ("MSG bob  hi  there", msg("bob", "hi  there")),
            ("MSG bob \r\n hi", msg("bob", "hi")),
            ("MSG bob line\rline", msg("bob", "line\rline")),
            ("MSG bob \u{a0}", msg("bob", "\u{a0}")),
            ("MSG bob", Err(MSG)),
            ("MSG", Err(MSG)),
        ];
        for (text, command) in cases {
            assert_eq!(parse(text), command, "{text:?}");
        }
    }

    #[test]
    fn white_space() {
        assert_eq!(trim(" \t\r\n\x0b\x0cMSG a b\r\n"), "MSG a b");
        assert_eq!(trim("\u{a0}x\u{2003}"), "\u{a0}x\u{2003}");
        assert!(is_blank(b"") && is_blank(b" \t\r\n\x0b\x0c") && !is_blank(b" \0"));
    }
}
