//! Where the server listens.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

use flashgate_core::Role;
use flashgate_host as host;
use socket2::{Domain, Protocol, Socket, Type};

use super::options::ServeOptions;
use super::unix::{self, UnixSocket, Wanted};
use crate::failure::{Exit, Failure};
use crate::files::OwnPath;
use crate::log::Place;
use crate::service::{Account, Held, Passed, Reach, Sockets, held_by_systemd};

/// What to listen on, in the order of the listeners: gateways first.
#[derive(Debug)]
pub(super) struct Address {
    /// As the operator wrote it.
    text: String,
    /// What it stands for: a name can have several addresses.
    sockets: Vec<SocketAddr>,
    role: Role,
    /// What `[::]` takes.
    families: Families,
}

/// Which clients an IPv6 listener takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Families {
    /// Those of both, IPv4 ones by their mapped addresses (RFC 4291 section 2.5.5.2).
    Both,
    /// Those of its own.
    Own,
}

/// Open listeners, and what each of them serves.
#[derive(Debug)]
pub(super) struct Listeners {
    tcp: Vec<Listener>,
    unix: Vec<UnixSocket>,
    passed: Vec<Passed>,
}

/// What the settings say about the listeners. A reload changes none of it.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// What each serves, in the order of the listeners.
    pub(super) roles: Vec<Role>,
    /// The ports of the gateways.
    pub(super) ports: BTreeSet<u16>,
}

#[derive(Debug)]
struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    /// As the operator wrote it.
    text: String,
    role: Role,
    families: Families,
}

