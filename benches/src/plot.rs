//! A few small line charts, as SVG that is readable on a light and on a dark page.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::fault::Fault;

/// Lines over one axis.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    pub(crate) title: String,
    /// The units of the vertical and the horizontal axis; none for plain numbers.
    pub(crate) unit: String,
    pub(crate) along: String,
    pub(crate) series: Vec<Series>,
}

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// Its name; none where it is the only line.
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    pub(crate) fn new(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            points,
        }
    }
}

/// Writes panels into a file. Creates its folder if it is missing.
pub(crate) fn write(file: &Path, title: &str, panels: &[Panel]) -> Result<(), Fault> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let written = fs::write(file, svg(title, panels));
    written.map_err(|error| Fault::from(error).during(file.display()))
}

/// Panels, two in a row.
pub(crate) fn svg(title: &str, panels: &[Panel]) -> String {
    let rows = panels.len().div_ceil(COLUMNS);
    let (width, height) = (COLUMNS as f64 * WIDTH, HEAD + rows as f64 * HEIGHT);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">\n<title>{}</title>\n{STYLE}\n\
         <rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n",
        escaped(title)
    );
    text(&mut out, "title", "start", (LEFT, 24.0), title);
    for (n, panel) in panels.iter().enumerate() {
        let left = (n % COLUMNS) as f64 * WIDTH;
        let top = HEAD + (n / COLUMNS) as f64 * HEIGHT;
        let _ = writeln!(out, "<g transform=\"translate({left} {top})\">");
        draw(&mut out, panel);
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, panel: &Panel) {
    let points = || panel.series.iter().flat_map(|series| &series.points);
    let x = Axis::new(points().map(|point| point.0), (LEFT, WIDTH - RIGHT));
    let y = Axis::new(points().map(|point| point.1), (HEIGHT - BOTTOM, TOP));
    let unit = match panel.unit.as_str() {
        "" => String::new(),
        unit => format!(", {unit}"),
    };
    let title = format!("{}{unit}", panel.title);
    text(out, "", "start", (LEFT, TOP - 12.0), &title);
    for tick in y.ticks() {
        let at = y.place(tick);
        let end = WIDTH - RIGHT;
        let _ = writeln!(out, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{end}\"/>");
        text(out, "tick", "end", (LEFT - 6.0, at + 4.0), &y.label(tick));
    }
    for tick in x.ticks() {
        let at = x.place(tick);
        let bottom = HEIGHT - BOTTOM;
        let _ = writeln!(out, "<path class=\"axis\" d=\"M{at:.1} {bottom}v4\"/>");
        text(out, "tick", "middle", (at, bottom + 17.0), &x.label(tick));
    }
    text(out, "tick", "start", (LEFT, HEIGHT - 8.0), &panel.along);
    for (n, series) in panel.series.iter().enumerate() {
        let mut path = String::new();
        for (nth, (across, up)) in series.points.iter().enumerate() {
            let letter = if nth == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{letter}{:.1} {:.1}", x.place(*across), y.place(*up));
        }
        let n = n % COLOURS;
        let _ = writeln!(out, "<path class=\"line c{n}\" d=\"{path}\"/>");
        // If there are few points, they are marked, since nothing was measured between them.
        if series.points.len() <= 12 {
            for (across, up) in &series.points {
                let (x, y) = (x.place(*across), y.place(*up));
                let _ = writeln!(
                    out,
                    "<circle class=\"dot d{n}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>"
                );
            }
        }
    }
    names(out, &panel.series);
}

/// The names of the lines, in their colours, below them at the right.
fn names(out: &mut String, series: &[Series]) {
    let mut right = WIDTH - RIGHT;
    for (n, series) in series.iter().enumerate().rev() {
        let class = format!("name d{}", n % COLOURS);
        text(out, &class, "end", (right, HEIGHT - 8.0), &series.name);
        // The width of a letter, about.
        right -= 6.4 * series.name.len() as f64 + 14.0;
    }
}

/// From 0 to a round number above all values.
struct Axis {
    step: f64,
    top: f64,
    /// Where 0 is, and where the top is.
    ends: (f64, f64),
}

impl Axis {
    fn new(values: impl Iterator<Item = f64>, ends: (f64, f64)) -> Self {
        let greatest = values.fold(0.0, f64::max);
        let greatest = if greatest > 0.0 { greatest } else { 1.0 };
        let rough = greatest / TICKS;
        let power = 10_f64.powf(rough.log10().floor());
        let round = [1.0, 2.0, 2.5, 5.0, 10.0].map(|times| times * power);
        let step = (round.into_iter().find(|step| *step >= rough * 0.999)).unwrap_or(rough);
        Self {
            step,
            top: (greatest / step - 0.001).ceil() * step,
            ends,
        }
    }

    fn place(&self, value: f64) -> f64 {
        self.ends.0 + (self.ends.1 - self.ends.0) * value / self.top
    }

    fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let (step, count) = (self.step, (self.top / self.step).round() as u32);
        (0..=count).map(move |n| f64::from(n) * step)
    }

    /// With as many decimals as the step has, and commas between thousands.
    fn label(&self, value: f64) -> String {
        let decimals = (0..6).find(|n| {
            let moved = self.step * 10_f64.powi(*n);
            (moved - moved.round()).abs() < 1e-6 * moved
        });
        let text = format!("{value:.*}", decimals.unwrap_or(6) as usize);
        let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
        let mut out = String::new();
        for (n, digit) in whole.chars().enumerate() {
            if n > 0 && (whole.len() - n).is_multiple_of(3) {
                out.push(',');
            }
            out.push(digit);
        }
        out + rest
    }
}

fn text(out: &mut String, class: &str, anchor: &str, (x, y): (f64, f64), text: &str) {
    let text = escaped(text);
    let _ = writeln!(
        out,
        "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// It draws its own background: the colour behind an image is unknown, and text must be readable on it.
const STYLE: &str = "<style>
text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-size:15px;font-weight:600}
.tick{font-size:11px;fill:#59636e}.name{font-size:12px}.page{fill:#fff}
.grid,.axis{stroke:#d1d9e0;fill:none}.line{fill:none;stroke-width:1.6;stroke-linejoin:round}
.c0{stroke:#0969da}.c1{stroke:#bc4c00}.c2{stroke:#1a7f37}
.d0{fill:#0969da}.d1{fill:#bc4c00}.d2{fill:#1a7f37}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.tick{fill:#9198a1}.page{fill:#0d1117}
.grid,.axis{stroke:#3d444d}.c0{stroke:#4493f8}.c1{stroke:#f0883e}.c2{stroke:#3fb950}
.d0{fill:#4493f8}.d1{fill:#f0883e}.d2{fill:#3fb950}}
</style>";

const COLOURS: usize = 3;
const COLUMNS: usize = 2;

/// Sizes of a panel, and of the space around its lines.
const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 44.0;

/// The size of the title.
const HEAD: f64 = 36.0;

/// About how many steps an axis has.
const TICKS: f64 = 5.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(points: &[(f64, f64)]) -> Panel {
        Panel {
            title: "Memory <all>".to_owned(),
            unit: "MiB & more".to_owned(),
            along: "minutes".to_owned(),
            series: vec![
                Series::new("this", points.to_vec()),
                Series::new("that", points.to_vec()),
            ],
        }
    }

    #[test]
    fn axes_begin_at_zero_and_end_at_a_round_number() {
        for (greatest, step, top, label) in [
            (60.0, 20.0, 60.0, "60"),
            (19_000.0, 5000.0, 20_000.0, "20,000"),
            (1.0, 0.2, 1.0, "1.0"),
            (7.3, 2.0, 8.0, "8"),
            (0.0, 0.2, 1.0, "1.0"),
            (1_234_567.0, 250_000.0, 1_250_000.0, "1,250,000"),
            (12.0, 2.5, 12.5, "12.5"),
        ] {
            let axis = Axis::new([greatest].into_iter(), (0.0, 100.0));
            assert_eq!((axis.step, axis.top), (step, top), "{greatest}");
            assert_eq!(axis.label(top), label);
            assert_eq!((axis.place(0.0), axis.place(top)), (0.0, 100.0));
            assert_eq!(axis.ticks().last(), Some(top));
        }
    }

    #[test]
    fn points_are_where_they_belong() {
        let out = svg("t", &[panel(&[(0.0, 0.0), (5.0, 10.0), (10.0, 5.0)])]);
        // 0 is at the lower left; the greatest along is at the right, and upwards at the top.
        let path = "<path class=\"line c0\" d=\"M64.0 196.0L237.0 34.0L410.0 115.0\"/>";
        assert!(out.contains(path), "{out}");
        assert!(out.contains("<circle class=\"dot d1\" cx=\"237.0\" cy=\"34.0\" r=\"3\"/>"));
        assert!(out.contains(">this</text>") && out.contains(">minutes</text>"));
    }

    #[test]
    fn what_is_open_is_closed_and_text_is_escaped() {
        let panels = vec![panel(&[(0.0, 1.0), (1.0, 2.0)]); 3];
        let out = svg("a & b", &panels);
        assert!(out.contains(">Memory &lt;all&gt;, MiB &amp; more</text>"));
        assert!(out.contains("<title>a &amp; b</title>"));
        assert_eq!(out.matches("<g ").count(), 3);
        assert_eq!(out.matches("</g>").count(), 3);
        assert_eq!(out.matches("<text").count(), out.matches("</text>").count());
        assert!(out.contains("prefers-color-scheme:dark"));
        assert!(!out.contains("NaN") && !out.contains("inf"));
        // Two in a row, so two rows.
        assert!(out.contains("viewBox=\"0 0 880 516\""), "{out}");
    }

    #[test]
    fn nothing_to_draw_is_drawn() {
        let out = svg("t", &[panel(&[])]);
        assert!(!out.contains("NaN") && !out.contains("inf"), "{out}");
    }
}
