//! A ticket, for tests of a member store.

use std::net::SocketAddr;

use flashgate_core::{Accepted, Action, Config, Gateway, Input, ListenerId, Now, Ticket};

/// The ticket of a login. Only a gateway makes tickets.
pub fn ticket() -> Ticket {
    let now = Now::default();
    let mut gateway = Gateway::new(Config::default().into(), now);
    let origin = Accepted {
        listener: ListenerId(0),
        peer: SocketAddr::from(([127, 0, 0, 1], 1)).into(),
        user: None,
    };
    let conn = gateway.accept(now, origin).expect("it is the only one");
    gateway.handle(now, Input::Bytes(conn, b"IDENTIFY 1 x\0"));
    while let Some(action) = gateway.poll() {
        if let Action::Lookup(ticket, _) = action {
            return ticket;
        }
    }
    panic!("IDENTIFY asks the store");
}
