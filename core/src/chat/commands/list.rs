//! LIST: which members are online.

use crate::chat::command::Args;
use crate::chat::context::Context;
use crate::chat::reply;
use crate::config::ListAccess;

pub(crate) fn run(context: &mut dyn Context, _args: Args<'_>) {
    if context.config().list == ListAccess::Identified && context.member().is_none() {
        return context.say(&reply::error(reply::NOT_IDENTIFIED));
    }
    let form = context.form();
    let list = context.hub_mut().list(form);
    context.say_encoded(list);
}
