//! Sockets that a service manager has opened and passed to this process (sd_listen_fds(3)). Their order is not that of
//! the units, so their names say what each is for.

use std::os::fd::AsFd;
use std::path::PathBuf;

use flashgate_core::Role;
use flashgate_host::Listener;
use listenfd::ListenFd;
use socket2::{SockRef, Type};

use super::account::Reach;
use crate::failure::{Exit, Failure};
use crate::log::Place;

/// A passed socket.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) role: Role,
    pub(crate) place: Place,
    pub(crate) listener: Listener,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Sockets(pub(crate) Vec<Passed>);

impl Sockets {
    /// Takes the sockets that this process was passed. Must be called once, before a thread starts: it changes the
    /// environment, so that no child takes the sockets for its own.
    pub(crate) fn take() -> Result<Self, Failure> {
        let refuse =
            |why: String| Exit::Config.because(format!("the service manager passes {why}"));
        let unreadable = |error| refuse(format!("sockets in a way that cannot be read: {error}"));
        // If there are any, they may be another process's: names alone say nothing.
        if sd_notify::listen_fds().map_err(unreadable)?.len() == 0 {
            return Ok(Self::default());
        }
        let named = sd_notify::listen_fds_with_names().map_err(unreadable)?;
        let names: Vec<String> = named.map(|(_, name)| name).collect();
        let mut fds = ListenFd::from_env();
        let sockets = names.into_iter().enumerate().map(|(index, text)| {
            let role = role(&text).ok_or_else(|| {
                refuse(format!(
                    "a socket of the name {text:?}, which is not known; set FileDescriptorName= of its unit to one of: {}",
                    NAMES.map(|(name, _)| name).join(", ")
                ))
            })?;
            let (place, listener) = listener(&mut fds, index).map_err(|why| {
                refuse(format!(
                    "a socket of the name {text:?} that {why}; its unit needs ListenStream= with a port, an address or the \
                     path of a Unix socket, and Accept=no"
                ))
            })?;
            Ok(Passed {
                role,
                place,
                listener,
            })
        });
        Ok(Self(sockets.collect::<Result<_, Failure>>()?))
    }

    /// Whether there is one for this.
    pub(crate) fn has(&self, role: Role) -> bool {
        self.0.iter().any(|passed| passed.role == role)
    }

    /// Refuses options that name, with `option`, where to listen, while sockets were passed for it.
    pub(crate) fn check(&self, role: Role, option: &str, given: &[String]) -> Result<(), Failure> {
        match (given.first(), NAMES.iter().find(|(_, known)| *known == role)) {
            (Some(first), Some((name, _))) if self.has(role) => Err(Exit::Config.because(format!(
                "{option} {first} is given, and the service manager passes sockets of the name {name}; leave {option} out, or \
                 disable the socket unit (systemctl disable --now, for example flashgate.socket)"
            ))),
            _ => Ok(()),
        }
    }

    /// From where they can be reached.
    pub(crate) fn reach(&self) -> Reach {
        let public = self.0.iter().find_map(|passed| match &passed.place {
            Place::Address(address) => (!address.ip().is_loopback()).then_some(address),
            Place::Unix(_) => None,
        });
        public.map_or(Reach::Machine, |address| Reach::Others(address.to_string()))
    }
}

/// What the server serves on sockets of this name.
pub(super) fn role(name: &str) -> Option<Role> {
    let known = NAMES.iter().find(|(known, _)| *known == name);
    known.map(|(_, role)| *role)
}

/// What `FileDescriptorName=` can say, and what the server serves there. This is the one place that knows the names.
const NAMES: [(&str, Role); 3] = [
    ("chat", Role::Gateway),
    ("policy", Role::Policy),
    ("admin", Role::Admin),
];

/// The listener at this index.
fn listener(fds: &mut ListenFd, index: usize) -> Result<(Place, Listener), String> {
    let gone = || "was closed".to_owned();
    let failed = |error: std::io::Error| format!("cannot be used: {error}");
    if let Ok(tcp) = fds.take_tcp_listener(index) {
        let tcp = tcp.ok_or_else(gone)?;
        listens(&tcp)?;
        let place = Place::Address(tcp.local_addr().map_err(failed)?);
        return Ok((place, Listener::passed(tcp).map_err(failed)?));
    }
    let unix = fds.take_unix_listener(index);
    let unix = unix.map_err(|_| "is neither a TCP nor a Unix stream socket".to_owned())?;
    let unix = unix.ok_or_else(gone)?;
    listens(&unix)?;
    let address = unix.local_addr().map_err(failed)?;
    let place = Place::Unix(
        address
            .as_pathname()
            .map_or_else(PathBuf::new, PathBuf::from),
    );
    Ok((place, Listener::passed(unix).map_err(failed)?))
}

/// A connection is a stream socket, too; inetd-style units pass one.
fn listens(socket: &impl AsFd) -> Result<(), String> {
    let socket = SockRef::from(socket);
    match (socket.r#type(), socket.is_listener()) {
        (Ok(Type::STREAM), Ok(true)) => Ok(()),
        _ => Err("does not listen".to_owned()),
    }
}
