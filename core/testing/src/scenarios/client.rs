//! A client that is no part of the project: a blocking socket with a time limit.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::retrying::Retrying;

/// A connection to the server under test.
#[derive(Debug)]
pub struct Client {
    input: BufReader<Retrying<TcpStream>>,
}

impl Client {
    /// Connects to a server.
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts");
        let limited = stream.set_write_timeout(Some(LIMIT));
        limited.expect("a time limit is legal");
        let client = Self {
            input: BufReader::new(Retrying(stream)),
        };
        client.limit_read(LIMIT);
        client
    }

    /// Sends all of this.
    pub fn send(&mut self, bytes: &str) {
        let sent = self.stream().write_all(bytes.as_bytes());
        sent.expect("the server reads");
    }

    /// The next bytes are these.
    pub fn expect(&mut self, bytes: &str) {
        let mut answer = vec![0; bytes.len()];
        let read = self.input.read_exact(&mut answer);
        read.unwrap_or_else(|error| panic!("{error} before {bytes:?}"));
        assert_eq!(String::from_utf8_lossy(&answer), bytes);
    }

    /// The next `length` bytes.
    pub fn read(&mut self, length: usize) -> String {
        let mut bytes = vec![0; length];
        let read = self.input.read_exact(&mut bytes);
        read.expect("the server writes");
        String::from_utf8(bytes).expect("the server writes text")
    }

    /// The next answer, without its NUL.
    pub fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        let read = self.input.read_until(0, &mut answer);
        read.expect("the server writes");
        assert_eq!(answer.pop(), Some(0), "an answer ends with NUL");
        String::from_utf8(answer).expect("the server writes text")
    }

    /// Nothing comes for this time.
    pub fn expect_silence(&mut self, time: Duration) {
        self.limit_read(time);
        let read = self.input.read(&mut [0]).map_err(|error| error.kind());
        self.limit_read(LIMIT);
        assert!(
            matches!(read, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)),
            "{read:?}"
        );
    }

    /// The stream ends here.
    pub fn expect_end(&mut self) {
        let mut rest = Vec::new();
        let read = self.input.read_to_end(&mut rest);
        read.expect("the server closes in order");
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }

    /// What comes for the last bytes that are sent, until the connection ends in whatever way.
    pub fn finishes(&mut self, bytes: &str) -> String {
        let _ = self.stream().write_all(bytes.as_bytes());
        let mut rest = Vec::new();
        let _ = self.input.read_to_end(&mut rest);
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// One command and its answer.
    pub fn ping(&mut self, token: &str) {
        self.send(&format!("PING {token}\0"));
        self.expect(&format!("<pong value=\"{token}\"/>\0"));
    }

    /// Sends a command this many times without waiting for answers, and reads everything until the
    /// server closes.
    pub fn flood(mut self, command: &str, times: u32) {
        let mut sending = self.stream().try_clone().expect("a descriptor is free");
        let commands = command.repeat(times as usize);
        thread::spawn(move || sending.write_all(commands.as_bytes()));
        let mut rest = Vec::new();
        // It does not matter how it ends, but what others get.
        let _ = self.input.read_to_end(&mut rest);
    }

    /// Ends its sending side.
    pub fn close_sending(&self) {
        let shut = self.stream().shutdown(Shutdown::Write);
        shut.expect("the connection is open");
    }

    /// Ends the connection by a reset.
    pub fn reset(self) {
        let lingered = SockRef::from(self.stream()).set_linger(Some(Duration::ZERO));
        lingered.expect("a socket can be reset");
    }

    fn stream(&self) -> &TcpStream {
        &self.input.get_ref().0
    }

    fn limit_read(&self, limit: Duration) {
        let limited = self.stream().set_read_timeout(Some(limit));
        limited.expect("a time limit is legal");
    }
}

/// Longer than any answer takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);
