//! Plays a transcript through a filter: clients of the gateway's own listener speak and are answered through it.

use std::mem;
use std::net::IpAddr;
use std::sync::Arc;

use super::driver::{Appetite, Arrival, Driver, Patience};
use super::step::End;
use crate::filter::FakeFilter;
use flashgate_core::{Config, Filter, HttpsRedirect, ListenerId, Login, MemberEvent, Peer};
use flashgate_host::Host;

/// A driver whose clients speak through a [`FakeFilter`].
#[derive(Debug)]
pub struct Filtered<D> {
    driver: D,
    clients: Vec<Option<Client>>,
}

/// A client's side of the filter.
#[derive(Debug)]
struct Client {
    filter: FakeFilter,
    /// Plain bytes that the transcript has not read yet.
    got: Vec<u8>,
}

impl Client {
    fn new() -> Self {
        Self {
            filter: FakeFilter::eager(),
            got: Vec::new(),
        }
    }

    /// Returns how many plain bytes are in these wire bytes.
    fn take(&mut self, wire: &[u8]) -> usize {
        let before = self.got.len();
        self.filter.receive(wire, &mut self.got, &mut Vec::new());
        self.got.len() - before
    }

    /// The end record.
    fn close(&mut self) -> Vec<u8> {
        let mut wire = Vec::new();
        self.filter.close(&mut wire);
        wire
    }
}

/// Why a scenario is not for [`Filtered`]: everything that a client sends goes through the filter, but the header of a
/// proxy comes before it, and a redirect to https is for clients without it.
pub const NEEDS_PLAIN: &str = "it is about connections without a filter";

impl<D> Filtered<D> {
    /// Opens the server with a filter for its first listener.
    pub fn open(host: Host, open: impl FnOnce(Host) -> Result<D, String>) -> Result<Self, String> {
        let redirects = host.config.redirect_https == HttpsRedirect::On;
        if redirects || !host.config.proxies.is_empty() {
            return Err(NEEDS_PLAIN.to_owned());
        }
        let config = filtered(&host.config);
        let driver = open(Host { config, ..host })?;
        Ok(Self {
            driver,
            clients: Vec::new(),
        })
    }
}

fn filtered(config: &Config) -> Arc<Config> {
    let filters = vec![Some(FakeFilter::make())];
    Arc::new(Config {
        filters,
        ..config.clone()
    })
}

impl<D: Driver> Driver for Filtered<D> {
    fn connect(&mut self, from: Option<IpAddr>, to: ListenerId) -> Result<Peer, String> {
        let client = (to == ListenerId(0)).then(Client::new);
        self.clients.push(client);
        self.driver.connect(from, to)
    }

    fn encode(&mut self, client: usize, bytes: &[u8]) -> Vec<u8> {
        let Some(Client { filter, .. }) = &mut self.clients[client] else {
            return bytes.to_vec();
        };
        let mut wire = Vec::new();
        filter.send(bytes, &mut wire);
        wire
    }

    fn send(&mut self, client: usize, piece: &[u8]) -> Result<(), String> {
        self.driver.send(client, piece)
    }

    fn half_close(&mut self, client: usize) -> Result<(), String> {
        // Some end the filter's side, too.
        if client.is_multiple_of(2)
            && let Some(filtered) = &mut self.clients[client]
        {
            let wire = filtered.close();
            self.driver.send(client, &wire)?;
        }
        self.driver.half_close(client)
    }

    fn reset(&mut self, client: usize) -> Result<(), String> {
        self.driver.reset(client)
    }

    fn vanish(&mut self, client: usize) -> Result<(), String> {
        self.driver.vanish(client)
    }

    fn appetite(&mut self, client: usize, appetite: Appetite) -> Result<(), String> {
        let (Some(filtered), Appetite::Bytes(plain)) = (&mut self.clients[client], appetite) else {
            return self.driver.appetite(client, appetite);
        };
        while let Arrival::Bytes(wire) = self.driver.read(client, Patience::None)? {
            filtered.take(&wire);
        }
        // As many plain bytes are in that many wire bytes, or in some more.
        let mut left = plain;
        loop {
            self.driver.appetite(client, Appetite::Bytes(left))?;
            if left == 0 {
                return Ok(());
            }
            let Arrival::Bytes(wire) = self.driver.read(client, Patience::None)? else {
                return Err("behind a filter, a client can take what is there, not more".to_owned());
            };
            left -= filtered.take(&wire);
        }
    }

    fn read(&mut self, client: usize, patience: Patience) -> Result<Arrival, String> {
        let Some(filtered) = &mut self.clients[client] else {
            return self.driver.read(client, patience);
        };
        while filtered.got.is_empty() {
            match self.driver.read(client, patience)? {
                Arrival::Bytes(wire) => filtered.take(&wire),
                Arrival::End(End::Closed) if !filtered.filter.is_over() => {
                    return Err("the connection ends without the filter's end record".to_owned());
                }
                other @ (Arrival::Nothing | Arrival::End(_)) => return Ok(other),
            };
        }
        Ok(Arrival::Bytes(mem::take(&mut filtered.got)))
    }

    fn settle(&mut self) -> Result<(), String> {
        self.driver.settle()
    }

    fn member(&mut self, event: MemberEvent) -> Result<(), String> {
        self.driver.member(event)
    }

    fn announce(&mut self, text: &Arc<str>) -> Result<(), String> {
        self.driver.announce(text)
    }

    fn kick(&mut self, member: &Login, reason: Option<&str>) -> Result<(), String> {
        self.driver.kick(member, reason)
    }

    fn configure(&mut self, config: Arc<Config>) -> Result<(), String> {
        self.driver.configure(filtered(&config))
    }

    fn shutdown(&mut self) -> Result<(), String> {
        self.driver.shutdown()
    }

    fn ended(&mut self, patience: Patience) -> Result<bool, String> {
        self.driver.ended(patience)
    }

    fn reached(&self) -> u64 {
        self.driver.reached()
    }

    fn wait(&self, done: &dyn Fn() -> bool) -> bool {
        self.driver.wait(done)
    }

    fn knows_ends(&self) -> bool {
        self.driver.knows_ends()
    }
}
