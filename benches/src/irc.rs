//! Two IRC servers, if they are installed: their configuration for loopback, without rate limits.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fault::Fault;
use crate::server::Kind;

/// The path of the server's program, if it is installed. Debian keeps it in /usr/sbin, which only root has in its path.
pub(crate) fn installed(kind: Kind) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let mut files = folders.map(|folder| folder.join(kind.name()));
    files.find(|file| file.is_file())
}

/// Adds program and arguments.
pub(crate) fn command(kind: Kind, folder: &Path, command: &mut Command) -> Result<(), Fault> {
    let program = installed(kind).ok_or_else(|| Fault::new("not installed"))?;
    let file = folder.join("irc.conf");
    let port = address(kind).port().to_string();
    let text = if kind == Kind::Ngircd {
        NGIRCD
    } else {
        INSPIRCD
    };
    fs::write(
        &file,
        text.replace("PORT", &port)
            .replace("FOLDER", &folder.to_string_lossy()),
    )?;
    if kind == Kind::Inspircd {
        // Without it the program does not start as root; for other users it makes no difference.
        command
            .arg(program)
            .args(["--nofork", "--runasroot", "--config"]);
    } else {
        command.arg(program).args(["--nodaemon", "--config"]);
    }
    command.arg(file);
    Ok(())
}

/// The address it listens on, once it does. Neither program prints which port the system chose, so each has a
/// port of its own, and so has each run of this benchmark.
pub(crate) fn listening(kind: Kind) -> Option<SocketAddr> {
    let address = address(kind);
    TcpStream::connect(address).ok().map(|_| address)
}

fn address(kind: Kind) -> SocketAddr {
    let own = (std::process::id() % 1000) as u16 * 2;
    let port = 16_000 + own + u16::from(kind == Kind::Ngircd);
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
}

const NGIRCD: &str = "[Global]
Name = irc.example.net
Info = benchmark
Listen = 127.0.0.1
Ports = PORT
ServerUID = nobody
ServerGID = nogroup
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxPenaltyTime = 0
PingTimeout = 600
[Options]
DNS = no
Ident = no
PAM = no
";

const INSPIRCD: &str = r#"<config format="xml">
<server name="irc.example.net" description="benchmark" network="benchmark">
<admin name="n" nick="n" email="n@example.net">
<bind address="127.0.0.1" port="PORT" type="clients">
<connect allow="*" timeout="60" pingfreq="600" hardsendq="16M" softsendq="16M" recvq="1M"
 threshold="1000000" commandrate="100000000" fakelag="no" localmax="1000" globalmax="1000"
 maxconnwarn="no" resolvehostnames="no">
<performance somaxconn="1024" softlimit="12800" clonesonconnect="no">
<pid file="FOLDER/inspircd.pid">
"#;
