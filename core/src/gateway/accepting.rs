//! New connections: which get in, and which limit refuses the others.

use core::net::IpAddr;

use super::{Gateway, Phase};
use crate::conn::Conn;
use crate::conn::sniff::Layer;
use crate::event::Refused;
use crate::id::{Accepted, ConnId};
use crate::note::Refusal;
use crate::time::Now;
use crate::web::counters::Limit;

impl Gateway {
    /// Takes a new connection, or says why not; the runtime then closes the socket.
    pub fn accept(&mut self, now: Now, origin: Accepted) -> Result<ConnId, Refused> {
        self.now = now;
        let peer = origin.peer.to_canonical();
        let taken = self.admit(Accepted { peer, ..origin });
        if let Some(observer) = &mut self.observer {
            observer.accepted(now, origin, taken);
        }
        match taken {
            Err(Refused::Full | Refused::AddressLimit) if self.is_for_admin(origin) => {
                self.refuse_unaccepted(Refusal::AdminLimit, peer);
            }
            Err(Refused::Full) => {
                self.counters.hit(Limit::Connections);
                self.refuse_unaccepted(Refusal::Full, peer);
            }
            Err(Refused::AddressLimit) => {
                self.counters.hit(Limit::PerAddress);
                self.refuse_unaccepted(Refusal::AddressLimit, peer);
            }
            Err(Refused::ShuttingDown) | Ok(_) => {}
        }
        taken
    }

    fn is_for_admin(&self, origin: Accepted) -> bool {
        let serves = self.config.serves(origin.listener, origin.peer.ip());
        serves.admin()
    }

    fn admit(&mut self, origin: Accepted) -> Result<ConnId, Refused> {
        if self.phase != Phase::Running {
            return Err(Refused::ShuttingDown);
        }
        let serves = self.config.serves(origin.listener, origin.peer.ip());
        let (limits, is_admin) = (&self.config.limits, serves.admin());
        // The operator must get in even if the server is full.
        let others = self.conns.len() - self.admin.len();
        if is_admin && self.admin.len() >= limits.admin_connections
            || !is_admin && others >= limits.connections
        {
            return Err(Refused::Full);
        }
        if is_admin && self.admin.count_from(origin) >= limits.admin_per_address {
            return Err(Refused::AddressLimit);
        }
        let limited = serves.limited(Layer::Outermost);
        if let Some(address) = limited
            && !self.count_address(address)
        {
            return Err(Refused::AddressLimit);
        }
        self.counters.accepted += 1;
        let mut conn = Conn::new(origin, self.now.mono);
        if limited.is_some() {
            conn.count();
        }
        let id = self.conns.insert(conn);
        if is_admin {
            self.admin.open(id, origin);
        }
        self.arm(id);
        Ok(id)
    }

    /// Counts one more connection from an address, unless it has as many as it may.
    pub(super) fn count_address(&mut self, address: IpAddr) -> bool {
        let fits = self.addresses.open(address) < self.config.limits.per_address.max(1);
        if fits {
            self.addresses.add(address);
        }
        fits
    }
}
