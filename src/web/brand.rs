//! An operator's own name, logo, language and colours for the web chat: `chat/brand.txt` in the site.

use flashgate_core::{Site, SiteError, SiteFile};

use super::colour::{Colour, Scheme};
use crate::failure::{Exit, Failure};
use crate::text::in_script;

/// What the file says. Where it says nothing, the page is as it comes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Brand {
    name: Option<String>,
    /// As the page asks for it.
    logo: Option<String>,
    language: Option<String>,
    accent: [Option<Colour>; 2],
    background: [Option<Colour>; 2],
}

impl Brand {
    /// Reads the file, if the site has one.
    pub(super) fn read(site: &Site) -> Result<Self, Failure> {
        let Some(file) = site.get(FILE) else {
            return Ok(Self::default());
        };
        let mut brand = Self::default();
        let text = str::from_utf8(file.bytes()).map_err(|_| refuse("it is not UTF-8"))?;
        // Some editors on Windows put a byte order mark in front.
        for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |what: String| refuse(&format!("line {}: {what}", at + 1));
            let (key, value) = line
                .split_once('=')
                .ok_or_else(|| wrong(format!("{line:?} is not KEY = VALUE")))?;
            brand.set(key.trim(), value.trim(), site).map_err(wrong)?;
        }
        Ok(brand)
    }

    fn set(&mut self, key: &str, value: &str, site: &Site) -> Result<(), String> {
        let [light, dark] = [Scheme::Light, Scheme::Dark];
        match key {
            "name" => self.name = Some(name(value)?),
            "logo" => self.logo = Some(logo(value, site)?),
            "language" => self.language = Some(language(value, site)?),
            "accent" => self.accent[0] = Some(value.parse()?),
            "dark-accent" => self.accent[1] = Some(value.parse()?),
            "background" => self.background[0] = Some(background(value, light)?),
            "dark-background" => self.background[1] = Some(background(value, dark)?),
            _ => return Err(format!("there is no {key:?}; there are {KEYS}")),
        }
        Ok(())
    }

    /// The part of it that scripts need, as JSON.
    pub(super) fn json(&self) -> String {
        let text = |text: &Option<String>| text.as_deref().map_or("null".to_owned(), in_script);
        format!(
            "{{\"name\": {}, \"logo\": {}, \"language\": {}}}",
            text(&self.name),
            text(&self.logo),
            text(&self.language)
        )
    }

    /// Adds the style sheet with its colours; one that is empty where it has none.
    pub(super) fn style(&self, site: &mut Site) -> Result<(), SiteError> {
        let [light, dark] = [Scheme::Light, Scheme::Dark].map(|scheme| {
            let nth = scheme as usize;
            // One accent serves both schemes.
            let accent = self.accent[nth].or(self.accent[0]);
            scheme.rules(accent, self.background[nth])
        });
        let style = format!(
            "/* Made by the server from chat/brand.txt in the site. */\n\
             @media (prefers-color-scheme: light) {{ :root {{{light}}} }}\n\
             @media (prefers-color-scheme: dark) {{ :root {{{dark}}} }}\n"
        );
        let file = SiteFile::new("text/css; charset=utf-8", style.as_bytes())?;
        site.add(STYLE, file)
    }
}

fn name(value: &str) -> Result<String, String> {
    let length = value.chars().count();
    if length == 0 || length > LONGEST_NAME || value.chars().any(char::is_control) {
        return Err(format!("a name has 1 to {LONGEST_NAME} characters"));
    }
    Ok(value.to_owned())
}

/// A picture in the site: the page's policy lets no other in.
fn logo(value: &str, site: &Site) -> Result<String, String> {
    let path = match value.strip_prefix('/') {
        Some(_) => value.to_owned(),
        None => format!("/chat/{value}"),
    };
    match site.get(&path) {
        Some(file) if file.mime().starts_with("image/") => {}
        Some(file) => return Err(format!("{path} is no picture, but {}", file.mime())),
        None => return Err(format!("the site has no {path}")),
    }
    // Relative, so that it is found below a proxy's prefix, too; each byte that may mean more in an address
    // is encoded.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let encoded = path.bytes().map(|byte| match byte {
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    Ok(format!("..{}", encoded.collect::<String>()))
}

/// A language that the page has words of: its own, or a file that the operator has put beside them.
fn language(value: &str, site: &Site) -> Result<String, String> {
    let is_tag = !value.is_empty()
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if is_tag && site.get(&format!("{WORDS}{value}.js")).is_some() {
        return Ok(value.to_owned());
    }
    let known = site
        .paths()
        .filter_map(|path| path.strip_prefix(WORDS)?.strip_suffix(".js"));
    let known: Vec<&str> = known.collect();
    Err(format!(
        "no words for {value:?}; there are {}",
        known.join(", ")
    ))
}

