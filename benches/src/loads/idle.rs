//! The server's memory for members who are online and silent.

use std::thread;
use std::time::Duration;

use crate::fault::Fault;
use crate::load::{Load, Seat};
use crate::loads::login::Logins;

/// Memory with a number of members online.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) online: usize,
    /// How much the process has grown, for each of them.
    pub(crate) grown: u64,
    /// The whole memory of the process, for each of them.
    pub(crate) whole: u64,
}

/// Logs in more and more members.
pub(crate) fn measure(seat: &mut Seat, crowds: &[usize]) -> Result<Vec<Memory>, Fault> {
    // The first login takes memory that later ones do not take again.
    let mut logins = Logins::default();
    logins.prepare(seat)?;
    logins.slice(seat, Duration::from_millis(100))?;
    let alone = rested(seat)?;
    seat.crowd = seat.crowd.afresh()?;
    let mut online = 0;
    let mut found = Vec::new();
    for crowd in crowds {
        seat.fill(crowd - online)?;
        online = *crowd;
        let memory = rested(seat)?;
        found.push(Memory {
            online,
            grown: memory.saturating_sub(alone) / online as u64,
            whole: memory / online as u64,
        });
    }
    Ok(found)
}

/// Its memory once it is idle: the log is written and the store is closed.
fn rested(seat: &Seat) -> Result<u64, Fault> {
    thread::sleep(Duration::from_millis(2500));
    seat.server.memory()
}
