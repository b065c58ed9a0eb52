//! The Kolmogorov-Smirnov test of two samples.

/// Measured values, sorted.
#[derive(Clone, Debug)]
pub(super) struct Sample(Vec<f64>);

impl Sample {
    pub(super) fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The value below which this percentage of the sample is.
    pub(super) fn at(&self, percent: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let value = self.0.get((self.0.len() * percent / 100).min(last));
        value.copied().unwrap_or(f64::NAN)
    }

    /// The share that is above a value.
    pub(super) fn beyond(&self, value: f64) -> f64 {
        let above = self.0.iter().filter(|one| **one > value).count();
        above as f64 / self.0.len().max(1) as f64
    }

    /// The greatest difference between the shares of both that are at or below any one value.
    pub(super) fn distance(&self, other: &Self) -> f64 {
        let (a, b) = (&self.0, &other.0);
        let (mut i, mut j, mut greatest) = (0, 0, 0.0_f64);
        while i < a.len() && j < b.len() {
            let value = a[i].min(b[j]);
            while i < a.len() && a[i] <= value {
                i += 1;
            }
            while j < b.len() && b[j] <= value {
                j += 1;
            }
            let shares = i as f64 / a.len() as f64 - j as f64 / b.len() as f64;
            greatest = greatest.max(shares.abs());
        }
        greatest
    }

    /// How probable such a distance or a greater one is if both come from one distribution:
    /// Kolmogorov's limit, with Stephens' correction for samples that are not infinite.
    pub(super) fn same(&self, other: &Self) -> f64 {
        let (a, b) = (self.0.len() as f64, other.0.len() as f64);
        let root = (a * b / (a + b)).sqrt();
        tail((root + 0.12 + 0.11 / root) * self.distance(other))
    }

    /// The same sample, with this delay added to each value.
    fn later(&self, by: f64) -> Self {
        Self(self.0.iter().map(|value| value + by).collect())
    }
}

/// The smallest delay by which the delayed sample would be told from the sample itself.
pub(super) fn least_seen(sample: &Sample, limit: f64) -> f64 {
    let is_seen = |by: f64| sample.same(&sample.later(by)) < limit;
    let (mut below, mut above) = (0.0, 0.01);
    while !is_seen(above) && above < 1e6 {
        above *= 2.0;
    }
    for _ in 0..20 {
        let middle = (below + above) / 2.0;
        if is_seen(middle) {
            above = middle;
        } else {
            below = middle;
        }
    }
    above
}

/// Kolmogorov's distribution from above.
fn tail(lambda: f64) -> f64 {
    // The series converges slowly there, and the value is 1.
    if lambda < 0.2 {
        return 1.0;
    }
    let term = |k: i32| {
        let k = f64::from(k);
        (-2.0 * k * k * lambda * lambda).exp()
    };
    let sum: f64 = (1..=100)
        .map(|k| if k % 2 == 1 { term(k) } else { -term(k) })
        .sum();
    (2.0 * sum).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: usize, from: f64) -> Sample {
        Sample::new((0..n).rev().map(|i| from + i as f64).collect())
    }

    #[test]
    fn distances() {
        assert_eq!(line(10, 0.0).distance(&line(10, 0.0)), 0.0);
        assert_eq!(line(10, 0.0).distance(&line(10, 100.0)), 1.0);
        assert!((line(10, 0.0).distance(&line(10, 3.0)) - 0.3).abs() < 1e-9);
        assert_eq!(
            line(10, 3.0).distance(&line(10, 0.0)),
            line(10, 0.0).distance(&line(10, 3.0))
        );
        // Equal values are one step.
        let ones = Sample::new(vec![1.0; 5]);
        assert_eq!(ones.distance(&Sample::new(vec![1.0; 9])), 0.0);
    }

    /// Points of the distribution that tables of it have: the tail at 1.36 is 5 %, at 1.63 1 %.
    #[test]
    fn probabilities() {
        for (lambda, expected) in [
            (1.2238, 0.10),
            (1.3581, 0.05),
            (1.6276, 0.01),
            (1.9495, 0.001),
        ] {
            assert!(
                (tail(lambda) - expected).abs() < expected / 100.0,
                "{lambda}: {}",
                tail(lambda)
            );
        }
        assert_eq!(tail(0.0), 1.0);
        assert!(line(200, 0.0).same(&line(200, 0.0)) > 0.99);
        assert!(line(200, 0.0).same(&line(200, 60.0)) < 1e-6);
    }

    #[test]
    fn the_least_that_is_seen() {
        let least = least_seen(&line(200, 0.0), 0.01);
        let (seen, not) = (line(200, least + 1.0), line(200, least - 1.0));
        assert!(line(200, 0.0).same(&seen) < 0.01 && line(200, 0.0).same(&not) >= 0.01);
        assert!((30.0..36.0).contains(&least), "{least}");
    }

    #[test]
    fn percents() {
        let sample = line(100, 1.0);
        assert_eq!(sample.beyond(75.0), 0.25);
        assert_eq!(
            [0, 50, 99, 100].map(|percent| sample.at(percent)),
            [1.0, 51.0, 100.0, 100.0]
        );
    }
}
