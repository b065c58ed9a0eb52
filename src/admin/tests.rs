//! Compares the description of the interface with the program.

use std::collections::BTreeSet;

use serde_json::Value;

use super::routes::ROUTES;

const OPENAPI: &str = include_str!("openapi.json");

#[test]
fn every_route_is_described_and_no_other() {
    let api: Value = serde_json::from_str(OPENAPI).unwrap();
    assert_eq!(api["openapi"], "3.1.0");
    let mut described = BTreeSet::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let routes = ROUTES.iter();
    let routes = routes.map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()));
    assert_eq!(described, routes.collect());
}
