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
        if let Err(why) = taken {
            self.refuse_newcomer(origin, why);
        }
        taken
    }

    #[cold]
    fn refuse_newcomer(&mut self, origin: Accepted, why: Refused) {
        let peer = origin.peer.to_canonical();
        let serves = self.config.serves(origin.listener, origin.peer.ip());
        let (limit, refusal) = match why {
            Refused::Full => (Limit::Connections, Refusal::Full),
            Refused::AddressLimit => (Limit::PerAddress, Refusal::AddressLimit),
            Refused::ShuttingDown => return,
        };
        if serves.admin() {
            return self.refuse_unaccepted(Refusal::AdminLimit, peer);
        }
        self.counters.hit(limit);
        self.refuse_unaccepted(refusal, peer);
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
