//! The body of a request: a JSON object whose keys are all known.

use std::sync::Arc;

use flashgate_core::Secret;
use serde_json::{Map, Value};
use zeroize::Zeroize;

use super::problem::{BAD_REQUEST, Problem, UNPROCESSABLE};

/// The keys and values of an object that are not read yet.
#[derive(Debug)]
pub(super) struct Body {
    values: Map<String, Value>,
}

impl Body {
    /// Reads a body with no other keys than these. No body is an empty object.
    pub(super) fn read(bytes: &[u8], known: &[&str]) -> Result<Self, Problem> {
        let read = match bytes {
            [] => Ok(Map::new()),
            bytes => serde_json::from_slice(bytes),
        };
        let values: Map<String, Value> = read.map_err(|error| {
            let line = error.line();
            let why = format!(
                "The body is not a JSON object: see line {line}, column {}.",
                error.column()
            );
            Problem::new(BAD_REQUEST, why)
        })?;
        // Whatever is wrong with the keys, the values are wiped.
        let body = Self { values };
        match body
            .values
            .keys()
            .find(|key| !known.contains(&key.as_str()))
        {
            Some(key) if known.is_empty() => Err(Problem::new(
                UNPROCESSABLE,
                format!("The key {key:?} is not known; this request has none."),
            )),
            Some(key) => Err(Problem::new(
                UNPROCESSABLE,
                format!(
                    "The key {key:?} is not known; the keys are {}.",
                    known.join(", ")
                ),
            )),
            None => Ok(body),
        }
    }

    /// A text, or nothing if there is none; null counts as nothing.
    pub(super) fn optional(&mut self, key: &str) -> Result<Option<Arc<str>>, Problem> {
        match self.values.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(Arc::from(text))),
            Some(_) => Err(wrong(key, "a text")),
        }
    }

    /// A text that must be there, and not be empty.
    pub(super) fn text(&mut self, key: &str) -> Result<Arc<str>, Problem> {
        let text = self.optional(key)?.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| missing(key))
    }

    /// A whole number, or nothing.
    pub(super) fn number(&mut self, key: &str) -> Result<Option<i64>, Problem> {
        match self.values.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_i64()
                .map(Some)
                .ok_or_else(|| wrong(key, "a whole number")),
        }
    }

    /// Yes or no, or nothing.
    pub(super) fn flag(&mut self, key: &str) -> Result<Option<bool>, Problem> {
        match self.values.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(wrong(key, "true or false")),
        }
    }

    /// A password, or nothing.
    pub(super) fn password(&mut self, key: &str) -> Result<Option<Secret>, Problem> {
        match self.values.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(mut value) => {
                let secret = value.as_str().map(Secret::new);
                wipe(&mut value);
                secret.map(Some).ok_or_else(|| wrong(key, "a text"))
            }
        }
    }
}

/// Wipes what an early return leaves, which may be a password.
impl Drop for Body {
    fn drop(&mut self) {
        self.values.values_mut().for_each(wipe);
    }
}

/// Wipes all texts of a value. Its depth is at most that which the parser takes.
fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(values) => values.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

pub(super) fn missing(key: &str) -> Problem {
    Problem::new(
        UNPROCESSABLE,
        format!("The key {key:?} is missing or empty."),
    )
}

pub(super) fn wrong(key: &str, wanted: &str) -> Problem {
    Problem::new(
        UNPROCESSABLE,
        format!("The value of {key:?} must be {wanted}."),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_wiped_however_deep() {
        let mut value = json!({"a": "x", "b": [1, "y", {"c": "z"}], "d": null});
        wipe(&mut value);
        assert_eq!(value, json!({"a": "", "b": [1, "", {"c": ""}], "d": null}));
    }

    #[test]
    fn a_password_is_a_text_or_not_there() {
        let body = br#"{"a": "x", "b": ["x"], "c": null, "d": ""}"#;
        let mut body = Body::read(body, &["a", "b", "c", "d"]).unwrap();
        let mut is_read = |key| {
            let password = body.password(key);
            password.map(|password| password.map(|secret| secret.expose().to_owned()))
        };
        assert_eq!(is_read("a").unwrap().as_deref(), Some("x"));
        assert_eq!(is_read("b").unwrap_err().status, UNPROCESSABLE);
        assert_eq!(is_read("c").unwrap(), None);
        assert_eq!(is_read("d").unwrap().as_deref(), Some(""));
        assert_eq!(is_read("a").unwrap(), None, "it is taken");
    }
}
