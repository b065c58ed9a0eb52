//! LIST: the members online, in the order of their logins.

use flashgate_core::ListAccess;

use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::Model;
use crate::sim::reader::Said;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let text = *writer.random.pick(&["LIST", "/list", "List of all"]);
    (Ask::command("LIST", []), String::from(text))
}

pub(super) fn answer(model: &mut Model, id: Key, _: &[String]) -> Said {
    if model.config.list == ListAccess::Identified && model.who(id).is_none() {
        return Said::error("Not identified.");
    }
    let members = model.members();
    Said::list("nicklist", "nick", members.map(|m| [&*m.nick, &*m.name]))
}
