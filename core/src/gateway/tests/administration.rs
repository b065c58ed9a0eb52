//! Requests for administration whose clients do not wait for the host.

use super::*;
use crate::config::Role;

const REQUEST: &str = "GET /v1/status HTTP/1.0\r\nAuthorization: Bearer x\r\n\r\n";

/// The host has not answered any, and their clients have left: no more of them are kept than the limit allows.
#[test]
fn requests_that_nobody_waits_for_are_few() {
    let mut config = unlimited();
    config.listeners = Vec::from([Role::Admin]);
    config.limits.admin_connections = 2;
    let mut lab = Lab::new(config);
    for n in 0..10 {
        let id = prepared(&mut lab, REQUEST);
        let lookups = lab
            .actions
            .iter()
            .filter(|a| matches!(a, Action::Lookup(..)));
        let asked = lookups.count() > n;
        assert_eq!(asked, n < 4, "{n}");
        if !asked {
            let answer = &lab.text[&id];
            assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        }
        lab.handle(Input::Gone(id, Cause::Reset));
    }
}
