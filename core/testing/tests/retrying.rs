//! Signals interrupt the reads and writes of a socket with a timeout, but not those of a stream for tests.
#![cfg(unix)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::thread::JoinHandleExt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use flashgate_testing::Retrying;
use nix::sys::pthread::pthread_kill;
use nix::sys::signal::Signal;

/// Two ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    one.set_read_timeout(Some(PATIENCE)).unwrap();
    one.set_write_timeout(Some(PATIENCE)).unwrap();
    (one, listener.accept().unwrap().0)
}

/// Runs `wait` on a thread that gets signals. `end` is called once it has got some of them.
fn disturbed<T: Send + 'static>(
    wait: impl FnOnce() -> T + Send + 'static,
    end: impl FnOnce(),
) -> T {
    signal_hook::flag::register(Signal::SIGUSR1 as i32, Arc::default()).unwrap();
    let thread = thread::spawn(wait);
    let mut end = Some(end);
    for n in 0.. {
        if thread.is_finished() {
            break;
        }
        // It may have ended since.
        let _ = pthread_kill(thread.as_pthread_t(), Signal::SIGUSR1);
        thread::sleep(Duration::from_millis(2));
        if n > SIGNALS
            && let Some(end) = end.take()
        {
            end();
        }
    }
    thread.join().unwrap()
}

fn kind<T>(result: io::Result<T>) -> Result<T, ErrorKind> {
    result.map_err(|error| error.kind())
}

#[test]
fn reads_go_on() {
    let (mut bare, _peer) = pair();
    let read = disturbed(move || bare.read(&mut [0]), || {});
    assert_eq!(kind(read), Err(ErrorKind::Interrupted));

    let (retrying, mut peer) = pair();
    let read = disturbed(
        move || Retrying(retrying).read(&mut [0]),
        || peer.write_all(b"x").unwrap(),
    );
    assert_eq!(kind(read), Ok(1));
}

#[test]
fn writes_go_on() {
    fn fill(mut stream: impl Write) -> ErrorKind {
        loop {
            if let Err(error) = stream.write(&[0; 64 * 1024]) {
                return error.kind();
            }
        }
    }

    let (bare, _peer) = pair();
    assert_eq!(disturbed(move || fill(bare), || {}), ErrorKind::Interrupted);

    let (retrying, peer) = pair();
    let end = disturbed(move || fill(Retrying(retrying)), || drop(peer));
    assert!(
        matches!(end, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
        "{end:?}"
    );
}

/// Signals before what a thread waits for.
const SIGNALS: usize = 50;

/// Longer than any of it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
