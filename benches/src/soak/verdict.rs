//! Whether what a server holds stays constant over time.

use std::time::Duration;

/// A sample of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Since the first visitors came.
    pub(crate) at: Duration,
    /// RssAnon, in bytes.
    pub(crate) memory: u64,
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    pub(crate) online: u64,
    /// Private messages that have arrived so far, and logins and quits.
    pub(crate) messages: u64,
    pub(crate) news: u64,
    /// Processor time so far, of the server and of this load.
    pub(crate) spent: Duration,
    pub(crate) load: Duration,
    /// Latencies of private messages since the last sample.
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
}

/// A condition, and what was found.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) holds: bool,
    pub(crate) text: String,
}

/// What the server holds must not grow: neither by the trend of the second half, nor from the second quarter to the
/// last. The first quarter is left out, because caches fill. The third quartile stands for a quarter, because a short
/// peak is no leak.
pub(crate) fn judge(samples: &[Sample]) -> Vec<Finding> {
    let mut found = Vec::new();
    for held in &HELD {
        let of = |samples: &[Sample]| -> Vec<(f64, f64)> {
            let point = |sample: &Sample| (sample.at.as_secs_f64(), (held.of)(sample));
            samples.iter().map(point).collect()
        };
        let quarter = samples.len() / 4;
        let half = of(&samples[2 * quarter..]);
        let (Some(first), Some(last)) = (half.first(), half.last()) else {
            continue;
        };
        let slope = slope(&half);
        let (grown, day) = (slope * (last.0 - first.0), slope * DAY);
        let noise = held.noise + held.each_thread * samples[2 * quarter].threads as f64;
        found.push(Finding {
            // In a short run a few pages would be a lot in a day.
            holds: grown <= noise || day <= held.day,
            text: format!(
                "{}: by its trend the second half grows by {grown:.1} {unit}, a day by {day:.0} (limits {:.0} and {:.0}; both passed is a leak)",
                held.name,
                noise,
                held.day,
                unit = held.unit
            ),
        });
        let usual = |part: &[Sample]| {
            let mut values: Vec<f64> = part.iter().map(held.of).collect();
            values.sort_unstable_by(f64::total_cmp);
            values
                .get(values.len() * 3 / 4)
                .copied()
                .unwrap_or_default()
        };
        let before = usual(&samples[quarter..2 * quarter]);
        let after = usual(&samples[samples.len() - quarter..]);
        let most = before * held.ratio + noise;
        found.push(Finding {
            holds: after <= most,
            text: format!(
                "{}: {after:.0} {} in the last quarter, {before:.0} in the second (limit {most:.0})",
                held.name, held.unit
            ),
        });
    }
    found
}

/// What a server holds, and how much growth is not a leak.
struct Held {
    name: &'static str,
    unit: &'static str,
    of: fn(&Sample) -> f64,
    /// Fluctuation that means nothing.
    noise: f64,
    /// The same for each thread: a page of its stack may be touched at any time.
    each_thread: f64,
    /// More than this in a day is a leak.
    day: f64,
    ratio: f64,
}

static HELD: [Held; 3] = [
    Held {
        name: "memory",
        unit: "KiB",
        of: |sample| sample.memory as f64 / 1024.0,
        noise: 256.0,
        each_thread: 4.0,
        day: 16.0 * 1024.0,
        ratio: 1.03,
    },
    Held {
        name: "descriptors",
        unit: "open",
        of: |sample| sample.descriptors as f64,
        // Visitors who are there at that moment.
        noise: 10.0,
        each_thread: 0.0,
        day: 100.0,
        ratio: 1.0,
    },
    Held {
        name: "threads",
        unit: "running",
        of: |sample| sample.threads as f64,
        // With std, of the same visitors.
        noise: 20.0,
        each_thread: 0.0,
        day: 200.0,
        ratio: 1.0,
    },
];

/// The median of the slopes between any two points (Theil and Sen): a few that are far off, as when one
/// client has not read for a while, do not move it.
fn slope(points: &[(f64, f64)]) -> f64 {
    let mut slopes = Vec::new();
    for (n, (x, y)) in points.iter().enumerate() {
        slopes.extend((points[n + 1..].iter()).map(|(later, above)| (above - y) / (later - x)));
    }
    slopes.sort_unstable_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied().unwrap_or_default()
}

const DAY: f64 = 86_400.0;

#[cfg(test)]
mod tests {
    use super::*;

    /// An hour in which the server holds these, by seconds; all values fluctuate a little.
    fn hour(
        memory: impl Fn(f64) -> f64,
        descriptors: impl Fn(f64) -> f64,
        threads: impl Fn(f64) -> f64,
    ) -> Vec<Sample> {
        let sample = |n: u32| {
            let at = f64::from(10 * n);
            let wave = f64::from(n * 7 % 5);
            Sample {
                at: Duration::from_secs_f64(at),
                memory: (memory(at) + wave * 20_000.0) as u64,
                descriptors: (descriptors(at) + wave) as usize,
                threads: (threads(at) + wave) as usize,
                online: 720,
                messages: 0,
                news: 0,
                spent: Duration::ZERO,
                load: Duration::ZERO,
                median: Duration::ZERO,
                p99: Duration::ZERO,
            }
        };
        (0..360).map(sample).collect()
    }

    fn faults(samples: &[Sample]) -> Vec<String> {
        let mut found = judge(samples);
        found.retain(|finding| !finding.holds);
        found.into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn what_stays_the_same_is_good() {
        let flat = |_| 20e6;
        assert_eq!(faults(&hour(flat, |_| 740.0, |_| 4.0)), [""; 0]);
        // Caches fill at first, and one client that does not read is there now and then.
        let warm = |at: f64| 20e6 - 8e6 * (-at / 200.0).exp();
        assert_eq!(faults(&hour(warm, |_| 740.0, |_| 4.0)), [""; 0]);
        let spiky = |at: f64| {
            if (at as u32).is_multiple_of(200) {
                21e6
            } else {
                20e6
            }
        };
        assert_eq!(faults(&hour(spiky, |_| 740.0, |_| 4.0)), [""; 0]);
    }

    #[test]
    fn a_leak_is_found() {
        // 50 bytes for each of 16 visits a second.
        let leak = |at: f64| 20e6 + 800.0 * at;
        let found = faults(&hour(leak, |_| 740.0, |_| 4.0));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("memory: by its trend"), "{found:?}");
        // One of a thousand visits leaves a descriptor, and a thread.
        let leak = |at: f64| 740.0 + 16.0 * at / 1000.0;
        let found = faults(&hour(|_| 20e6, leak, leak));
        assert_eq!(found.len(), 4, "{found:?}");
        // Later than all caches are full, and less than would show by itself.
        let late = |at: f64| 20e6 + 400.0 * (at - 1200.0).max(0.0);
        let found = faults(&hour(late, |_| 740.0, |_| 4.0));
        assert!(!found.is_empty());
    }

    #[test]
    fn a_jump_is_found() {
        let jump = |at: f64| if at > 3000.0 { 23e6 } else { 20e6 };
        let found = faults(&hour(jump, |_| 740.0, |_| 4.0));
        assert!(found.iter().any(|text| text.contains("last quarter")));
    }

    #[test]
    fn slopes() {
        assert_eq!(slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]), 2.0);
        assert_eq!(
            slope(&[(0.0, 5.0), (1.0, 5.0), (2.0, 900.0), (3.0, 5.0)]),
            0.0
        );
        assert_eq!(slope(&[]), 0.0);
    }
}
