//! The options of `replay`.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};
use flashgate_core::replay::Until;

/// Play a recording again, and compare what happens with what happened.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "replay",
    example = "Whether this program does what the one that was recorded did:\n  {command_name} chat.rec",
    example = "What one connection did:\n  {command_name} chat.rec --print --conn 3",
    note = "A recording is made by flashgate serve --record FILE. Its lines are for reading, too: what each means is told in the documentation of flashgate_core::record. The exit code is 1 where something is different, and 65 for a file that is no recording."
)]
pub struct ReplayOptions {
    /// the recording, - for standard input
    #[argh(positional, arg_name = "FILE")]
    pub file: PathBuf,

    /// where to end: behind a line, or after a local time like "2007-07-10 10:54:02"
    #[argh(
        option,
        arg_name = "LINE-or-TIME",
        default = "Until::End",
        from_str_fn(until)
    )]
    pub until: Until,

    /// print only lines about this connection, like 3, or 3.1 for the second that had the number 3
    #[argh(option, arg_name = "N", from_str_fn(conn))]
    pub conn: Option<String>,

    /// print the recording with numbered lines, and play nothing
    #[argh(switch)]
    pub print: bool,

    /// write what happened as a transcript, to a new file, and compare nothing
    #[argh(option, arg_name = "FILE")]
    pub to_transcript: Option<PathBuf>,
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
