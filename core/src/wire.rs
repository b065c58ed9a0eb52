//! Bytes to meaning and back, resumable at any byte, with no state elsewhere.

pub(crate) mod http;
pub(crate) mod nul;
pub(crate) mod percent;
pub(crate) mod policy;
pub mod websocket;
