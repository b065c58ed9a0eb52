//! The configuration file, read from any bytes.

use flashgate::cli;
use flashgate::config::{Keys, read, show, template};

/// Whatever bytes a configuration file has, they give options, or an error that names a line and a column that the
/// file has. What `config show` prints of good options is a good file with the same options. The file that lists
/// every key stays good in front of them.
pub fn config_file(data: &[u8]) {
    let found = cli::options_of(FILE, data);
    let (options, shown) = match found {
        Ok(options) => {
            let shown = show(&options.sources);
            (options, shown)
        }
        Err(failure) => {
            assert!(!failure.message.contains(char::is_control), "{failure:?}");
            return is_in(data, &failure.message);
        }
    };
    assert!(
        !shown.contains(|c: char| c.is_control() && c != '\n'),
        "{shown:?}"
    );
    let again = cli::options_of(FILE, shown.as_bytes());
    let again = again.unwrap_or_else(|failure| panic!("{failure}\n{shown}"));
    let keys = Keys::of_serve();
    for (name, key) in keys.iter() {
        let texts = |options: &flashgate::serve::ServeOptions| {
            let given = options
                .sources
                .get(name)
                .filter(|given| !given.items.is_empty());
            given.map_or_else(
                || key.default.clone(),
                |given| given.items.iter().map(|item| item.text.clone()).collect(),
            )
        };
        let is_shown = !shown.contains(&format!("# {name} is not shown"));
        let same = texts(&options) == texts(&again)
            || texts(&options).is_empty() && texts(&again) == ["false"];
        assert!(same || !is_shown, "{name}\n{shown}");
    }
    // A mark at the start is one of the whole file.
    if !data.starts_with(b"\xef\xbb\xbf") {
        let both = [template().as_bytes(), data].concat();
        assert!(read(FILE, &both, &keys).is_ok());
    }
}

/// Checks that a message names a place that the file has.
fn is_in(data: &[u8], message: &str) {
    let lines = 1 + data.iter().filter(|byte| **byte == b'\n').count();
    let rest = message
        .strip_prefix(FILE)
        .and_then(|rest| rest.strip_prefix(':'));
    let number = |text: &str| text.parse::<usize>().ok();
    let mut parts = rest.unwrap_or_default().splitn(3, ':');
    let line = parts.next().and_then(number);
    let line = line.unwrap_or_else(|| panic!("no place: {message}"));
    assert!((1..=lines).contains(&line), "{lines} lines: {message}");
    // An option's own check names the line alone.
    if let Some(column) = parts.next().and_then(number) {
        assert!((1..=data.len() + 1).contains(&column), "{message}");
    }
}

const FILE: &str = "flashgate.toml";
