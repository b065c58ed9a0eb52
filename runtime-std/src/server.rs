//! The server as a program sees it.

use std::io;
use std::mem;
use std::sync::Arc;
use std::thread;

use flashgate_core::{Input, ListenerId};
use flashgate_host::{Handle, Host, Listener, Mailbox};

use crate::accept::{self, Acceptor};
use crate::bell::Bell;
use crate::shared::Shared;
use crate::state::Stage;
use crate::threads::thread;

/// A gateway and its listeners, ready to run.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Acceptor>,
    host: Host,
    handle: Handle,
    mailbox: Mailbox,
    bell: Arc<Bell>,
}

impl Server {
    /// Takes over bound TCP or Unix listeners; as [`Listener`]s, both kinds can be mixed. The first is
    /// [`ListenerId`] 0. They are made blocking, and get the longest accept queue that the system allows.
    pub fn new<L: Into<Listener>>(listeners: Vec<L>, host: Host) -> io::Result<Self> {
        let listeners = listeners.into_iter().enumerate();
        let bell = Arc::new(Bell::default());
        let (handle, mailbox) = Handle::new(Arc::clone(&bell) as Arc<dyn flashgate_host::Bell>);
        Ok(Self {
            listeners: listeners
                .map(|(index, listener)| Acceptor::new(listener.into(), ListenerId(index)))
                .collect::<io::Result<_>>()?,
            host,
            handle,
            mailbox,
            bell,
        })
    }

    /// Talks to the server while it runs.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until [`Handle::shutdown`] and the end of the last connection. The calling thread runs the timers;
    /// every thread that was started has ended when this returns.
    ///
    /// An error means that the system had no thread for a listener.
    pub fn run(self) -> io::Result<()> {
        let Self {
            listeners,
            mut host,
            handle,
            mailbox,
            bell,
        } = self;
        let mut beat = mem::replace(&mut host.beat, Box::new(|| ()));
        thread::scope(|scope| {
            let mut all = Threads {
                shared: Arc::new(Shared::new(scope, host, handle)),
                listeners: Vec::new(),
            };
            for listener in listeners {
                let listener = Arc::new(listener);
                all.listeners.push(Arc::clone(&listener));
                let shared = Arc::clone(&all.shared);
                thread("flashgate-accept")
                    .spawn_scoped(scope, move || accept::accept(&shared, &listener))?;
            }
            all.run_timers(&mailbox, &bell, &mut beat);
            Ok(())
        })
    }
}

/// All threads, by what they wait for. Dropped, also after an error or a panic, it ends them.
struct Threads<'scope, 'env> {
    shared: Arc<Shared<'scope, 'env>>,
    listeners: Vec<Arc<Acceptor>>,
}

impl Threads<'_, '_> {
    fn run_timers(&mut self, mailbox: &Mailbox, bell: &Bell, beat: &mut dyn FnMut()) {
        let mut inputs: Vec<Input<'static>> = Vec::new();
        loop {
            // It takes the lock: if a thread hangs while it holds the gateway, the beat must stop.
            let turn = self.shared.turn(inputs);
            beat();
            if turn.stage == Stage::Stopped {
                return;
            }
            bell.wait(turn.sleep);
            inputs = mailbox.take();
            // Before the gateway says goodbye: a client that reads the goodbye must not be able to connect again.
            if inputs.iter().any(|input| matches!(input, Input::Shutdown)) {
                self.close_listeners();
            }
        }
    }

    fn close_listeners(&mut self) {
        for listener in self.listeners.drain(..) {
            listener.close();
        }
    }
}

impl Drop for Threads<'_, '_> {
    fn drop(&mut self) {
        self.close_listeners();
        self.shared.end_all();
    }
}
