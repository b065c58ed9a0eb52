//! What a client that does not read makes a server hold, as its allocator sees it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use flashgate_core::{CloseReason, Config, Filter};

use super::{Start, World};
use crate::counting::{forget_most, held_by_process, most_by_process};
use crate::filter::FakeFilter;

/// Its own answers wait for it, and others' shortest messages, until the server closes it. The memory that this
/// takes is near the limits, and not over them. Behind a filter, the limits are the same.
pub fn a_full_backlog(start: Start) {
    fill(start, None);
    fill(start, Some(FakeFilter::default()));
}

#[expect(clippy::print_stdout, reason = "a change of the figure has to be seen")]
fn fill(start: Start, mut filter: Option<FakeFilter>) {
    let mut config = Config::default();
    config.limits.rate = None;
    let limits = config.limits.clone();
    config.filters = vec![filter.as_ref().map(|_| FakeFilter::make())];
    let world = World::start(start, config);
    let mut deaf = TcpStream::connect(world.address).expect("the server accepts");
    let sent = deaf.write_all(&encoded(&mut filter, "IDENTIFY 2 secret\0"));
    sent.expect("the server reads");
    let logged_in =
        "<login aid=\"m2\" name=\"Member 2\" />\0<identify aid=\"m2\" name=\"Member 2\" />\0";
    let added = if filter.is_some() {
        AROUND_THE_LOGIN
    } else {
        0
    };
    let read = deaf.read_exact(&mut vec![0; logged_in.len() + added]);
    read.expect("the server answers");
    let mut sender = world.login(4);
    let messages = "MSG m2 x\0".repeat(TOGETHER);
    let idle = held_by_process();
    // The kernel takes megabytes before anything waits, and then the server reads no more. On a busy machine
    // this may end sooner, and leaves more space for others' messages.
    let short = deaf.set_write_timeout(Some(Duration::from_millis(500)));
    short.expect("a time limit is legal");
    let ping = format!("PING {}\0", "x".repeat(8000));
    while deaf.write_all(&encoded(&mut filter, &ping)).is_ok() {}
    forget_most();
    let mut closed = false;
    while !closed {
        sender.send(&messages);
        for _ in 0..TOGETHER {
            closed |= sender.answer() == "<quit aid=\"m2\" />";
        }
    }
    let most = most_by_process() - idle;
    assert_eq!(world.closed(), CloseReason::TooSlow);
    let limit = (limits.backlog + limits.own_backlog) as isize;
    println!("{most} bytes of {limit}, filter: {}", filter.is_some());
    assert!(
        most > limit * 7 / 10,
        "{most} are held, {limit} are counted"
    );
    // One answer and one message pass the limit; and there is what moves the bytes.
    let bound = limit + IN_HAND;
    assert!(most < bound, "{most} are held, {bound} may");
    drop(deaf);
    world.stop();
}

/// What the client sends for these bytes.
fn encoded(filter: &mut Option<FakeFilter>, bytes: &str) -> Vec<u8> {
    let Some(filter) = filter else {
        return bytes.as_bytes().to_vec();
    };
    let mut wire = Vec::new();
    filter.send(bytes.as_bytes(), &mut wire);
    wire
}

/// The filter's beginning, and the head of a record around each of the two answers to a login.
const AROUND_THE_LOGIN: usize = 4;

/// Messages that are sent without waiting for their answers: few enough that none has to wait.
const TOGETHER: usize = 100;

/// The buffers of two connections and of the loop, answers to the sender among them.
const IN_HAND: isize = 128 * 1024;
