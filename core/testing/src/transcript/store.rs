//! A member store that answers at once, or at a step of the transcript.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flashgate_core::{
    _testing, AdminAnswer, AdminOrder, AdminRequest, Answer, Denial, Login, Member, MemberEvent,
    MemberId, MemberStore, Query, Reply, Secret, Unavailable, name,
};

/// A member that the store knows.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) member: Member,
    pub(super) password: String,
    pub(super) active: bool,
}

/// What the store does with a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// Answers at once.
    Prompt,
    /// Keeps the question until a later step.
    Holding,
    /// Fails, and drops the reply.
    Failing,
    /// Answers that it has too many questions.
    Busy,
}

/// The answer to a question that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The right answer, at this time.
    Truth,
    /// A denial for this reason.
    Denial(Denial),
    /// That the nick of a NICK is taken.
    Taken,
    /// That the password is another now, whatever the old one of a PASSWD is: a recording has neither.
    Changed,
    /// That the store cannot have the new password of a PASSWD.
    PasswordNotAllowed,
    /// That the store is broken.
    Failure,
    /// That it has too many questions.
    Busy,
}

/// Which of the questions that were kept is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// The oldest.
    First,
    /// The newest.
    Last,
}

/// The members of a transcript.
pub(super) struct Store {
    inner: Mutex<Inner>,
}

struct Inner {
    mood: Mood,
    taken: u64,
    members: Vec<Known>,
    kept: Vec<(Query, Reply)>,
    /// Nicks that members have given up, in the form that forgets letter case.
    given_up: Vec<(String, MemberId)>,
}

