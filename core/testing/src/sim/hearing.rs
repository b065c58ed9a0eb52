//! Clients read: what they receive must be what the model expects.

use super::AT_LEVEL_ONE;
use super::client::Kind;
use super::key::ONLY;
use super::link::End;
use super::reader::{Level, Said};
use super::world::World;
use flashgate_core::ConnId;

impl World<'_> {
    pub(super) fn read(&mut self, id: ConnId) {
        let most = self.random.between(1, self.swarm.pipe as u64 + 1) as usize;
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.will_read = false;
        if link.away {
            return;
        }
        let some = link
            .pipe
            .len()
            .min(if self.calm { usize::MAX } else { most });
        let mut bytes: Vec<u8> = link.pipe.drain(..some).collect();
        if let Some(filter) = &mut link.filter {
            bytes = filter.read(&bytes);
        }
        link.dirty |= link.left() > 0;
        if self.model.mistaken.contains(&ONLY.key(id)) {
            link.client.kind = Kind::Garbage;
        }
        if let Kind::Chat(_) = link.client.kind {
            let expected = self
                .model
                .expected
                .get_mut(&ONLY.key(id))
                .expect("while the link is");
            for (_, said) in link.client.reader.take(&bytes) {
                assert_eq!(Some(&said), expected.pop_front().as_ref(), "{id:?} hears");
                link.client.hear(&said);
                if link.client.level == Level::One && matches!(said, Said::Xml(_)) {
                    *self.model.seen.entry(AT_LEVEL_ONE).or_default() += 1;
                }
                let reply = link.client.reply(&mut self.random, &said);
                link.to_server.extend(reply.bytes);
                if let Some(side) = self.model.sides.get_mut(&ONLY.key(id)) {
                    side.will_ask(reply.items);
                }
            }
        }
        self.travels(id);
        self.end_of_hearing(id);
        self.arrives(id);
    }

    /// A client that has read to the end must have received everything that the model expects.
    pub(super) fn end_of_hearing(&mut self, id: ConnId) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if !link.away && (!link.is_drained() || link.end < End::Finished) {
            return;
        }
        if !link.lossy && !link.away && matches!(link.client.kind, Kind::Chat(_)) {
            let left = &self.model.expected[&ONLY.key(id)];
            assert!(
                left.is_empty() && link.client.reader.is_empty(),
                "never heard: {left:?}"
            );
        }
        link.heard_all = true;
        if link.end == End::Gone {
            self.links.remove(&id);
            self.model.expected.remove(&ONLY.key(id));
        } else if link.end == End::Finished && (self.calm || self.random.percent(80)) {
            // The server has ended the connection, so the client ends it, too.
            link.client.over = true;
            link.fin = true;
            self.travels(id);
        }
    }
}
