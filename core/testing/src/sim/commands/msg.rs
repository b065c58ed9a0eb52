//! MSG: a private message. The sender gets it, too.

use crate::sim::ask::{Ask, Writer};
use crate::sim::key::Key;
use crate::sim::model::{Model, Owner};
use crate::sim::reader::Said;

pub(super) fn write(writer: &mut Writer<'_>) -> (Ask, String) {
    let (nick, text) = (writer.target(), writer.text());
    let word = writer.random.pick(&["MSG", "msg", "/mSg "]);
    let command = format!("{word} {nick} {text}");
    (Ask::command("MSG", [&nick, &text]), command)
}

pub(super) fn answer(model: &mut Model, id: Key, arguments: &[String]) -> Said {
    let [nick, text] = arguments else {
        panic!("a nick and a text: {arguments:?}");
    };
    if nick.starts_with('#') {
        let told = model.say_in_room("room msg", id, nick, text);
        return super::or_error(model, told);
    }
    let Some(sender) = model.who(id) else {
        return Said::error("Not identified.");
    };
    let Some((member, to)) = model.by_nick(nick) else {
        return Said::error("User is already left.");
    };
    let time = model.time_of_day();
    let said = Said::xml("msg", [&*sender.nick, &time, text, &member.nick]);
    if to != id {
        model.must_say(to, said.clone(), Owner::Others);
    }
    model.count("msg");
    said
}
