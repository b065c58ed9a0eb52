//! How connections end. The peer can still read what was sent to it, and each wait has a limit.

use core::mem;

use super::caller::Caller;
use super::{Gateway, Phase};
use crate::chat::commands::part;
use crate::chat::hub::Slot;
use crate::chat::reply;
use crate::chunk::Audience;
use crate::config::Presence;
use crate::conn::inbox::Inbox;
use crate::conn::{Ending, Incoming, Patience, Stage, State, Turn, Who};
use crate::event::Action;
use crate::id::ConnId;
use crate::note::{CloseReason, What};

/// How a chat ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// The gateway ends the connection, beginning with this stage.
    With(Stage),
    /// The connection is gone already.
    Gone,
}

impl Gateway {
    /// Ends a chat: takes the member off the list, notifies everyone, and logs it. Does nothing for a connection
    /// that is not a chat.
    pub(super) fn end_chat(&mut self, id: ConnId, reason: CloseReason, ends: Ends) {
        let Some(conn) = self.conns.known_mut(id) else {
            return;
        };
        let Some(chat) = conn.chat() else { return };
        let who = chat.who;
        let turn = mem::replace(&mut chat.turn, Turn::Ready);
        self.clients -= 1;
        self.counters.close(reason);
        if let Who::Member(slot) = who
            && reason != CloseReason::Replaced
        {
            self.go_offline(id, slot);
        }
        self.note(id, What::Closed { reason });
        match ends {
            Ends::With(Stage::Aborted) => self.leave(id, Stage::Aborted, Patience::Short),
            Ends::With(stage @ (Stage::Finishing | Stage::Closing)) => {
                self.say_goodbye(id, reason);
                self.leave(id, stage, Patience::Short);
            }
            // Nothing is left to do, and the runtime knows.
            Ends::Gone => self.set_ending(id, Stage::Aborted, Patience::Short),
        }
        self.admin.offline(id);
        self.leave_claims(id, &turn);
        if let Turn::Throttled(in_line) = turn {
            self.throttle.leave(in_line.source, id);
            self.ask_next();
        }
        self.look_at_drain();
    }

    /// A member leaves the server. The log's line comes first, because it shows why others are notified.
    fn go_offline(&mut self, id: ConnId, slot: Slot) {
        if let Some(online) = self.hub.online(slot) {
            let who = online.identity();
            self.note(id, What::Quit { who });
        }
        self.leave_rooms(id, slot);
        let Some(online) = self.hub.leave(slot) else {
            return;
        };
        self.renamings.leave(online.member(), online.nick());
        self.has_freed = true;
        if online.member().is_none() {
            self.guest_left(id);
        }
        if self.phase == Phase::Running && self.config.presence == Presence::All {
            let quit = reply::quit(online.nick());
            self.broadcast(Audience::Everyone, &quit, None);
        }
    }

    /// The member leaves all its rooms, in which the others are notified.
    pub(super) fn leave_rooms(&mut self, id: ConnId, slot: Slot) {
        let mut caller = Caller {
            gateway: self,
            conn: id,
        };
        part::leave_all(&mut caller, slot);
    }

    /// Says goodbye after what is queued; the peer may read it and close in its own time.
    pub(super) fn finish(&mut self, id: ConnId, patience: Patience) {
        self.leave(id, Stage::Finishing, patience);
    }

    /// Closes a connection that nothing was sent to.
    pub(super) fn close(&mut self, id: ConnId) {
        self.leave(id, Stage::Closing, Patience::Short);
    }

    /// Cuts off a connection that is not a chat.
    pub(super) fn abort(&mut self, id: ConnId) {
        self.leave(id, Stage::Aborted, Patience::Short);
    }

    /// Moves a connection to a stage of its end, with the action for it.
    pub(super) fn leave(&mut self, id: ConnId, stage: Stage, patience: Patience) {
        let Some(conn) = self.conns.known(id) else {
            return;
        };
        // A peer that has closed its side will send nothing that a close could meet with a reset.
        let ended = conn.incoming == Incoming::Ended;
        let stage = if stage == Stage::Finishing && ended {
            Stage::Closing
        } else {
            stage
        };
        let before = match &conn.state {
            State::Ending(ending) => Some(ending.stage),
            State::Sniffing(..) | State::Http { .. } | State::Chat(_) => None,
        };
        if before == Some(stage) || before == Some(Stage::Aborted) {
            return;
        }
        self.set_ending(id, stage, patience);
        self.act(match stage {
            Stage::Finishing => Action::Finish(id),
            Stage::Closing => Action::Close(id),
            Stage::Aborted => Action::Abort(id),
        });
    }

    /// The peer's time is up.
    pub(super) fn give_up(&mut self, id: ConnId, ending: Ending) {
        let waiting = self.conns.known(id).map_or(0, |conn| conn.waiting());
        let next = if ending.stage == Stage::Finishing && waiting == 0 {
            Stage::Closing
        } else {
            Stage::Aborted
        };
        self.leave(id, next, ending.patience);
        self.arm(id);
    }

    fn set_ending(&mut self, id: ConnId, stage: Stage, patience: Patience) {
        self.silences.remove(id);
        self.admin.unwatch(id);
        self.unread(id);
        let since = self.now.mono;
        if let Some(conn) = self.conns.known_mut(id) {
            conn.state = State::Ending(Ending {
                stage,
                since,
                patience,
            });
            // What it holds is never looked at again.
            conn.inbox = Inbox::default();
        }
    }
}
