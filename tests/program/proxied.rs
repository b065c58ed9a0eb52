//! Clients behind a proxy, which names them.

use tempfile::tempdir;

use crate::outside::Server;
use crate::server::on_both;

on_both! {
    /// The log and the limits are about the clients that a trusted proxy names, in either way.
    fn clients_behind_a_proxy(runtime) {
        let folder = tempdir().unwrap();
        let options = [
            "--demo", runtime, "--trust-proxy=127.0.0.1", "--proxy-protocol", "127.0.0.0/8=optional",
            "--max-per-address=1", "--redirect=http://chat.example/club",
        ];
        let server = Server::start(folder.path(), &options);
        let request = |head: &str| {
            let mut client = server.connect();
            client.write(format!("GET /server-status HTTP/1.0\r\n{head}\r\n\r\n").as_bytes());
            client.rest()
        };
        let mut raw = server.connect();
        raw.write(b"PROXY TCP4 192.0.2.7 192.0.2.8 4242 80\r\n");
        assert_eq!(raw.ask("PING x"), "<pong value=\"x\"/>");
        let status = request("X-Forwarded-For: 203.0.113.1, 192.0.2.9");
        assert!(status.starts_with("HTTP/1.1 200 OK\r\n"), "{status}");
        let refused = request("X-Forwarded-For: 203.0.113.1, 192.0.2.7");
        assert!(refused.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{refused}");

        let mut page = server.connect();
        page.write(b"GET /x HTTP/1.1\r\nHost: chat.example\r\nX-Forwarded-Proto: https\r\n\r\n");
        let redirect = page.rest();
        assert!(redirect.contains("\r\nLocation: https://chat.example/club\r\n"), "{redirect}");
        let (log, _) = server.stop();
        for line in ["CONNECTED (1/4096) 192.0.2.7:4242", "STATUS REQUEST 192.0.2.9:0", "CLOSED address limit 192.0.2.7:0"] {
            assert!(log.contains(&format!("] {line}\n")), "{line}: {log}");
        }
    }

    /// `Forwarded` takes the place of `X-Forwarded-For`.
    fn the_header_of_choice(runtime) {
        let folder = tempdir().unwrap();
        let options = ["--demo", runtime, "--trust-proxy=*", "--client-header=forwarded"];
        let server = Server::start(folder.path(), &options);
        let mut client = server.connect();
        client.write(
            b"GET /server-status HTTP/1.0\r\nX-Forwarded-For: 192.0.2.7\r\nForwarded: for=\"[2001:db8::7]:4242\"\r\n\r\n",
        );
        assert!(client.rest().starts_with("HTTP/1.1 200 OK\r\n"));
        let (log, _) = server.stop();
        assert!(log.contains("] STATUS REQUEST [2001:db8::7]:4242\n"), "{log}");
    }
}
