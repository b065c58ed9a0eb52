//! The printed table.

use std::time::Duration;

/// The goal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// The limit.
    pub(crate) must: f64,
    pub(crate) aim: f64,
}

/// One ratio for each slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Spread {
    pub(crate) fn of(samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let (last, middle) = (sorted.len() - 1, sorted.len() / 2);
        Self {
            // For an even number, between the two in the middle.
            median: f64::midpoint(sorted[middle], sorted[last - middle]),
            least: sorted[0],
            greatest: sorted[last],
        }
    }

    /// Slice by slice, so that figures of the same moment are compared.
    pub(crate) fn ratio(samples: &[f64], to: &[f64]) -> Self {
        let ratios: Vec<f64> = samples.iter().zip(to).map(|(a, b)| a / b).collect();
        Self::of(&ratios)
    }
}

pub(crate) fn introduce(repeat: usize, slice: Duration) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?").to_owned();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!(
        "Server processor time, by the scheduler's count in nanoseconds. {repeat} slices of {} ms \
         each, taking turns:\nmedian (least-greatest). A wake-up is what the server does between two \
         sleeps of a thread: where those\ndiffer in size, other programs had a hand in it, or the \
         server is busier. {cores} cores, load {load} before it began.",
        slice.as_millis()
    );
}

/// A line of the table: the cost of each unit, and its ratio to another.
pub(crate) fn line(who: &str, wire: &str, unit: &str, each: &[f64], ratios: &[String]) {
    let median = Spread::of(each).median;
    println!(
        "  {who:<9}{wire:<7}{median:>9.2} {unit}   {}",
        ratios.join("   ")
    );
}

/// How much was done in a wake-up. On a busy machine this is more, which makes each unit cheaper.
pub(crate) fn together(samples: &[f64]) -> String {
    format!("{:>7.1} a wake-up", Spread::of(samples).median)
}

/// A ratio in words.
pub(crate) fn ratio(spread: Spread, to: &str, target: Option<Target>) -> String {
    let Spread {
        median,
        least,
        greatest,
    } = spread;
    let said = target.map_or_else(String::new, |target| {
        format!("  {}", verdict(median, target))
    });
    format!("{median:.2} of {to} ({least:.2}-{greatest:.2}){said}")
}

/// Whether a target is met.
pub(crate) fn verdict(figure: f64, target: Target) -> String {
    let Target { must, aim } = target;
    if figure <= aim {
        format!("[good: aim {aim}]")
    } else if figure <= must {
        format!("[holds: must {must}, aim {aim}]")
    } else {
        format!("[MISSED: must {must}, aim {aim}]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        for (samples, median) in [
            (&[3.0][..], 3.0),
            (&[9.0, 1.0], 5.0),
            (&[9.0, 1.0, 2.0], 2.0),
            (&[9.0, 1.0, 2.0, 4.0], 3.0),
        ] {
            assert_eq!(Spread::of(samples).median, median);
        }
        let spread = Spread::ratio(&[2.0, 8.0, 3.0], &[1.0, 2.0, 1.0]);
        let Spread {
            median,
            least,
            greatest,
        } = spread;
        assert_eq!((median, least, greatest), (3.0, 2.0, 4.0));
    }

    #[test]
    fn verdicts() {
        let target = Target {
            must: 1.3,
            aim: 1.15,
        };
        for (figure, word) in [(1.15, "good"), (1.2, "holds"), (1.31, "MISSED")] {
            assert!(verdict(figure, target).contains(word), "{figure}");
        }
    }
}
