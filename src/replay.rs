//! `flashgate replay`: plays a recording on a fresh core, and tells what is different.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};

use flashgate_core::record::Secrets;
use flashgate_core::replay::{Difference, Ended, Recording, Replayed, Until};
use flashgate_core::{Millis, Now, UnixSeconds};

use crate::cli::ReplayOptions;
use crate::failure::{Exit, Failure, written};
use crate::text::Plain;

/// Does what the options ask for.
pub fn replay(options: &ReplayOptions, out: &mut dyn Write) -> Result<(), Failure> {
    let shown = options.file.display();
    let bytes = fs::read(&options.file)
        .map_err(|error| Failure::new(Exit::Config, format!("cannot read {shown}: {error}")))?;
    let recording = Recording::new(&bytes, MAX_SITE)
        .map_err(|error| Failure::new(Exit::Data, format!("{shown}: {error}")))?;
    if options.print {
        return written(print(&recording, options, out));
    }
    if let Some(path) = &options.to_transcript {
        let title = format!("What {shown} has");
        let text = recording.transcript(&title, &options.until);
        let mut new = OpenOptions::new();
        let file = new.write(true).create_new(true).open(path);
        return file
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| {
                let path = path.display();
                Failure::new(Exit::Config, format!("cannot write {path}: {error}"))
            });
    }
    let replayed = recording.replay(&options.until);
    written(report(&recording, &replayed, options, out))?;
    match replayed.ended {
        Ended::Whole(_) | Ended::Until | Ended::Truncated => Ok(()),
        Ended::Different(_) => Err(Failure::new(
            Exit::Failure,
            format!("{shown}: not everything is the same"),
        )),
        Ended::Unreadable(line) => Err(Failure::new(
            Exit::Data,
            format!("{shown}:{line}: no line of a recording, or more of a site than fits"),
        )),
    }
}

fn print(
    recording: &Recording<'_>,
    options: &ReplayOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (number, line) in recording.lines(options.conn.as_deref(), &options.until) {
        writeln!(out, "{number:>7}  {}{}", Plain(line), local_time(line))?;
    }
    out.flush()
}

/// What the clocks of a line say, as the log prints it.
fn local_time(line: &str) -> String {
    let read = || {
        let mut numbers = line.strip_prefix("at ")?.split(' ');
        Some(Now {
            mono: Millis(numbers.next()?.parse().ok()?),
            utc: UnixSeconds(numbers.next()?.parse().ok()?),
            offset: numbers.next()?.parse().ok()?,
        })
    };
    read().map_or_else(String::new, |now| format!("  [{}]", now.date_time()))
}

fn report(
    recording: &Recording<'_>,
    replayed: &Replayed,
    options: &ReplayOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    if let Ended::Different(difference) = &replayed.ended {
        show(recording, difference, options, out)?;
    }
    let same = match recording.secrets() {
        Secrets::Redacted => "kind, connection, length and shape",
        Secrets::Kept => "kind, connection, length and bytes",
    };
    writeln!(
        out,
        "{} inputs played up to line {}; {} decisions are the same, in {same}.",
        replayed.inputs, replayed.line, replayed.decisions
    )?;
    match &replayed.ended {
        Ended::Whole(why) if why == "limit" => {
            writeln!(out, "The recording ends where it was as long as it may be.")
        }
        Ended::Whole(why) if why == "lost" => {
            writeln!(
                out,
                "The recording ends where it could not be written fast enough."
            )
        }
        Ended::Truncated => writeln!(
            out,
            "The recording lacks its end: what is whole of it was played."
        ),
        Ended::Whole(_) | Ended::Until | Ended::Unreadable(_) | Ended::Different(_) => Ok(()),
    }?;
    out.flush()
}

/// Shows the first difference, and what led to it.
fn show(
    recording: &Recording<'_>,
    difference: &Difference,
    options: &ReplayOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let until = Until::Line(difference.line - 1);
    let before: Vec<_> = recording.lines(options.conn.as_deref(), &until).collect();
    for (number, line) in &before[before.len().saturating_sub(CONTEXT)..] {
        writeln!(out, "{number:>7}  {}{}", Plain(line), local_time(line))?;
    }
    let said = |side: &Option<String>| match side {
        Some(text) => Plain(text).to_string(),
        None => "nothing".to_owned(),
    };
    writeln!(
        out,
        "{:>7}  recorded: {}",
        difference.line,
        said(&difference.recorded)
    )?;
    writeln!(out, "         replayed: {}", said(&difference.replayed))?;
    if !difference.bytes.is_empty() {
        let shown = &difference.bytes[..difference.bytes.len().min(SHOWN)];
        writeln!(out, "         its bytes: {}", shown.escape_ascii())?;
    }
    Ok(())
}

/// Bytes that the files of a recorded site may have.
const MAX_SITE: usize = 1 << 30;

/// Lines in front of a difference.
const CONTEXT: usize = 12;

/// Bytes of an answer that are shown.
const SHOWN: usize = 400;
