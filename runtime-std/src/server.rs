//! The server as a program sees it.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use flashgate_core::{Input, ListenerId};
use flashgate_host::{Handle, Host, Inbox};

use crate::bell::Bell;
use crate::shared::Shared;
use crate::state::Stage;
use crate::threads::{self, Door};

/// A gateway and its listeners, ready to run.
#[derive(Debug)]
pub struct Server {
    doors: Vec<Door>,
    host: Host,
    handle: Handle,
    inbox: Inbox,
    bell: Arc<Bell>,
}

impl Server {
    /// Takes over bound listeners; the first is [`ListenerId`] 0. They are made blocking, and asked
    /// for a backlog of 4,096.
    pub fn new(listeners: Vec<TcpListener>, host: Host) -> io::Result<Self> {
        let doors = listeners.into_iter().enumerate();
        let bell = Arc::new(Bell::default());
        let (handle, inbox) = Handle::new(Arc::clone(&bell) as Arc<dyn flashgate_host::Bell>);
        Ok(Self {
            doors: doors
                .map(|(index, listener)| Door::new(listener, ListenerId(index)))
                .collect::<io::Result<_>>()?,
            host,
            handle,
            inbox,
            bell,
        })
    }

    /// How to speak to the server while it runs.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until [`Handle::shutdown`] and the end of the last connection. The calling thread
    /// keeps the time; every thread that was started has ended when this returns.
    ///
    /// An error means that there was no thread to be had for a listener.
    pub fn run(self) -> io::Result<()> {
        let Self {
            doors,
            host,
            handle,
            inbox,
            bell,
        } = self;
        thread::scope(|scope| {
            let mut house = House {
                shared: Arc::new(Shared::new(scope, host, handle)),
                doors: Vec::new(),
            };
            for door in doors {
                let door = Arc::new(door);
                house.doors.push(Arc::clone(&door));
                let shared = Arc::clone(&house.shared);
                threads::thread("flashgate-accept")
                    .spawn_scoped(scope, move || threads::accept(&shared, &door))?;
            }
            house.keep_time(&inbox, &bell);
            Ok(())
        })
    }
}

/// Every thread there is, or what they wait for: dropped, it ends them, be it for an error or a panic.
struct House<'scope, 'env> {
    shared: Arc<Shared<'scope, 'env>>,
    doors: Vec<Arc<Door>>,
}

impl House<'_, '_> {
    fn keep_time(&mut self, inbox: &Inbox, bell: &Bell) {
        let mut inputs: Vec<Input<'static>> = Vec::new();
        loop {
            let turn = self.shared.turn(inputs);
            if turn.stage == Stage::Stopped {
                return;
            }
            bell.wait(turn.sleep);
            inputs = inbox.take();
            // Before the gateway says goodbye: whoever hears it finds that nobody listens.
            if inputs.iter().any(|input| matches!(input, Input::Shutdown)) {
                self.close_doors();
            }
        }
    }

    fn close_doors(&mut self) {
        for door in self.doors.drain(..) {
            door.close();
        }
    }
}

impl Drop for House<'_, '_> {
    fn drop(&mut self) {
        self.close_doors();
        self.shared.end_all();
    }
}
