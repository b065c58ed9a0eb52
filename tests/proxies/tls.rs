//! TLS through proxies: ended by them, or passed on to the program's own.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use flashgate_testing::Retrying;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::client::stream;
use crate::process::{Process, Server};
use crate::software::{nginx_passes, nginx_with, wait_for};

/// The ways, each a port of a proxy.
struct Ports {
    /// HAProxy ends TLS, and passes on what was inside, behind a PROXY header.
    ended: u16,
    /// HAProxy passes on TLS behind a PROXY header.
    passed: u16,
    /// nginx does.
    stream: u16,
    /// nginx ends TLS, and says so in the head.
    https: u16,
    /// nginx without TLS.
    http: u16,
}

#[test]
#[ignore = "needs HAProxy and nginx, and a network namespace: run .ci/proxies"]
fn tls_on_smol() {
    through("smol", 200);
}

#[test]
#[ignore = "needs HAProxy and nginx, and a network namespace: run .ci/proxies"]
fn tls_on_std() {
    through("std", 220);
}

/// `first` is below the last bytes of the clients' addresses.
fn through(runtime: &str, first: u8) {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    let own = issue(place, "own", "own.test");
    let proxy = issue(place, "proxy", "proxy.test");
    let [certificate, key] = ["pem", "key"].map(|end| place.join(format!("own.{end}")));
    let start = |more: &[&str]| {
        let options = [
            format!("--runtime={runtime}"),
            format!("--tls-cert={}", certificate.display()),
            format!("--tls-key={}", key.display()),
        ];
        let options = options
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied());
        Server::start(&options.collect::<Vec<_>>())
    };
    let protocol = start(&["--proxy-protocol=127.0.0.1"]);
    let headers = start(&[
        "--trust-proxy=127.0.0.1",
        "--redirect-https",
        "--https-port=8443",
        "--redirect=http://proxy.test/old",
    ]);
    let ports = ports();
    let _processes = software(place, &ports, [protocol.port(), headers.port()]);

    let from = |nth: u8| [198, 51, 100, first + nth];
    let address = |nth: u8| format!(" 198.51.100.{}:", first + nth);
    chats(from(1), ports.ended, "proxy.test", &proxy);
    protocol.wait_for("CONNECTED (", &address(1), 1);
    for (nth, port) in [(2, ports.passed), (3, ports.stream)] {
        chats(from(nth), port, "own.test", &own);
        protocol.wait_for("CONNECTED (", &address(nth), 1);
        protocol.wait_for("] TLS 1.3", &address(nth), 1);
    }
    let page = get(secure(from(4), ports.passed, "own.test", &own), "/chat/");
    assert!(
        page.starts_with("HTTP/1.1 200 ") && page.contains("</html>"),
        "{page}"
    );

    // The proxy got it by https: no circle, and other redirects stay in https.
    let https = |path| get(secure(from(5), ports.https, "proxy.test", &proxy), path);
    let page = https("/chat/");
    assert!(
        page.starts_with("HTTP/1.1 200 ") && page.contains("</html>"),
        "{page}"
    );
    let missing = https("/missing");
    assert!(
        missing.contains("\r\nLocation: https://proxy.test/old\r\n"),
        "{missing}"
    );
    // Without TLS it leads to https, also where the client says that it has it.
    let plain = get(stream(from(6), ports.http), "/chat/?x");
    assert!(plain.starts_with("HTTP/1.1 302 "), "{plain}");
    assert!(
        plain.contains("\r\nLocation: https://proxy.test:8443/chat/?x\r\n"),
        "{plain}"
    );
    let health = get(stream(from(6), ports.http), "/healthz");
    assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
    let wss = upgrade(secure(from(7), ports.https, "proxy.test", &proxy));
    assert!(wss.starts_with("HTTP/1.1 101 "), "{wss}");
    headers.wait_for("CONNECTED (", &address(7), 1);

    let log = protocol.stop();
    assert!(!log.contains(&format!("] TLS 1.3{}", address(1))), "{log}");
    assert!(!log.contains("REFUSED"), "{log}");
    headers.stop();
    println!(
        "TLS on {runtime}: ended and passed on by HAProxy and nginx, with the clients' own addresses"
    );
}

