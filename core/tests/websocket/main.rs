//! The WebSocket codec from outside: by the cases of the Autobahn suite, beside another
//! implementation as oracle, and over TCP with that one as client.
//!
//! What answers is the echo server of `examples/websocket-echo`. The original suite can be pointed
//! at that one:
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
#[path = "../../examples/websocket-echo/serve.rs"]
mod serve;
