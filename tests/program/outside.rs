//! Running the real program: commands to their end, servers until they are stopped, and clients.

// Included by more than one suite, none of which needs all of it.
#![allow(dead_code)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use argon2::Params;
use flashgate::password::Hash;
use flashgate_core::Secret;
use flashgate_testing::Retrying;
use rustix::process::{Pid, Signal, geteuid, kill_process};

/// Far more than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command in `folder`, with `input` on its standard input.
pub(crate) fn run_in(folder: &Path, arguments: &[&str], input: &str) -> Done {
    run_with(folder, arguments, &[], input)
}

/// The same, with these variables in its environment.
pub(crate) fn run_with(
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: &str,
) -> Done {
    let mut running = Running::start(folder, arguments, environment);
    // A command that does not read its input may be gone already.
    let _ = running.stdin.take().unwrap().write_all(input.as_bytes());
    let code = running.wait(PATIENCE);
    let (stdout, stderr) = (running.stdout.all(), running.stderr.all());
    Done {
        code,
        stdout,
        stderr,
    }
}

/// Makes a store in `folder` with so many members: number and nick `1` and `m1`, a long name with
/// markup in it, and the password `x` with the cheapest hash there is.
pub(crate) fn import_members(folder: &Path, members: usize) {
    let params = Params::new(8, 1, 1, None).unwrap();
    let hash = Hash::with(&Secret::new("x"), params).unwrap();
    let hash = hash.as_str();
    let mut rows = "id,nick,name,password,active\n".to_owned();
    for n in 1..=members {
        let name = format!("Member {n} {}", "&".repeat(80));
        rows.push_str(&format!("{n},m{n},{name},\"{hash}\",1\n"));
    }
    fs::write(folder.join("members.csv"), rows).unwrap();
    let done = run_in(folder, &["members", "import", "members.csv"], "");
    assert_eq!(done.code, 0, "{}", done.stderr);
}

/// Starts a command in a terminal, which util-linux's `script` makes: this program may hold no
/// unsafe code, which it takes.
pub(crate) fn terminal(folder: &Path, command: &str) -> (Child, Output) {
    let mut terminal = Command::new("script")
        .args([
            "--quiet",
            "--return",
            "--echo=never",
            "--command",
            command,
            "/dev/null",
        ])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let shown = Output::read(terminal.stdout.take().unwrap());
    (terminal, shown)
}

/// The program, running. Killed when dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
}

impl Running {
    pub(crate) fn start(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flashgate"));
        command.args(arguments).current_dir(folder);
        command
            .env_remove("RUST_LOG")
            .envs(as_root())
            .envs(environment.iter().copied());
        Self::spawn(command)
    }

    pub(crate) fn spawn(command: Command) -> Self {
        Self::spawn_with(command, Stdio::piped())
    }

    /// With a standard error of the test's own.
    pub(crate) fn spawn_with(mut command: Command, stderr: Stdio) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let stdout = Output::read(child.stdout.take().unwrap());
        let stderr = match child.stderr.take() {
            Some(stderr) => Output::read(stderr),
            None => Output::read(std::io::empty()),
        };
        Self {
            stdin: child.stdin.take(),
            child,
            stdout,
            stderr,
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end. Returns the exit code.
    pub(crate) fn wait(&mut self, longest: Duration) -> i32 {
        let end = Instant::now() + longest;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().expect("ended by itself");
            }
            if Instant::now() > end {
                let (stdout, stderr) = (self.stdout.so_far(), self.stderr.so_far());
                panic!("still running after {longest:?}:\n{stdout}\n{stderr}");
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Root has to say so where a server listens for other machines, and tests may run as root.
pub(crate) fn as_root() -> Option<(&'static str, &'static str)> {
    geteuid().is_root().then_some(("FLASHGATE_USER", "root"))
}

/// What a process has written so far, read by a thread so that it never waits for us.
pub(crate) struct Output {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<thread::JoinHandle<()>>,
    taking: Arc<AtomicU8>,
}

/// How a reader goes on: reading, waiting with the pipe open, or not at all.
const TAKE: u8 = 0;
const PAUSE: u8 = 1;
const CLOSE: u8 = 2;

impl Output {
    pub(crate) fn read(from: impl Read + Send + 'static) -> Self {
        let mut from = Retrying(from);
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let taking = Arc::new(AtomicU8::new(TAKE));
        let how = Arc::clone(&taking);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                shared.lock().unwrap().extend_from_slice(&buffer[..read]);
                while how.load(Ordering::Relaxed) == PAUSE {
                    thread::sleep(Duration::from_millis(5));
                }
                if how.load(Ordering::Relaxed) == CLOSE {
                    return;
                }
            }
        });
        Self {
            bytes,
            reader: Some(reader),
            taking,
        }
    }

