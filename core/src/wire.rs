//! The forms of bytes on the wire: parsers that can stop and go on at any byte, and encoders.

pub(crate) mod admin;
pub(crate) mod codepage;
pub(crate) mod coding;
pub(crate) mod forwarded;
pub(crate) mod framing;
pub(crate) mod host;
pub(crate) mod http;
pub(crate) mod percent;
pub(crate) mod proxy;
pub(crate) mod telnet;
pub(crate) mod typed;
pub mod websocket;