/// What the options name to listen on, each with what it serves.
fn named<'a>(
    options: &'a ServeOptions,
    passed: &Sockets,
) -> impl Iterator<Item = (&'a str, Role)> + use<'a> {
    let is_default = options.listen.is_empty() && !passed.has(Role::Gateway);
    let default = is_default.then_some(DEFAULT_LISTEN);
    let gateways = options.listen.iter().map(String::as_str).chain(default);
    let gateways = gateways.map(|text| (text, Role::Gateway));
    let policies = options
        .policy_listen
        .iter()
        .map(|text| (text.as_str(), Role::Policy));
    let metrics = options
        .metrics_on
        .iter()
        .filter(|text| !["chat", "admin"].contains(&text.as_str()));
    let metrics = metrics.map(|text| (text.as_str(), Role::Metrics));
    let admin = options.admin.iter();
    let admin = admin.map(|text| (text.as_str(), Role::Admin));
    gateways.chain(policies).chain(metrics).chain(admin)
}

/// The Unix sockets that the options name.
pub(super) fn sockets(options: &ServeOptions, passed: &Sockets) -> Result<Vec<Wanted>, Failure> {
    named(options, passed)
        .filter_map(|(text, role)| unix::wanted(text, role))
        .collect()
}

/// Refuses options that name where to listen if sockets were passed for that.
pub(super) fn check_passed(options: &ServeOptions, passed: &Sockets) -> Result<(), Failure> {
    for (role, given) in [
        (Role::Gateway, &options.listen),
        (Role::Policy, &options.policy_listen),
    ] {
        passed.check(role, option(role), given)?;
    }
    passed.check(Role::Admin, option(Role::Admin), options.admin.as_slice())
}

/// Resolves what the options name.
pub(super) fn addresses(options: &ServeOptions, passed: &Sockets) -> Result<Vec<Address>, Failure> {
    let mut addresses: Vec<Address> = named(options, passed)
        .filter(|(text, role)| unix::wanted(text, *role).is_none())
        .map(|(text, role)| resolve(text, role))
        .collect::<Result<_, _>>()?;
    if !options.ipv6_only {
        take_ipv4_too(&mut addresses);
    }

    match reach(&addresses, passed) {
        Reach::Others(address) if options.demo => Err(Exit::Config.because(format!(
            "--demo has well-known passwords and may listen only on loopback addresses, not on {address}; \
                 use 127.0.0.1 or [::1], or leave out --demo"
        ))),
        Reach::Others(_) | Reach::Machine => Ok(addresses),
    }
}

/// From where the server can be reached. Unix sockets are on this machine.
pub(super) fn reach(addresses: &[Address], passed: &Sockets) -> Reach {
    let public = |address: &&Address| address.sockets.iter().any(|s| !s.ip().is_loopback());
    match addresses.iter().find(public) {
        Some(address) => Reach::Others(address.text.clone()),
        None => passed.reach(),
    }
}

/// A listener that the options name, and where a client on this machine reaches it.
#[derive(Debug)]
pub(crate) struct Reached {
    /// As the operator wrote it.
    pub(crate) text: String,
    /// What it serves.
    pub(crate) role: Role,
    /// One of these, or several for a name.
    pub(crate) places: Vec<Place>,
}

/// Where clients on this machine reach the listeners that the options name, and those that systemd holds for the server
/// if the options do not say where to listen.
pub(crate) fn reached(options: &ServeOptions) -> Result<Vec<Reached>, Failure> {
    let held = match options.listen.as_slice() {
        [] => held_by_systemd(),
        _ => Vec::new(),
    };
    let is_held = |role| held.iter().any(|held| held.role == role);
    let named = named(options, &Sockets::default());
    // If systemd holds the chat's, the default address is not served.
    let named = named.filter(|(_, role)| !is_held(*role));
    let held = held
        .iter()
        .map(|Held { text, role }| (text.as_str(), *role));
    named
        .chain(held)
        .map(|(text, role)| {
            let places = match unix::wanted(text, role) {
                Some(wanted) => vec![Place::Unix(wanted?.path)],
                None => {
                    let sockets = resolve(text, role)?.sockets.into_iter();
                    sockets.map(|socket| Place::Address(near(socket))).collect()
                }
            };
            let text = text.to_owned();
            Ok(Reached { text, role, places })
        })
        .collect()
}

/// Where a socket that listens everywhere is reached on this machine.
fn near(mut socket: SocketAddr) -> SocketAddr {
    match socket.ip() {
        ip if !ip.is_unspecified() => {}
        ip if ip.is_ipv4() => socket.set_ip(Ipv4Addr::LOCALHOST.into()),
        _ => socket.set_ip(Ipv6Addr::LOCALHOST.into()),
    }
    socket
}

/// `[::]` takes IPv4 clients, too, unless an IPv4 address with its port is listened on by itself.
fn take_ipv4_too(addresses: &mut [Address]) {
    let all = addresses.iter().flat_map(|address| &address.sockets);
    let ports = all.filter(|socket| socket.is_ipv4() && socket.port() != 0);
    let taken: BTreeSet<u16> = ports.map(SocketAddr::port).collect();
    for address in addresses {
        let everywhere =
            |s: &SocketAddr| s.ip() == Ipv6Addr::UNSPECIFIED && !taken.contains(&s.port());
        if address.sockets.iter().any(everywhere) {
            address.families = Families::Both;
        }
    }
}

/// The option that names what to listen on.
pub(super) fn option(role: Role) -> &'static str {
    match role {
        Role::Gateway => "--listen",
        Role::Policy => "--policy-listen",
        Role::Metrics => "--metrics-on",
        Role::Admin | Role::AdminAndMetrics => "--admin",
    }
}

fn resolve(text: &str, role: Role) -> Result<Address, Failure> {
    let option = option(role);
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let port_fits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let bare_v6 = host.contains(':') && !host.starts_with('[');
    if host.is_empty() || bare_v6 || !port_fits || port.parse::<u16>().is_err() {
        return Err(Failure::usage(&format!(
            "{option} {text} is not an address to listen on; write ADDRESS:PORT, like 127.0.0.1:8080, \
             0.0.0.0:80, [::]:80 or localhost:8080"
        )));
    }
    let found = text.to_socket_addrs().map_err(|error| {
        Exit::Unavailable.because(format!(
            "cannot listen on {text}: {error}; check the name, or use a numeric address"
        ))
    })?;
    let mut sockets: Vec<SocketAddr> = Vec::new();
    for socket in found {
        if !sockets.contains(&socket) {
            sockets.push(socket);
        }
    }
    Ok(Address {
        text: text.to_owned(),
        sockets,
        role,
        families: Families::Own,
    })
}