    pub(crate) fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// Everything, once the process has ended.
    pub(crate) fn all(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.so_far()
    }

    /// Reads no more, but keeps the pipe open.
    pub(crate) fn pause(&self) {
        self.taking.store(PAUSE, Ordering::Relaxed);
    }

    /// Closes the pipe.
    pub(crate) fn close(&mut self) {
        self.taking.store(CLOSE, Ordering::Relaxed);
        self.all();
    }

    /// Waits until a text is there.
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_for_times(text, 1);
    }

    /// Waits until a text is there this many times.
    pub(crate) fn wait_for_times(&self, text: &str, times: usize) {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.so_far();
            if found.matches(text).count() >= times {
                return;
            }
            assert!(
                Instant::now() < end,
                "no {text:?} {times} times in:\n{found}"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A server that was started as a user starts it.
pub(crate) struct Server {
    pub(crate) running: Running,
    /// Where it listens, in the order of its log.
    pub(crate) addresses: Vec<SocketAddr>,
}

impl Server {
    /// Starts `flashgate serve` with these options, on a port of its own unless they name some.
    pub(crate) fn start(folder: &Path, options: &[&str]) -> Self {
        Self::start_with(folder, options, &[])
    }

    pub(crate) fn start_with(
        folder: &Path,
        options: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut arguments = vec!["serve"];
        arguments.extend(options);
        if !options.iter().any(|option| option.starts_with("--listen")) {
            arguments.push("--listen=127.0.0.1:0");
        }
        // One that takes both families is logged by an address of each.
        let both = !arguments.contains(&"--ipv6-only");
        let lines = |argument: &&str| match argument.split_once("listen=") {
            Some((_, address)) if both && address.starts_with("[::]:") => 2,
            Some((_, path)) if path.starts_with("unix:") => 0,
            Some(_) => 1,
            None => usize::from(argument.starts_with("--metrics-on=1")),
        };
        let listeners = arguments.iter().map(lines).sum();
        Self::of(Running::start(folder, &arguments, environment), listeners)
    }

    /// Waits until a program that has been started listens on this many addresses.
    pub(crate) fn of(mut running: Running, listeners: usize) -> Self {
        let end = Instant::now() + PATIENCE;
        let addresses = loop {
            let text = running.stdout.so_far();
            // Only whole lines: the rest of an address may be on its way.
            let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
            let addresses: Vec<SocketAddr> = whole.lines().filter_map(listening).collect();
            if addresses.len() == listeners {
                break addresses;
            }
            if let Some(status) = running.child.try_wait().unwrap() {
                panic!("ended with {status}: {}", running.stderr.all());
            }
            assert!(Instant::now() < end, "no server: {text}");
            thread::sleep(Duration::from_millis(5));
        };
        Self { running, addresses }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.addresses[0])
    }

    /// An answer over HTTP, head and body.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut client = self.connect();
        client.write(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        client.rest()
    }

    /// Stops the server in good order, and gives its log and its diagnostics.
    pub(crate) fn stop(mut self) -> (String, String) {
        self.running.signal(Signal::TERM);
        // A server that needs 5 s ends itself, and says so with its code.
        let code = self.running.wait(PATIENCE);
        let (log, diagnostics) = (self.running.stdout.all(), self.running.stderr.all());
        assert_eq!(code, 0, "{log}\n{diagnostics}");
        (log, diagnostics)
    }
}

fn listening(line: &str) -> Option<SocketAddr> {
    let address = match line.split_once("Listening on ") {
        Some((_, address)) => address,
        None => {
            let (_, address) = line.split_once("\"event\":\"listening\",\"address\":\"")?;
            address.trim_end_matches("\"}")
        }
    };
    // A Unix socket has no address, and stands in quotes.
    address.parse().ok()
}

/// A raw client.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    read: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(to: SocketAddr) -> Self {
        let socket = TcpStream::connect(to).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        let read = BufReader::new(socket.try_clone().unwrap());
        Self { socket, read }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// Sends one command.
    pub(crate) fn send(&mut self, command: &str) {
        self.write(format!("{command}\0").as_bytes());
    }

    /// The next answer, without its NUL; empty at the end of the stream.
    pub(crate) fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        self.read.read_until(0, &mut answer).unwrap();
        if !answer.is_empty() {
            assert_eq!(answer.pop(), Some(0));
        }
        String::from_utf8(answer).unwrap()
    }

    /// Sends one command, and takes the next answer.
    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.send(command);
        self.answer()
    }

    /// Everything up to the end of the stream.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.read.read_to_string(&mut rest).unwrap();
        rest
    }
}
