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
        match values.keys().find(|key| !known.contains(&key.as_str())) {
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
            None => Ok(Self { values }),
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
            Some(Value::String(mut text)) => {
                let secret = Secret::new(&text);
                text.zeroize();
                Ok(Some(secret))
            }
            Some(_) => Err(wrong(key, "a text")),
        }
    }
}

/// Wipes what an early return leaves, which may be a password.
impl Drop for Body {
    fn drop(&mut self) {
        for value in self.values.values_mut() {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
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
