//! A WebSocket echo server on the gateway's codec, for conformance suites:
//!
//! ```text
//! cargo run -p flashgate-core --example websocket-echo -- 127.0.0.1:9001
//! ```
//!
//! `echo.rs` decides the answers, and `serve.rs` moves the bytes.

mod echo;
mod serve;

use std::net::TcpListener;
use std::{env, io, thread};

fn main() -> io::Result<()> {
    let usage = "usage: websocket-echo ADDRESS:PORT";
    let address = env::args().nth(1).ok_or(io::Error::other(usage))?;
    let listener = TcpListener::bind(address)?;
    eprintln!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept()?;
        thread::spawn(move || serve::serve(stream).map_err(|error| eprintln!("{peer}: {error}")));
    }
}
