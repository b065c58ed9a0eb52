//! The program from outside, started as a user starts it.

mod admin;
mod bad_store;
mod care;
mod chat;
mod commands;
mod compressed;
mod config;
#[cfg(feature = "mysql")]
mod database;
mod doctor;
#[cfg(target_os = "linux")]
mod flood;
mod guest;
mod guests;
mod health;
mod https;
mod import;
mod import_options;
#[cfg(feature = "mysql")]
mod large_import;
mod layers;
mod limits;
#[cfg(feature = "mysql")]
mod live;
#[cfg(feature = "mysql")]
mod live_import;
mod members;
#[cfg(target_os = "linux")]
mod memory;
mod monitoring;
mod nicks;
mod outside;
mod passwords;
mod prompt;
mod proxied;
mod record;
mod reload;
mod rooms;
mod ruffle;
mod server;
#[cfg(target_os = "linux")]
mod service;
mod signed;
mod site;
mod stopped;
mod store;
mod terminal;
mod tickets;
mod tls;
mod unix;
mod websocket;