/// Opens a listener on every address.
pub(super) fn open(
    addresses: &[Address],
    sockets: &[Wanted],
    passed: Sockets,
    account: &Account,
) -> Result<Listeners, Failure> {
    let mut listeners: Vec<Listener> = Vec::new();
    for address in addresses {
        let mut fault = None;
        let before = listeners.len();
        for socket in &address.sockets {
            let opened = bind(*socket, address.families);
            match opened.and_then(|listener| Ok((listener.local_addr()?, listener))) {
                Ok((local, socket)) => listeners.push(Listener {
                    socket,
                    address: local,
                    text: address.text.clone(),
                    role: address.role,
                    families: address.families,
                }),
                // localhost is ::1 as well, also where there is no IPv6.
                Err(error) if is_absent(&error) && address.sockets.len() > 1 => {
                    log::info!("{} is {socket}, which this machine lacks", address.text);
                    fault = Some(error);
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    let own = listeners.iter().find(|other| other.covers(*socket));
                    return Err(own.map_or_else(
                        || failure(&address.text, *socket, &error),
                        |own| twice(&address.text, &own.text),
                    ));
                }
                Err(error) => return Err(failure(&address.text, *socket, &error)),
            }
        }
        if let Some(error) = fault.filter(|_| listeners.len() == before) {
            return Err(failure(&address.text, address.sockets[0], &error));
        }
    }
    Ok(Listeners {
        tcp: listeners,
        unix: unix::open(sockets, account)?,
        passed: passed.0,
    })
}

fn bind(address: SocketAddr, families: Families) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A server that is started again need not wait for the connections of the last one.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // So that 0.0.0.0 and [::] can stand side by side.
        socket.set_only_v6(families == Families::Own)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn is_absent(error: &io::Error) -> bool {
    let unsupported = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(unsupported)
}

/// Two of the server's own listeners are in each other's way.
fn twice(text: &str, other: &str) -> Failure {
    let message = if text == other {
        format!("cannot listen on {text} twice; name it once")
    } else {
        format!(
            "cannot listen on {text}: this server already listens on {other}, and the two overlap; leave \
             one of them out, or choose another port"
        )
    };
    Exit::Unavailable.because(message)
}

fn failure(text: &str, socket: SocketAddr, error: &io::Error) -> Failure {
    // Other kinds have nothing to be advised.
    #[allow(clippy::wildcard_enum_match_arm)]
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another program or another flashgate listens there: stop it, or choose another port"
        }
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need CAP_NET_BIND_SERVICE, sockets from systemd, or a start as root with --user \
             (src/serve/README.md, \"Run it\"); or choose another port"
        }
        io::ErrorKind::AddrNotAvailable => {
            "; this machine does not have that address: use one of its own, or 0.0.0.0 or [::] for all"
        }
        _ => "",
    };
    let named = if text == socket.to_string() {
        String::new()
    } else {
        format!(" ({socket})")
    };
    Exit::Unavailable.because(format!("cannot listen on {text}{named}: {error}{advice}"))
}

impl Listener {
    /// Whether it is in the way of another listener on this address.
    fn covers(&self, address: SocketAddr) -> bool {
        let (own, other) = (self.address.ip(), address.ip());
        let same_family = own.is_ipv4() == other.is_ipv4();
        let meet = own == other || own.is_unspecified() || other.is_unspecified();
        self.address.port() == address.port()
            && meet
            && (same_family || self.families == Families::Both)
    }
}

impl Listeners {
    pub(super) fn places(&self) -> Places {
        let gateways = self
            .tcp
            .iter()
            .filter(|listener| listener.role == Role::Gateway);
        let roles = self.tcp.iter().map(|listener| listener.role);
        let roles = roles.chain(self.unix.iter().map(|socket| socket.role));
        let roles = roles.chain(self.passed.iter().map(|socket| socket.role));
        let passed = self.passed.iter().filter_map(|socket| match socket.place {
            Place::Address(address) => (socket.role == Role::Gateway).then_some(address.port()),
            Place::Unix(_) => None,
        });
        let ports = gateways.map(|listener| listener.address.port());
        Places {
            roles: roles.collect(),
            ports: ports.chain(passed).collect(),
        }
    }

