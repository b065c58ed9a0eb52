//! What the server says: one XML element, read strictly.

use roxmltree::{Document, Node, ParsingOptions};

use super::wire::Broken;

/// A member, as the server names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) nick: String,
    pub(super) name: String,
}

/// Who gets a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum To {
    Member(String),
    Room(String),
}

/// A room, and who is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RoomState {
    pub(super) room: String,
    pub(super) topic: String,
    /// The nick of the owner; empty in a room of the operator.
    pub(super) owner: String,
    pub(super) members: Vec<Member>,
    /// Members that are not in the list.
    pub(super) more: u32,
}

/// A row in the list of rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) room: String,
    pub(super) topic: String,
    pub(super) here: String,
}

/// A message, or what its sender does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) sender: String,
    pub(super) to: To,
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
    /// A member, perhaps this one, has another nick.
    NickChanged {
        old: String,
        new: String,
    },
    Joined {
        room: String,
        member: Member,
    },
    Parted {
        room: String,
        nick: String,
        /// Who has removed this member, and why.
        kick: Option<(String, String)>,
    },
    Owner {
        room: String,
        nick: String,
    },
    Topic {
        room: String,
        nick: String,
        topic: String,
    },
    Room(RoomState),
    Rooms(Vec<Row>),
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
            to: match root.attribute("room") {
                Some(room) => To::Room(room.to_owned()),
                // A quirk of the 2007 format: the attribute names the recipient.
                None => To::Member(attribute(root, "from")?),
            },
            time: attribute(root, "time")?,
            text: attribute(root, "msg")?,
            action: name == "action",
        }),
        "hello" => Answer::Hello,
        "nicklist" => Answer::List(members(root)?),
        "nickchanged" => Answer::NickChanged {
            old: attribute(root, "aid")?,
            new: attribute(root, "to")?,
        },
        "pong" => Answer::Pong,
        "error" => Answer::Error(attribute(root, "value")?),
        "kicked" => Answer::Kicked(attribute(root, "reason")?),
        "announce" => Answer::Announcement {
            time: attribute(root, "time")?,
            text: attribute(root, "msg")?,
        },
        _ => about_room(root)?,
    })
}

fn about_room(root: Node<'_, '_>) -> Result<Answer, Broken> {
    Ok(match root.tag_name().name() {
        "join" => Answer::Joined {
            room: attribute(root, "room")?,
            member: member(root)?,
        },
        "part" => Answer::Parted {
            room: attribute(root, "room")?,
            nick: attribute(root, "aid")?,
            kick: match root.attribute("by") {
                Some(by) => Some((by.to_owned(), attribute(root, "reason")?)),
                None => None,
            },
        },
        "owner" => Answer::Owner {
            room: attribute(root, "room")?,
            nick: attribute(root, "aid")?,
        },
        "topic" => Answer::Topic {
            room: attribute(root, "room")?,
            nick: attribute(root, "aid")?,
            topic: attribute(root, "topic")?,
        },
        "room" => Answer::Room(RoomState {
            room: attribute(root, "name")?,
            topic: attribute(root, "topic")?,
            owner: attribute(root, "owner")?,
            members: members(root)?,
            more: root
                .attribute("more")
                .map_or(0, |more| more.parse().unwrap_or(0)),
        }),
        "rooms" => {
            let rooms = root.children().filter(|child| child.has_tag_name("room"));
            Answer::Rooms(rooms.map(row).collect::<Result<_, _>>()?)
        }
        _ => Answer::Other,
    })
}

/// The `<nick>` elements within an element.
fn members(node: Node<'_, '_>) -> Result<Vec<Member>, Broken> {
    let nicks = node.children().filter(|child| child.has_tag_name("nick"));
    nicks.map(member).collect()
}

