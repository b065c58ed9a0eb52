//! What commands do that the log does not show, for the streams of events of the administration.

use crate::chat::hub::Slot;
use crate::id::RoomId;

/// What a client has done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    /// It is in a room from now on.
    Joined(RoomId, Slot),
    /// It is about to leave a room.
    Left(RoomId, Slot),
    /// It is about to be turned out of a room.
    Removed {
        room: RoomId,
        member: Slot,
        by: Slot,
        reason: &'a str,
    },
    /// It owns a room from now on.
    Owner(RoomId, Slot),
    /// A room has another topic.
    Topic {
        room: RoomId,
        by: Slot,
        topic: &'a str,
    },
    /// It has sent a message to a member, a guest or a room.
    Message {
        from: Slot,
        to: &'a str,
        text: &'a str,
    },
}
