//! Completion for fish.

use super::commands::{Amount, Command};
use super::completions::{HEAD, Value, paths, short};

/// The script.
pub(super) fn script(program: &Command) -> String {
    let paths: Vec<String> = paths(program).into_iter().map(quoted).collect();
    let mut text = format!(
        r#"{HEAD}

# Whether the words in front of the cursor name this command.
function __flashgate_at
    set -l words (commandline -opc)
    set -e words[1]
    set -l at ''
    for word in $words
        set -l next (string trim -- "$at $word")
        if contains -- $next {}
            set at $next
        end
    end
    test "$at" = "$argv[1]"
end

# Whether an option is given already, with its value.
function __flashgate_has
    set -l words (commandline -opc)
    contains -- $argv[1] $words[1..-2]
end

complete -c flashgate -f
"#,
        paths.join(" \\\n            ")
    );
    for command in program.all() {
        text += &lines(command);
    }
    text
}

fn lines(command: &Command) -> String {
    let path = command
        .path
        .strip_prefix("flashgate")
        .unwrap_or_default()
        .trim_start();
    let at = format!("__flashgate_at \"{path}\"");
    let mut text = String::from("\n");
    for sub in &command.commands {
        let (name, about) = (sub.name(), quoted(&short(&sub.about)));
        text += &format!("complete -c flashgate -n '{at}' -a {name} -d {about}\n");
    }
    for option in &command.options {
        let name = option.name.trim_start_matches('-');
        let condition = match option.amount {
            Amount::Often => at.clone(),
            Amount::Once | Amount::AtMostOnce => {
                format!("{at}; and not __flashgate_has {}", option.name)
            }
        };
        let short_name = option
            .short
            .map_or_else(String::new, |short| format!(" -s {short}"));
        let value = match Value::of(option) {
            Value::Nothing => String::new(),
            Value::Text => " -x".to_owned(),
            Value::File => " -r -F".to_owned(),
            Value::Folder => " -x -a '(__fish_complete_directories)'".to_owned(),
            Value::Words(words) => format!(" -x -a '{}'", words.join(" ")),
        };
        let about = quoted(&short(&option.text));
        text += &format!(
            "complete -c flashgate -n '{condition}' -l {name}{short_name}{value} -d {about}\n"
        );
    }
    let takes_file = |argument| Value::of_argument(argument) == Value::File;
    if command.arguments.iter().any(takes_file) {
        text += &format!("complete -c flashgate -n '{at}' -F\n");
    }
    text
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
