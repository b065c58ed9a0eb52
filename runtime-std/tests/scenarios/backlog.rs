//! What a client that does not read makes a server hold, as its allocator sees it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};
use std::time::Duration;

use flashgate_core::{Clock, CloseReason, Config};

use crate::scenarios::{Start, World};

/// Its own answers wait for it, and the shortest of others' messages, until it is closed. What it makes the
/// server hold is near what the limits say, and not over it.
pub(crate) fn a_full_backlog(start: Start, clock: Arc<dyn Clock>) {
    let mut config = Config::default();
    config.limits.rate = None;
    let limits = config.limits.clone();
    let world = World::start(start, clock, config);
    let mut deaf = TcpStream::connect(world.address).expect("the server accepts");
    let sent = deaf.write_all(b"IDENTIFY 2 secret\0");
    sent.expect("the server reads");
    let logged_in =
        "<login aid=\"m2\" name=\"Member 2\" />\0<identify aid=\"m2\" name=\"Member 2\" />\0";
    let read = deaf.read_exact(&mut vec![0; logged_in.len()]);
    read.expect("the server answers");
    let mut sender = world.login(4);
    let messages = "MSG m2 x\0".repeat(TOGETHER);
    let idle = HELD.load(Relaxed);
    // The kernel takes megabytes before anything waits, until the server reads no more. On a busy machine
    // this may end sooner: then there is room left for others' messages.
    let short = deaf.set_write_timeout(Some(Duration::from_millis(500)));
    short.expect("a time limit is legal");
    let ping = format!("PING {}\0", "x".repeat(8000));
    while deaf.write_all(ping.as_bytes()).is_ok() {}
    MOST.store(HELD.load(Relaxed), Relaxed);
    let mut closed = false;
    while !closed {
        sender.send(&messages);
        for _ in 0..TOGETHER {
            closed |= sender.answer() == "<quit aid=\"m2\" />";
        }
    }
    let most = MOST.load(Relaxed) - idle;
    assert_eq!(world.closed(), CloseReason::TooSlow);
    let limit = (limits.backlog + limits.own_backlog) as isize;
    println!("{most} bytes of {limit}");
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

/// Messages that are sent without waiting for their answers. Of so many none waits for the rate or its room.
const TOGETHER: usize = 100;

/// The buffers of two connections and of the loop, answers to the sender among them.
const IN_HAND: isize = 128 * 1024;

/// The system's allocator, and how much this process has asked it for and not given back; the most of it.
pub(crate) struct Counting;

static HELD: AtomicIsize = AtomicIsize::new(0);
static MOST: AtomicIsize = AtomicIsize::new(0);

fn count(bytes: isize) {
    let held = HELD.fetch_add(bytes, Relaxed) + bytes;
    MOST.fetch_max(held, Relaxed);
}

// An allocator cannot be written without; it hands on what it is given, as it is.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        unsafe { System.realloc(place, layout, size) }
    }
}