fn row(node: Node<'_, '_>) -> Result<Row, Broken> {
    Ok(Row {
        room: attribute(node, "name")?,
        topic: attribute(node, "topic")?,
        here: attribute(node, "here")?,
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

/// Elements and texts in an answer: a list of 65,536 members has as many.
const MAX_NODES: u32 = 65_536 + 2;

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: &str = "aid=\"bob\" name=\"B &amp; &quot;o&quot;&#10;b\"";

    fn bob() -> Member {
        Member {
            nick: "bob".to_owned(),
            name: "B & \"o\"\nb".to_owned(),
        }
    }

    #[test]
    fn answers() {
        let attributes = BOB;
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
                    to: To::Member("b".to_owned()),
                    time: "10:54:02".to_owned(),
                    text: "<b>\r".to_owned(),
                    action: false,
                }),
            ),
            (
                "<action aid=\"a\" time=\"10:54:02\" msg=\"waves\" from=\"b\" />".to_owned(),
                Answer::Message(Said {
                    sender: "a".to_owned(),
                    to: To::Member("b".to_owned()),
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
            (
                "<msg room=\"#r\" aid=\"a\" time=\"10:54:02\" msg=\"x\" />".to_owned(),
                Answer::Message(Said {
                    sender: "a".to_owned(),
                    to: To::Room("#r".to_owned()),
                    time: "10:54:02".to_owned(),
                    text: "x".to_owned(),
                    action: false,
                }),
            ),
            (
                "<nickchanged aid=\"a\" to=\"b\" />".to_owned(),
                Answer::NickChanged {
                    old: "a".to_owned(),
                    new: "b".to_owned(),
                },
            ),
            ("<later/>".to_owned(), Answer::Other),
        ] {
            assert_eq!(understand(text.as_bytes()).expect(&text), answer);
        }
    }
    #[test]
    fn answers_about_rooms() {
        let attributes = BOB;
        let parted = |kick| Answer::Parted {
            room: "#r".to_owned(),
            nick: "a".to_owned(),
            kick,
        };
        for (text, answer) in [
            (
                format!("<join room=\"#r\" {attributes} />"),
                Answer::Joined {
                    room: "#r".to_owned(),
                    member: bob(),
                },
            ),
            (
                "<part room=\"#r\" aid=\"a\" />".to_owned(),
                parted(None),
            ),
            (
                "<part room=\"#r\" aid=\"a\" by=\"b\" reason=\"\" />".to_owned(),
                parted(Some(("b".to_owned(), String::new()))),
            ),
            (
                "<owner room=\"#r\" aid=\"a\" />".to_owned(),
                Answer::Owner {
                    room: "#r".to_owned(),
                    nick: "a".to_owned(),
                },
            ),
            (
                "<topic room=\"#r\" aid=\"a\" topic=\"&lt;\" />".to_owned(),
                Answer::Topic {
                    room: "#r".to_owned(),
                    nick: "a".to_owned(),
                    topic: "<".to_owned(),
                },
            ),
            (
                format!(
                    "<room name=\"#r\" topic=\"t\" owner=\"bob\" seats=\"0\" max=\"0\" n=\"0\" \
                     more=\"7\"><nick {attributes} /><var key=\"k\" value=\"v\" n=\"1\" /></room>"
                ),
                Answer::Room(RoomState {
                    room: "#r".to_owned(),
                    topic: "t".to_owned(),
                    owner: "bob".to_owned(),
                    members: vec![bob()],
                    more: 7,
                }),
            ),
            (
                "<rooms><room name=\"#r\" topic=\"t\" here=\"3\" seats=\"0\" taken=\"0\" max=\"0\" \
                 /></rooms>"
                    .to_owned(),
                Answer::Rooms(vec![Row {
                    room: "#r".to_owned(),
                    topic: "t".to_owned(),
                    here: "3".to_owned(),
                }]),
            ),
            ("<rooms></rooms>".to_owned(), Answer::Rooms(Vec::new())),
        ] {
            assert_eq!(understand(text.as_bytes()).expect(&text), answer);
        }
    }
}
