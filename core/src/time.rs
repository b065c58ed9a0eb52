//! Time, which the core gets as an argument and cannot ask for.

use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

use alloc::string::String;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::Offset;

/// Milliseconds: a point on the host's monotonic clock, or a span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// A span of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// The same span as a standard `Duration`.
    pub const fn to_duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

/// Saturates: the far future is "never", and no input makes the core panic.
impl Add for Millis {
    type Output = Self;

    fn add(self, span: Self) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

/// Saturates at zero: a clock that goes backwards makes a timer late, never wrong.
impl Sub for Millis {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

/// Seconds since 1970-01-01 00:00:00 UTC, without leap seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(pub i64);

/// The host's clocks at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock; its zero is the host's choice.
    pub mono: Millis,
    /// The wall clock.
    pub utc: UnixSeconds,
    /// Seconds east of UTC at this moment. The host takes care of summer time.
    pub offset: i32,
}

impl Now {
    /// Local civil time; for a clock out of range, the nearest time that the calendar has.
    fn civil(self) -> DateTime {
        let offset = Offset::from_seconds(self.offset).unwrap_or(Offset::UTC);
        offset.to_datetime(self.timestamp())
    }

    pub(crate) fn timestamp(self) -> Timestamp {
        let nearest = if self.utc.0 < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        Timestamp::from_second(self.utc.0).unwrap_or(nearest)
    }

    /// Local time of day, `HH:MM:SS`, as a chat message carries it.
    pub fn time_of_day(self) -> TimeOfDay {
        TimeOfDay::of(self.civil())
    }

    /// Local date and time, `YYYY-MM-DD HH:MM:SS`, as the log and `/server-status` print it.
    pub fn date_time(self) -> impl fmt::Display {
        DateAndTime(self.civil())
    }

    /// The `Date` of an HTTP answer (IMF-fixdate, RFC 9110 section 5.6.7).
    pub(crate) fn http_date(self) -> String {
        let printer = rfc2822::DateTimePrinter::new();
        // Only years before 0 cannot be written; a clock that far off gets the epoch.
        printer
            .timestamp_to_rfc9110_string(&self.timestamp())
            .unwrap_or_else(|_| String::from("Thu, 01 Jan 1970 00:00:00 GMT"))
    }
}

/// A time of day, as digits. Each message has one, and formatting three numbers would be a sixth of the work
/// for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay([u8; 8]);

impl TimeOfDay {
    fn of(time: DateTime) -> Self {
        let mut text = *b"00:00:00";
        let parts = [time.hour(), time.minute(), time.second()];
        add_digits(&mut text, parts.map(i8::unsigned_abs));
        Self(text)
    }

    /// `HH:MM:SS`.
    pub fn as_str(&self) -> &str {
        text(&self.0)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

struct DateAndTime(DateTime);

impl fmt::Display for DateAndTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = (self.0.year(), self.0.month(), self.0.day());
        let time = TimeOfDay::of(self.0);
        // Each line of the log has one.
        match u8::try_from(year / 100) {
            Ok(century @ ..100) if year >= 0 => {
                let mut date = *b"00 00-00-00 ";
                let [month, day] = [month, day].map(i8::unsigned_abs);
                add_digits(&mut date, [century, (year % 100) as u8, month, day]);
                f.write_str(text(&date[..2]))?;
                f.write_str(text(&date[3..]))
            }
            Ok(_) | Err(_) => write!(f, "{year:04}-{month:02}-{day:02} "),
        }?;
        f.write_str(time.as_str())
    }
}

/// Adds numbers below 100 to a text that has two zeros for each, with one character between.
fn add_digits<const N: usize>(text: &mut [u8], numbers: [u8; N]) {
    for (pair, number) in text.chunks_mut(3).zip(numbers) {
        pair[0] += number / 10;
        pair[1] += number % 10;
    }
}

fn text(digits: &[u8]) -> &str {
    core::str::from_utf8(digits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn now(utc: i64, offset: i32) -> Now {
        Now {
            mono: Millis(0),
            utc: UnixSeconds(utc),
            offset,
        }
    }

    #[test]
    fn civil_times() {
        let cases = [
            (0, 0, "1970-01-01 00:00:00"),
            (1_184_064_842, 0, "2007-07-10 10:54:02"),
            (1_184_064_842, 7200, "2007-07-10 12:54:02"),
            (951_782_399, 1, "2000-02-29 00:00:00"),
            (-1, 0, "1969-12-31 23:59:59"),
        ];
        for (utc, offset, text) in cases {
            assert_eq!(
                now(utc, offset).date_time().to_string(),
                text,
                "{utc} {offset}"
            );
            assert_eq!(
                now(utc, offset).time_of_day().to_string(),
                text[11..],
                "{utc} {offset}"
            );
        }
    }

    #[test]
    fn http_date_is_imf_fixdate() {
        assert_eq!(
            now(784_111_777, 3600).http_date(),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
    }

    #[test]
    fn no_clock_is_too_wrong() {
        for utc in [i64::MIN, i64::MAX, -62_135_596_801, 253_402_300_800] {
            for offset in [i32::MIN, i32::MAX, 0] {
                assert!(!now(utc, offset).date_time().to_string().is_empty());
                assert!(!now(utc, offset).http_date().is_empty());
            }
        }
        assert_eq!(Millis(1) - Millis(2), Millis(0));
        assert_eq!(Millis(u64::MAX) + Millis(1), Millis(u64::MAX));
    }
}