fn background(value: &str, scheme: Scheme) -> Result<Colour, String> {
    let colour: Colour = value.parse()?;
    if scheme.is_readable_on(colour) {
        return Ok(colour);
    }
    let wanted = match scheme {
        Scheme::Light => "lighter",
        Scheme::Dark => "darker",
    };
    Err(format!(
        "text is hard to read on {value}; choose a {wanted} colour"
    ))
}

fn refuse(fault: &str) -> Failure {
    Exit::Config.because(format!("the site: {FILE}: {fault}"))
}

/// Where an operator puts it.
pub(super) const FILE: &str = "/chat/brand.txt";

const STYLE: &str = "/chat/brand.css";

const WORDS: &str = "/chat/words/";

const KEYS: &str = "name, logo, language, accent, dark-accent, background and dark-background";

/// More does not fit above the list of people on a phone.
const LONGEST_NAME: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn site(brand: &str) -> Site {
        let mut site = Site::default();
        for (path, mime, bytes) in [
            (FILE, "text/plain", brand.as_bytes()),
            ("/chat/words/de.js", "text/javascript", b""),
            ("/chat/words/fr.js", "text/javascript", b""),
            ("/chat/my logo.png", "image/png", b""),
            ("/pictures/a.svg", "image/svg+xml", b""),
            ("/a.html", "text/html", b""),
        ] {
            site.add(path, SiteFile::new(mime, bytes).unwrap()).unwrap();
        }
        site
    }

    #[test]
    fn what_an_operator_may_say() {
        let text = "\u{feff}# My chat\r\n\r\nname = Kvarc \"<b>\" = chat\r\nlogo = my logo.png\nlanguage=fr\n";
        let brand = Brand::read(&site(text)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&brand.json()).unwrap();
        let expected = serde_json::json!({
            "name": "Kvarc \"<b>\" = chat", "logo": "../chat/my%20logo.png", "language": "fr",
        });
        assert_eq!(json, expected);
        assert!(!brand.json().contains('<'));
        let rooted = Brand::read(&site("logo = /pictures/a.svg")).unwrap();
        assert_eq!(rooted.logo.as_deref(), Some("../pictures/a.svg"));
        assert_eq!(Brand::read(&Site::default()).unwrap(), Brand::default());
        assert_eq!(
            Brand::default().json(),
            "{\"name\": null, \"logo\": null, \"language\": null}"
        );
    }

    #[test]
    fn what_is_refused() {
        for (text, tells) in [
            ("name", "line 1: \"name\" is not KEY = VALUE"),
            (
                "\n#\nnam = x",
                "line 3: there is no \"nam\"; there are name, logo",
            ),
            ("name =", "1 to 40 characters"),
            ("logo = none.png", "the site has no /chat/none.png"),
            (
                "logo = https://x/y.png",
                "the site has no /chat/https://x/y.png",
            ),
            ("logo = /a.html", "/a.html is no picture, but text/html"),
            ("language = xx", "no words for \"xx\"; there are de, fr"),
            ("language = ../de", "no words for"),
            ("accent = red", "\"red\" is not a colour"),
            (
                "background = #333",
                "text is hard to read on #333; choose a lighter colour",
            ),
            ("dark-background = #eee", "choose a darker colour"),
        ] {
            let failure = Brand::read(&site(text)).unwrap_err();
            assert!(
                failure.message.contains(tells),
                "{text}: {}",
                failure.message
            );
        }
    }

    #[test]
    fn the_style_sheet() {
        let style = |text: &str| {
            let mut site = site(text);
            Brand::read(&site).unwrap().style(&mut site).unwrap();
            String::from_utf8(site.get(STYLE).unwrap().bytes().to_vec()).unwrap()
        };
        assert!(!style("").contains("--"), "{}", style(""));
        let one = style("accent = #8a1538");
        assert_eq!(one.matches("--accent: #8a1538;").count(), 2, "{one}");
        let two = style("accent = #8a1538\ndark-accent = #ffd0e0\ndark-background = #101018");
        assert_eq!(two.matches("--accent: #8a1538;").count(), 1, "{two}");
        assert!(
            two.contains("--accent: #ffd0e0; --accent-ink: #000;"),
            "{two}"
        );
        assert!(two.contains("--page: #101018;"), "{two}");
    }
}
