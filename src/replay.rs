//! `flashgate replay`: plays a recording on a fresh core, and reports differences.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use flashgate_core::record::Secrets;
use flashgate_core::replay::{Difference, Ended, Recording, Replayed, Until};
use flashgate_core::{Millis, Now, UnixSeconds};

use crate::failure::{Exit, Failure, written};
use crate::text::Plain;

/// Play a recording, and compare what the server does with what was recorded.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "replay",
    example = "Check that this version does what the recorded one did:\n  {command_name} chat.rec",
    example = "Show what one connection did:\n  {command_name} chat.rec --print --conn 3",
    note = "flashgate serve --record FILE makes a recording. It is a text; the documentation of flashgate_core::record explains its lines. The exit code is 1 if anything differs, and 65 if the file is not a recording."
)]
pub struct ReplayOptions {
    /// the recording, - for standard input
    #[argh(positional, arg_name = "FILE")]
    pub file: PathBuf,

    /// where to stop: after a line, or after a local time like "2007-07-10 10:54:02"
    #[argh(
        option,
        arg_name = "LINE-or-TIME",
        default = "Until::End",
        from_str_fn(until)
    )]
    pub until: Until,

    /// print only lines about this connection: 3, or 3.1 for the second connection with the number 3
    #[argh(option, arg_name = "N", from_str_fn(conn))]
    pub conn: Option<String>,

    /// print the recording with line numbers, without playing it
    #[argh(switch)]
    pub print: bool,

    /// write the recording as a transcript to a new file, without comparing anything
    #[argh(option, arg_name = "FILE")]
    pub to_transcript: Option<PathBuf>,
}

/// Does what the options ask for.
pub fn replay(options: &ReplayOptions, out: &mut dyn Write) -> Result<(), Failure> {
    let shown = options.file.display();
    let bytes = fs::read(&options.file)
        .map_err(|error| Exit::Config.because(format!("cannot read {shown}: {error}")))?;
    let recording = Recording::new(&bytes, MAX_SITE)
        .map_err(|error| Exit::Data.because(format!("{shown}: {error}")))?;
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
                Exit::Config.because(format!("cannot write {path}: {error}"))
            });
    }
    let replayed = recording.replay(&options.until);
    written(report(&recording, &replayed, options, out))?;
    match replayed.ended {
        Ended::Whole(_) | Ended::Until | Ended::Truncated => Ok(()),
        Ended::Different(_) => {
            Err(Exit::Failure.because(format!("{shown}: the replay differs from the recording")))
        }
        Ended::Unreadable(line) => Err(Exit::Data.because(format!(
            "{shown}:{line}: this is not a line of a recording, or the recorded site is too large"
        ))),
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
    let end = match &replayed.ended {
        Ended::Whole(why) if why == "limit" => {
            "The recording ended when it reached its size limit.\n"
        }
        Ended::Whole(why) if why == "lost" => {
            "The recording ended when it could not be written fast enough.\n"
        }
        Ended::Truncated => {
            "The end of the recording is missing; everything before it was played.\n"
        }
        Ended::Whole(_) | Ended::Until | Ended::Unreadable(_) | Ended::Different(_) => "",
    };
    out.write_all(end.as_bytes())?;
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

fn until(text: &str) -> Result<Until, String> {
    if let Ok(line) = text.parse() {
        return Ok(Until::Line(line));
    }
    let shape = text.bytes().map(|byte| match byte {
        b'0'..=b'9' => b'0',
        b'T' => b' ',
        other => other,
    });
    if shape.eq(*b"0000-00-00 00:00:00") {
        Ok(Until::Time(text.replace('T', " ")))
    } else {
        Err("it must be the number of a line, or a time like 2007-07-10T10:54:02".to_owned())
    }
}

fn conn(text: &str) -> Result<String, String> {
    let number = |text: &str| text.parse::<u32>().is_ok();
    let good = match text.split_once('.') {
        Some((slot, generation)) => number(slot) && number(generation),
        None => number(text),
    };
    if good {
        Ok(text.to_owned())
    } else {
        Err("it must be a number like 3, or two like 3.1".to_owned())
    }
}

/// Bytes that the files of a recorded site may have.
const MAX_SITE: usize = 1 << 30;

/// Lines in front of a difference.
const CONTEXT: usize = 12;

/// Bytes of an answer that are shown.
const SHOWN: usize = 400;
