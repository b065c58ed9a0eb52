//! Nothing: see `tests/current_thread.rs`.
