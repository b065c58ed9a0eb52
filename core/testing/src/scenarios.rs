//! What every runtime must do with real sockets. A runtime's tests run all of it with
//! [`tests!`](crate::scenarios!).
//!
//! The bytes of every rule are the transcripts' business. This is about what sockets add: many clients, slow
//! ones, broken ones, too few descriptors, and the end.

mod backlog;
mod client;
mod descriptors;
mod load;
mod service;
mod talk;
mod world;

use flashgate_host::{Host, Listener};

pub use backlog::a_full_backlog;
pub use client::Client;
pub use descriptors::descriptors_run_out;
pub use load::{
    a_client_that_never_reads, a_late_reader, a_reader_among_flooders, many_clients_at_once,
};
pub use service::{a_loop_that_hangs, a_passed_listener};
pub use talk::{
    a_conversation, a_flood_of_commands, a_half_closed_client, a_policy_request,
    a_reset_while_paused, a_stop, calls_after_the_end,
};
pub use world::{Nobody, Running, World};

/// Starts a runtime on these listeners.
pub type Start = fn(Vec<Listener>, Host) -> Running;

/// A test for each scenario but [`a_full_backlog`], which needs a program of its own. `start` is a [`Start`].
#[macro_export]
macro_rules! scenarios {
    ($start:path) => {
        $crate::scenarios!(
            $start: a_conversation, a_policy_request, a_half_closed_client, a_flood_of_commands,
            a_reset_while_paused, a_stop, calls_after_the_end, a_client_that_never_reads,
            a_late_reader, a_reader_among_flooders, many_clients_at_once, a_loop_that_hangs,
            a_passed_listener
        );

        #[test]
        fn descriptors_run_out() {
            $crate::scenarios::descriptors_run_out("descriptors_run_out", $start);
        }
    };
    ($start:path: $($name:ident),*) => {
        $(
            #[test]
            fn $name() {
                $crate::scenarios::$name($start);
            }
        )*
    };
}
