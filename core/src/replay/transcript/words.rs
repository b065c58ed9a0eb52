//! Settings and bytes in the words of a transcript.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::Write as _;

use crate::config::{Config, SETTINGS};

/// Writes the settings that are not the default's.
pub(super) fn write_settings(config: &Config, offset: i32, out: &mut String) {
    let usual = Config::default();
    for setting in SETTINGS {
        let value = setting.value(config);
        if value != setting.value(&usual) {
            let _ = writeln!(out, "set {} {value}", setting.name());
        }
    }
    if offset != 0 {
        let _ = writeln!(out, "set east-of-utc {offset}");
    }
}

/// Bytes as transcripts write them.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut out = String::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let run = bytes[at..].iter().take_while(|b| **b == byte).count();
        if run >= RUN && byte.is_ascii() {
            let _ = write!(out, "{{{}*{run}}}", one(byte));
            at += run;
        } else {
            out.push_str(&one(byte));
            at += 1;
        }
    }
    match out.strip_suffix(' ') {
        Some(start) => format!("{start}\\s"),
        None => out,
    }
}

fn one(byte: u8) -> String {
    match byte {
        0 => "\\0".to_string(),
        b'\n' => "\\n".to_string(),
        b'\r' => "\\r".to_string(),
        b'\t' => "\\t".to_string(),
        b'\\' => "\\\\".to_string(),
        b' '..=b'~' if byte != b'{' && byte != b'}' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    }
}

/// As many of the same byte are written as a repetition.
const RUN: usize = 40;
