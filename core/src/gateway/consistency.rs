//! What must hold in a gateway after every input, for tests and fuzzing to check.

use super::Gateway;
use crate::config::Limits;
use crate::conn::admin;
use crate::conn::sniff::Layer;
use crate::conn::{Asks, Chat, Conn, Incoming, Stage, State, Turn, Who, Wire};
use crate::event::MAX_READ;
use crate::id::ConnId;
use crate::wire::proxy;

/// The highest values that some limits have had.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Highest {
    clients: usize,
    connections: usize,
    command: usize,
    head: usize,
    admin: usize,
}

impl Highest {
    /// With these limits, too.
    pub(super) fn and(self, limits: &Limits) -> Self {
        Self {
            clients: self.clients.max(limits.clients),
            connections: self.connections.max(limits.connections),
            command: self.command.max(limits.command),
            head: self.head.max(limits.head),
            admin: self.admin.max(limits.admin_connections),
        }
    }
}

impl Gateway {
    /// Panics if what the gateway knows in two places disagrees, or if it keeps more than the highest limits so far
    /// allow.
    pub fn assert_consistent(&self) {
        assert!(self.scratch.is_empty(), "nobody's bytes are left over");
        let conns: alloc::vec::Vec<_> = self
            .conns
            .ids()
            .into_iter()
            .filter_map(|id| Some((id, self.conns.get(id)?)))
            .collect();
        assert_eq!(conns.len(), self.conns.len());
        let chats = conns
            .iter()
            .filter(|(_, conn)| matches!(conn.state, State::Chat(_)));
        assert_eq!(chats.count(), self.clients, "every chat is counted once");
        assert!(self.clients <= self.highest.clients);
        let of_admin = self.admin.len();
        assert!(conns.len() - of_admin <= self.highest.connections);
        assert!(of_admin <= self.config.limits.admin_connections);
        for id in self.admin.watchers() {
            let conn = self.conns.known(id).expect("its connection is there");
            assert!(
                matches!(&conn.state, State::Http { asks: Asks::Admin(admin), .. }
                    if matches!(admin.stage, admin::Stage::Events(_))),
                "only who gets events watches: {:?}",
                conn.state
            );
        }

        let armed = conns
            .iter()
            .filter(|(id, _)| self.deadlines.get(*id).is_some());
        assert_eq!(
            armed.count(),
            self.deadlines.len(),
            "one deadline for each connection that has one"
        );
        let counted = conns.iter().filter(|(_, conn)| conn.counted().is_some());
        assert_eq!(
            counted.count(),
            self.addresses.total(),
            "addresses count connections"
        );

        assert!(
            self.admin.waiting() <= 2 * self.highest.admin,
            "requests of clients that have left are as few as connections"
        );
        assert!(self.unfiltered.is_empty());
        for (id, behind) in &self.filters {
            let conn = self.conns.get(*id).expect("its connection is there");
            if let Some(filtered) = &behind.filter {
                filtered.assert_consistent(conn.is_open(), conn.waiting());
            }
        }

        let mut slowed = self.slowed.keys();
        assert!(slowed.all(|id| self.conns.get(*id).is_some()));
        let mut failed = self.failures.keys();
        assert!(failed.all(|id| self.conns.get(*id).is_some()));

        let (mut members, mut guests) = (0, 0);
        for (id, conn) in &conns {
            if let Some(Who::Member(slot)) = conn.who() {
                members += 1;
                let is_guest = self.hub.online(slot).is_some_and(|o| o.member().is_none());
                guests += usize::from(is_guest && conn.counted().is_some());
                assert_eq!(
                    self.hub.online(slot).map(|online| online.conn),
                    Some(*id),
                    "a slot knows its connection"
                );
            }
            self.assert_conn(*id, conn);
        }
        assert_eq!(members, self.hub.len(), "everyone online has a connection");
        assert_eq!(guests, self.guests.total(), "addresses count guests");
        self.hub.assert_consistent();
        self.renamings.assert_consistent(|id| {
            self.member_of(id)
                .is_some_and(|online| online.member().is_none())
        });
    }

    fn assert_conn(&self, id: ConnId, conn: &Conn) {
        let limits = &self.highest;
        let (due, armed) = (conn.deadline(&self.config), self.deadlines.get(id));
        // While Timeouts are rationed, or before the first of a clock leap, a deadline may have passed.
        assert!(
            due.is_none() || armed <= due && armed.is_some(),
            "no deadline is missed: {due:?}, armed {armed:?}, {:?}",
            conn.state
        );
        let most = match &conn.state {
            State::Sniffing(Layer::Outermost | Layer::Proxied, _) if self.handshakes.waits(id) => {
                2 * MAX_READ
            }
            State::Sniffing(Layer::Outermost, _) => proxy::MAX_V2,
            State::Sniffing(Layer::Proxied | Layer::Filtered | Layer::ProxiedFiltered, _) => 32,
            State::Http {
                asks: Asks::Head { .. },
                ..
            } => limits.head,
            State::Http {
                asks: Asks::Admin(_),
                ..
            } => self.config.limits.admin_body,
            State::Chat(_) => limits.command + 1 + 3 * MAX_READ,
            State::Ending(_) => 0,
        };
        assert!(
            conn.inbox.bytes().len() <= most,
            "{} bytes kept, {most} allowed",
            conn.inbox.bytes().len()
        );
        let unmasked = match &conn.state {
            State::Chat(Chat {
                wire: Wire::WebSocket(websocket),
                ..
            }) => &websocket.unmasked[..],
            State::Chat(_) | State::Sniffing(..) | State::Http { .. } | State::Ending(_) => &[],
        };
        assert!(
            unmasked.len() <= limits.command + 2 + 3 * MAX_READ,
            "{} unmasked bytes kept",
            unmasked.len()
        );
        assert!(
            !conn.inbox.is_empty() || conn.inbox.capacity() == 0,
            "an idle connection holds no buffer"
        );
        if let Some(Turn::Question(ticket)) = conn.turn() {
            assert!(
                self.questions.is_open(*ticket),
                "a connection waits only for a question that is open"
            );
        }
        if conn.incoming == Incoming::Paused {
            let waits = conn.turn().is_some_and(|turn| !matches!(turn, Turn::Ready));
            let ends =
                matches!(&conn.state, State::Ending(ending) if ending.stage != Stage::Finishing);
            assert!(waits || ends, "nobody is paused for nothing");
        }
    }

    /// Panics if anything is left of connections that are gone. For when no connection is left, and
    /// every question was answered.
    pub fn assert_settled(&self) {
        self.assert_consistent();
        assert!(self.is_empty() && self.questions.is_settled() && self.renamings.is_settled());
        assert!(self.admin.is_settled());
        assert!(self.deadlines.len() == 0 && self.addresses.is_empty());
        assert_eq!((self.clients, self.hub.len()), (0, 0));
        assert!(self.throttle.is_idle(), "no address is let in or waits");
    }
}
