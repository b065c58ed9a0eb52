//! ME: what the sender does. A client that has sent no command of level 2 gets a message instead.

use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::{Model, Owner};
use crate::sim::reader::Said;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let (nick, text) = (writer.target(), writer.text());
    let word = writer.random.pick(&["ME", "me", "/Me "]);
    let command = format!("{word} {nick} {text}");
    (Ask::command("ME", [&nick, &text]), command)
}

pub(super) fn answer(model: &mut Model, id: Key, arguments: &[String]) -> Said {
    let [nick, text] = arguments else {
        panic!("a nick and a text: {arguments:?}");
    };
    if nick.starts_with('#') {
        let told = model.say_in_room("room action", id, nick, text);
        return super::or_error(model, told);
    }
    let Some(sender) = model.who(id) else {
        return Said::error("Not identified.");
    };
    let Some((member, to)) = model.by_nick(nick) else {
        return Said::error("User is already left.");
    };
    let time = model.time_of_day();
    let attributes = [&*sender.nick, &time, text, &member.nick];
    let action = Said::xml("action", attributes);
    if to != id {
        let starred = format!("*{text}*");
        let plain = [&*sender.nick, &time, &starred, &member.nick];
        let said = if model.is_level_two(to) {
            action.clone()
        } else {
            Said::xml("msg", plain)
        };
        model.must_say(to, said, Owner::Others);
    }
    model.count("action");
    action
}
