//! Completion for zsh.

use super::commands::{Amount, Argument, Command, Opt};
use super::completions::{HEAD, Value, short};

/// The script, which zsh finds as `_flashgate`.
pub(super) fn script(program: &Command) -> String {
    let mut text = format!("#compdef flashgate\n{HEAD}\n");
    for command in program.all() {
        text += &function(command);
    }
    text + "\n_flashgate \"$@\"\n"
}

/// The function that completes what is behind one command.
fn function(command: &Command) -> String {
    let mut specs: Vec<String> = command.options.iter().map(option).collect();
    let mut text = format!("\n{}() {{\n", function_name(command));
    if command.commands.is_empty() {
        let arguments = command.arguments.iter().enumerate();
        specs.extend(arguments.map(|(at, one)| argument(at + 1, one)));
        return text + &format!("    _arguments -S \\\n{}\n}}\n", joined(&specs));
    }
    specs.extend(["'1:command:->command'", "'*::argument:->argument'"].map(str::to_owned));
    text += "    local curcontext=$curcontext state line\n    typeset -A opt_args\n";
    text += &format!("    _arguments -C \\\n{} && return\n", joined(&specs));
    text += "    case $state in\n    command)\n        local -a commands=(\n";
    for sub in &command.commands {
        let about = quoted(&format!(
            "{}:{}",
            sub.name(),
            escaped(&short(&sub.about), ":")
        ));
        text += &format!("            {about}\n");
    }
    text +=
        "        )\n        _describe -t commands command commands\n        ;;\n    argument)\n";
    text += "        case $line[1] in\n";
    for sub in &command.commands {
        text += &format!("        {}) {} ;;\n", sub.name(), function_name(sub));
    }
    text + "        esac\n        ;;\n    esac\n}\n"
}

fn function_name(command: &Command) -> String {
    format!("_{}", command.path.replace(' ', "_"))
}

fn joined(specs: &[String]) -> String {
    let lines: Vec<String> = specs.iter().map(|spec| format!("        {spec}")).collect();
    lines.join(" \\\n")
}

fn option(option: &Opt) -> String {
    let about = escaped(&short(&option.text), "[]:");
    let often = match option.amount {
        Amount::Often => "*",
        Amount::Once | Amount::AtMostOnce => "",
    };
    let value = Value::of(option);
    let equals = if value == Value::Nothing { "" } else { "=" };
    let after = match &option.value {
        Some(name) => format!(":{}:{}", escaped(name, ":"), action(value)),
        None => String::new(),
    };
    let (name, spec) = (&option.name, format!("[{about}]{after}"));
    match option.short {
        Some(short) => format!(
            "{}{{-{short},{name}{equals}}}{}",
            quoted(&format!("(-{short} {name})")),
            quoted(&spec)
        ),
        None => quoted(&format!("{often}{name}{equals}{spec}")),
    }
}

fn argument(at: usize, argument: &Argument) -> String {
    let optional = match argument.amount {
        Amount::Once | Amount::Often => ":",
        Amount::AtMostOnce => "::",
    };
    let action = action(Value::of_argument(argument));
    quoted(&format!(
        "{at}{optional}{}:{action}",
        escaped(&argument.name, ":")
    ))
}

fn action(value: Value) -> String {
    match value {
        Value::Nothing | Value::Text => " ".to_owned(),
        Value::File => "_files".to_owned(),
        Value::Folder => "_files -/".to_owned(),
        Value::Words(words) => format!("({})", words.join(" ")),
    }
}

fn escaped(text: &str, special: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if special.contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
