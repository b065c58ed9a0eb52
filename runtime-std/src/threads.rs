//! The threads of a connection: one reads, and another writes while the socket has no space.

use std::io::{self, Read};
use std::sync::Arc;
use std::thread::Builder;

use flashgate_core::ConnId;
use zeroize::Zeroize;

use crate::conn::Link;
use crate::shared::Shared;
use crate::socket::{self, Patient};
use crate::state::Hand;

/// Reads until the end of the stream, or of the connection.
pub(crate) fn read(shared: &Arc<Shared<'_, '_>>, id: ConnId, link: &Link) {
    let _watch = shared.watch();
    let mut buffer = [0; READ_BUFFER];
    loop {
        let read = match (&link.stream).read(&mut buffer) {
            Ok(length) => Ok(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let length = read.as_ref().map_or(0, |bytes| bytes.len());
        let flow = shared.deliver(id, link, read);
        // They may have held a password, and a thread's stack goes to the next thread as it is. A plain
        // `fill(0)` would be dead code after the last bytes, which a compiler may leave out.
        buffer[..length].zeroize();
        if flow.is_break() {
            return;
        }
    }
}

/// Writes until nothing is left, or the connection has ended.
pub(crate) fn write(shared: &Arc<Shared<'_, '_>>, id: ConnId, link: &Link) {
    let _watch = shared.watch();
    if let Err(error) = socket::limit_writes(&link.stream) {
        return shared.enter(|state| state.lost(id, &error));
    }
    let mut work = shared.enter(|state| state.work(id));
    while let Some(mut queue) = work {
        let waits = || shared.enter(|state| state.stuck(id));
        let written = queue.write_to(Patient::new(&link.stream, waits));
        work = shared.enter(|state| {
            state.wrote(Hand::Writer, id, queue, written);
            state.work(id)
        });
    }
}

/// A thread with a small stack. The size is address space, not memory. The core, the host's log and the host's
/// store run on it, none of which recurses deeply.
pub(crate) fn thread(name: &str) -> Builder {
    Builder::new().name(name.to_owned()).stack_size(STACK)
}

const STACK: usize = 256 * 1024;

/// On the stack of each reader, so it costs every idle connection as much. Below the core's
/// [`MAX_READ`](flashgate_core::MAX_READ).
const READ_BUFFER: usize = 4 * 1024;
