//! Turns a recording into a transcript, which a test can play: what clients did, and what they get.
//!
//! The gateway that is asked for the answers is one whose clients read at once, as in a transcript, and
//! whose clock begins where a transcript's does. What a transcript has no words for is left out, and
//! said so in a comment.

mod runtime;
mod words;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::net::Ipv4Addr;

use super::sent::Sent;
use super::settings::{Settings, Taken};
use super::{Recording, Until};
use crate::admin::AdminOrder;
use crate::config::{Config, Role};
use crate::event::{Cause, Input, StoreState};
use crate::gateway::Gateway;
use crate::id::{Accepted, ConnId, ListenerId, Peer, Ticket};
use crate::member::{Answer, Login, Member, MemberEvent, MemberId, Query, Unavailable};
use crate::record::format::Line;
use crate::time::{Millis, Now, UnixSeconds};
use crate::web::policy::Policy;
use crate::web::site::Site;
use runtime::Client;
use words::{escaped, write_settings};

impl Recording<'_> {
    /// The transcript of it, as far as it can be read; `title` is that of its scenario.
    pub fn transcript(&self, title: &str, until: &Until) -> String {
        let mut settings = Some(Settings::new(0));
        let mut config = Arc::new(Config::default());
        let mut writer = None;
        let mut streams = self.streams();
        for (_, line) in self.lines(None, until).skip(1) {
            if let Some(taking) = &mut settings {
                // Files are left out, so that there is always room.
                if line.starts_with("file ") || taking.take(line) != Taken::Settled {
                    continue;
                }
                let read = settings.take().map(Settings::done).unwrap_or_default();
                match &mut writer {
                    None => config = read,
                    Some(writer) => Writer::note(writer, "new settings"),
                }
                continue;
            }
            let Some(line) = Line::read(line) else { break };
            match (line, &mut writer) {
                (Line::At(now), None) => writer = Some(Writer::new(&config, now)),
                (Line::Configure, Some(_)) => settings = Some(Settings::new(0)),
                (line, Some(writer)) => {
                    if writer.line(line, &mut streams).is_none() {
                        break;
                    }
                }
                (_, None) => break,
            }
        }
        writer.map_or_else(String::new, |writer| writer.finish(title))
    }
}

const ADMINISTERED: &str = "what was administered";

struct Writer {
    /// Lines that stand before the steps.
    header: String,
    out: String,
    gateway: Gateway,
    roles: Vec<Role>,
    began: Millis,
    now: Now,
    /// Time that has passed, and is in no line yet.
    passed: u64,
    clients: Vec<Client>,
    /// By the connection's id in the recording.
    by_recorded: BTreeMap<ConnId, usize>,
    by_conn: BTreeMap<ConnId, usize>,
    /// Questions that wait, the oldest first, by their number here; and there.
    kept: Vec<(Ticket, Query)>,
    members: BTreeMap<MemberId, (Member, String)>,
    /// Nicks that members have been given since.
    renamed: BTreeMap<MemberId, Arc<str>>,
    /// The passwords that members have changed, as the recording has them.
    passwords: BTreeMap<MemberId, String>,
    left_out: BTreeSet<&'static str>,
}

impl Writer {
    fn new(recorded: &Config, at: Now) -> Self {
        let mut header = String::new();
        let mut config = Config {
            listeners: Vec::from([Role::Gateway, Role::Policy]),
            filters: Vec::new(),
            policy: Policy::default(),
            site: Arc::new(Site::default()),
            ..recorded.clone()
        };
        write_settings(&config, at.offset, &mut header);
        if recorded.listeners.contains(&Role::Metrics) {
            header.push_str("set metrics-listener on\n");
            config.listeners.push(Role::Metrics);
        }
        let document = String::from_utf8_lossy(&recorded.policy.http().to_vec()).into_owned();
        if document != String::from_utf8_lossy(&config.policy.http().to_vec())
            && !document.contains(char::is_control)
            && document.trim() == document
        {
            let _ = writeln!(header, "set policy-document {document}");
            config.policy = recorded.policy.clone();
        }
        let now = Now {
            mono: Millis(0),
            utc: STARTED,
            offset: at.offset,
        };
        Self {
            header,
            out: String::new(),
            gateway: Gateway::new(Arc::new(config), now),
            roles: recorded.listeners.clone(),
            began: at.mono,
            now,
            passed: 0,
            clients: Vec::new(),
            by_recorded: BTreeMap::new(),
            by_conn: BTreeMap::new(),
            kept: Vec::new(),
            members: BTreeMap::new(),
            renamed: BTreeMap::new(),
            passwords: BTreeMap::new(),
            left_out: BTreeSet::new(),
        }
    }

