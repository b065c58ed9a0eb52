//! The key of a connection: its gateway and its id.

use std::fmt;

use flashgate_core::ConnId;

/// A gateway of the world, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node(u8);

/// The only gateway of a world so far.
pub(super) const ONLY: Node = Node(0);

/// A connection as the model knows it: each gateway numbers its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) node: Node,
    pub(super) conn: ConnId,
}

impl Node {
    /// A connection of this gateway.
    pub(super) fn key(self, conn: ConnId) -> Key {
        Key { node: self, conn }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {}", self.conn, self.node.0)
    }
}
