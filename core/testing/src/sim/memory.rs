//! How much memory a gateway may hold, from its limits and from who is there.

use std::mem::size_of;

use super::model::Model;
use flashgate_core::_testing::CONN_SIZE;
use flashgate_core::{Action, Config, ConnId, MAX_READ, Millis};

/// What has to be remembered to know the bound.
#[derive(Debug)]
pub(super) struct Watch {
    /// Bytes of input that one connection may keep.
    inbox: usize,
    command: usize,
    /// The most connections at once, the most members online, and the most actions that one input led
    /// to: the room for each is kept.
    connections: usize,
    online: usize,
    actions: usize,
    /// The most that was held.
    pub(super) most: usize,
    /// How much of the bound that was, in hundredths.
    pub(super) nearest: usize,
}

impl Watch {
    pub(super) fn new(config: &Config) -> Self {
        let command = config.limits.command;
        Self {
            // What a paused connection may have been read, or a head that is not complete.
            inbox: config.limits.head.max(command + 1 + 3 * MAX_READ),
            command,
            connections: 0,
            online: 0,
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
        let bound = self.bound(model);
        self.most = self.most.max(held);
        self.nearest = self.nearest.max(held * 100 / bound);
        assert!(held <= bound, "{held} bytes are held, {bound} may");
    }

    fn bound(&self, model: &Model) -> usize {
        // A growing array has up to twice the room it needs, and a little at first.
        let array = |length: usize, size: usize| (2 * length + 4) * size;
        // A node of a B-tree has room for eleven, and holds five or more unless it is the only one.
        let tree = |length: usize, size: usize| (3 * length + 12) * (size + 16);
        // Each with its slot, which is free at times; its deadline, and where that stands; its address.
        let connections = array(self.connections, CONN_SIZE)
            + array(self.connections, size_of::<u32>())
            + array(self.connections, size_of::<(Millis, ConnId)>())
            + array(self.connections, size_of::<u32>())
            + tree(model.sides.len(), 24);
        // Each with its state, a record that is not whole, and an account of what waits and of its own two words.
        let filters = match model.config.filters.is_empty() {
            true => 0,
            false => {
                let accounts = 32 * model.waiting_chunks() + self.connections * (256 + 2 * 32);
                tree(self.connections, 104) + self.connections * 512 + accounts
            }
        };
        // What each has sent and waits, outside and inside of frames, and its WebSocket.
        let inboxes = model.kept(2 * (2 * self.inbox + 256));
        // The buffer that all WebSockets share for one message.
        let scratch = 2 * self.inbox;
        // Its name is kept with a question, which may outlive its connection, and with the password in line.
        let questions = tree(model.questions(), 128 + self.command)
            + model.waiting() * (2 * self.command + 256);
        // Each with a seat, and two places to find it by; a nick and a name; a place in the audience.
        let members = array(self.online, SEAT)
            + array(self.online, size_of::<u32>())
            + array(self.online, size_of::<(u32, u32)>())
            + model.online() * (NAMED + size_of::<ConnId>() + LISTED);
        // Every failure and turn is kept once by what it is of, and once by its age. What runs or waits
        // has a gate, a line and a place in the agenda; each may be the only one of its kind.
        let [sources, names, pairs] = model.remembered();
        let throttle = tree(sources, 160) * 2
            + tree(names, 160) * 2
            + tree(pairs, 4) * 2
            + names * 2 * (NAME + 32)
            + (model.waiting() + model.questions()) * 2048
            + tree(model.waiting(), 48)
            + 2048;
        let actions = array(self.actions, size_of::<Action>());
        connections + filters + inboxes + scratch + questions + members + throttle + actions + FIXED
    }
}

/// A member who is online, and who came before and after.
const SEAT: usize = 48;

/// A nick and a name of those that the simulated store has.
const NAMED: usize = 64;

/// A name of the throttle.
const NAME: usize = 128;

/// A member in LIST, all markup.
const LISTED: usize = 200;

/// What a gateway has that nobody is connected to.
const FIXED: usize = 2048;
