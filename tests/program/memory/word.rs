//! A word, and the search for it in the memory of another process.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::{Duration, Instant};

use memchr::memmem;
use rustix::process::getuid;

use crate::outside::PATIENCE;

/// The word in every password.
pub(super) struct Word(String);

impl Word {
    pub(super) fn new() -> Self {
        let mut random = [0; 12];
        getrandom::fill(&mut random).unwrap();
        let letter = |byte: u8| char::from(b'a' + byte % 26);
        Self(random.into_iter().map(letter).collect())
    }

    pub(super) fn password(&self, n: u64) -> String {
        format!("{}{n:03}", self.0).repeat(4)
    }

    /// A password that is in use is found.
    pub(super) fn is_there(&self, pid: u32, n: u64) {
        let end = Instant::now() + PATIENCE;
        while !self.search(pid).iter().any(|found| found.number == n) {
            assert!(
                Instant::now() < end,
                "password {n} is not found while it waits"
            );
        }
    }

    /// A thread may be about to wipe what has been answered by another.
    pub(super) fn is_nowhere(&self, pid: u32) {
        if let Err(places) = self.is_gone_within(pid, PATIENCE) {
            panic!("{places}");
        }
    }

    /// Where it still is, if it is.
    pub(super) fn is_gone_within(&self, pid: u32, longest: Duration) -> Result<(), String> {
        let end = Instant::now() + longest;
        loop {
            let found = self.search(pid);
            if found.is_empty() {
                return Ok(());
            }
            if Instant::now() > end {
                let shown: BTreeSet<String> = found.iter().map(Found::shown).collect();
                let shown: Vec<String> = shown.into_iter().collect();
                return Err(format!("{} places:\n{}", found.len(), shown.join("\n")));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// The word, and what of it SHA would hold: numbers of four or eight bytes, the first of them highest.
    fn forms(&self) -> Vec<Vec<u8>> {
        let word = self.0.as_bytes();
        let turned = |bytes: &[u8], size: usize| {
            let numbers = bytes.chunks(size);
            numbers
                .flat_map(|bytes| bytes.iter().rev().copied())
                .collect()
        };
        let fours = word.windows(8).take(4).map(|bytes| turned(bytes, 4));
        let eights = word.windows(8).map(|bytes| turned(bytes, 8));
        [word.to_vec()]
            .into_iter()
            .chain(fours)
            .chain(eights)
            .collect()
    }

    /// Every place in the memory of a process that holds the word.
    fn search(&self, pid: u32) -> Vec<Found> {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
        let memory = File::open(format!("/proc/{pid}/mem"))
            .unwrap_or_else(|error| panic!("a parent may not read its child's memory: {error}"));
        let forms = self.forms();
        let mut found = Vec::new();
        let mut searched = 0;
        for map in maps.lines() {
            let mut words = map.split_ascii_whitespace();
            let (range, rights) = (words.next().unwrap(), words.next().unwrap());
            let name = words.nth(3).unwrap_or("anonymous");
            let (from, to) = range.split_once('-').unwrap();
            let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).unwrap());
            if !rights.starts_with('r') {
                continue;
            }
            let mut bytes = vec![0; (to - from) as usize];
            match memory.read_exact_at(&mut bytes, from) {
                Ok(()) => searched += bytes.len(),
                // What the kernel shows of itself, and the stack of a thread that has ended meanwhile.
                Err(error) if error.raw_os_error() == Some(EIO) && !KEPT.contains(&name) => {
                    continue;
                }
                Err(error) => panic!("{map}: {error}"),
            }
            for form in &forms {
                let places = memmem::find_iter(&bytes, form);
                found.extend(places.map(|at| Found::new(&bytes, at, name)));
            }
        }
        assert!(
            searched > 1 << 20,
            "hardly any memory could be read: {searched} bytes"
        );
        found
    }
}

/// A place that holds the word.
struct Found {
    number: u64,
    /// In what memory, and what stands around it.
    place: String,
}

impl Found {
    fn new(bytes: &[u8], at: usize, name: &str) -> Self {
        let number = bytes.get(at + WORD..at + WORD + 3);
        let number = number.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let around = &bytes[at.saturating_sub(64)..(at + 64).min(bytes.len())];
        Self {
            number: number.unwrap_or_default(),
            place: format!("{name}: {}", around.escape_ascii()),
        }
    }

    fn shown(&self) -> String {
        format!("{:03} in {}", self.number, self.place)
    }
}

/// Whether this system lets nobody read the memory of a process, be it their own child. Then nothing is
/// shown here, and that is said where a test's output is not held back.
pub(super) fn is_forbidden() -> bool {
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let forbidden = match scope.trim() {
        "2" => !getuid().is_root(),
        scope => scope == "3",
    };
    if forbidden {
        let why = "NOT TESTED: kernel.yama.ptrace_scope forbids to search a server's memory\n";
        io::stderr().write_all(why.as_bytes()).unwrap();
    }
    forbidden
}

/// Characters of a [`Word`].
const WORD: usize = 12;

/// Where a mapping has no memory behind it, or has gone; and those that never do.
const EIO: i32 = 5;
const KEPT: [&str; 2] = ["[heap]", "[stack]"];
