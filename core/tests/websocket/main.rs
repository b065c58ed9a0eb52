//! Tests of the WebSocket codec from outside: the cases of the Autobahn suite, another implementation as an oracle, and
//! the same implementation as a client over TCP.
//!
//! The server is `examples/websocket-echo`. The original suite can be pointed at it:
//!
//! ```text
//! cargo run -p flashgate-core --example websocket-echo -- 127.0.0.1:9001
//! wstest -m fuzzingclient -s spec.json # with "cases": ["1.*", "2.*", "3.*", ...]
//! ```

mod agreement;
mod autobahn;
mod client;
mod differential;
#[path = "../../examples/websocket-echo/echo.rs"]
mod echo;
mod frames;
mod retrying;
#[path = "../../examples/websocket-echo/serve.rs"]
mod serve;
