//! Bytes that came and were not used yet: one word while there are none, as for nearly everyone. Half of an
//! IDENTIFY is among them, so they are wiped at their end.

use alloc::boxed::Box;
use alloc::vec::Vec;

use zeroize::Zeroizing;

/// The beginning of a command, or what waits its turn.
#[derive(Debug, Default)]
pub(crate) struct Inbox(
    // Who has sent half a command pays for the word that everyone else saves three times.
    Option<Box<Zeroizing<Vec<u8>>>>,
);

impl Inbox {
    /// Takes all bytes out.
    pub(crate) fn take(&mut self) -> Zeroizing<Vec<u8>> {
        self.0.take().map(|bytes| *bytes).unwrap_or_default()
    }

    /// Puts bytes in, in place of what was there; no bytes need no room.
    pub(crate) fn keep(&mut self, bytes: Zeroizing<Vec<u8>>) {
        self.0 = (!bytes.is_empty()).then(|| Box::new(bytes));
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_deref().map_or(&[], |bytes| bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Bytes it has room for.
    #[cfg(any(test, feature = "_testing"))]
    pub(crate) fn capacity(&self) -> usize {
        self.0.as_deref().map_or(0, |bytes| bytes.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_inbox_takes_one_word() {
        let mut inbox = Inbox::default();
        inbox.keep(Zeroizing::new(Vec::with_capacity(100)));
        assert!(inbox.is_empty() && inbox.capacity() == 0);
        inbox.keep(Zeroizing::new(b"PIN".to_vec()));
        assert_eq!((inbox.bytes(), inbox.is_empty()), (&b"PIN"[..], false));
        assert_eq!(**inbox.take(), *b"PIN");
        assert!(inbox.is_empty() && inbox.take().is_empty() && inbox.bytes().is_empty());
        assert_eq!(size_of::<Inbox>(), size_of::<usize>());
    }
}
