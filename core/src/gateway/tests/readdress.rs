//! What becomes of a connection whose proxy has named its client.

use core::net::SocketAddr;

use super::*;
use crate::id::Peer;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

impl Lab {
    fn accept_from(&mut self, peer: &str) -> Result<ConnId, Refused> {
        let (listener, peer) = (ListenerId(0), Peer::Address(address(peer)));
        let taken = self.gateway.accept(
            self.now,
            Accepted {
                listener,
                peer,
                user: None,
            },
        );
        self.drain();
        taken
    }

    fn readdress(&mut self, id: ConnId, peer: &str) {
        if self.gateway.readdress(id, address(peer)).is_err() {
            self.gateway.close(id);
        }
        self.gateway.settle(id);
        self.drain();
        self.gateway.assert_consistent();
    }

    fn is_closed(&self, id: ConnId) -> bool {
        self.actions.contains(&Action::Close(id))
    }

    /// The last note, and the address in it.
    fn last_note(&self) -> Option<(String, Peer)> {
        let notes = self.actions.iter().rev();
        let mut notes = notes.filter_map(|action| match action {
            Action::Note(note) => Some((std::format!("{}", note.what), note.peer)),
            Action::Write(..)
            | Action::Broadcast(..)
            | Action::Finish(_)
            | Action::Close(_)
            | Action::Abort(_)
            | Action::Pause(_)
            | Action::Resume(_)
            | Action::Lookup(..) => None,
        });
        notes.next()
    }
}

#[test]
fn the_count_moves_with_the_connection() {
    let mut config = unlimited();
    config.limits.per_address = 2;
    let mut lab = Lab::new(config);
    let [proxy, client] = ["192.0.2.1:1", "198.51.100.7:4242"];
    let a = lab.accept_from(proxy).unwrap();
    let b = lab.accept_from(proxy).unwrap();
    assert_eq!(lab.accept_from(proxy), Err(Refused::AddressLimit));
    lab.readdress(a, client);
    let open = |lab: &Lab, text| lab.gateway.addresses.open(address(text).ip());
    assert_eq!((open(&lab, proxy), open(&lab, client)), (1, 1));
    let c = lab.accept_from(proxy).expect("one fewer is from there");
    lab.readdress(b, client);
    assert_eq!((open(&lab, proxy), open(&lab, client)), (1, 2));

    // The client's third is closed, and counts nowhere.
    lab.readdress(c, client);
    assert!(lab.is_closed(c) && !lab.is_closed(b));
    assert_eq!((open(&lab, proxy), open(&lab, client)), (0, 2));
    let note = (
        String::from("CLOSED address limit"),
        Peer::Address(address(client)),
    );
    lab.wait(1000);
    let (words, peer) = lab.last_note().expect("the log says so");
    assert!(words.starts_with(&note.0), "{words}");
    assert_eq!(peer, note.1);
    assert_eq!(lab.gateway.refusals.total(Refusal::AddressLimit), 2);

    for id in [a, b, c] {
        lab.handle(Input::Gone(id, Cause::Reset));
    }
    lab.gateway.assert_settled();
}

#[test]
fn what_it_says_and_fails_at_counts_for_the_client() {
    let mut lab = Lab::new(unlimited());
    let id = lab.accept_from("192.0.2.1:1").unwrap();
    lab.readdress(id, "[::ffff:198.51.100.7]:4242");
    lab.send(id, "IDENTIFY 1 x\0");
    let client = address("198.51.100.7:4242");
    let note = (String::from("CONNECTED (1/4096)"), Peer::Address(client));
    assert_eq!(lab.last_note(), Some(note));
    let asked = lab.actions.iter().any(|action| {
        matches!(action, Action::Lookup(_, Query::Identify { source, .. })
            if *source == Source::Address(client.ip()))
    });
    assert!(asked, "the throttle and the store see the client");
    let online = lab.gateway.conns.known(id).map(crate::conn::Conn::peer);
    assert_eq!(online, Some(Peer::Address(client)));
}

#[test]
fn clients_that_are_exempt_are_not_counted() {
    let mut config = Config::default();
    config.limits.per_address = 1;
    let mut lab = Lab::new(config);
    for port in 1..=3 {
        let id = lab.accept_from("192.0.2.1:1").unwrap();
        lab.readdress(id, &std::format!("127.0.0.1:{port}"));
        assert!(!lab.is_closed(id));
    }
    assert!(lab.gateway.addresses.is_empty());
    // Nor are proxies; but their clients are, even where a range of proxies holds them.
    let mut config = unlimited();
    config.limits.per_address = 1;
    config.set("proxy-protocol", "192.0.2.0/24").unwrap();
    let mut lab = Lab::new(config);
    let ids = [1, 2].map(|port| lab.accept_from(&std::format!("192.0.2.1:{port}")).unwrap());
    assert!(lab.gateway.addresses.is_empty());
    lab.readdress(ids[0], "192.0.2.9:1");
    lab.readdress(ids[1], "192.0.2.9:2");
    assert!(!lab.is_closed(ids[0]) && lab.is_closed(ids[1]));
}

#[test]
fn refusals_of_proxies_are_metrics_where_there_are_proxies() {
    let mut config = unlimited();
    config.set("proxy-protocol", "192.0.2.1").unwrap();
    let mut lab = Lab::new(config);
    let id = lab.accept();
    lab.send(id, "PING x\0");
    for (peer, times) in [("198.51.100.7:1", Some(1)), ("198.51.100.7:2", None)] {
        if times.is_none() {
            lab.handle(Input::Configure(Arc::new(unlimited())));
        }
        let id = lab.accept_from(peer).unwrap();
        lab.send(id, "GET /metrics HTTP/1.0\r\n\r\n");
        let metrics = lab.said(id);
        let mut lines = metrics.lines();
        let line = lines.find(|line| line.contains("{reason=\"no PROXY header\"}"));
        let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        assert_eq!(value, times, "{line:?}");
    }
}
