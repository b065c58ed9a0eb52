//! A client that waits for each answer, as simple ones do; and requests on connections of their own.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::sockopt;

use crate::check::{Messages, Order};
use crate::crowd;
use crate::fault::Fault;
use crate::news::Event;
use crate::wire::{Found, Wire};

/// A client on any wire.
pub(crate) struct Guest {
    stream: TcpStream,
    wire: Wire,
    bytes: Vec<u8>,
}

impl Guest {
    pub(crate) fn new(server: SocketAddr, wire: Wire) -> Result<Self, Fault> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        if matches!(wire, Wire::Binary | Wire::Text) {
            crowd::upgrade(&stream)?;
        }
        Ok(Self {
            stream,
            wire,
            bytes: Vec::new(),
        })
    }

    /// Makes the system's receive buffer small.
    pub(crate) fn limit_receive_buffer(&self) -> Result<(), Fault> {
        Ok(sockopt::set_socket_recv_buffer_size(
            &self.stream,
            64 * 1024,
        )?)
    }

    pub(crate) fn say(&mut self, command: &[u8]) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        self.wire.put(command, &mut bytes);
        Ok(self.stream.write_all(&bytes)?)
    }

    /// The first half of a command.
    pub(crate) fn say_half(&mut self, command: &[u8]) -> Result<(), Fault> {
        let mut bytes = Vec::new();
        self.wire.put(command, &mut bytes);
        Ok(self.stream.write_all(&bytes[..bytes.len() / 2])?)
    }

    /// The next answer; none once the server has closed.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        loop {
            match self.wire.find(&self.bytes)? {
                Found::Answer(answer, taken) => {
                    let answer = answer.to_vec();
                    self.bytes.drain(..taken);
                    return Ok(Some(answer));
                }
                Found::Ping(taken) => {
                    self.bytes.drain(..taken);
                    let mut pong = Vec::new();
                    Wire::put_pong(&mut pong);
                    self.stream.write_all(&pong)?;
                }
                Found::Close(_) => return Ok(None),
                Found::Partial => {
                    let mut some = [0; 16 * 1024];
                    match self.stream.read(&mut some) {
                        Ok(0) => return Ok(None),
                        Ok(length) => self.bytes.extend(&some[..length]),
                        Err(error) if error.kind() == ErrorKind::Interrupted => {}
                        Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                            return Ok(None);
                        }
                        Err(error) => return Err(Fault::from(error).during("a guest waits")),
                    }
                }
            }
        }
    }

    /// The next answer that is not a login or quit of others; none once the server has closed.
    pub(crate) fn answer(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        loop {
            match self.next()? {
                Some(answer) if Event::read(&answer).is_some() => {}
                other => return Ok(other),
            }
        }
    }

    pub(crate) fn expect(&mut self, text: &str) -> Result<(), Fault> {
        match self.answer()? {
            Some(answer) if answer == text.as_bytes() => Ok(()),
            Some(answer) => Err(Fault::wrong(format!("not {text}"), &answer)),
            None => Err(Fault::new(format!("closed, and not {text}"))),
        }
    }

    /// Expects nothing but logins and quits of others until the server closes.
    pub(crate) fn expect_end(&mut self) -> Result<(), Fault> {
        match self.answer()? {
            Some(answer) => Err(Fault::wrong("not closed", &answer)),
            None => Ok(()),
        }
    }

    /// Logs in as a member that is not online. All members get `<login … />`; this client gets it as its first answer.
    pub(crate) fn login(&mut self, member: usize) -> Result<(), Fault> {
        self.say(format!("IDENTIFY {member} x").as_bytes())?;
        let name = format!("aid=\"m{member}\" name=\"Member {member}\"");
        for due in [format!("<login {name} />"), format!("<identify {name} />")] {
            match self.next()? {
                Some(answer) if answer == due.as_bytes() => {}
                Some(answer) => return Err(Fault::wrong(format!("not {due}"), &answer)),
                None => return Err(Fault::new(format!("closed, and not {due}"))),
            }
        }
        Ok(())
    }

    /// Sends a message, and waits for its own copy.
    pub(crate) fn write(&mut self, messages: &Messages, number: u32) -> Result<(), Fault> {
        self.say(&messages.command(number))?;
        let answer = self.answer()?;
        let answer = answer.ok_or_else(|| Fault::new("closed in the midst of a talk"))?;
        let come = messages.number(&answer)?;
        if come == number {
            return Ok(());
        }
        Err(Fault::wrong("lost, doubled or reordered", &answer))
    }

    /// Receives these messages until this many have arrived, or the server closes. Returns their number.
    pub(crate) fn read(&mut self, messages: &Messages, most: u32) -> Result<u32, Fault> {
        let mut order = Order::default();
        while order.come() < most {
            let Some(answer) = self.answer()? else {
                break;
            };
            order.take(messages.number(&answer)?)?;
        }
        Ok(order.come())
    }

    pub(crate) fn half_close(&self) -> Result<(), Fault> {
        Ok(self.stream.shutdown(Shutdown::Write)?)
    }

    /// Resets its connection.
    pub(crate) fn reset(self) -> Result<(), Fault> {
        Ok(sockopt::set_socket_linger(
            &self.stream,
            Some(Duration::ZERO),
        )?)
    }
}

/// The whole answer to a request.
pub(crate) fn ask(server: SocketAddr, request: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// A request for a page.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes()
}

/// A figure of the server's `/metrics`.
pub(crate) fn status(server: SocketAddr, name: &str) -> Result<u64, Fault> {
    let answer = ask(server, &get("/server-status?json"))?;
    let text = String::from_utf8_lossy(&answer);
    let figure = text.split_once(&format!("\"{name}\":"));
    let digits = figure.and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next());
    let number = digits.and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| Fault::wrong(format!("no {name}"), &answer))
}

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(20);
