//! Completion for bash.

use super::commands::Command;
use super::completions::{HEAD, Value, paths};

/// The script, which bash-completion finds by the program's name.
pub(super) fn script(program: &Command) -> String {
    let paths: Vec<String> = paths(program)
        .iter()
        .map(|path| format!("'{path}'"))
        .collect();
    let mut text = format!(
        r#"{HEAD}

_flashgate() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} at='' word words=''
    COMPREPLY=()
    # Bash sees --option=value as three words.
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $prev == = && COMP_CWORD -gt 1 ]]; then
        prev=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    # The command that the words in front of this one name.
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "${{at:+$at }}$word" in
        {}) at="${{at:+$at }}$word" ;;
        esac
    done
    case $at in
"#,
        paths.join(" | \\\n            ")
    );
    for command in program.all() {
        text += &case(command);
    }
    text += r#"    esac
    # The words are options and commands, which no pattern and no blank is in.
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _flashgate flashgate
"#;
    text
}

/// What is completed behind one command.
fn case(command: &Command) -> String {
    let path = command.path.strip_prefix("flashgate").unwrap_or_default();
    let mut text = format!("    '{}')\n        case $prev in\n", path.trim_start());
    let names = |value: Value| {
        let options = command.options.iter();
        let options = options.filter(|option| Value::of(option) == value);
        let names: Vec<&str> = options.map(|option| option.name.as_str()).collect();
        names.join(" | ")
    };
    for (value, reply) in [
        (Value::File, "compopt -o default; return"),
        (Value::Folder, "compopt -o dirnames; return"),
        (Value::Text, "return"),
    ] {
        let names = names(value);
        if !names.is_empty() {
            text += &format!("        {names}) {reply} ;;\n");
        }
    }
    let mut all: Vec<&str> = command.commands.iter().map(Command::name).collect();
    for option in &command.options {
        if let Value::Words(words) = Value::of(option) {
            text += &format!("        {}) words='{}' ;;\n", option.name, words.join(" "));
        }
        all.push(&option.name);
    }
    let takes_file = |argument| Value::of_argument(argument) == Value::File;
    let files = if command.arguments.iter().any(takes_file) {
        "            [[ $cur == -* ]] || { compopt -o default; return; }\n"
    } else {
        ""
    };
    text + &format!(
        "        *)\n{files}            words='{}'\n            ;;\n        esac\n        ;;\n",
        all.join(" ")
    )
}
