//! JSON, as far as the gateway writes it.

use alloc::string::String;
use core::fmt::{self, Write};

/// Writes text in quotes, with JSON's escapes.
pub(crate) fn quote(text: &str, out: &mut impl Write) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(out, "\\{c}")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c))?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

/// An object that is being written.
pub(crate) struct Object {
    text: String,
}

impl Object {
    pub(crate) fn new() -> Self {
        Self {
            text: String::from("{"),
        }
    }

    /// Adds a text.
    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        self.name(name);
        // Writing to a String does not fail.
        let _ = quote(value, &mut self.text);
        self
    }

    /// Adds a text, or null.
    pub(crate) fn optional(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self.raw(name, "null"),
        }
    }

    /// Adds a number, or another value that displays as JSON.
    pub(crate) fn raw(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.name(name);
        let _ = write!(self.text, "{value}");
        self
    }

    /// Adds a list of texts.
    pub(crate) fn texts<'a>(mut self, name: &str, values: impl Iterator<Item = &'a str>) -> Self {
        self.name(name);
        self.text.push('[');
        for (at, value) in values.enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            let _ = quote(value, &mut self.text);
        }
        self.text.push(']');
        self
    }

    /// The object.
    pub(crate) fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }

    fn name(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        let _ = quote(name, &mut self.text);
        self.text.push(':');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_with_everything_in_it() {
        let object = Object::new()
            .text("a\"", "\u{1}\n\\é")
            .optional("b", None)
            .raw("c", 7)
            .texts("d", ["x", "y"].into_iter());
        assert_eq!(
            object.end(),
            r#"{"a\"":"\u0001\n\\é","b":null,"c":7,"d":["x","y"]}"#
        );
        assert_eq!(Object::new().end(), "{}");
    }
}
