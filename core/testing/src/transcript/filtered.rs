//! Plays a transcript through a filter: clients of the gateway's own listener speak and are answered through it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::driver::{Appetite, Arrival, Driver, Patience};
use crate::filter::FakeFilter;
use flashgate_core::{Config, Filter, ListenerId, Login, MemberEvent};
use flashgate_host::Host;

/// A driver whose clients speak through a [`FakeFilter`].
#[derive(Debug)]
pub struct Filtered<D> {
    driver: D,
    clients: Vec<Option<FakeFilter>>,
}

/// Why a scenario is not for [`Filtered`]: how much of an answer a client has taken is counted in wire bytes.
pub const READS_SLOWLY: &str = "a client behind a filter reads at once";

/// Another reason: the header of a proxy comes before the filter, and everything that a client sends goes through it.
pub const NAMES_A_CLIENT: &str = "a proxy does not speak through the filter";

impl<D> Filtered<D> {
    /// Opens the server with a filter for its first listener.
    pub fn open(host: Host, open: impl FnOnce(Host) -> Result<D, String>) -> Result<Self, String> {
        if !host.config.proxies.is_empty() {
            return Err(NAMES_A_CLIENT.to_owned());
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
    fn connect(&mut self, from: IpAddr, to: ListenerId) -> Result<SocketAddr, String> {
        let filter = (to == ListenerId(0)).then(FakeFilter::default);
        self.clients.push(filter);
        self.driver.connect(from, to)
    }

    fn send(&mut self, client: usize, piece: &[u8]) -> Result<(), String> {
        let Some(filter) = &mut self.clients[client] else {
            return self.driver.send(client, piece);
        };
        let mut wire = Vec::new();
        filter.send(piece, &mut wire);
        // In two pieces, so that a record comes in parts.
        let (first, rest) = wire.split_at(wire.len() - 1);
        self.driver.send(client, first)?;
        self.driver.send(client, rest)
    }

    fn half_close(&mut self, client: usize) -> Result<(), String> {
        self.driver.half_close(client)
    }

    fn reset(&mut self, client: usize) -> Result<(), String> {
        self.driver.reset(client)
    }

    fn vanish(&mut self, client: usize) -> Result<(), String> {
        self.driver.vanish(client)
    }

    fn appetite(&mut self, client: usize, appetite: Appetite) -> Result<(), String> {
        match appetite {
            Appetite::All => self.driver.appetite(client, appetite),
            Appetite::Bytes(_) => Err(READS_SLOWLY.to_owned()),
        }
    }

    fn read(&mut self, client: usize, patience: Patience) -> Result<Arrival, String> {
        loop {
            let wire = match self.driver.read(client, patience)? {
                Arrival::Bytes(wire) => wire,
                other @ (Arrival::Nothing | Arrival::End(_)) => return Ok(other),
            };
            let Some(filter) = &mut self.clients[client] else {
                return Ok(Arrival::Bytes(wire));
            };
            let (mut plain, mut back) = (Vec::new(), Vec::new());
            filter.receive(&wire, &mut plain, &mut back);
            if !plain.is_empty() {
                return Ok(Arrival::Bytes(plain));
            }
        }
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
