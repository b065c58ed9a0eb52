//! Checks answers, to the byte, and their order: nothing may be lost, doubled or reordered.

use crate::fault::Fault;

/// The messages from one member to another, or to a room.
#[derive(Debug)]
pub(crate) struct Messages {
    /// What to send, up to the number.
    command: Vec<u8>,
    /// What comes before the number, around the time of day or the sender's host.
    head: Vec<u8>,
    varies: Varies,
    middle: Vec<u8>,
    /// What comes behind it.
    tail: Vec<u8>,
    text: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Varies {
    /// The time of day.
    Eight,
    /// The sender's user and host.
    UpToSpace,
}

impl Messages {
    /// As the chat has them.
    pub(crate) fn chat(from: usize, to: usize, text: &str) -> Self {
        Self {
            command: format!("MSG m{to} ").into_bytes(),
            head: format!("<msg aid=\"m{from}\" time=\"").into_bytes(),
            varies: Varies::Eight,
            middle: b"\" msg=\"".to_vec(),
            tail: format!("{text}\" from=\"m{to}\" />").into_bytes(),
            text: text.into(),
        }
    }

    /// As a room has them. Rooms are called `#r0` and so on.
    pub(crate) fn room(from: usize, room: usize, text: &str) -> Self {
        Self {
            command: format!("MSG #r{room} ").into_bytes(),
            head: format!("<msg room=\"#r{room}\" aid=\"m{from}\" time=\"").into_bytes(),
            varies: Varies::Eight,
            middle: b"\" msg=\"".to_vec(),
            tail: format!("{text}\" />").into_bytes(),
            text: text.into(),
        }
    }

    /// As IRC has them.
    pub(crate) fn irc(from: usize, to: usize, text: &str) -> Self {
        Self {
            command: format!("PRIVMSG m{to} :").into_bytes(),
            head: format!(":m{from}!").into_bytes(),
            varies: Varies::UpToSpace,
            middle: format!(" PRIVMSG m{to} :").into_bytes(),
            tail: text.into(),
            text: text.into(),
        }
    }

    /// The command that sends the message of this number.
    pub(crate) fn command(&self, number: u32) -> Vec<u8> {
        let mut command = self.command.clone();
        command.extend(format!("{number:0DIGITS$}").as_bytes());
        command.extend(&self.text);
        command
    }

    /// The number of a message that is like these to the byte.
    pub(crate) fn number(&self, answer: &[u8]) -> Result<u32, Fault> {
        self.read(answer)
            .ok_or_else(|| Fault::wrong("wrong, or not for this client", answer))
    }

    fn read(&self, answer: &[u8]) -> Option<u32> {
        let rest = answer.strip_prefix(self.head.as_slice())?;
        let varies = match self.varies {
            Varies::Eight => 8,
            Varies::UpToSpace => rest.iter().position(|byte| *byte == b' ')?,
        };
        let rest = rest.get(varies..)?.strip_prefix(self.middle.as_slice())?;
        let digits = rest.strip_suffix(self.tail.as_slice())?;
        if digits.len() != DIGITS {
            return None;
        }
        str::from_utf8(digits).ok()?.parse().ok()
    }
}

/// Numbers that must come one after the other, each once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Order {
    next: u32,
}

impl Order {
    /// How many have come.
    pub(crate) fn come(self) -> u32 {
        self.next
    }

    pub(crate) fn take(&mut self, number: u32) -> Result<(), Fault> {
        let next = self.next;
        if number > next {
            return Err(Fault::new(format!(
                "lost or reordered: message {number} has come, and {next} has not"
            )));
        }
        if number < next {
            return Err(Fault::new(format!(
                "doubled or reordered: message {number} has come after {}",
                next - 1
            )));
        }
        self.next += 1;
        Ok(())
    }
}

/// Answers that many clients must get, each once, and all in the same order, whichever that is.
#[derive(Debug, Default)]
pub(crate) struct Agreed {
    /// In the order in which the first client got each.
    answers: Vec<Vec<u8>>,
    /// How many each has.
    come: Vec<usize>,
}

impl Agreed {
    pub(crate) fn new(clients: usize) -> Self {
        Self {
            answers: Vec::new(),
            come: vec![0; clients],
        }
    }

    pub(crate) fn take(&mut self, client: usize, answer: &[u8]) -> Result<(), Fault> {
        let at = self.come[client];
        self.come[client] += 1;
        match self.answers.get(at) {
            Some(agreed) if agreed == answer => Ok(()),
            Some(_) => Err(Fault::wrong("lost, doubled or reordered", answer)),
            None if self.answers.iter().any(|known| known == answer) => {
                Err(Fault::wrong("doubled", answer))
            }
            None => {
                self.answers.push(answer.to_vec());
                Ok(())
            }
        }
    }
}

const DIGITS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_like_ours() {
        let chat = Messages::chat(1, 2, " hello");
        assert_eq!(chat.command(7), b"MSG m2 00000007 hello");
        let good = r#"<msg aid="m1" time="10:54:02" msg="00000007 hello" from="m2" />"#;
        assert_eq!(chat.number(good.as_bytes()).unwrap(), 7);
        let room = Messages::room(1, 2, " hello");
        assert_eq!(room.command(7), b"MSG #r2 00000007 hello");
        let sent = r##"<msg room="#r2" aid="m1" time="10:54:02" msg="00000007 hello" />"##;
        assert_eq!(room.number(sent.as_bytes()).unwrap(), 7);
        room.number(good.as_bytes()).unwrap_err();
        let irc = Messages::irc(1, 2, " hello");
        assert_eq!(irc.command(7), b"PRIVMSG m2 :00000007 hello");
        let line = ":m1!~m1@localhost PRIVMSG m2 :00000007 hello";
        assert_eq!(irc.number(line.as_bytes()).unwrap(), 7);
        for (messages, bad) in [
            (&chat, good.replace("m1", "m3")),
            (&chat, good.replace("m2", "m3")),
            (&chat, good.replace("hello", "hallo")),
            (&chat, good.replace("0007", "007")),
            (&chat, good.replace("0007", "00007")),
            (&chat, good.replace(" />", "/>")),
            (&chat, line.to_owned()),
            (&irc, line.replace("m2", "m3")),
            (&irc, format!("{line}!")),
        ] {
            messages.number(bad.as_bytes()).unwrap_err();
        }
    }

    #[test]
    fn order_is_kept() {
        let after = |numbers: &[u32]| {
            let mut order = Order::default();
            numbers.iter().try_for_each(|number| order.take(*number))
        };
        after(&[0, 1, 2]).unwrap();
        for (bad, word) in [
            (&[0, 2][..], "lost"),
            (&[1], "lost"),
            (&[0, 0], "doubled"),
            (&[0, 1, 0], "doubled"),
        ] {
            assert!(
                after(bad).unwrap_err().to_string().contains(word),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn all_agree() {
        let after = |answers: &[(usize, &str)]| {
            let mut agreed = Agreed::new(2);
            let mut answers = answers.iter();
            answers.try_for_each(|(client, answer)| agreed.take(*client, answer.as_bytes()))
        };
        after(&[(0, "a"), (0, "b"), (1, "a"), (1, "b"), (1, "c"), (0, "c")]).unwrap();
        for bad in [
            &[(0, "a"), (0, "a")][..],
            &[(0, "a"), (0, "b"), (1, "b")],
            &[(0, "a"), (1, "a"), (1, "b"), (1, "a")],
        ] {
            after(bad).unwrap_err();
        }
    }
}
