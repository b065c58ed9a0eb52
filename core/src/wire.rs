//! Bytes to meaning and back, resumable at any byte, with no state elsewhere.

pub(crate) mod codepage;
pub(crate) mod coding;
pub(crate) mod framing;
pub(crate) mod http;
pub(crate) mod percent;
pub(crate) mod telnet;
pub(crate) mod typed;
pub mod websocket;
