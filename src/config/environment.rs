//! The environment as a source of options: `FLASHGATE_MAX_CLIENTS` for `--max-clients`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::keys::{Keys, Takes};
use crate::failure::{Exit, Failure};
use crate::sources::{Given, Item, Place};
use crate::text::{Plain, shortened};

/// What each variable of the environment says about its option. Names that are almost those of options are
/// reported as warnings: other programs may have variables that begin alike, such as those of a container's links.
pub(super) fn read(
    variables: &[(OsString, OsString)],
    keys: &Keys,
) -> Result<(BTreeMap<String, Given>, Vec<String>), Failure> {
    let (mut given, mut warnings) = (BTreeMap::new(), Vec::new());
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        let key = name[PREFIX.len()..].to_ascii_lowercase().replace('_', "-");
        match keys.get(&key).filter(|_| variable(&key) == name) {
            _ if OTHERS.contains(&name) => {}
            Some(known) => {
                let texts = texts(value, known.takes).map_err(|why| {
                    let message = format!("the environment variable {name} {why}");
                    Exit::Config.because(message)
                })?;
                if let Some(texts) = texts {
                    given.insert(key, self::given(name, texts));
                }
            }
            None => {
                if let Some(known) = keys.nearest(&key) {
                    let (shown, known) = (shortened(name), variable(known));
                    let shown = Plain(&shown);
                    warnings.push(format!(
                        "the environment variable {shown} names no option; did you mean {known}?"
                    ));
                }
            }
        }
    }
    Ok((given, warnings))
}

/// The variable of an option.
pub fn variable(key: &str) -> String {
    PREFIX.to_owned() + &key.to_ascii_uppercase().replace('-', "_")
}

fn given(variable: &str, texts: Vec<String>) -> Given {
    let place = Place::Environment(variable.to_owned());
    let items = texts.into_iter().map(|text| Item {
        text,
        place: place.clone(),
    });
    Given {
        items: items.collect(),
        place: place.clone(),
    }
}

/// The values in a variable; `None` if it is empty, which is how some tools unset one.
fn texts(value: &OsStr, takes: Takes) -> Result<Option<Vec<String>>, String> {
    let value = value.to_str().ok_or("is not valid UTF-8")?;
    if value.is_empty() {
        return Ok(None);
    }
    let texts = match takes {
        Takes::Nothing => match value {
            "true" | "1" => vec!["true".to_owned()],
            "false" | "0" => vec!["false".to_owned()],
            _ => return Err("must be true or false".to_owned()),
        },
        Takes::One => vec![value.to_owned()],
        Takes::Several => value.split_whitespace().map(str::to_owned).collect(),
    };
    Ok(Some(texts))
}

const PREFIX: &str = "FLASHGATE_";

/// Names the configuration file.
pub(super) const CONFIG: &str = "FLASHGATE_CONFIG";

/// Variables that are not those of options: the second holds the password itself, and not the name of a file.
const OTHERS: [&str; 2] = [CONFIG, "FLASHGATE_MYSQL_PASSWORD"];

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    fn read_all(
        variables: &[(&str, &str)],
    ) -> Result<(BTreeMap<String, Given>, Vec<String>), Failure> {
        let variables = variables.iter();
        let variables =
            variables.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        read(&variables.collect::<Vec<_>>(), &Keys::of_serve())
    }

    #[test]
    fn variables_are_options() {
        for (name, value, key, expected) in [
            (
                "FLASHGATE_MAX_CLIENTS",
                "5",
                "max-clients",
                Some(&["5"][..]),
            ),
            ("FLASHGATE_MAX_CLIENTS", "", "max-clients", None),
            (
                "FLASHGATE_LISTEN",
                " a:1\tb:2 ",
                "listen",
                Some(&["a:1", "b:2"]),
            ),
            ("FLASHGATE_LISTEN", " ", "listen", Some(&[])),
            (
                "FLASHGATE_SITE",
                "/srv/my site",
                "site",
                Some(&["/srv/my site"]),
            ),
            ("FLASHGATE_GUESTS", "true", "guests", Some(&["true"])),
            ("FLASHGATE_GUESTS", "0", "guests", Some(&["false"])),
            (
                "FLASHGATE_MYSQL_PASSWORD",
                "hunter2",
                "mysql-password",
                None,
            ),
            ("FLASHGATE_CONFIG", "x", "config", None),
            ("flashgate_max_clients", "5", "max-clients", None),
            ("FLASHGATE_max_clients", "5", "max-clients", None),
            ("FLASHGATE_MAX-CLIENTS", "5", "max-clients", None),
            ("MAX_CLIENTS", "5", "max-clients", None),
        ] {
            let (given, _) = read_all(&[(name, value)]).unwrap();
            let texts = given.get(key).map(|given| {
                let texts = given.items.iter().map(|item| item.text.as_str());
                texts.collect::<Vec<_>>()
            });
            assert_eq!(texts.as_deref(), expected, "{name}={value}");
        }
    }

    #[test]
    fn mistakes() {
        let failure = read_all(&[("FLASHGATE_GUESTS", "maybe")]).unwrap_err();
        assert_eq!(
            failure.message,
            "the environment variable FLASHGATE_GUESTS must be true or false"
        );
        let name = OsString::from("FLASHGATE_SITE");
        let value = OsString::from_vec(vec![0xff]);
        assert!(read(&[(name, value)], &Keys::of_serve()).is_err());
        let (_, warnings) = read_all(&[
            ("FLASHGATE_MAX_CLIENT", "hunter2"),
            ("FLASHGATE_PORT_8080_TCP_ADDR", "172.17.0.2"),
        ])
        .unwrap();
        let expected = "the environment variable FLASHGATE_MAX_CLIENT names no option; did you mean FLASHGATE_MAX_CLIENTS?";
        assert_eq!(warnings, [expected]);
    }
}
