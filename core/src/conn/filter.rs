//! A filter stands between the wire and the plain bytes of a connection, as TLS does.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// Turns the wire bytes of one connection into plain bytes and back.
///
/// It must bound what it holds: a record that is not whole, and what a handshake needs. It must not append more
/// plain bytes than wire bytes that it was given since the last time.
///
/// Limits on what waits for a connection count plain bytes, so that a connection with a filter behaves like one
/// without, and its recording replays. They bound memory as long as wire bytes are not many more than plain ones:
/// TLS adds 22 bytes to a record. Bytes that the filter sends by itself are not counted with them. When more memory of
/// these waits than [`Limits::own_backlog`](crate::Limits::own_backlog) or 16 KiB, whichever is larger, the peer does
/// not read, and the connection ends as if it had ended its side.
pub trait Filter: fmt::Debug + Send {
    /// Takes bytes from the wire. Appends plain bytes to `plain`, and bytes that the filter itself sends, as in a
    /// handshake, to `back`.
    fn receive(&mut self, wire: &[u8], plain: &mut Vec<u8>, back: &mut Vec<u8>) -> Flow;

    /// Appends the wire form of plain bytes. Bytes that it holds back, as before the end of a handshake, count as
    /// written with what was sent before them.
    fn send(&mut self, plain: &[u8], wire: &mut Vec<u8>);

    /// Appends what the filter says at the end of the connection. It is not called again.
    fn close(&mut self, wire: &mut Vec<u8>);

    /// What became of the filter since the last call. It is asked after each [`receive`](Self::receive).
    fn event(&mut self) -> Option<FilterEvent>;
}

/// What becomes of a filter: its handshake ends, and later it may break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterEvent {
    /// The handshake is done, once for each connection. Until then [`Limits::request`](crate::Limits::request) holds;
    /// from now on the client may be silent, like one without a filter. The version is logged; a filter that is not TLS
    /// has none.
    Established(Option<TlsVersion>),
    /// The peer has broken a rule, in this way. The filter takes and sends nothing more, but for what it has sent back
    /// with this. The reason is logged.
    Broken(Arc<str>),
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

impl TlsVersion {
    /// The number alone, as in a log line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }
}

/// Whether more plain bytes may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// They may.
    Open,
    /// The peer has ended its side or broken a rule of the filter. If it has ended its side, the connection ends like one
    /// whose peer has closed its sending side.
    Ended,
}

/// Makes a filter for each connection of a listener that begins with TLS.
#[derive(Clone)]
pub struct MakeFilter(Option<Arc<dyn Fn() -> Box<dyn Filter> + Send + Sync>>);

impl MakeFilter {
    /// A filter that `make` makes.
    pub fn new(make: impl Fn() -> Box<dyn Filter> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(make)))
    }

    /// For a replay, which gets the plain bytes of a connection: its first wire bytes are dropped, and what
    /// follows is not filtered.
    pub(crate) fn replayed() -> Self {
        Self(None)
    }

    pub(crate) fn make(&self) -> Option<Box<dyn Filter>> {
        self.0.as_ref().map(|make| make())
    }
}

impl fmt::Debug for MakeFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MakeFilter").finish_non_exhaustive()
    }
}