    fn note(&mut self, left_out: &'static str) {
        self.left_out.insert(left_out);
    }

    /// Writes what a line leads to; nothing when bytes are missing.
    fn line(&mut self, line: Line<'_>, streams: &mut BTreeMap<ConnId, Sent<'_>>) -> Option<()> {
        match line {
            Line::At(now) => {
                self.passed = (now.mono - self.began).0.saturating_sub(self.now.mono.0);
                return Some(());
            }
            Line::Accepted(_, origin) | Line::Refused(_, origin) if self.is_admin(origin) => {
                self.note(ADMINISTERED);
            }
            Line::Accepted(id, origin) => {
                self.time();
                self.by_recorded.insert(id, self.clients.len());
                self.connect(origin);
            }
            Line::Refused(_, origin) => {
                self.time();
                self.connect(origin);
            }
            Line::Bytes(id, length) => {
                let bytes = streams.get_mut(&id)?.next(length)?;
                if let Some(&client) = self.by_recorded.get(&id)
                    && self.clients[client].conn.is_some()
                    && length > 0
                {
                    self.time();
                    self.step(client, &format!("> {}", escaped(&bytes)));
                    self.clients[client].incoming.extend(bytes);
                }
            }
            Line::Input(input) => self.input(input),
            Line::Configure | Line::Content(..) | Line::Did(_) => return Some(()),
            Line::End(_) => self.time(),
        }
        self.work();
        self.tell();
        Some(())
    }

    fn input(&mut self, input: Input<'static>) {
        match input {
            Input::Eof(id) => {
                if let Some(&client) = self.by_recorded.get(&id)
                    && self.clients[client].conn.is_some()
                {
                    self.time();
                    self.step(client, "half-closes");
                    self.clients[client].half_closed = true;
                }
            }
            Input::Gone(id, cause) => self.gone(id, cause),
            Input::Answer(_, Answer::Admin(answer)) => self.order(answer.order),
            Input::Answer(ticket, answer) => {
                if let Some(at) = self.kept.iter().position(|(kept, _)| *kept == ticket) {
                    self.time();
                    self.answer(at, answer);
                }
            }
            Input::Member(event) => {
                self.time();
                let _ = match &event {
                    MemberEvent::Disabled(id) => writeln!(self.out, "disable {id}"),
                    MemberEvent::Renamed(member) => {
                        self.renamed.insert(member.id, Arc::clone(&member.nick));
                        let nick = escaped(member.nick.as_bytes());
                        writeln!(self.out, "rename {} {nick}", member.id)
                    }
                    MemberEvent::Removed(id) => writeln!(self.out, "remove {id}"),
                };
                self.gateway.handle(self.now, Input::Member(event));
            }
            Input::Announce(text) => {
                self.time();
                let _ = writeln!(self.out, "announce {}", escaped(text.as_bytes()));
                self.gateway.handle(self.now, Input::Announce(text));
            }
            Input::Kick { member, reason } => {
                self.time();
                let _ = match &member {
                    Login::Id(id) => write!(self.out, "kick {id}"),
                    Login::Nick(nick) => write!(self.out, "kick {nick}"),
                };
                if let Some(reason) = &reason {
                    let _ = write!(self.out, " {}", escaped(reason.as_bytes()));
                }
                self.out.push('\n');
                self.gateway
                    .handle(self.now, Input::Kick { member, reason });
            }
            Input::Shutdown => {
                self.time();
                self.out.push_str("shutdown\n");
                self.gateway.handle(self.now, Input::Shutdown);
            }
            Input::Timeout => self.time(),
            Input::Host(facts) if facts.log_dropped > 0 => {
                self.note("lines that the log has lost");
            }
            Input::Host(facts) if facts.store == StoreState::Down => {
                self.note("that the host found the member store down");
            }
            Input::Host(_) => {}
            // Clients of a transcript read at once.
            Input::Backlog(_, left) if left > 0 => self.note("that a client read slowly"),
            // Those of a transcript have no filter.
            Input::Filter(..) => {}
            Input::Backlog(..) | Input::Bytes(..) | Input::Configure(_) => {}
        }
    }

