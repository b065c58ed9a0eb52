//! The gateway as its runtime sees it: what transcripts, which see only a client's side, cannot show.

mod administration;
mod counted;
mod decisions;
mod endings;
mod readdress;
mod renaming;
mod states;

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroU32;
use std::collections::BTreeMap;

use super::*;
use crate::chunk::Chunk;
use crate::config::{Loopback, OnDuplicate};
use crate::event::Refused;
use crate::id::{Accepted, ListenerId, Source, Ticket};
use crate::member::{Answer, Denial, Member, MemberEvent, MemberId, Query, Unavailable};
use crate::note::{Note, Refusal, What};
use crate::time::UnixSeconds;

/// A gateway, a clock, and what came out.
struct Lab {
    gateway: Gateway,
    now: Now,
    text: BTreeMap<ConnId, String>,
    /// Everything but writes.
    actions: Vec<Action>,
}

impl Lab {
    fn new(config: Config) -> Self {
        let now = Now {
            mono: Millis(0),
            utc: UnixSeconds(0),
            offset: 0,
        };
        let gateway = Gateway::new(Arc::new(config), now);
        Self {
            gateway,
            now,
            text: BTreeMap::new(),
            actions: Vec::new(),
        }
    }

    fn accept(&mut self) -> ConnId {
        let peer = "192.0.2.1:1".parse().unwrap();
        let id = self
            .gateway
            .accept(
                self.now,
                Accepted {
                    listener: ListenerId(0),
                    peer,
                    user: None,
                },
            )
            .unwrap();
        self.drain();
        id
    }

    fn handle(&mut self, input: Input<'_>) {
        self.gateway.handle(self.now, input);
        self.drain();
        self.gateway.assert_consistent();
    }

    fn drain(&mut self) {
        while let Some(action) = self.gateway.poll() {
            match action {
                Action::Write(id, chunk) => self.append(id, &chunk),
                Action::Broadcast(everyone, chunk) => {
                    everyone.iter().for_each(|id| self.append(id, &chunk))
                }
                action @ (Action::Finish(_)
                | Action::Close(_)
                | Action::Abort(_)
                | Action::Pause(_)
                | Action::Resume(_)
                | Action::Lookup(..)
                | Action::Note(_)) => self.actions.push(action),
            }
        }
    }

    fn append(&mut self, id: ConnId, chunk: &Chunk) {
        let text = String::from_utf8_lossy(&chunk.to_vec()).replace('\0', "|");
        self.text.entry(id).or_default().push_str(&text);
    }

    fn send(&mut self, id: ConnId, bytes: impl AsRef<[u8]>) {
        self.handle(Input::Bytes(id, bytes.as_ref()));
    }

    fn wait(&mut self, by: u64) {
        self.now.mono = self.now.mono + Millis(by);
        self.handle(Input::Timeout);
    }

    /// What was written to a connection since the last look.
    fn said(&mut self, id: ConnId) -> String {
        self.text.remove(&id).unwrap_or_default()
    }

    fn ticket(&self) -> Ticket {
        let tickets = self.actions.iter().rev();
        tickets
            .filter_map(|a| {
                if let Action::Lookup(t, _) = a {
                    Some(*t)
                } else {
                    None
                }
            })
            .next()
            .unwrap()
    }

    fn log_in(&mut self, number: i64) -> ConnId {
        let id = self.accept();
        self.send(id, std::format!("IDENTIFY {number} x\0"));
        self.handle(Input::Answer(self.ticket(), Answer::Member(member(number))));
        assert!(self.said(id).contains("<identify "));
        id
    }

    fn count(&self, wanted: impl Fn(&Action) -> bool) -> usize {
        self.actions.iter().filter(|action| wanted(action)).count()
    }
}

fn member(number: i64) -> Member {
    let nick = std::format!("nick{number}");
    Member {
        id: MemberId(number),
        nick: Arc::from(nick),
        name: Arc::from("Name"),
    }
}

