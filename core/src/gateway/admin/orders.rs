//! Carries out the host's order for a request, in one step.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::{Gateway, address, answer, problem, stream};
use crate::admin::{AdminOrder, AdminPage, AdminTexts};
use crate::chat::hub::OnlineMember;
use crate::chat::reply;
use crate::chunk::{Audience, Form};
use crate::event::StoreState;
use crate::json::Object;
use crate::member::{Login, MemberId};
use crate::name::RoomName;
use crate::time::{Millis, Now, UnixSeconds};
use crate::wire::http::{Response, Status, status_of};

/// What the client gets.
#[derive(Debug)]
pub(super) enum Outcome {
    Answer(Response),
    /// Events from now on.
    Events(AdminTexts),
}

impl Outcome {
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Answer(response) => response.status,
            Self::Events(_) => stream().status,
        }
    }
}

/// Why an order is not carried out.
type Refused = (Status, String);

impl Gateway {
    pub(super) fn carry_out(&mut self, order: AdminOrder) -> Outcome {
        let done = match order {
            AdminOrder::Json { status, body } => {
                return Outcome::Answer(answer(status_of(status), JSON, body));
            }
            AdminOrder::Problem {
                status,
                detail,
                allow,
            } => {
                let mut response = problem(status_of(status), &detail);
                response
                    .headers
                    .extend(allow.map(|allow| ("Allow", Cow::from(allow))));
                return Outcome::Answer(response);
            }
            AdminOrder::Metrics => return Outcome::Answer(self.metrics()),
            AdminOrder::Events(texts) => return Outcome::Events(texts),
            AdminOrder::Status { version } => Ok(self.admin_status(&version)),
            AdminOrder::Clients(page) => Ok(self.client_page(&page)),
            AdminOrder::Rooms(page) => Ok(self.room_page(&page)),
            AdminOrder::Kick { nick, reason } => self.kick_by_admin(&nick, reason.as_deref()),
            AdminOrder::Announce { text, room } => self.announce_by_admin(&text, room.as_deref()),
            AdminOrder::Send { from, to, text } => self.send_by_admin(&from, &to, &text),
            AdminOrder::Drain { within, text } => self.drain_by_admin(within, &text),
        };
        Outcome::Answer(match done {
            Ok(body) => answer(Status::Ok, JSON, body),
            Err((status, detail)) => problem(status, &detail),
        })
    }

    fn admin_status(&self, version: &str) -> String {
        let gauges = self.gauges();
        let state = if !self.is_running() {
            "stopping"
        } else if self.is_draining() {
            "draining"
        } else {
            "running"
        };
        let store = match gauges.store {
            StoreState::Up => "up",
            StoreState::Down => "down",
        };
        Object::new()
            .text("version", version)
            .text("state", state)
            .text("store", store)
            .text("created", &self.started.timestamp().to_string())
            .raw("uptime_seconds", gauges.uptime_seconds())
            .raw("clients", gauges.clients)
            .raw("max_clients", gauges.max_clients)
            .raw("online", gauges.online)
            .raw("rooms", self.hub.rooms.len())
            .raw("connections", gauges.connections)
            .raw("max_connections", gauges.max_connections)
            .raw("logins", self.counters.logins)
            .raw("failed_logins", self.counters.failed_logins)
            .raw("messages", self.counters.messages)
            .end()
    }

    fn client_page(&self, page: &AdminPage) -> String {
        let limit = page.limit.clamp(1, MAX_ROWS);
        let rows = self.hub.page(page.after.as_deref());
        let rows: Vec<&OnlineMember> = rows.take(limit + 1).collect();
        let next = (rows.len() > limit).then(|| rows[limit - 1].nick());
        let rows = rows
            .iter()
            .take(limit)
            .map(|online| self.client_row(online));
        list("clients", rows, next)
    }

    fn client_row(&self, online: &OnlineMember) -> String {
        let id = online.conn;
        let conn = self.conns.known(id);
        let peer = conn.map_or_else(String::new, |conn| address(conn.peer()));
        let since = self.admin.online_since(id).unwrap_or(self.now.mono);
        let slot = self.hub.slot_by_nick(online.nick());
        let rooms = slot.into_iter().flat_map(|slot| self.hub.rooms.of(slot));
        let rooms = rooms.filter_map(|id| self.hub.rooms.get(id));
        let object = Object::new();
        let object = match online.member() {
            Some(MemberId(id)) => object.raw("id", id),
            None => object.raw("id", "null"),
        };
        object
            .text("nick", online.nick())
            .text("name", online.name())
            .text("address", &peer)
            .text("since", &self.date_of(since))
            .text("wire", wire(self.form(id)))
            .optional("tls", self.tls_version(id).map(|version| version.as_str()))
            .raw("bytes_waiting", conn.map_or(0, |conn| conn.waiting()))
            .texts("rooms", rooms.map(|room| &*room.name))
            .end()
    }

