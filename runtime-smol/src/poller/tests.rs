//! Both pollers say the same.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::{Event, Interest};

macro_rules! both {
    ($($test:ident)*) => {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        mod on_epoll {
            use super::super::epoll::{Events, Poller};
            $(super::$test!();)*
        }
        mod on_polling {
            use super::super::portable::{Events, Poller};
            $(super::$test!();)*
        }
    };
}

macro_rules! what_is_ready_is_said {
    () => {
        #[test]
        fn what_is_ready_is_said() {
            let (poller, mut events) = (Poller::new().unwrap(), Events::new());
            let mut ready = || {
                std::thread::sleep(std::time::Duration::from_millis(20));
                poller.wait(&mut events).unwrap();
                assert_eq!(events.is_empty(), events.iter().next().is_none());
                events.iter().collect::<Vec<_>>()
            };
            super::conversation(
                &mut ready,
                &|source, key, interest| poller.add(source, key, interest).unwrap(),
                &|source, key, interest| poller.modify(source, key, interest).unwrap(),
                &|source| poller.forget(source),
            );
        }
    };
}
use what_is_ready_is_said;

macro_rules! a_ring_is_seen {
    () => {
        #[test]
        fn a_ring_is_seen() {
            use flashgate_host::Bell;
            let poller = std::sync::Arc::new(Poller::new().unwrap());
            let sleeper = async_io::Async::new_nonblocking(std::sync::Arc::clone(&poller)).unwrap();
            let mut events = Events::new();
            for _ in 0..3 {
                poller.ring();
                poller.ring();
                async_io::block_on(sleeper.readable()).unwrap();
                poller.wait(&mut events).unwrap();
                assert_eq!(events.iter().next(), None, "it is nobody's event");
                // Reported once: a loop that sleeps now sleeps on.
                assert!(!super::wakes(&sleeper));
            }
        }
    };
}
use a_ring_is_seen;

both!(what_is_ready_is_said a_ring_is_seen);

fn wakes<T: std::os::fd::AsFd>(sleeper: &async_io::Async<T>) -> bool {
    async_io::block_on(futures_lite::future::or(
        async {
            sleeper.readable().await.unwrap();
            true
        },
        async {
            async_io::Timer::after(Duration::from_millis(20)).await;
            false
        },
    ))
}

type Watch<'a> = &'a dyn Fn(&TcpStream, usize, Interest);

fn conversation(
    ready: &mut dyn FnMut() -> Vec<Event>,
    add: Watch<'_>,
    modify: Watch<'_>,
    forget: &dyn Fn(&TcpStream),
) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut socket, _) = listener.accept().unwrap();
    let said = |readable, writable, broken| Event {
        key: 7,
        readable,
        writable,
        broken,
    };
    let becomes = |ready: &mut dyn FnMut() -> Vec<Event>, expected: Event| {
        let end = Instant::now() + PATIENCE;
        loop {
            let now = ready();
            if now == [expected] {
                return;
            }
            assert!(Instant::now() < end, "{now:?} and never {expected:?}");
        }
    };

    add(&socket, 7, Interest::READ);
    assert_eq!(ready(), []);
    peer.write_all(b"x").unwrap();
    becomes(ready, said(true, false, false));
    assert_eq!(ready(), [said(true, false, false)], "until it is read");
    socket.read_exact(&mut [0]).unwrap();
    assert_eq!(ready(), []);

    let both = Interest {
        read: true,
        write: true,
    };
    modify(&socket, 7, both);
    becomes(ready, said(false, true, false));

    modify(&socket, 7, Interest::NONE);
    peer.write_all(b"x").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    assert_eq!(ready(), [], "nobody asked");
    socket.shutdown(Shutdown::Write).unwrap();
    let end = Instant::now() + PATIENCE;
    loop {
        match ready()[..] {
            [] => assert!(Instant::now() < end, "no hang-up"),
            [event] => break assert!(event.key == 7 && event.broken, "{event:?}"),
            ref more => panic!("{more:?}"),
        }
    }
    assert_eq!(
        ready(),
        [],
        "a hang-up is said once to who asked for nothing"
    );

    modify(&socket, 7, Interest::READ);
    forget(&socket);
    drop(socket);
    assert_eq!(ready(), [], "it is gone");
}

/// More time than these tests need on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