    /// Where each listens; one that takes both families has an address of each.
    pub(super) fn addresses(&self) -> Vec<Place> {
        let addresses = self.tcp.iter().flat_map(|listener| {
            let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, listener.address.port()));
            let both = listener.families == Families::Both;
            [Some(listener.address), both.then_some(v4)]
        });
        let addresses = addresses.flatten().map(Place::Address);
        let files = self.unix.iter().map(|socket| socket.file.path.clone());
        let passed = self.passed.iter().map(|socket| socket.place.clone());
        addresses
            .chain(files.map(Place::Unix))
            .chain(passed)
            .collect()
    }

    /// The listeners for a runtime, and the files that go when the server has ended.
    pub(super) fn into_parts(self) -> (Vec<host::Listener>, Vec<OwnPath>) {
        let tcp = self.tcp.into_iter().map(|listener| listener.socket.into());
        let mut listeners: Vec<host::Listener> = tcp.collect();
        let mut files = Vec::new();
        for UnixSocket { listener, file, .. } in self.unix {
            listeners.push(listener.into());
            files.push(file);
        }
        listeners.extend(self.passed.into_iter().map(|socket| socket.listener));
        (listeners, files)
    }
}

const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// Connections that wait to be accepted, as many as Linux gives by itself (`net.core.somaxconn`).
/// The original's 5 made Flash clients wait for SYN retransmissions.
pub(super) const BACKLOG: i32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_they_are_written() {
        for good in ["127.0.0.1:0", "[::1]:8080", "0.0.0.0:80", "localhost:65535"] {
            assert!(!resolve(good, Role::Gateway).unwrap().sockets.is_empty());
        }
        for bad in [
            "",
            "8080",
            ":8080",
            "localhost",
            "::1:8080",
            "[::1]",
            "x:",
            "x:y",
            "x:65536",
            "x:-1",
            "x:+1",
        ] {
            let failure = resolve(bad, Role::Gateway).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{bad}");
        }
    }

    #[test]
    fn ipv6_takes_ipv4_too_unless_that_is_listened_on() {
        for (listen, policy, both) in [
            (&["[::]:80"][..], &[][..], &["[::]:80"][..]),
            (&["[::]:80", "0.0.0.0:80"], &[], &[]),
            (&["[::]:80", "127.0.0.1:80"], &[], &[]),
            (
                &["[::]:80", "127.0.0.1:81"],
                &["[::]:843"],
                &["[::]:80", "[::]:843"],
            ),
            (&["[::]:80"], &["[::]:843", "0.0.0.0:843"], &["[::]:80"]),
            (&["[::]:0", "0.0.0.0:0"], &[], &["[::]:0"]),
            (&["[::1]:80"], &[], &[]),
        ] {
            let of = |texts: &[&str], role| {
                let resolved = texts.iter().map(|text| resolve(text, role).unwrap());
                resolved.collect::<Vec<_>>()
            };
            let mut addresses = of(listen, Role::Gateway);
            addresses.extend(of(policy, Role::Policy));
            take_ipv4_too(&mut addresses);
            let taking = addresses.iter().filter(|a| a.families == Families::Both);
            let taking: Vec<&str> = taking.map(|address| address.text.as_str()).collect();
            assert_eq!(taking, both, "{listen:?} {policy:?}");
        }
    }

    #[test]
    fn both_families_share_a_port() {
        if bind("[::]:0".parse().unwrap(), Families::Own).is_err() {
            return; // No IPv6 on this machine.
        }
        // Below the ports that systems choose from: thousands of those can be in use for one family.
        let first = 20_000 + (std::process::id() % 100) as u16 * 100;
        for port in first..first + 100 {
            let Ok(_v6) = bind(SocketAddr::from(([0; 16], port)), Families::Own) else {
                continue;
            };
            let v4 = SocketAddr::from(([0, 0, 0, 0], port));
            if let Ok(_first) = bind(v4, Families::Own) {
                assert_eq!(
                    bind(v4, Families::Own).unwrap_err().kind(),
                    io::ErrorKind::AddrInUse
                );
                return;
            }
        }
        panic!("no port for both");
    }
}
