//! The server as a program sees it.

use std::io;
use std::sync::Arc;

use flashgate_host::{Bell, Handle, Host, Listener, Mailbox};

use crate::accept::Listeners;
use crate::poller::Poller;
use crate::state::State;

/// A gateway and its listeners, ready to run.
#[derive(Debug)]
pub struct Server {
    listeners: Listeners,
    poller: Arc<Poller>,
    host: Host,
    handle: Handle,
    mailbox: Mailbox,
}

impl Server {
    /// Takes over bound TCP or Unix listeners; as [`Listener`]s, both kinds can be mixed. The first is
    /// [`ListenerId`](flashgate_core::ListenerId) 0. They are made non-blocking, and get the longest accept queue
    /// that the system allows.
    pub fn new<L: Into<Listener>>(listeners: Vec<L>, host: Host) -> io::Result<Self> {
        let poller = Arc::new(Poller::new()?);
        let listeners = listeners.into_iter().map(Into::into).collect();
        let (handle, mailbox) = Handle::new(Arc::clone(&poller) as Arc<dyn Bell>);
        Ok(Self {
            listeners: Listeners::new(listeners, &poller, &host.config.limits.keepalive)?,
            poller,
            host,
            handle,
            mailbox,
        })
    }

    /// Talks to the server while it runs.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until [`Handle::shutdown`] and the end of the last connection.
    ///
    /// An error means that the operating system refused the loop its poller. Every connection is closed then,
    /// as it is when this future is dropped.
    pub async fn run(self) -> io::Result<()> {
        let Self {
            listeners,
            poller,
            host,
            handle,
            mailbox,
        } = self;
        State::new(host, listeners, poller, handle, mailbox)
            .run()
            .await
    }
}
