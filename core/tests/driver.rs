//! The server of `examples/driver.rs`, in front of a client.

#[path = "../examples/driver.rs"]
mod driver;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

#[test]
fn the_example_serves_a_chat_a_policy_and_a_page() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port for us");
    let address = listener
        .local_addr()
        .expect("a bound listener has an address");
    // It serves until the process ends.
    thread::spawn(move || driver::serve(listener));
    let talk = |sent: &str| {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).expect("a socket");
        stream.write_all(sent.as_bytes()).expect("the server reads");
        stream.shutdown(Shutdown::Write).expect("it is open");
        let mut heard = String::new();
        stream
            .read_to_string(&mut heard)
            .expect("the server closes");
        heard
    };
    assert_eq!(
        talk("IDENTIFY alice secret\0LIST\0MSG bob hi\0QUIT\0PING late\0"),
        "<login aid=\"alice\" name=\"Alice\" />\0<identify aid=\"alice\" name=\"Alice\" />\0\
         <nicklist><nick aid=\"alice\" name=\"Alice\" /></nicklist>\0\
         <error value=\"User is already left.\"/>\0"
    );
    let wrong = talk("IDENTIFY alice wrong\0");
    assert_eq!(wrong, "<error value=\"Identification failed.\"/>\0");
    let policy = talk("<policy-file-request/>\0");
    assert!(policy.contains("<cross-domain-policy>"), "{policy}");
    let health = talk("GET /healthz HTTP/1.0\r\n\r\n");
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n"), "{health}");
}
