//! What waits for a client that does not read, in the memory of a server.

use flashgate_smol::{Host, Listener, Server};
use flashgate_testing::counting::Counting;
use flashgate_testing::scenarios::{Running, a_full_backlog};

#[global_allocator]
static ALLOCATOR: Counting = Counting::by_process();

/// The only test here: others would be counted, too.
#[test]
fn a_full_backlog_is_what_the_limits_say() {
    a_full_backlog(start);
}

fn start(listeners: Vec<Listener>, host: Host) -> Running {
    let server = Server::new(listeners, host).expect("a server can be made");
    let handle = server.handle();
    Running::new(move || async_io::block_on(server.run()), handle)
}
