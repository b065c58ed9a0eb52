//! The program from outside, started as a user starts it.

mod chat;
mod commands;
mod outside;
mod server;
mod site;