    fn is_admin(&self, origin: Accepted) -> bool {
        let role = self.roles.get(origin.listener.0);
        matches!(role, Some(Role::Admin | Role::AdminAndMetrics))
    }

    /// The outcome of a request for administration, if a transcript has a step for it.
    fn order(&mut self, order: AdminOrder) {
        match order {
            AdminOrder::Kick { nick, reason } => {
                let member = Login::Nick(nick);
                self.input(Input::Kick { member, reason });
            }
            AdminOrder::Announce { text, room: None } => self.input(Input::Announce(text)),
            AdminOrder::Json { .. }
            | AdminOrder::Problem { .. }
            | AdminOrder::Status { .. }
            | AdminOrder::Metrics
            | AdminOrder::Clients(_)
            | AdminOrder::Rooms(_)
            | AdminOrder::Announce { .. }
            | AdminOrder::Send { .. }
            | AdminOrder::Events(_)
            | AdminOrder::Drain { .. } => self.note(ADMINISTERED),
        }
    }

    fn connect(&mut self, origin: Accepted) {
        let (listener, place) = match self.roles.get(origin.listener.0) {
            Some(Role::Policy) => (1, " to policy"),
            Some(Role::Metrics) => (2, " to metrics"),
            Some(Role::Gateway | Role::Admin | Role::AdminAndMetrics) | None => (0, ""),
        };
        let peer = match origin.peer {
            // In a transcript, only the gateway has a Unix socket.
            Peer::Unix if listener != 0 => {
                self.note("that a client came over a Unix socket");
                Peer::Address((Ipv4Addr::LOCALHOST, 0).into())
            }
            peer @ (Peer::Unix | Peer::Address(_)) => peer,
        };
        let origin = Accepted {
            listener: ListenerId(listener),
            peer,
            user: None,
        };
        let from = match peer.ip() {
            Some(address) => format!("{}", address.to_canonical()),
            None => format!("{peer}"),
        };
        let client = self.clients.len();
        let conn = self.gateway.accept(self.now, origin).ok();
        self.clients.push(Client::new(conn));
        if let Some(conn) = conn {
            self.by_conn.insert(conn, client);
        }
        self.step(client, &format!("connects from {from}{place}"));
    }

    fn gone(&mut self, id: ConnId, cause: Cause) {
        let how = match cause {
            Cause::Closed => return,
            Cause::Reset => "resets",
            Cause::TimedOut => "vanishes",
        };
        let client = self.by_recorded.get(&id).copied();
        if let Some(client) = client
            && let Some(conn) = self.clients[client].conn.take()
        {
            self.time();
            self.step(client, how);
            self.by_conn.remove(&conn);
            self.clients[client].got.clear();
            self.clients[client].ended = true;
            self.gateway.handle(self.now, Input::Gone(conn, cause));
        }
    }

