//! What makes a server a good service: it tells systemd how it is, takes sockets that systemd has opened, gives up
//! root, and keeps a PID file.

mod account;
mod manager;
mod pid_file;
mod sockets;

pub(crate) use account::{Account, Reach, account};
pub(crate) use manager::{Manager, Reports};
pub(crate) use pid_file::PidFile;
pub(crate) use sockets::{Passed, Sockets};
