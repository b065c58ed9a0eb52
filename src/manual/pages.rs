//! The man pages.

use roff::{Inline, bold, italic, roman};

use super::commands::{Amount, Command};
use super::markdown::{Page, plain};
use crate::config::{self, Keys};
use crate::doctor::CHECKS;
use crate::log::{EVENTS, FIELDS};
use crate::serve;

/// All pages with the names of their files.
pub(super) fn all(program: &Command) -> Vec<(&'static str, String)> {
    let page = |name: &str, section: &str, manual: &str, text: &str| {
        let source = concat!("flashgate ", env!("CARGO_PKG_VERSION"));
        let title = name.to_uppercase();
        let mut page = Page::new([&title, section, RELEASED, source, manual]);
        page.markdown(text, |what, page| insert(page, what, program));
        page.render()
    };
    let commands = "User Commands";
    vec![
        (
            "flashgate.1",
            page("flashgate", "1", commands, include_str!("flashgate.1.md")),
        ),
        (
            "flashgate-members.1",
            page(
                "flashgate-members",
                "1",
                commands,
                include_str!("flashgate-members.1.md"),
            ),
        ),
        (
            "flashgate.toml.5",
            page(
                "flashgate.toml",
                "5",
                "File Formats",
                include_str!("flashgate.toml.5.md"),
            ),
        ),
    ]
}

/// The date of this version.
const RELEASED: &str = "2026-11-30";

/// Writes what a line `{{what}}` stands for.
fn insert(page: &mut Page, what: &str, program: &Command) {
    let members = program.at("flashgate members");
    match what {
        "commands" => list(page, program),
        "members" => list(page, members),
        "options" => {
            let others = program.commands.iter();
            for command in others.filter(|command| command.name() != "members") {
                details(page, command);
            }
        }
        "members options" => {
            for command in &members.commands {
                details(page, command);
            }
        }
        "members notes" => {
            for note in &members.notes {
                page.paragraph(plain(note));
            }
        }
        "keys" => keys(page),
        "checks" => {
            for check in CHECKS {
                page.item(vec![bold(check.name())], plain(check.does()));
            }
        }
        "log fields" => {
            for field in FIELDS {
                page.item(vec![bold(field.name)], plain(field.holds));
            }
        }
        "log events" => {
            for event in EVENTS {
                let fields = match event.fields {
                    [] => "no further field".to_owned(),
                    fields => fields.join(", "),
                };
                page.item(
                    vec![bold(event.name)],
                    plain(&format!("{}: {fields}", event.what)),
                );
            }
        }
        _ => panic!("nothing is called {what}"),
    }
}

/// The commands below this one, a line each.
fn list(page: &mut Page, command: &Command) {
    for sub in &command.commands {
        page.item(vec![bold(sub.name())], plain(&sub.about));
    }
}

/// A command, and all commands below it: what they take, and what they do.
fn details(page: &mut Page, command: &Command) {
    page.title("SS", &command.path);
    if command.commands.is_empty() {
        page.paragraph(synopsis(command));
    }
    page.paragraph(plain(&command.about));
    for argument in &command.arguments {
        page.item(vec![italic(&argument.name)], plain(&argument.text));
    }
    // The options of `serve` that `config show` also takes are described once, at `serve`.
    let is_own = |name: &str| match command.path.as_str() {
        "flashgate config show" => name == "--config",
        _ => name != "--help",
    };
    for option in command.options.iter().filter(|option| is_own(&option.name)) {
        let mut term = Vec::new();
        if let Some(short) = option.short {
            term.extend([bold(format!("-{short}")), roman(", ")]);
        }
        term.push(bold(&option.name));
        if let Some(value) = &option.value {
            term.extend([roman(" "), italic(value)]);
        }
        page.item(term, plain(&option.text));
    }
    for note in command.notes.iter().flat_map(|note| note.split("\n\n")) {
        page.paragraph(plain(note.trim()));
    }
    for example in &command.examples {
        let mut lines = example.lines();
        page.paragraph(plain(lines.next().unwrap_or_default()));
        page.code(lines.map(str::trim));
    }
    for sub in &command.commands {
        details(page, sub);
    }
}

fn synopsis(command: &Command) -> Vec<Inline> {
    let mut text = vec![bold(&command.path)];
    for option in command
        .options
        .iter()
        .filter(|option| option.amount == Amount::Once)
    {
        text.extend([roman(" "), bold(&option.name)]);
        let value = option.value.as_deref().unwrap_or_default();
        text.extend([roman(" "), italic(value)]);
    }
    let is_optional = |name: &str, amount| amount != Amount::Once && name != "--help";
    if command
        .options
        .iter()
        .any(|option| is_optional(&option.name, option.amount))
    {
        text.extend([roman(" ["), italic("OPTION"), roman("]...")]);
    }
    for argument in &command.arguments {
        let (before, after) = match argument.amount {
            Amount::Once => (" ", ""),
            Amount::AtMostOnce => (" [", "]"),
            Amount::Often => (" [", "]..."),
        };
        text.extend([roman(before), italic(&argument.name), roman(after)]);
    }
    text
}

/// The keys of the configuration file, as the file that lists them writes them.
fn keys(page: &mut Page) {
    let template = config::template();
    for (name, key) in Keys::of_serve().iter() {
        let begin = format!("#{name} = ");
        let value = template.lines().find_map(|line| line.strip_prefix(&begin));
        let value = value.expect("the file lists every key");
        let restart = match serve::only_at_the_start(name) {
            true => ". Takes a restart.",
            false => "",
        };
        page.item(
            vec![bold(name), roman(format!(" = {value}"))],
            plain(&format!("{}{restart}", key.help)),
        );
    }
}
