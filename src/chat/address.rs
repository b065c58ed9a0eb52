//! Where the server is: `HOST:PORT`, and a connection to it.

use std::io;
use std::net::{Ipv6Addr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use crate::failure::{Exit, Failure};
use crate::text::{Plain, Quoted};

/// A host by name or number, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// The host, as it was given.
    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

/// Reads `HOST:PORT`. An IPv6 address needs its brackets; otherwise its port cannot be found.
pub(super) fn address(text: &str) -> Result<Address, String> {
    let shape = "give HOST:PORT, like chat.example.com:8080 or [::1]:8080";
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(format!(
            "the chat needs no WebSocket and no web page: leave out {scheme}:// and {shape}"
        ));
    }
    let (host, port) = text
        .rsplit_once(':')
        .ok_or_else(|| format!("{} has no port; {shape}", Quoted(text)))?;
    let port = port
        .parse()
        .ok()
        .filter(|number| *number != 0 && port.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or_else(|| format!("{} is no port, which is 1 to 65535; {shape}", Quoted(port)))?;
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host = match bracketed {
        Some(inside) if inside.parse::<Ipv6Addr>().is_ok() => inside,
        Some(_) => return Err(format!("{} is no IPv6 address; {shape}", Quoted(host))),
        None if host.contains(':') => {
            return Err(format!(
                "{} needs brackets if it is an IPv6 address; {shape}",
                Quoted(host)
            ));
        }
        None => host,
    };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"[]/@".contains(c);
    if host.is_empty() || !host.chars().all(plain) {
        return Err(format!("{} is no host; {shape}", Quoted(host)));
    }
    Ok(Address {
        host: host.to_owned(),
        port,
    })
}

/// Connects to the first of the host's addresses that answers.
pub(super) fn connect(to: &Address) -> Result<TcpStream, Failure> {
    let Address { host, port } = to;
    let fail = |why: String| {
        Exit::Unavailable.because(format!(
            "cannot connect to {} port {port}: {why}",
            Plain(host)
        ))
    };
    let found = (host.as_str(), *port).to_socket_addrs();
    let found = found.map_err(|error| fail(format!("cannot look up the name: {error}")))?;
    let mut faults = Vec::new();
    for address in found.take(MAX_ADDRESSES) {
        let connected = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT);
        match connected.and_then(prepared) {
            Ok(socket) => return Ok(socket),
            Err(error) => faults.push(format!("{address}: {error}")),
        }
    }
    if faults.is_empty() {
        faults.push("the name has no address".to_owned());
    }
    Err(fail(format!(
        "{}; is the server running, and is this its port?",
        faults.join("; ")
    )))
}

/// A server whose machine is gone is noticed after about two minutes.
fn prepared(socket: TcpStream) -> io::Result<TcpStream> {
    socket.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(15));
    SockRef::from(&socket).set_tcp_keepalive(&keepalive)?;
    Ok(socket)
}

/// For each address; several together stay below what a person waits.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_ADDRESSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (text, host, port) in [
            ("127.0.0.1:8080", "127.0.0.1", 8080),
            ("[::1]:1", "::1", 1),
            ("localhost:65535", "localhost", 65535),
            ("chat.example.com:80", "chat.example.com", 80),
        ] {
            let host = host.to_owned();
            assert_eq!(address(text), Ok(Address { host, port }), "{text}");
        }
        for (text, tells) in [
            ("", "no port"),
            ("localhost", "no port"),
            (":80", "no host"),
            ("a b:80", "no host"),
            ("http://x:80", "leave out http://"),
            ("x/:80", "no host"),
            ("me@x:80", "no host"),
            ("x:0", "1 to 65535"),
            ("x:+80", "1 to 65535"),
            ("x:65536", "1 to 65535"),
            ("x:80/", "1 to 65535"),
            ("::1:80", "brackets"),
            ("[::1]", "1 to 65535"),
            ("[x]:80", "no IPv6 address"),
            ("[::1:80", "brackets"),
            ("\u{1b}[2J:80", "no host"),
        ] {
            let fault = address(text).expect_err(text);
            assert!(fault.contains(tells), "{text}: {fault}");
            assert!(!fault.contains('\u{1b}'));
        }
    }
}
