//! The file that lists every key with its default, as a comment.

use super::keys::Keys;
use super::value::toml;

/// Writes the file: for each key its help, and below that its line, both behind `#`.
pub fn template() -> String {
    let mut text = String::from(HEAD);
    for (name, key) in Keys::of_serve().iter() {
        let default: Vec<&str> = key.default.iter().map(String::as_str).collect();
        text.push('\n');
        for line in folded(&key.help) {
            text += &format!("# {line}\n");
        }
        text += &format!("#{name} = {}\n", toml(key.takes, &default));
    }
    text
}

/// Breaks a text into lines of [`COLUMNS`] characters.
fn folded(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is one from the start");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= COLUMNS {
            *line += &format!(" {word}");
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

const COLUMNS: usize = 98;

const HEAD: &str = "\
# Configuration of flashgate, in TOML. `flashgate serve --config FILE` reads it.
#
# Each key is the option of `flashgate serve` of that name. Below, each has its default; remove the # in front
# of a line to change it. An empty text or an empty list asks for the default, too.
#
# An option of the command line goes before the environment variable of its name (FLASHGATE_MAX_CLIENTS),
# and that before this file. Of a list, the one that goes first replaces all of the others.
#
# `flashgate config check FILE` checks a file, and `flashgate config show` prints each value and where it comes
# from. After a change, `systemctl reload flashgate` or SIGHUP is enough for most keys; the log names those
# that need a restart.
";

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs;
    use std::path::Path;

    use super::super::file::read;
    use super::*;

    #[test]
    fn the_committed_file_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/flashgate.toml");
        if env::var_os("UPDATE").is_some() {
            fs::write(&path, template()).unwrap();
        }
        assert!(
            fs::read_to_string(&path).unwrap() == template(),
            "src/config/flashgate.toml is not what the options say; UPDATE=1 cargo test --lib config::template writes it"
        );
    }

    #[test]
    fn it_lists_every_key_and_sets_none() {
        let (template, keys) = (template(), Keys::of_serve());
        assert!(read("x", template.as_bytes(), &keys).unwrap().is_empty());
        let is_line =
            |line: &&str| line.starts_with('#') && !line.starts_with("# ") && *line != "#";
        let lines: Vec<&str> = template
            .lines()
            .filter(is_line)
            .map(|line| &line[1..])
            .collect();
        let given = read("x", lines.join("\n").as_bytes(), &keys).unwrap();
        let names: Vec<&str> = keys.iter().map(|(name, _)| name).collect();
        assert_eq!(given.keys().map(String::as_str).collect::<Vec<_>>(), names);
        assert!(template.lines().all(|line| line.chars().count() <= 120));
    }
}
