//! Bodies of fuzz targets that need more than the core; the others are in `flashgate_testing::fuzz`.
//!
//! `tests/fuzz_seeds.rs` takes these files in by their paths, and replays their seeds without a fuzzer.

mod config_file;
mod members_csv;
mod mysqldump;
mod tls_filter;
mod websocket_frames;

pub use config_file::config_file;
pub use members_csv::members_csv;
pub use mysqldump::mysqldump;
pub use tls_filter::tls_filter;
pub use websocket_frames::websocket_frames;