    /// Answers a question as the store did.
    fn answer(&mut self, at: usize, answer: Answer) {
        let which = match at {
            0 => "first",
            _ if at + 1 == self.kept.len() => "last",
            _ => {
                self.note("the order of some of the store's answers");
                return self.answer(0, answer);
            }
        };
        let (ticket, query) = self.kept.remove(at);
        match (&answer, query) {
            (Answer::Member(member), Query::Identify { password, .. }) => {
                self.met(member, password.expose());
            }
            (Answer::PasswordChanged, Query::ChangePassword { member, new, .. }) => {
                self.passwords.insert(member, String::from(new.expose()));
            }
            _ => {}
        }
        if let Answer::Renamed(member) = &answer {
            self.renamed.insert(member.id, Arc::clone(&member.nick));
        }
        let _ = match &answer {
            Answer::Member(_) | Answer::Claimed | Answer::Renamed(_) => {
                writeln!(self.out, "store answers {which}")
            }
            Answer::Taken => writeln!(self.out, "store denies {which}: taken"),
            Answer::PasswordChanged => writeln!(self.out, "store changes {which}"),
            Answer::PasswordNotAllowed => {
                writeln!(self.out, "store denies {which}: password not allowed")
            }
            // No client of a transcript has asked for administration.
            Answer::Admin(_) => Ok(()),
            Answer::Denied(why, _) => writeln!(self.out, "store denies {which}: {}", why.as_str()),
            Answer::Unavailable(Unavailable::Failed) => writeln!(self.out, "store fails {which}"),
            Answer::Unavailable(
                Unavailable::Busy
                | Unavailable::TimedOut
                | Unavailable::TicketBeforeStart
                | Unavailable::TicketsFull,
            ) => writeln!(self.out, "store is busy for {which}"),
        };
        self.gateway.handle(self.now, Input::Answer(ticket, answer));
    }

    /// A member of this password is known to the store.
    fn met(&mut self, member: &Member, password: &str) {
        let known = (member.clone(), String::from(password));
        let before = self.members.entry(member.id);
        let mut before = before.or_insert_with(|| known.clone()).clone();
        if let Some(nick) = self.renamed.get(&member.id) {
            before.0.nick = Arc::clone(nick);
        }
        if let Some(password) = self.passwords.get(&member.id) {
            before.1.clone_from(password);
        }
        if before != known {
            self.note("that a member's password, nick or name became another");
        }
    }

    /// Lets the time pass that has passed.
    fn time(&mut self) {
        if self.passed > 0 {
            let _ = writeln!(self.out, "time +{}ms", self.passed);
            self.now.mono = self.now.mono + Millis(self.passed);
            self.now.utc = UnixSeconds(STARTED.0 + (self.now.mono.0 / 1000) as i64);
            self.passed = 0;
            self.work();
            self.tell();
        }
    }

    fn step(&mut self, client: usize, what: &str) {
        let _ = writeln!(self.out, "c{client} {what}");
    }

    /// Tells what clients have got.
    fn tell(&mut self) {
        for nth in 0..self.clients.len() {
            let client = &mut self.clients[nth];
            if !client.got.is_empty() {
                let _ = writeln!(self.out, "c{nth} < {}", escaped(&client.got));
                client.got.clear();
            }
            if let Some(end) = client.end.take() {
                let _ = writeln!(self.out, "c{nth} {end}");
            }
        }
    }
}

impl Writer {
    fn finish(mut self, title: &str) -> String {
        self.work();
        self.tell();
        let mut text = String::from("# Made from a recording.\n");
        for left_out in &self.left_out {
            let _ = writeln!(text, "# Left out: {left_out}.");
        }
        let _ = write!(
            text,
            "\nonly core: a recording has addresses of its own\n{}",
            self.header
        );
        for (member, password) in self.members.values() {
            let words =
                [&*member.nick, password].map(|word| escaped(word.as_bytes()).replace(' ', "\\s"));
            let name = escaped(member.name.as_bytes());
            let _ = writeln!(
                text,
                "member {} {} {} {name}",
                member.id, words[0], words[1]
            );
        }
        let _ = write!(text, "\n== {title}\nstore holds\n{}", self.out);
        text
    }
}

/// The moment every transcript begins: 2007-07-10 10:54:02, in UTC.
const STARTED: UnixSeconds = UnixSeconds(1_184_064_842);