fn unlimited() -> Config {
    let mut config = Config {
        loopback: Loopback::Limited,
        ..Config::default()
    };
    config.limits.rate = None;
    config
}

fn prepared(lab: &mut Lab, bytes: &str) -> ConnId {
    let id = lab.accept();
    lab.send(id, bytes);
    id
}

/// A WebSocket that has sent these frames.
fn upgraded(lab: &mut Lab, frames: &[&[u8]]) -> ConnId {
    let id = prepared(
        lab,
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    );
    assert!(lab.said(id).starts_with("HTTP/1.1 101"));
    lab.handle(Input::Backlog(id, 0));
    lab.send(id, frames.concat());
    id
}

/// A whole frame of at most 125 bytes, under a mask that changes nothing.
fn frame(opcode: u8, payload: &str) -> Vec<u8> {
    let head = [0x80 | opcode, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    [&head, payload.as_bytes()].concat()
}

#[test]
fn one_timeout_fires_a_bounded_number_of_timers() {
    let mut config = unlimited();
    config.limits.per_address = 2000;
    let mut lab = Lab::new(config);
    let ids: Vec<_> = (0..1000).map(|_| lab.accept()).collect();
    lab.wait(600_000);
    let closes = |lab: &Lab| lab.count(|action| matches!(action, Action::Close(_)));
    assert_eq!(closes(&lab), 512);
    assert!(
        lab.gateway.poll_timeout() <= Some(lab.now.mono),
        "the rest is due now"
    );
    lab.handle(Input::Backlog(ids[0], 0));
    assert_eq!(
        closes(&lab),
        1000,
        "any other input finds every timer fired"
    );
}

#[test]
fn a_member_logs_in_twice_at_the_same_instant() {
    for duplicates in [
        OnDuplicate::Stale,
        OnDuplicate::Refuse,
        OnDuplicate::Replace,
    ] {
        let mut lab = Lab::new(Config {
            duplicates,
            ..unlimited()
        });
        let a = prepared(&mut lab, "IDENTIFY 1 x\0");
        let first = lab.ticket();
        let b = prepared(&mut lab, "IDENTIFY 1 x\0");
        let second = lab.ticket();
        lab.handle(Input::Answer(second, Answer::Member(member(1))));
        lab.handle(Input::Answer(first, Answer::Member(member(1))));
        let (a, b) = (lab.said(a), lab.said(b));
        let identify = "<identify aid=\"nick1\" name=\"Name\" />|";
        let login = "<login aid=\"nick1\" name=\"Name\" />|";
        match duplicates {
            OnDuplicate::Stale | OnDuplicate::Refuse => {
                assert_eq!(a, "<error value=\"Already online.\"/>|");
                assert_eq!(b, [login, identify].concat());
            }
            OnDuplicate::Replace => {
                assert_eq!(a, identify);
                assert_eq!(
                    b,
                    [
                        login,
                        identify,
                        "<error value=\"Replaced by a new login.\"/>|"
                    ]
                    .concat()
                );
            }
        }
        assert_eq!(lab.gateway.hub.len(), 1);
    }
}

#[test]
fn own_answers_hold_back_the_next_command_and_nothing_else() {
    let mut config = unlimited();
    (config.limits.own_backlog, config.limits.backlog) = (100, 1100);
    let mut lab = Lab::new(config);
    let (a, b) = (lab.log_in(1), lab.log_in(2));
    let long = "y".repeat(200);
    lab.handle(Input::Backlog(a, 0));
    lab.send(a, std::format!("PING {long}\0PING 2\0"));
    lab.said(a);
    assert_eq!(lab.count(|action| *action == Action::Pause(a)), 1);
    // Others are heard all the same, up to their limit.
    lab.handle(Input::Backlog(a, 300));
    for _ in 0..3 {
        lab.send(b, std::format!("MSG nick1 {long}\0"));
        lab.said(b);
        lab.handle(Input::Backlog(b, 0));
    }
    assert!(!lab.said(a).contains("pong"));
    lab.handle(Input::Backlog(a, 1300));
    assert_eq!(
        lab.count(|action| *action == Action::Abort(a)),
        0,
        "at most 1100 of these are others'"
    );
    lab.handle(Input::Backlog(a, 90));
    assert_eq!(lab.said(a), "<pong value=\"2\"/>|");
    assert_eq!(lab.count(|action| *action == Action::Resume(a)), 1);
    lab.handle(Input::Backlog(a, 0));
    for _ in 0..5 {
        lab.send(b, std::format!("MSG nick1 {long}\0"));
        lab.handle(Input::Backlog(b, 0));
    }
    lab.handle(Input::Backlog(a, 1101));
    assert_eq!(lab.count(|action| *action == Action::Abort(a)), 1);
    assert!(lab.said(b).ends_with("<quit aid=\"nick1\" />|"));
}

#[test]
fn a_runtime_that_ignores_a_pause_is_cut_off() {
    let mut lab = Lab::new(unlimited());
    let id = prepared(&mut lab, "IDENTIFY 1 x\0PING 1\0");
    assert_eq!(lab.count(|action| *action == Action::Pause(id)), 1);
    for _ in 0..100 {
        lab.handle(Input::Bytes(id, &[b'x'; MAX_READ]));
    }
    assert_eq!(lab.count(|action| *action == Action::Abort(id)), 1);
}

#[test]
fn an_ipv4_mapped_address_is_the_ipv4_address() {
    let mut config = unlimited();
    config.limits.per_address = 1;
    let mut lab = Lab::new(config);
    lab.accept();
    let peer = "[::ffff:192.0.2.1]:9".parse().unwrap();
    let origin = Accepted {
        listener: ListenerId(0),
        peer,
        user: None,
    };
    assert_eq!(
        lab.gateway.accept(lab.now, origin),
        Err(Refused::AddressLimit)
    );
    lab.drain();
    let refused = "192.0.2.1:9".parse().unwrap();
    let (reason, times) = (Refusal::AddressLimit, 1);
    let note = Note {
        conn: None,
        peer: refused,
        what: What::Refused {
            reason,
            times,
            detail: None,
        },
    };
    assert!(lab.actions.contains(&Action::Note(note)));
}

#[test]
fn the_time_to_identify_stands_still_while_the_store_is_asked() {
    let mut lab = Lab::new(unlimited());
    let id = prepared(&mut lab, "IDENTIFY 1 x\0");
    lab.wait(9_000);
    lab.handle(Input::Answer(
        lab.ticket(),
        Answer::Denied(Denial::WrongPassword, None),
    ));
    assert_eq!(lab.said(id), "<error value=\"Identification failed.\"/>|");
    // 600 seconds are over after 609, nine of which the client had to wait for us.
    lab.wait(599_999);
    assert_eq!(lab.count(|action| *action == Action::Finish(id)), 0);
    lab.wait(1);
    assert_eq!(lab.count(|action| *action == Action::Finish(id)), 1);
}

#[test]
fn a_ping_or_keep_alive_without_a_pause_comes_once_a_millisecond() {
    let mut config = unlimited();
    config.limits.ping = Some(Millis(0));
    config.limits.raw_keepalive = Some(Millis(0));
    let mut lab = Lab::new(config);
    let raw = prepared(&mut lab, "PING 1\0");
    let websocket = upgraded(&mut lab, &[]);
    lab.said(raw);
    lab.said(websocket);
    for _ in 0..3 {
        for id in [raw, websocket] {
            lab.handle(Input::Backlog(id, 0));
        }
        lab.wait(1);
        assert_eq!(lab.said(raw).matches('|').count(), 1);
        assert!(!lab.said(websocket).is_empty(), "a ping");
        assert!(lab.gateway.poll_timeout() > Some(lab.now.mono));
    }
}
