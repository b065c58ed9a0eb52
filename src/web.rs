//! What is served over HTTP: the built-in pages, and the operator's own folder over them.

mod address;
mod brand;
mod challenges;
mod colour;
mod compress;
mod folder;
mod leaks;
mod pages;
mod ruffle;
mod ruffle_config;
mod site;

pub use address::{Address, FrameAncestor};
pub use challenges::{FOLDERS as CHALLENGE_FOLDERS, add as add_challenges, check as check_webroot};
pub use pages::{Demo, TicketUrl};
pub use ruffle::Ruffle;
pub use ruffle_config::RuffleConfig;
pub use site::{Own, is_own, site};
