//! What a line that was typed means.

/// A line, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Nothing but white space.
    Nothing,
    /// Text for the member talked to last.
    Say(String),
    /// Text for a member.
    Message { nick: String, text: String },
    /// What the user does, for the member talked to last.
    Act(String),
    /// Asks for the list of online members.
    List,
    /// What can be typed?
    Help,
    /// To leave.
    Quit,
}

/// Reads a line; an error says what to type instead.
pub(super) fn parse(line: &str) -> Result<Line, String> {
    let line = line.trim_matches(is_space);
    if line.contains('\0') {
        return Err("A NUL character cannot be sent.".to_owned());
    }
    let Some(command) = line.strip_prefix('/') else {
        return Ok(match line {
            "" => Line::Nothing,
            text => Line::Say(text.to_owned()),
        });
    };
    if command.starts_with('/') {
        return Ok(Line::Say(command.to_owned()));
    }
    let (word, rest) = cut(command);
    match word.to_ascii_lowercase().as_str() {
        "msg" => match cut(rest) {
            ("", _) | (_, "") => Err("Type /msg NICK TEXT.".to_owned()),
            (nick, text) => Ok(Line::Message {
                nick: nick.to_owned(),
                text: text.to_owned(),
            }),
        },
        "me" => match rest.trim_matches(is_space) {
            "" => Err("Type /me TEXT, as in /me waves.".to_owned()),
            text => Ok(Line::Act(text.to_owned())),
        },
        "list" | "who" => Ok(Line::List),
        "help" | "?" => Ok(Line::Help),
        "quit" | "exit" => Ok(Line::Quit),
        _ => Err(format!(
            "There is no command /{word}. Type /help for those there are, or // to begin a text \
             with a slash."
        )),
    }
}

/// What [`Line::Help`] is answered with.
pub(super) const HELP: [&str; 6] = [
    "/msg NICK TEXT writes to a member",
    "TEXT alone writes to the member you wrote to last; //TEXT if it begins with a slash",
    "/me TEXT tells that member what you do, as in /me waves",
    "/list shows who is online",
    "/help shows this",
    "/quit leaves",
];

/// The commands, as they are completed.
pub(super) const COMMANDS: [&str; 5] = ["/msg ", "/me ", "/list", "/help", "/quit"];

/// The first word, and the rest without the white space between and behind.
fn cut(text: &str) -> (&str, &str) {
    match text.split_once(is_space) {
        Some((word, rest)) => (word, rest.trim_matches(is_space)),
        None => (text, ""),
    }
}

/// What the chat takes for white space.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\x0b' | '\x0c')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let say = |text: &str| Line::Say(text.to_owned());
        let message = |nick: &str, text: &str| Line::Message {
            nick: nick.to_owned(),
            text: text.to_owned(),
        };
        for (line, meaning) in [
            ("", Line::Nothing),
            (" \t\r", Line::Nothing),
            ("hi", say("hi")),
            ("  two  words ", say("two  words")),
            ("a /msg b c", say("a /msg b c")),
            ("//msg bob hi", say("/msg bob hi")),
            ("//", say("/")),
            ("///", say("//")),
            ("\u{a0}", say("\u{a0}")),
            ("/msg bob hi", message("bob", "hi")),
            ("/MSG bob  two  words ", message("bob", "two  words")),
            ("/msg\tbob\thi", message("bob", "hi")),
            ("/msg bob //hi", message("bob", "//hi")),
            ("/msg bob a\nb", message("bob", "a\nb")),
            ("/me  waves  back ", Line::Act("waves  back".to_owned())),
            ("/ME /msg", Line::Act("/msg".to_owned())),
            ("/list", Line::List),
            ("/who", Line::List),
            ("/list all", Line::List),
            ("/help", Line::Help),
            (" /quit ", Line::Quit),
        ] {
            assert_eq!(parse(line), Ok(meaning), "{line:?}");
        }
        for (line, tells) in [
            ("/", "no command /."),
            ("/fly", "no command /fly."),
            ("/ msg bob hi", "no command /."),
            ("/msg", "/msg NICK TEXT"),
            ("/msg bob", "/msg NICK TEXT"),
            ("/msg bob ", "/msg NICK TEXT"),
            ("/me", "/me TEXT"),
            ("/me  ", "/me TEXT"),
            ("a\0b", "NUL"),
            ("/msg bob a\0QUIT", "NUL"),
        ] {
            let fault = parse(line).expect_err(line);
            assert!(fault.contains(tells), "{line:?}: {fault}");
        }
    }
}
