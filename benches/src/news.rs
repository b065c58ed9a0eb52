//! The logins and quits that all who are online are notified of: each once, and in one order.

use std::collections::{HashSet, VecDeque};

use crate::fault::Fault;

/// A login or a quit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Login(usize),
    Quit(usize),
}

impl Event {
    /// What an answer tells, if it is news, and right to the byte.
    pub(crate) fn read(answer: &[u8]) -> Option<Self> {
        if let Some(rest) = answer.strip_prefix(b"<login aid=\"m") {
            let (digits, rest) = digits(rest);
            let rest = rest.strip_prefix(b"\" name=\"Member ")?;
            let same = rest.strip_prefix(digits)? == b"\" />";
            return number(digits).filter(|_| same).map(Self::Login);
        }
        let (digits, rest) = digits(answer.strip_prefix(b"<quit aid=\"m")?);
        let right = rest == b"\" />";
        number(digits).filter(|_| right).map(Self::Quit)
    }
}

/// The logins and quits that clients who stay are notified of. It keeps only those that some client has not got yet.
#[derive(Debug)]
pub(crate) struct News {
    /// In the order in which the first client got them.
    events: VecDeque<Event>,
    /// How many came before those.
    forgotten: u64,
    /// How many each client has got.
    heard: Vec<u64>,
    online: HashSet<usize>,
    /// Logins and quits so far.
    pub(crate) logins: u64,
    pub(crate) quits: u64,
}

impl News {
    /// For clients who stay, and members who are online before.
    pub(crate) fn new(clients: usize, online: impl IntoIterator<Item = usize>) -> Self {
        Self {
            events: VecDeque::new(),
            forgotten: 0,
            heard: vec![0; clients],
            online: online.into_iter().collect(),
            logins: 0,
            quits: 0,
        }
    }

    /// A client gets an answer.
    pub(crate) fn take(&mut self, client: usize, answer: &[u8]) -> Result<(), Fault> {
        let event = Event::read(answer).ok_or_else(|| Fault::wrong("no news", answer))?;
        let at = (self.heard[client] - self.forgotten) as usize;
        self.heard[client] += 1;
        match self.events.get(at) {
            Some(known) if *known == event => Ok(()),
            Some(_) => Err(Fault::wrong("lost, doubled or reordered", answer)),
            None => {
                let possible = match event {
                    Event::Login(member) => self.online.insert(member),
                    Event::Quit(member) => self.online.remove(&member),
                };
                if !possible {
                    return Err(Fault::wrong("doubled, or its opposite was lost", answer));
                }
                match event {
                    Event::Login(_) => self.logins += 1,
                    Event::Quit(_) => self.quits += 1,
                }
                self.events.push_back(event);
                Ok(())
            }
        }
    }

    /// Forgets what all clients have got.
    pub(crate) fn prune(&mut self) {
        let least = self.heard.iter().min().copied().unwrap_or_default();
        self.events.drain(..(least - self.forgotten) as usize);
        self.forgotten = least;
    }

    /// Whether all clients have got exactly this many logins and quits.
    pub(crate) fn is_complete(&self, logins: u64, quits: u64) -> bool {
        let all = logins + quits;
        (self.logins, self.quits) == (logins, quits) && self.heard.iter().all(|n| *n == all)
    }
}

fn digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit());
    bytes.split_at(end.unwrap_or(bytes.len()))
}

fn number(digits: &[u8]) -> Option<usize> {
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_like_ours() {
        let login = b"<login aid=\"m12\" name=\"Member 12\" />";
        assert_eq!(Event::read(login), Some(Event::Login(12)));
        assert_eq!(Event::read(b"<quit aid=\"m12\" />"), Some(Event::Quit(12)));
        for bad in [
            "<login aid=\"m12\" name=\"Member 13\" />",
            "<login aid=\"m12\" name=\"Member 12\"/>",
            "<login aid=\"m\" name=\"Member \" />",
            "<quit aid=\"m12\"/>",
            "<quit aid=\"12\" />",
        ] {
            assert_eq!(Event::read(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn each_event_once_and_in_one_order() {
        let after = |told: &[(usize, Event)]| {
            let mut news = News::new(2, [1, 2]);
            for (client, event) in told {
                let answer = match event {
                    Event::Login(n) => format!("<login aid=\"m{n}\" name=\"Member {n}\" />"),
                    Event::Quit(n) => format!("<quit aid=\"m{n}\" />"),
                };
                news.take(*client, answer.as_bytes())?;
                news.prune();
            }
            Ok::<_, Fault>(news)
        };
        let (come, gone) = (Event::Login(7), Event::Quit(7));
        let news = after(&[(0, come), (0, gone), (1, come), (1, gone), (1, come)]).unwrap();
        assert!(!news.is_complete(2, 1), "the first has not heard the last");
        assert_eq!(news.online.len(), 3);
        let news = after(&[(0, come), (1, come), (1, gone), (0, gone)]).unwrap();
        assert!(news.is_complete(1, 1) && !news.is_complete(2, 1));
        assert!(
            news.events.is_empty(),
            "nothing is kept that all have heard"
        );
        for bad in [
            &[(0, come), (0, come)][..],
            &[(0, gone)],
            &[(0, come), (1, gone)],
            &[(0, come), (0, gone), (1, come), (1, come)],
        ] {
            after(bad).unwrap_err();
        }
    }
}