impl Store {
    pub(super) fn new(members: &[Known]) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Inner {
                mood: Mood::Prompt,
                taken: 0,
                members: members.to_vec(),
                kept: Vec::new(),
                given_up: Vec::new(),
            }),
        })
    }

    pub(super) fn set_mood(&self, mood: Mood) {
        self.lock().mood = mood;
    }

    /// How many questions were taken so far, answered or kept.
    pub(super) fn taken(&self) -> u64 {
        self.lock().taken
    }

    /// How many questions wait.
    pub(super) fn kept(&self) -> usize {
        self.lock().kept.len()
    }

    /// Answers a question that waits; an error if there is none.
    pub(super) fn answer(&self, which: Which, verdict: Verdict) -> Result<(), String> {
        let mut inner = self.lock();
        let at = match which {
            Which::First => 0,
            Which::Last => inner.kept.len().saturating_sub(1),
        };
        if inner.kept.is_empty() {
            return Err("the store has no question to answer".to_owned());
        }
        let (query, reply) = inner.kept.remove(at);
        let answer = match verdict {
            Verdict::Truth => inner.truth(&query),
            Verdict::Denial(why) => {
                let member = inner.find(&query).map(|known| known.member.id);
                Answer::Denied(why, member)
            }
            Verdict::Taken => Answer::Taken,
            Verdict::Changed => inner.set_password(&query),
            Verdict::PasswordNotAllowed => Answer::PasswordNotAllowed,
            Verdict::Failure => Answer::Unavailable(Unavailable::Failed),
            Verdict::Busy => Answer::Unavailable(Unavailable::Busy),
        };
        drop(inner); // the runtime may ask the next question from within `reply`
        reply.send(answer);
        Ok(())
    }

    /// Changes a member, as the host does before it notifies the gateway of the event that this returns.
    pub(super) fn change(&self, id: MemberId, change: &Change) -> MemberEvent {
        let mut inner = self.lock();
        match change {
            Change::Disable => {
                inner.each(id, |known| known.active = false);
                MemberEvent::Disabled(id)
            }
            Change::Rename(nick) => {
                let renamed = inner.rename(id, nick);
                MemberEvent::Renamed(renamed.unwrap_or_else(|| Member {
                    id,
                    nick: nick.clone(),
                    name: nick.clone(),
                }))
            }
            Change::Remove => {
                inner.members.retain(|known| known.member.id != id);
                MemberEvent::Removed(id)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change of a member.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Disable,
    Rename(Arc<str>),
    Remove,
}

impl MemberStore for Store {
    fn submit(&self, query: Query, reply: Reply) {
        let mut inner = self.lock();
        let answer = match inner.mood {
            Mood::Prompt => Some(inner.truth(&query)),
            Mood::Holding => {
                inner.kept.push((query, reply));
                inner.taken += 1;
                return;
            }
            Mood::Failing => None,
            Mood::Busy => Some(Answer::Unavailable(Unavailable::Busy)),
        };
        drop(inner);
        match answer {
            Some(answer) => reply.send(answer),
            None => drop(reply),
        }
        self.lock().taken += 1;
    }
}

impl Inner {
    fn truth(&mut self, query: &Query) -> Answer {
        let password = match query {
            Query::Identify { password, .. } | Query::ChangePassword { old: password, .. } => {
                password
            }
            Query::Claim(_) => return Answer::Claimed,
            Query::Rename { member, nick, .. } => return self.may_rename(*member, nick),
            Query::Admin(request) => return administer(request),
        };
        let Some(known) = self.members.iter_mut().find(|known| known.is(query)) else {
            return Answer::Denied(Denial::Unknown, None);
        };
        let id = Some(known.member.id);
        if !known.active {
            Answer::Denied(Denial::Inactive, id)
        } else if known.password != password.expose() {
            Answer::Denied(Denial::WrongPassword, id)
        } else if let Query::ChangePassword { new, .. } = query {
            if new.expose().len() > MAX_PASSWORD {
                return Answer::PasswordNotAllowed;
            }
            known.password = new.expose().to_owned();
            Answer::PasswordChanged
        } else {
            Answer::Member(known.member.clone())
        }
    }

    fn set_password(&mut self, query: &Query) -> Answer {
        let known = self.members.iter_mut().find(|known| known.is(query));
        if let (Some(known), Query::ChangePassword { new, .. }) = (known, query) {
            known.password = new.expose().to_owned();
        }
        Answer::PasswordChanged
    }

    fn find(&self, query: &Query) -> Option<&Known> {
        self.members.iter().find(|known| known.is(query))
    }

    fn may_rename(&mut self, id: MemberId, nick: &Arc<str>) -> Answer {
        let key = name::fold(nick);
        let of_others = |known: &&Known| known.member.id != id;
        let mut others = self.members.iter().filter(of_others);
        let is_given_up = |(other, by): &(String, MemberId)| *other == key && *by != id;
        if others.any(|known| name::fold(&known.member.nick) == key)
            || self.given_up.iter().any(is_given_up)
        {
            return Answer::Taken;
        }
        let renamed = self.rename(id, nick);
        renamed.map_or(Answer::Denied(Denial::Unknown, None), Answer::Renamed)
    }

    fn rename(&mut self, id: MemberId, nick: &Arc<str>) -> Option<Member> {
        let known = self.members.iter_mut().find(|k| k.member.id == id)?;
        let old = std::mem::replace(&mut known.member.nick, Arc::clone(nick));
        self.given_up.push((name::fold(&old), id));
        Some(known.member.clone())
    }

    fn each(&mut self, id: MemberId, change: impl Fn(&mut Known)) {
        let found = self.members.iter_mut().filter(|k| k.member.id == id);
        found.for_each(change);
    }
}

impl Known {
    /// Whether a question is about this member.
    fn is(&self, query: &Query) -> bool {
        match query {
            Query::Identify { login, .. } => match login {
                Login::Id(id) => self.member.id == *id,
                Login::Nick(nick) => self.member.nick == *nick,
            },
            Query::Claim(member) => self.member.id == member.id,
            Query::Admin(_) => false,
            Query::Rename { member, .. } | Query::ChangePassword { member, .. } => {
                self.member.id == *member
            }
        }
    }
}

/// The answer that the body of a request for administration spells, in the words of a recording. For any other body,
/// the request as the store sees it.
fn administer(request: &AdminRequest) -> Answer {
    let body = String::from_utf8_lossy(&request.body);
    let spelt = _testing::admin_answer(&body);
    Answer::Admin(Box::new(spelt.unwrap_or_else(|| {
        let text = |text: &str| format!("\"{}\"", text.escape_default());
        let optional = |value: Option<&str>| value.map_or("null".to_owned(), text);
        let token = request.token.as_ref().map(Secret::expose);
        let body = format!(
            "{{\"method\":{},\"path\":{},\"query\":{},\"token\":{},\"body\":{}}}",
            text(&request.method),
            text(&request.path),
            optional(request.query.as_deref()),
            optional(token),
            text(&body)
        );
        AdminAnswer {
            by: None,
            about: None,
            order: AdminOrder::Json { status: 200, body },
        }
    })))
}

/// Bytes in a new password, as in the program's store.
const MAX_PASSWORD: usize = 1024;

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
