//! The little of Markdown that the prose of the pages uses, written as roff.
//!
//! `## ` begins a section and `### ` a part of one. `**bold**`, `*italic*`, a term with its text in a line below that
//! begins with `:   `, and lines that are indented by four blanks are what they are elsewhere.

use roff::{Inline, Roff, bold, italic, roman};

/// A page that grows.
#[derive(Debug)]
pub(super) struct Page {
    roff: Roff,
    /// Whether nothing is below the title yet.
    is_fresh: bool,
}

impl Page {
    /// A page with its title, section of the manual, date, source and the manual's name.
    pub(super) fn new(title: [&str; 5]) -> Self {
        let mut roff = Roff::new();
        // No hyphens in words that a reader may copy, and a ragged right margin.
        roff.control("nr", ["HY", "0"]);
        roff.control("TH", title);
        roff.control("ad", ["l"]);
        Self {
            roff,
            is_fresh: false,
        }
    }

    pub(super) fn render(&self) -> String {
        // What is not ASCII is read in the right encoding by every roff that knows this line.
        format!("'\\\" -*- coding: utf-8 -*-\n{}", self.roff.render())
    }

    pub(super) fn title(&mut self, control: &str, title: &str) {
        self.roff.control(control, [title]);
        self.is_fresh = true;
    }

    pub(super) fn paragraph(&mut self, text: Vec<Inline>) {
        self.begin();
        self.roff.text(text);
    }

    pub(super) fn item(&mut self, term: Vec<Inline>, text: Vec<Inline>) {
        self.roff.control("TP", []).text(term).text(text);
        self.is_fresh = false;
    }

    pub(super) fn code<'a>(&mut self, lines: impl Iterator<Item = &'a str>) {
        self.begin();
        self.roff.control("RS", ["4"]).control("EX", []);
        for line in lines {
            self.roff.text([roman(line)]);
        }
        self.roff.control("EE", []).control("RE", []);
    }

    /// Adds a text. `insert` writes what stands for a line like `{{name}}`.
    pub(super) fn markdown(&mut self, text: &str, insert: impl Fn(&str, &mut Self)) {
        for block in text.split("\n\n") {
            let block = block.trim_matches('\n');
            let name = block
                .strip_prefix("{{")
                .and_then(|rest| rest.strip_suffix("}}"));
            if let Some(name) = name {
                insert(name, self);
            } else if let Some(title) = block.strip_prefix("## ") {
                self.title("SH", title);
            } else if let Some(title) = block.strip_prefix("### ") {
                self.title("SS", title);
            } else if block.starts_with("    ") {
                self.code(block.lines().map(|line| line.get(4..).unwrap_or_default()));
            } else if let Some((term, text)) = block.split_once("\n:   ") {
                self.item(marked(term), marked(&unfolded(text)));
            } else if !block.is_empty() {
                self.paragraph(marked(&unfolded(block)));
            }
        }
    }

    fn begin(&mut self) {
        if !self.is_fresh {
            self.roff.control("PP", []);
        }
        self.is_fresh = false;
    }
}

/// One line of what is in several.
fn unfolded(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// Text with `**bold**` and `*italic*` in it.
fn marked(text: &str) -> Vec<Inline> {
    let mut inlines = Vec::new();
    for (at, piece) in text.split("**").enumerate() {
        if at % 2 == 1 {
            inlines.push(bold(piece));
            continue;
        }
        let pieces = piece.split('*').enumerate();
        inlines.extend(pieces.map(|(at, piece)| match at % 2 {
            1 => italic(piece),
            _ => roman(piece),
        }));
    }
    inlines
}

/// A text of the program, with its options in bold.
pub(super) fn plain(text: &str) -> Vec<Inline> {
    let mut inlines = Vec::new();
    for word in text.split_inclusive(' ') {
        let name = word.trim_start_matches(['(', '\'']);
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !name.starts_with("--") || name.len() < 4 {
            inlines.push(roman(word));
            continue;
        }
        let end = name.find(|c| !is_name(c)).unwrap_or(name.len());
        let before = &word[..word.len() - name.len()];
        inlines.extend([roman(before), bold(&name[..end]), roman(&name[end..])]);
    }
    inlines
}

#[test]
fn markdown_becomes_roff() {
    let mut page = Page::new(["X", "1", "2026-11-30", "x 1", "X"]);
    let text = "## NAME\n\nx - a *small*\n**.thing**\n\n{{here}}\n\n**-a** *N*\n:   what\n    it does\n\n    x -a\n";
    page.markdown(text, |name, page| {
        page.paragraph(plain(&format!("see ({name} --all-1, '--x")))
    });
    let text = page.render();
    let (_, text) = text.split_once(".SH").unwrap();
    assert_eq!(
        text,
        " NAME\nx \\- a \\fIsmall\\fR \\fB.thing\\fR\n.PP\nsee (here \\fB\\-\\-all\\-1\\fR, \\*(Aq\\-\\-x\n\
         .TP\n\\fB\\-a\\fR \\fIN\\fR\nwhat it does\n.PP\n.RS 4\n.EX\nx \\-a\n.EE\n.RE\n"
    );
}
