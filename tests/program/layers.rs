//! What a connection begins with, on sockets: the header of a proxy, then TLS, then what the client speaks.

use std::net::Shutdown;

use tempfile::tempdir;

use crate::outside::Server;
use crate::server::on_both;
use crate::tls::{Authority, Secure, V1_2, V1_3};

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.8 4242 443\r\n";
/// The same client, in version 2.
const V2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x07\xc0\x00\x02\x08\x10\x92\x01\xbb";

const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The two first bytes of TLS, followed by bytes that are not TLS.
const NO_TLS: &[u8] = b"\x16\x03\x01\x00\x05hello";

fn start(runtime: &str, more: &[&str]) -> (Server, Authority, tempfile::TempDir) {
    let folder = tempdir().unwrap();
    let authority = Authority::new();
    authority.issue(folder.path(), "one", &["localhost"]);
    let options = [
        &["--demo", runtime, "--tls-cert=one.pem", "--tls-key=one.key"],
        more,
    ]
    .concat();
    let server = Server::start(folder.path(), &options);
    (server, authority, folder)
}

on_both! {
    fn a_header_then_tls_then_anything(runtime) {
        let (server, authority, _folder) = start(runtime, &["--proxy-protocol=127.0.0.1", "--trust-proxy=127.0.0.1"]);
        let to = server.addresses[0];
        for (header, version, number) in [(V1, V1_2, "1.2"), (V2, V1_3, "1.3")] {
            let connect = || Secure::behind(to, header, &authority.config(&[version]), "localhost").unwrap();
            let mut policy = connect();
            policy.send("<policy-file-request/>");
            assert!(policy.rest().ends_with("</cross-domain-policy>\0"));

            let mut chat = connect();
            assert_eq!(chat.ask("PING x"), "<pong value=\"x\"/>");
            chat.send("QUIT");
            assert_eq!(chat.rest(), "");

            let mut page = connect();
            // What the client says of itself counts for nothing behind a PROXY header.
            page.write(b"GET /server-status HTTP/1.0\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n");
            assert!(page.rest().starts_with("HTTP/1.1 200 OK\r\n"));

            let mut websocket = connect();
            websocket.write(UPGRADE);
            // A close frame without a reason, masked by zeros.
            websocket.write(b"\x88\x80\0\0\0\0");
            let answer = websocket.bytes();
            assert!(answer.starts_with(b"HTTP/1.1 101 ") && answer.ends_with(b"\r\n\r\n\x88\x00"), "{}", answer.escape_ascii());
            server.running.stdout.wait_for(&format!("] TLS {number} 192.0.2.7:4242\n"));
        }
        // Without a header there is no service, with TLS or without.
        assert!(Secure::with(to, &authority.config(&[V1_3]), "localhost").is_err());
        let (log, _) = server.stop();
        for line in ["CROSSDOMAIN.XML REQUEST", "STATUS REQUEST", "CONNECTED (1/4096)"] {
            assert!(log.contains(&format!("] {line} 192.0.2.7:4242\n")), "{line}: {log}");
        }
        assert!(log.contains("] CLOSED no PROXY header"), "{log}");
        assert!(!log.contains("198.51.100.1"), "{log}");
    }

    /// Neither a header nor another TLS comes inside of TLS, and no TLS without a certificate.
    fn never_inside_of_tls(runtime) {
        let (server, authority, folder) = start(runtime, &["--proxy-protocol=127.0.0.1=optional"]);
        let to = server.addresses[0];
        let mut header = Secure::connect(to, &authority);
        header.write(V1);
        assert_eq!(header.answer(), "<error value=\"Unknown command.\"/>");
        header.send("PING x");
        assert_eq!(header.answer(), "<pong value=\"x\"/>");
        let mut twice = Secure::behind(to, V1, &authority.config(&[V1_3]), "localhost").unwrap();
        twice.write(V2);
        assert_eq!(twice.answer(), "<error value=\"Unknown command.\"/>");

        let mut nested = Secure::connect(to, &authority);
        nested.write(NO_TLS);
        assert_eq!(nested.rest(), "");
        server.running.stdout.wait_for("] TLS REFUSED ");
        // Beside all that, plain clients are served as ever.
        assert_eq!(server.connect().ask("PING x"), "<pong value=\"x\"/>");
        server.stop();

        let server = Server::start(folder.path(), &["--demo", runtime]);
        let mut client = server.connect();
        client.write(NO_TLS);
        assert_eq!(client.rest(), "");
        server.running.stdout.wait_for("] TLS REFUSED no certificate 127.0.0.1:");
        server.stop();
    }

    /// A client that has sent all may end its side in either way, and gets what it has asked for.
    fn half_closed_in_either_way(runtime) {
        let (server, authority, _folder) = start(runtime, &[]);
        for version in [V1_2, V1_3] {
            for notifies in [true, false] {
                let mut client = Secure::with(server.addresses[0], &authority.config(&[version]), "localhost").unwrap();
                client.write(b"PING a\0PING b\0");
                if notifies {
                    client.0.conn.send_close_notify();
                    std::io::Write::flush(&mut client.0).unwrap();
                } else {
                    client.0.sock.0.shutdown(Shutdown::Write).unwrap();
                }
                assert_eq!(client.rest(), "<pong value=\"a\"/>\0<pong value=\"b\"/>\0", "{version:?} {notifies}");
            }
        }
        server.stop();
    }
}
