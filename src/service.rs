//! The server as a service: it reports its state to systemd, takes sockets that systemd has opened, gives up root, and
//! keeps a PID file.

mod account;
mod manager;
mod pid_file;
mod sockets;
mod units;

pub(crate) use account::{Account, Reach, account};
pub(crate) use manager::{Manager, Reports};
pub(crate) use pid_file::PidFile;
pub(crate) use sockets::{Passed, Sockets};
pub(crate) use units::{Held, held_by_systemd};
