//! The client side: one HTTP request, and its answer or a stream of lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;

use super::target::{Place, Target};
use crate::failure::{Exit, Failure};

/// An answer whose body is still to be read.
pub(super) struct Answer {
    pub(super) status: u16,
    body: BufReader<Box<dyn Read>>,
    place: String,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

trait Stream: Read + Write {}

impl Stream for UnixStream {}
impl Stream for TcpStream {}

/// Sends a request. A stream of events may be silent for as long as it likes.
pub(super) fn request(
    target: &Target,
    method: &str,
    path: &str,
    body: Option<&Value>,
    patience: Option<Duration>,
) -> Result<Answer, Failure> {
    let place = match &target.place {
        Place::Unix(path) => format!("unix:{}", path.display()),
        Place::Address(address) => address.clone(),
    };
    let broken = |error| {
        let why = format!("the server at {place} has not answered: {error}");
        Exit::Unavailable.because(why)
    };
    let mut stream = connect(&target.place, &place, patience)?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let token = target.token.as_ref();
    let token = token.map(|token| format!("Authorization: Bearer {}\r\n", token.expose()));
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: flashgate\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        token.unwrap_or_default(),
        body.len()
    );
    let sent = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body.as_bytes()));
    sent.map_err(broken)?;
    let reader: Box<dyn Read> = Box::new(ReadHalf(stream));
    let mut body = BufReader::new(reader);
    let mut line = String::new();
    body.read_line(&mut line).map_err(broken)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let Some(status) = status.filter(|_| line.starts_with("HTTP/1.1 ")) else {
        return Err(Exit::Unavailable.because(format!(
            "what listens at {place} is not the administration of a flashgate server; see the option --admin of \
             flashgate serve"
        )));
    };
    loop {
        line.clear();
        body.read_line(&mut line).map_err(broken)?;
        if line.trim_end().is_empty() {
            break;
        }
    }
    Ok(Answer {
        status,
        body,
        place,
    })
}

struct ReadHalf(Box<dyn Stream>);

impl Read for ReadHalf {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

fn connect(
    place: &Place,
    shown: &str,
    patience: Option<Duration>,
) -> Result<Box<dyn Stream>, Failure> {
    let failed = |error: std::io::Error| {
        // There is no advice for other kinds.
        #[allow(clippy::wildcard_enum_match_arm)]
        let advice = match error.kind() {
            std::io::ErrorKind::PermissionDenied => {
                "; run the command as root, or as a user in the group of the socket"
            }
            std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused => {
                "; does the server run, with --admin?"
            }
            _ => "",
        };
        Exit::Unavailable.because(format!("cannot connect to {shown}: {error}{advice}"))
    };
    match place {
        Place::Unix(path) => {
            let stream = UnixStream::connect(path).map_err(failed)?;
            stream.set_read_timeout(patience).map_err(failed)?;
            Ok(Box::new(stream))
        }
        Place::Address(address) => {
            let mut found = address.to_socket_addrs().map_err(failed)?;
            let address = found
                .next()
                .ok_or_else(|| Exit::Unavailable.because(format!("{shown} has no address")))?;
            let stream = TcpStream::connect_timeout(&address, CONNECT).map_err(failed)?;
            stream.set_read_timeout(patience).map_err(failed)?;
            Ok(Box::new(stream))
        }
    }
}

impl Answer {
    /// The JSON of a request that was carried out. A refusal is a failure with what the server says.
    pub(super) fn json(mut self) -> Result<Value, Failure> {
        let mut text = String::new();
        let read = self.body.read_to_string(&mut text);
        let broken = |error: &dyn std::fmt::Display| {
            let place = &self.place;
            Exit::Unavailable.because(format!("the answer of {place} cannot be read: {error}"))
        };
        read.map_err(|error| broken(&error))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| broken(&error))?;
        if (200..300).contains(&self.status) {
            return Ok(value);
        }
        let detail = value["detail"].as_str().unwrap_or(&text);
        Err(Exit::Failure.because(format!("the server refuses: {detail}")))
    }

    /// Calls `each` with every line of a stream, to its end.
    pub(super) fn lines(
        mut self,
        mut each: impl FnMut(&str) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.status != 200 {
            return self.json().map(drop);
        }
        let mut line = String::new();
        loop {
            line.clear();
            match self.body.read_line(&mut line) {
                Ok(0) | Err(_) => {
                    let place = &self.place;
                    let why = format!("the server at {place} has ended the stream");
                    return Err(Exit::Unavailable.because(why));
                }
                Ok(_) => each(line.trim_end())?,
            }
        }
    }
}

const CONNECT: Duration = Duration::from_secs(5);