    fn room_page(&self, page: &AdminPage) -> String {
        let limit = page.limit.clamp(1, MAX_ROWS);
        let rooms = self.hub.rooms.page(page.after.as_deref());
        let mut next = None;
        let mut rows = Vec::new();
        let mut names = 0;
        for room in rooms {
            // Rows list their members, so crowded rooms make a shorter page.
            if rows.len() == limit || names >= MAX_ROWS {
                next = rows.last().map(|(key, _)| *key);
                break;
            }
            let members = room.in_order().filter_map(|slot| self.hub.online(slot));
            let owner = room.owner.and_then(|owner| self.hub.online(owner));
            let row = Object::new()
                .text("name", &room.name)
                .text("topic", room.topic())
                .raw("members", room.len())
                .raw("hidden", room.hidden)
                .raw("key", room.key.is_some())
                .raw("permanent", room.is_permanent())
                .optional("owner", owner.map(|owner| owner.nick()))
                .texts("nicks", members.take(MAX_ROWS).map(|online| online.nick()))
                .end();
            names += room.len();
            rows.push((room.name_key(), row));
        }
        list("rooms", rows.into_iter().map(|(_, row)| row), next)
    }

    fn kick_by_admin(&mut self, nick: &str, reason: Option<&str>) -> Result<String, Refused> {
        if self.hub.by_nick(nick).is_none() {
            return Err(not_online(nick));
        }
        self.kick(&Login::Nick(nick.into()), reason);
        Ok(Object::new().text("nick", nick).end())
    }

    fn announce_by_admin(&mut self, text: &str, room: Option<&str>) -> Result<String, Refused> {
        self.fits(text)?;
        let Some(name) = room else {
            let clients = self.hub.len();
            self.announce(text);
            return Ok(Object::new().raw("online", clients).end());
        };
        let rooms = &self.hub.rooms;
        let found = RoomName::new(name).ok().and_then(|name| rooms.find(&name));
        let found = found.and_then(|id| rooms.get(id));
        let Some((id, members)) = found.map(|room| (room.id, room.len())) else {
            return Err((Status::NotFound, format!("There is no room {name:?}.")));
        };
        let message = reply::announce(self.now, text);
        self.broadcast(Audience::Room(id), &message, None);
        Ok(Object::new().raw("online", members).end())
    }

    fn send_by_admin(&mut self, from: &str, to: &str, text: &str) -> Result<String, Refused> {
        self.fits(text)?;
        let mut reserved = self.config.reserved_nicks.as_str().split(' ');
        if from.is_empty() || !reserved.any(|nick| nick == from) {
            let why = format!(
                "The nick {from:?} is not reserved; add it to the file of reserved-nicks, so that no member can have it."
            );
            return Err((Status::Forbidden, why));
        }
        if self.hub.by_nick(from).is_some() {
            let why = format!("A member who has the nick {from:?} is online; use another nick.");
            return Err((Status::Conflict, why));
        }
        let Some(recipient) = self.hub.by_nick(to) else {
            return Err(not_online(to));
        };
        let id = recipient.conn;
        let message = reply::msg(from, self.now, text, to);
        self.counters.messages += 1;
        self.tell(id, &message);
        self.watch_message(from, to, text);
        Ok(Object::new().text("nick", to).end())
    }

    fn drain_by_admin(&mut self, within: Millis, text: &str) -> Result<String, Refused> {
        self.fits(text)?;
        self.drain(within, text);
        Ok(Object::new()
            .raw("seconds", within.0 / 1000)
            .raw("clients", self.clients)
            .end())
    }

    /// Clients cannot send longer texts themselves, and do not expect them.
    fn fits(&self, text: &str) -> Result<(), Refused> {
        let most = self.config.limits.command;
        if text.len() <= most {
            return Ok(());
        }
        let why = format!("The text has {} bytes, and may have {most}.", text.len());
        Err((Status::UnprocessableContent, why))
    }

    /// The date of a time on the monotonic clock.
    fn date_of(&self, at: Millis) -> String {
        let ago = self.now.mono - at;
        let utc = UnixSeconds(self.now.utc.0.saturating_sub((ago.0 / 1000) as i64));
        Now { utc, ..self.now }.timestamp().to_string()
    }
}

/// A page of a list.
fn list(name: &str, rows: impl Iterator<Item = String>, next: Option<&str>) -> String {
    let rows: Vec<String> = rows.collect();
    let rows = format!("[{}]", rows.join(","));
    Object::new().raw(name, rows).optional("next", next).end()
}

fn not_online(nick: &str) -> Refused {
    let why = format!("Nobody with the nick {nick:?} is online.");
    (Status::NotFound, why)
}

/// How a connection carries the chat.
fn wire(form: Form) -> &'static str {
    match form {
        Form::Stream | Form::AsciiStream => "raw",
        Form::Binary | Form::AsciiBinary => "websocket-binary",
        Form::Text => "websocket-text",
    }
}

/// Rows of a page at most: writing them takes about a millisecond, for which the chat waits.
const MAX_ROWS: usize = 1000;

const JSON: &str = "application/json";