/// Writes a certificate and its key, one file of both for HAProxy, and gives the certificate.
fn issue(folder: &Path, name: &str, host: &str) -> CertificateDer<'static> {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new([host.to_owned()]).expect("a good name");
    let certificate = params.self_signed(&key).expect("a certificate").pem();
    let key = key.serialize_pem();
    for (end, text) in [
        ("pem", &certificate),
        ("key", &key),
        ("both", &format!("{certificate}{key}")),
    ] {
        let path = folder.join(format!("{name}.{end}"));
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a file of ours");
    }
    CertificateDer::from_pem_slice(certificate.as_bytes()).expect("it is one")
}

type Secure = StreamOwned<ClientConnection, Retrying<std::net::TcpStream>>;

fn secure(from: [u8; 4], port: u16, host: &str, trusted: &CertificateDer<'static>) -> Secure {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate of ours");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("they are known")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = host.to_owned().try_into().expect("a good name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    StreamOwned::new(connection, Retrying(stream(from, port)))
}

/// A raw client, as AIR's `SecureSocket`.
fn chats(from: [u8; 4], port: u16, host: &str, trusted: &CertificateDer<'static>) {
    let mut client = secure(from, port, host, trusted);
    client.write_all(b"PING x\0QUIT\0").expect("it is open");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("a whole answer");
    assert_eq!(answer, "<pong value=\"x\"/>\0", "{from:?} {port}");
}

/// The answer to a request that claims to have come by https.
fn get(mut client: impl Read + Write, path: &str) -> String {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: proxy.test\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
    );
    client.write_all(request.as_bytes()).expect("it is open");
    let mut answer = Vec::new();
    // A proxy may end without a word of TLS.
    let _ = client.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn upgrade(mut client: Secure) -> String {
    let request = "GET / HTTP/1.1\r\nHost: proxy.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    client.write_all(request.as_bytes()).expect("it is open");
    let mut answer = vec![0; 1024];
    let length = client.read(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// They are free again when a proxy takes them.
fn ports() -> Ports {
    let listeners = [(); 5].map(|()| TcpListener::bind("192.0.2.1:0").expect("a free port"));
    let [ended, passed, stream, https, http] = listeners
        .each_ref()
        .map(|listener| listener.local_addr().expect("it has one").port());
    Ports {
        ended,
        passed,
        stream,
        https,
        http,
    }
}

fn software(folder: &Path, ports: &Ports, servers: [u16; 2]) -> [Process; 2] {
    let [haproxy, nginx] = [
        ("haproxy.cfg", haproxy(folder, ports, servers)),
        ("nginx.conf", nginx(folder, ports, servers)),
    ]
    .map(|(name, text)| {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file");
        path
    });
    let mut first = Command::new("haproxy");
    first.arg("-db").arg("-f").arg(haproxy);
    let mut second = Command::new("nginx");
    second.arg("-p").arg(folder).arg("-c").arg(nginx);
    let processes = [
        Process::start(&mut first, &folder.join("haproxy.said")),
        Process::start(&mut second, &folder.join("nginx.said")),
    ];
    for port in [
        ports.ended,
        ports.passed,
        ports.stream,
        ports.https,
        ports.http,
    ] {
        wait_for(port);
    }
    processes
}

fn haproxy(folder: &Path, ports: &Ports, [protocol, _]: [u16; 2]) -> String {
    let Ports { ended, passed, .. } = ports;
    let both = folder.join("proxy.both");
    let both = both.display();
    format!(
        "defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen ended
    bind 192.0.2.1:{ended} ssl crt {both}
    server flashgate 127.0.0.1:{protocol} send-proxy-v2
listen passed
    bind 192.0.2.1:{passed}
    server flashgate 127.0.0.1:{protocol} send-proxy-v2
"
    )
}

fn nginx(folder: &Path, ports: &Ports, [protocol, headers]: [u16; 2]) -> String {
    let Ports { https, http, .. } = ports;
    let passes = nginx_passes(&format!("127.0.0.1:{headers}"), "$http_host");
    let server = format!(
        "
    server {{
        listen 192.0.2.1:{https} ssl;
        listen 192.0.2.1:{http};
        ssl_certificate {0}/proxy.pem;
        ssl_certificate_key {0}/proxy.key;
{passes}
    }}",
        folder.display()
    );
    nginx_with(folder, &server, ports.stream, protocol)
}
