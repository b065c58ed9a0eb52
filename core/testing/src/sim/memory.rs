//! How much memory a gateway may hold: computed from its limits, connections and members.

use std::mem::size_of;

use super::model::Model;
use flashgate_core::_testing::CONN_SIZE;
use flashgate_core::{Action, Config, ConnId, MAX_READ, Millis};

/// What the bound depends on, besides the present state of the model.
#[derive(Debug)]
pub(super) struct Watch {
    /// Bytes of input that one connection may keep.
    inbox: usize,
    command: usize,
    /// The most connections at once, the most members online, the most rooms, the most places in them, and the most
    /// actions that one input led to. The gateway keeps the capacity for them.
    connections: usize,
    online: usize,
    rooms: usize,
    places: usize,
    actions: usize,
    /// The most that was held.
    pub(super) most: usize,
    /// How much of the bound that was, in percent.
    pub(super) nearest: usize,
}

impl Watch {
    pub(super) fn new(config: &Config) -> Self {
        let command = config.limits.command;
        Self {
            // What is read from a paused connection, or an incomplete head.
            inbox: config.limits.head.max(command + 1 + 3 * MAX_READ),
            command,
            connections: 0,
            online: 0,
            rooms: 0,
            places: 0,
            actions: 0,
            most: 0,
            nearest: 0,
        }
    }

    pub(super) fn polled(&mut self, actions: usize) {
        self.actions = self.actions.max(actions);
    }

    pub(super) fn check(&mut self, held: usize, model: &Model) {
        self.connections = self.connections.max(model.sides.len());
        self.online = self.online.max(model.online());
        let [rooms, places] = model.rooms();
        self.rooms = self.rooms.max(rooms);
        self.places = self.places.max(places);
        let bound = self.bound(model);
        self.most = self.most.max(held);
        self.nearest = self.nearest.max(held * 100 / bound);
        assert!(held <= bound, "{held} bytes are held, {bound} may");
    }

    fn bound(&self, model: &Model) -> usize {
        // An array that grows has up to twice the capacity it needs, and at least four.
        let array = |length: usize, size: usize| (2 * length + 4) * size;
        // A node of a B-tree has a capacity of eleven, and holds at least five unless it is the only one.
        let tree = |length: usize, size: usize| (3 * length + 12) * (size + 16);
        // Each has a slot, which may be free; a deadline and its position; an address.
        let connections = array(self.connections, CONN_SIZE)
            + array(self.connections, size_of::<u32>())
            + array(self.connections, size_of::<(Millis, ConnId)>())
            + array(self.connections, size_of::<u32>())
            + tree(model.sides.len(), 24);
        // Each with its state, a record that is not whole, and an account of what waits and of its own two words.
        let filters = match model.config.filters.is_empty() {
            true => 0,
            false => {
                let accounts = 24 * model.waiting_chunks() + self.connections * (192 + 2 * 24);
                tree(self.connections, 104) + self.connections * 512 + accounts
            }
        };
        // Bytes of each that wait, in frames and out of them, and the state of a WebSocket.
        let inboxes = model.kept(2 * (2 * self.inbox + 256));
        // The buffer that all WebSockets share for one message.
        let scratch = 2 * self.inbox;
        // A question keeps the name, and may outlive its connection. A login in line keeps the password, too.
        let questions = tree(model.questions(), 128 + self.command)
            + model.waiting() * (2 * self.command + 256);
        // Each has a nick without letter case, perhaps a number, and an address.
        let guests = tree(self.online, 16)
            + array(self.online, size_of::<u64>())
            + tree(self.online, 24)
            + model.online() * NAMED;
        // Each has a seat, two index entries, a nick and a name, and a place in the audience.
        let members = array(self.online, SEAT)
            + array(self.online, size_of::<u32>())
            + array(self.online, size_of::<(u32, u32)>())
            + model.online() * (NAMED + size_of::<ConnId>() + LISTED)
            + guests;
        // Every failure and turn is kept twice: by its address or name, and by its age. A question or a login in line
        // has a gate, a line and a place in the agenda, each of which may hold nothing else.
        let [sources, names, pairs] = model.remembered();
        let throttle = tree(sources, 160) * 2
            + tree(names, 160) * 2
            + tree(pairs, 4) * 2
            + names * 2 * (NAME + 32)
            + (model.waiting() + model.questions()) * 2048
            + tree(model.waiting(), 48)
            + 2048;
        // Each has a name, a topic, members who were kicked, its state and its row, in two forms of characters. Each
        // member has a place in it, and one among the rooms of that member.
        let [rooms_now, places_now] = model.rooms();
        let rooms = array(self.rooms, 256)
            + tree(self.rooms, 64)
            + rooms_now * ROOM
            + array(self.places, 40 + 24 + 4 * size_of::<ConnId>())
            + places_now * 2 * LISTED;
        let actions = array(self.actions, size_of::<Action>());
        connections
            + filters
            + inboxes
            + scratch
            + questions
            + members
            + throttle
            + rooms
            + actions
            + FIXED
    }
}

/// A member who is online, and the neighbours in the order of logins.
const SEAT: usize = 48;

/// A nick and a name from the simulated store.
const NAMED: usize = 64;

/// A name in the throttle.
const NAME: usize = 128;

/// A member in the answer to LIST, with its markup.
const LISTED: usize = 200;

/// A room, with a topic of 200 characters of six bytes each, five times.
const ROOM: usize = 8192;

/// A gateway without connections.
const FIXED: usize = 2048;
