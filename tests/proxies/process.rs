//! Processes that run beside the test, and end with it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A process in the foreground. SIGTERM ends it, with the children that it has.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts it. What it has to say goes to a file.
    pub(crate) fn start(command: &mut Command, said: &Path) -> Self {
        let file = File::create(said).expect("a file");
        let both = file.try_clone().expect("a descriptor");
        Self::spawn(command.stdout(file).stderr(both))
    }

    fn spawn(command: &mut Command) -> Self {
        let started = command.stdin(Stdio::null()).spawn();
        Self(started.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.0);
        let _ = kill_process(pid, Signal::TERM);
        let _ = self.0.wait();
    }
}

/// The program, which serves on a free port of 127.0.0.1.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    port: u16,
    log: Arc<Mutex<String>>,
}

impl Server {
    pub(crate) fn start(options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flashgate"));
        command.args(["serve", "--demo", "--listen=127.0.0.1:0"]);
        command
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = Process::spawn(&mut command);
        let out = process.0.stdout.take().expect("it is piped");
        let log = Arc::new(Mutex::new(String::new()));
        let keeper = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let mut log = keeper.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&line);
                log.push('\n');
            }
        });
        let mut server = Self {
            process,
            port: 0,
            log,
        };
        let line = server.wait_for("Listening on 127.0.0.1:", "", 1);
        let port = line
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok());
        server.port = port.expect("a port");
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Waits for so many lines of the log that have both texts in them. Returns the last one.
    pub(crate) fn wait_for(&self, one: &str, other: &str, count: usize) -> String {
        let begun = Instant::now();
        loop {
            let log = self.log();
            let mut lines = log
                .lines()
                .filter(|line| line.contains(one) && line.contains(other));
            if let Some(line) = lines.nth(count - 1) {
                assert_eq!(
                    lines.next(),
                    None,
                    "more than {count} lines with {one} and {other}"
                );
                return line.to_owned();
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "no {one} with {other} in\n{log}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Stops it. Returns its log.
    pub(crate) fn stop(self) -> String {
        let log = Arc::clone(&self.log);
        drop(self.process);
        log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Longer than anything takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
