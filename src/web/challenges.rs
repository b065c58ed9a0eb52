//! `--acme-webroot`: the challenges that certbot and lego write below `.well-known/acme-challenge/`, for an authority
//! that asks for them over plain HTTP (HTTP-01, RFC 8555 section 8.3). No other file of that folder is served.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flashgate_core::{Site, SiteFile};
use rustix::fs::{Mode, OFlags};

use crate::failure::{Exit, Failure};

/// The folders below the folder of the option, outermost first.
pub const FOLDERS: [&str; 2] = [".well-known", ".well-known/acme-challenge"];

/// Adds the present challenges to a site. A folder that does not exist has none: programs make it when they need it.
pub fn add(webroot: &Path, site: &mut Site) {
    let refused = match challenges(webroot) {
        Ok(found) => {
            for (token, text) in found {
                let path = format!("/{}/{token}", FOLDERS[1]);
                let file = SiteFile::new("text/plain", &text);
                let added = file.and_then(|file| site.add(path, file));
                added.expect("a token is a good path");
            }
            return;
        }
        Err(refused) => refused,
    };
    if refused.kind() != io::ErrorKind::NotFound {
        log::warn!(
            "--acme-webroot {}: the challenges cannot be read: {refused}",
            webroot.display()
        );
    }
}

/// Says what is wrong with the folder of the option, which must be there.
pub fn check(webroot: &Path) -> Result<(), Failure> {
    let refuse = |why: String| {
        let path = webroot.display();
        Exit::Config.because(format!(
            "--acme-webroot {path} {why}; name the folder that you give to certbot or lego as its webroot"
        ))
    };
    match fs::metadata(webroot) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(refuse("is not a folder".to_owned())),
        Err(error) => Err(refuse(format!("cannot be read: {error}"))),
    }
}

fn challenges(webroot: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let folder = inside(webroot)?;
    let mut found = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(&folder)? {
        // Other files are no challenges, and not for this server to report.
        names.extend(
            entry?
                .file_name()
                .into_string()
                .ok()
                .filter(|name| is_token(name)),
        );
    }
    names.sort_unstable();
    if names.len() > MOST {
        let path = folder.display();
        log::warn!("{path} has more than {MOST} challenges; the rest is not served");
        names.truncate(MOST);
    }
    for name in names {
        match read(&folder.join(&name)) {
            Ok(text) => found.push((name, text)),
            // It was removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                log::warn!("{}/{name} is not served: {error}", folder.display());
            }
        }
    }
    Ok(found)
}

/// The folder of the challenges. No link may lead out of the folder of the option.
fn inside(webroot: &Path) -> io::Result<PathBuf> {
    let root = webroot.canonicalize()?;
    let folder = root.join(FOLDERS[1]).canonicalize()?;
    if folder.starts_with(&root) {
        Ok(folder)
    } else {
        Err(io::Error::other(format!(
            "{} leads out of the folder, to {}",
            FOLDERS[1],
            folder.display()
        )))
    }
}

/// Reads a small file, without following a link and without waiting for the other end of a pipe.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut text = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::other(format!(
            "it is longer than {LONGEST} bytes"
        )));
    }
    Ok(text)
}

/// Whether a name has the characters of base64url alone (RFC 8555 section 8.1).
fn is_token(name: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    (1..=LONGEST_TOKEN).contains(&name.len()) && name.bytes().all(good)
}

/// A certificate may have 100 names, each with a challenge.
const MOST: usize = 1000;

/// Authorities use 43 characters.
const LONGEST_TOKEN: usize = 128;

/// A challenge is its token, a dot and 43 characters.
const LONGEST: u64 = 1024;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::tempdir;

    use super::*;

    #[test]
    fn only_challenges_are_served() {
        let place = tempdir().unwrap();
        let root = place.path().join("www");
        let folder = root.join(FOLDERS[1]);
        let paths = || {
            let mut site = Site::default();
            add(&root, &mut site);
            site.paths().map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(paths().is_empty(), "no folder yet");
        fs::create_dir_all(&folder).unwrap();
        assert!(paths().is_empty());
        fs::write(place.path().join("secret"), "x").unwrap();
        fs::write(root.join("index.html"), "x").unwrap();
        fs::write(folder.join("Good-1_"), "Good-1_.abc").unwrap();
        fs::write(folder.join("x".repeat(LONGEST_TOKEN)), "").unwrap();
        fs::write(folder.join("x".repeat(LONGEST_TOKEN + 1)), "").unwrap();
        fs::write(folder.join("a.html"), "x").unwrap();
        fs::write(folder.join("a b"), "x").unwrap();
        fs::write(folder.join(".htaccess"), "x").unwrap();
        fs::write(folder.join("long"), "x".repeat(1025)).unwrap();
        fs::write(folder.join("longest"), "x".repeat(1024)).unwrap();
        fs::create_dir(folder.join("folder")).unwrap();
        symlink("../../../secret", folder.join("link")).unwrap();
        symlink("Good-1_", folder.join("alias")).unwrap();
        let good = ["Good-1_", "longest", &"x".repeat(LONGEST_TOKEN)];
        let good = good.map(|name| format!("/.well-known/acme-challenge/{name}"));
        assert_eq!(paths(), good);
        let mut site = Site::default();
        add(&root, &mut site);
        assert_eq!(site.get(&good[0]).unwrap().bytes().to_vec(), b"Good-1_.abc");
    }

    #[test]
    fn no_link_leads_out() {
        let place = tempdir().unwrap();
        let [root, other] = ["www", "other"].map(|name| place.path().join(name));
        fs::create_dir_all(root.join("inside")).unwrap();
        fs::create_dir_all(root.join(FOLDERS[0])).unwrap();
        fs::create_dir_all(&other).unwrap();
        for folder in [&other, &root.join("inside")] {
            fs::write(folder.join("token"), "token.x").unwrap();
        }
        for (target, served) in [("../../other", 0), ("../inside", 1)] {
            let link = root.join(FOLDERS[1]);
            let _ = fs::remove_file(&link);
            symlink(target, &link).unwrap();
            let mut site = Site::default();
            add(&root, &mut site);
            assert_eq!(site.paths().len(), served, "{target}");
        }
    }
}
