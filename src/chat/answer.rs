//! What the server says: one XML element, read strictly.

use roxmltree::{Document, Node, ParsingOptions};

use super::wire::Broken;

/// A member, as the server names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) nick: String,
    pub(super) name: String,
}

/// A message, or what its sender does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) sender: String,
    pub(super) recipient: String,
    pub(super) time: String,
    pub(super) text: String,
    pub(super) action: bool,
}

/// One answer. Its texts are as the server sent them, and not fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Identify(Member),
    Login(Member),
    Quit {
        nick: String,
    },
    Message(Said),
    Hello,
    List(Vec<Member>),
    Pong,
    Error(String),
    /// The operator closes the connection, perhaps for a reason.
    Kicked(String),
    /// The operator speaks to everyone.
    Announcement {
        time: String,
        text: String,
    },
    /// An answer of more than this many bytes, which was dropped.
    TooLong(usize),
    /// An element that servers of today do not send.
    Other,
}

/// Reads one answer, without its NUL.
pub(super) fn understand(bytes: &[u8]) -> Result<Answer, Broken> {
    let fault = |why: String| Broken::NotXml {
        start: String::from_utf8_lossy(bytes).chars().take(40).collect(),
        why,
    };
    let text = std::str::from_utf8(bytes).map_err(|error| fault(error.to_string()))?;
    // A document type, and with it entities that grow, is refused unless asked for.
    let options = ParsingOptions {
        nodes_limit: MAX_NODES,
        ..ParsingOptions::default()
    };
    let document =
        Document::parse_with_options(text, options).map_err(|error| fault(error.to_string()))?;
    let root = document.root_element();
    Ok(match root.tag_name().name() {
        "identify" => Answer::Identify(member(root)?),
        "login" => Answer::Login(member(root)?),
        "quit" => Answer::Quit {
            nick: attribute(root, "aid")?,
        },
        name @ ("msg" | "action") => Answer::Message(Said {
            sender: attribute(root, "aid")?,
            // A quirk of the 2007 format: the attribute names the recipient.
            recipient: attribute(root, "from")?,
            time: attribute(root, "time")?,
            text: attribute(root, "msg")?,
            action: name == "action",
        }),
        "hello" => Answer::Hello,
        "nicklist" => {
            let nicks = root.children().filter(|child| child.has_tag_name("nick"));
            Answer::List(nicks.map(member).collect::<Result<_, _>>()?)
        }
        "pong" => Answer::Pong,
        "error" => Answer::Error(attribute(root, "value")?),
        "kicked" => Answer::Kicked(attribute(root, "reason")?),
        "announce" => Answer::Announcement {
            time: attribute(root, "time")?,
            text: attribute(root, "msg")?,
        },
        _ => Answer::Other,
    })
}

fn member(node: Node<'_, '_>) -> Result<Member, Broken> {
    Ok(Member {
        nick: attribute(node, "aid")?,
        name: attribute(node, "name")?,
    })
}

fn attribute(node: Node<'_, '_>, name: &'static str) -> Result<String, Broken> {
    let value = node.attribute(name).ok_or_else(|| Broken::Lacks {
        element: node.tag_name().name().chars().take(40).collect(),
        attribute: name,
    })?;
    Ok(value.to_owned())
}

/// Elements and texts in an answer: those of such a list.
const MAX_NODES: u32 = 65_536 + 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let bob = || Member {
            nick: "bob".to_owned(),
            name: "B & \"o\"\nb".to_owned(),
        };
        let attributes = "aid=\"bob\" name=\"B &amp; &quot;o&quot;&#10;b\"";
        for (text, answer) in [
            (format!("<login {attributes} />"), Answer::Login(bob())),
            (
                format!("<identify {attributes} />"),
                Answer::Identify(bob()),
            ),
            (
                "<quit aid=\"bob\" />".to_owned(),
                Answer::Quit {
                    nick: "bob".to_owned(),
                },
            ),
            (
                "<msg aid=\"a\" time=\"10:54:02\" msg=\"&lt;b&gt;&#13;\" from=\"b\" />".to_owned(),
                Answer::Message(Said {
                    sender: "a".to_owned(),
                    recipient: "b".to_owned(),
                    time: "10:54:02".to_owned(),
                    text: "<b>\r".to_owned(),
                    action: false,
                }),
            ),
            (
                "<action aid=\"a\" time=\"10:54:02\" msg=\"waves\" from=\"b\" />".to_owned(),
                Answer::Message(Said {
                    sender: "a".to_owned(),
                    recipient: "b".to_owned(),
                    time: "10:54:02".to_owned(),
                    text: "waves".to_owned(),
                    action: true,
                }),
            ),
            (
                "<hello server=\"flashgate\" version=\"1\" features=\"me\" />".to_owned(),
                Answer::Hello,
            ),
            (
                format!("<nicklist><nick {attributes} /></nicklist>"),
                Answer::List(vec![bob()]),
            ),
            ("<nicklist></nicklist>".to_owned(), Answer::List(Vec::new())),
            ("<pong value=\"x\"/>".to_owned(), Answer::Pong),
            (
                "<error value=\"No.\"/>".to_owned(),
                Answer::Error("No.".to_owned()),
            ),
            (
                "<kicked reason=\"No.\"/>".to_owned(),
                Answer::Kicked("No.".to_owned()),
            ),
            (
                "<announce time=\"10:54:02\" msg=\"Soon.\" />".to_owned(),
                Answer::Announcement {
                    time: "10:54:02".to_owned(),
                    text: "Soon.".to_owned(),
                },
            ),
            ("<later/>".to_owned(), Answer::Other),
        ] {
            assert_eq!(understand(text.as_bytes()).expect(&text), answer);
        }
    }
}
