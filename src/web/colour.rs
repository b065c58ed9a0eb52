//! Colours of an operator's own, and what keeps text readable beside them (WCAG 2.2, success criterion 1.4.3).

use std::fmt;
use std::str::FromStr;

/// Red, green and blue, in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour([u8; 3]);

impl FromStr for Colour {
    type Err = String;

    /// Reads `#rrggbb` or `#rgb`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a colour; write #rrggbb, like #8a1538");
        let digits = text.strip_prefix('#').ok_or_else(wrong)?;
        let digits: Option<Vec<u8>> = digits
            .chars()
            .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
            .collect();
        match digits.ok_or_else(wrong)?[..] {
            [r, g, b] => Ok(Self([r * 17, g * 17, b * 17])),
            [r, s, g, h, b, c] => Ok(Self([r * 16 + s, g * 16 + h, b * 16 + c])),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

impl Colour {
    const BLACK: Self = Self([0; 3]);
    const WHITE: Self = Self([255; 3]);

    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// From 1, the same brightness, to 21, black and white.
    fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// This colour mixed with `percent` of another.
    fn mixed(self, other: Self, percent: u16) -> Self {
        let mut parts = self.0;
        for (part, with) in parts.iter_mut().zip(other.0) {
            let sum = u16::from(*part) * (100 - percent) + u16::from(with) * percent;
            *part = (sum / 100) as u8;
        }
        Self(parts)
    }

    /// Black or white, whichever is read better on it. One of them always has a contrast of 4.5 at least.
    fn ink(self) -> Self {
        if self.contrast(Self::WHITE) >= READABLE {
            Self::WHITE
        } else {
            Self::BLACK
        }
    }
}

/// A colour scheme of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    /// What chat.css says: the page, a pane on it, what is written on, and the palest text.
    fn palette(self) -> [Colour; 4] {
        let palette: [u32; 4] = match self {
            Self::Light => [0xefeae1, 0xf8f5ef, 0xffffff, 0x59635f],
            Self::Dark => [0x0c1110, 0x141a19, 0x1d2523, 0x9daba6],
        };
        palette.map(|rgb| {
            let [_, r, g, b] = rgb.to_be_bytes();
            Colour([r, g, b])
        })
    }

    /// Whether the page's palest text can be read on a background.
    pub(super) fn is_readable_on(self, background: Colour) -> bool {
        let [_, _, _, quiet] = self.palette();
        quiet.contrast(background) >= READABLE
    }

    /// Declarations for the colours that differ from those of the page.
    pub(super) fn rules(self, accent: Option<Colour>, background: Option<Colour>) -> String {
        let mut rules = String::new();
        let [page, pane, surface, _] = self.palette();
        if let Some(background) = background {
            rules += &format!(" --page: {background};");
        }
        if let Some(accent) = accent {
            let ink = accent.ink();
            let (away, short) = match ink == Colour::WHITE {
                true => (Colour::BLACK, "#fff"),
                false => (Colour::WHITE, "#000"),
            };
            let chosen = self.chosen(accent);
            let link = self.link(accent, &[background.unwrap_or(page), pane, surface, chosen]);
            rules += &format!(
                " --accent: {accent}; --accent-ink: {short}; --accent-hover: {}; --chosen: {chosen}; --link: {link};",
                accent.mixed(away, 15)
            );
        }
        if !rules.is_empty() {
            rules.push(' ');
        }
        rules
    }

    /// A touch of the accent on a pane, as much as leaves the palest text readable.
    fn chosen(self, accent: Colour) -> Colour {
        let [_, pane, ..] = self.palette();
        let touches = (0..=14).rev().map(|percent| pane.mixed(accent, percent));
        let mut readable = touches.filter(|touch| self.is_readable_on(*touch));
        readable.next().unwrap_or(pane)
    }

    /// The accent, as dark or as light as text on all of these must be.
    fn link(self, accent: Colour, on: &[Colour]) -> Colour {
        let end = match self {
            Self::Light => Colour::BLACK,
            Self::Dark => Colour::WHITE,
        };
        let mut shades = (0..=20).map(|step| accent.mixed(end, step * 5));
        let found = shades.find(|shade| on.iter().all(|on| shade.contrast(*on) >= READABLE));
        found.unwrap_or(end)
    }
}

/// The least contrast of text that is not large.
const READABLE: f64 = 4.5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_and_written() {
        for (text, shown) in [("#8A1538", "#8a1538"), ("#fa0", "#ffaa00")] {
            assert_eq!(text.parse::<Colour>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            "#",
            "#ab",
            "#12345",
            "#1234567",
            "red",
            "#ggg",
            "8a1538",
            "#\u{661}23",
        ] {
            assert!(text.parse::<Colour>().is_err(), "{text}");
        }
    }

    #[test]
    fn contrast_is_that_of_the_wcag() {
        let contrast = |one: &str, two: &str| {
            one.parse::<Colour>()
                .unwrap()
                .contrast(two.parse().unwrap())
        };
        assert!((contrast("#000", "#fff") - 21.0).abs() < 1e-9);
        assert!((contrast("#777", "#fff") - 4.48).abs() < 0.005);
        assert!((contrast("#fff", "#777") - 4.48).abs() < 0.005);
    }

    /// Whatever an operator chooses.
    #[test]
    fn text_is_readable_beside_any_accent() {
        let steps = || (0..=255).step_by(51).map(|part| part as u8);
        for (r, g, b) in
            steps().flat_map(|r| steps().flat_map(move |g| steps().map(move |b| (r, g, b))))
        {
            let accent = Colour([r, g, b]);
            assert!(accent.contrast(accent.ink()) >= READABLE, "{accent}");
            for scheme in [Scheme::Light, Scheme::Dark] {
                let chosen = scheme.chosen(accent);
                assert!(scheme.is_readable_on(chosen), "{accent} {scheme:?}");
                let [page, pane, surface, _] = scheme.palette();
                let on = [page, pane, surface, chosen];
                let link = scheme.link(accent, &on);
                let least = on
                    .map(|on| link.contrast(on))
                    .into_iter()
                    .fold(21.0, f64::min);
                assert!(least >= READABLE, "{accent} {scheme:?} {least}");
            }
        }
    }

    #[test]
    fn the_palette_is_that_of_the_page() {
        let style = include_str!("chat/chat.css");
        let (light, dark) = style.split_once("prefers-color-scheme: dark").unwrap();
        for (scheme, style) in [(Scheme::Light, light), (Scheme::Dark, dark)] {
            for (name, colour) in ["page", "pane", "surface", "quiet"]
                .iter()
                .zip(scheme.palette())
            {
                let full = format!("--{name}: {colour};").replace("#ffffff", "#fff");
                assert!(style.contains(&full), "{full}");
            }
        }
    }
}
