//! A connection on a listener for administration, once the head of its request is known.

use crate::admin::{AdminRequest, AdminTexts};
use crate::id::Ticket;
use crate::time::Millis;

/// One request.
#[derive(Debug)]
pub(crate) struct Admin {
    /// When this stage began.
    pub(crate) since: Millis,
    pub(crate) stage: Stage,
    /// Method and path, for the log.
    pub(crate) request: AdminRequest,
}

/// How far the request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// This many bytes of body are expected.
    Body(usize),
    /// The host was asked.
    Asked(Ticket),
    /// The answer is a stream of events.
    Events(AdminTexts),
}
