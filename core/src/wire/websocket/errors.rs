//! What a broken rule or a refused handshake means, in words for a log.

use core::error::Error;
use core::fmt;

use super::{Refusal, Violation};

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedBits => "a reserved bit of a frame is set: no extension was agreed on",
            Self::ReservedOpcode => "a frame has an opcode that RFC 6455 does not define",
            Self::Unmasked => "a frame is not masked: a client must mask every frame",
            Self::Length => "the length of a frame is not in its shortest form, or over 2^63",
            Self::FragmentedControl => "a control frame is fragmented",
            Self::LongControl => "a control frame has more than 125 bytes",
            Self::UnexpectedContinuation => "a continuation frame follows no message",
            Self::ExpectedContinuation => "a message begins before the one before it has ended",
            Self::HalfCloseCode => "a close frame has a payload of one byte",
            Self::BadCloseCode => "a close frame has a code that must not be sent",
            Self::BadCloseReason => "the reason of a close frame is not UTF-8",
            Self::BadText => "a text message is not UTF-8",
            Self::LongText => "a text message is longer than the limit",
        })
    }
}

impl Error for Violation {}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http10 => {
                "the request is HTTP/1.0, which has no WebSocket: configure the proxy for HTTP/1.1"
            }
            Self::Host => "the request must have exactly one Host",
            Self::Method => "the request must be a GET",
            Self::NoConnection => {
                "the request lacks Connection: Upgrade: configure the proxy to pass it on"
            }
            Self::Body => "the request must not have a body",
            Self::NoVersion => "the request lacks Sec-WebSocket-Version",
            Self::Version(_) => "Sec-WebSocket-Version must be 13",
            Self::TwoVersions => "the request has more than one Sec-WebSocket-Version",
            Self::NoKey => "the request lacks Sec-WebSocket-Key",
            Self::BadKey => "Sec-WebSocket-Key must be 16 bytes in base64, given once",
        })
    }
}

impl Error for Refusal<'_> {}
