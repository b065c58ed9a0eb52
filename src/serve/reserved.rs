//! The file of nicks that no client can take: checked when the server starts, and at each reload.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flashgate_core::name::{Nick, Reserved};

use crate::failure::{Exit, Failure};
use crate::text::Plain;

/// Reads a file with one nick a line.
pub(super) fn read(file: &Path) -> Result<Reserved, Failure> {
    let refuse = |what: &str| {
        let file = file.display();
        Exit::Config.because(format!("the file of reserved nicks {file} {what}"))
    };
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(|error| refuse(&format!("cannot be read: {error}; check --reserved-nicks")))?;
    nicks(&bytes).map_err(|fault| refuse(&fault))
}

fn nicks(bytes: &[u8]) -> Result<Reserved, String> {
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("is larger than {MAX_FILE} bytes"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| "is not valid UTF-8".to_owned())?;
    let mut nicks = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let nick = line.trim();
        if nick.is_empty() {
            continue;
        }
        let fault = |fault| {
            let (line, nick) = (at + 1, Plain(nick));
            format!("has no nick in line {line}: \"{nick}\" {fault}; write one nick a line")
        };
        nicks.push(Nick::new(nick).map_err(fault)?.as_str().to_owned());
    }
    Ok(Reserved::new(nicks.join(" ")))
}

/// Some 30,000 nicks of the longest kind.
const MAX_FILE: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_nick_a_line() {
        let reserved = nicks("\u{feff}mona\r\n\n  admin \nÁrvíz".as_bytes()).unwrap();
        assert_eq!(reserved.as_str(), "mona admin Árvíz");
        assert!(reserved.has("ADMIN") && !reserved.has("adm"));
        assert_eq!(nicks(b"").unwrap(), Reserved::default());
        for (bad, why) in [
            (
                &b"mona\n#room"[..],
                "has no nick in line 2: \"#room\" begins with #",
            ),
            (b"two words", "line 1: \"two words\" contains white space"),
            (b"12\n", "is all digits"),
            (b"\xff", "is not valid UTF-8"),
        ] {
            let fault = nicks(bad).unwrap_err();
            assert!(fault.contains(why), "{fault}");
        }
        let long = vec![b'\n'; MAX_FILE as usize + 1];
        assert!(nicks(&long).unwrap_err().contains("larger"));
    }
}
