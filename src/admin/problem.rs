//! Why a request is refused.

use flashgate_core::AdminOrder;

/// The status, and the text for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) detail: String,
    pub(super) allow: Option<&'static str>,
}

impl Problem {
    pub(super) fn new(status: u16, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            allow: None,
        }
    }
}

impl From<Problem> for AdminOrder {
    fn from(problem: Problem) -> Self {
        Self::Problem {
            status: problem.status,
            detail: problem.detail,
            allow: problem.allow,
        }
    }
}

/// The body is malformed.
pub(super) const BAD_REQUEST: u16 = 400;
/// There is no such path, member or client.
pub(super) const NOT_FOUND: u16 = 404;
/// The request contradicts the present state.
pub(super) const CONFLICT: u16 = 409;
/// The body is well-formed, but a value in it cannot be used.
pub(super) const UNPROCESSABLE: u16 = 422;
/// Another try may help.
pub(super) const UNAVAILABLE: u16 = 503;
