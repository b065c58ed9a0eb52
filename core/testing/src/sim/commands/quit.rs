//! QUIT: a goodbye. The connection ends (`model/ends.rs`).

use crate::sim::ask::{Ask, IDLE, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;

/// Usually a blank command, so that few clients leave.
pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    match writer.random.below(5) {
        0 if writer.swarm.leaves => (Ask::command("QUIT", []), String::from("QUIT")),
        _ => {
            let blank = *writer.random.pick(&["", " ", "\r", "\t \x0b"]);
            (Ask::Idle(IDLE), String::from(blank))
        }
    }
}

pub(super) fn answer(_: &mut Model, id: Key, _: &[String]) -> Said {
    panic!("QUIT of {id:?} is answered")
}
