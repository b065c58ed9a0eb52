//! The program as a service: its messages to the service manager, sockets that it is passed, PID and log files.

mod users;

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use nix::sys::ptrace::{self, Options};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use rustix::process::Signal;
use tempfile::{TempDir, tempdir};

use crate::outside::{Client, Done, PATIENCE, Running, Server, as_root, run_in};
use crate::server::on_both;

on_both! {
    fn the_service_manager_is_told(runtime) {
        let manager = Manager::new();
        let file = manager.folder.path().join("flashgate.toml");
        fs::write(&file, "max-clients = 7\n").unwrap();
        let options = ["--demo", runtime, "--config=flashgate.toml"];
        let server = Server::start_with(manager.folder.path(), &options, &manager.environment());
        assert_eq!(manager.next(), "READY=1\nSTATUS=Clients: 0 of 7\n");
        let mut client = server.connect();
        assert_eq!(client.ask("PING x"), "<pong value=\"x\"/>");
        assert_eq!(manager.next(), "STATUS=Clients: 1 of 7\n");

        // A broken file ends a reload, too.
        for (text, max) in [("max-clients = 9\n", 9), ("max-clients = nine\n", 9)] {
            fs::write(&file, text).unwrap();
            let before = monotonic_usec();
            server.running.signal(Signal::HUP);
            let told = manager.next();
            let since = told.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").and_then(|rest| rest.strip_suffix('\n'));
            let since: u128 = since.and_then(|since| since.parse().ok()).unwrap_or_else(|| panic!("{told}"));
            assert!((before..=monotonic_usec()).contains(&since), "{since}");
            assert_eq!(manager.next(), format!("READY=1\nSTATUS=Clients: 1 of {max}\n"));
        }
        drop(client);
        assert_eq!(manager.next(), "STATUS=Clients: 0 of 9\n");
        let (log, _) = server.stop();
        assert!(log.contains("] RELOAD FAILED \"flashgate.toml:1"), "{log}");
        assert_eq!(manager.next(), "STOPPING=1\nSTATUS=Stopping\n");
        assert_eq!(manager.within(Duration::from_millis(50)), None);
    }

    /// The number of clients is reported once a second at most.
    fn a_crowd_is_counted_seldom(runtime) {
        let manager = Manager::new();
        let server = Server::start_with(manager.folder.path(), &["--demo", runtime], &manager.environment());
        assert!(manager.next().starts_with("READY=1\n"));
        let began = Instant::now();
        let mut clients = Vec::new();
        for _ in 0..40 {
            let mut client = server.connect();
            client.ask("PING x");
            clients.push(client);
            thread::sleep(Duration::from_millis(50));
        }
        let mut times = 0;
        while manager.next() != "STATUS=Clients: 40 of 4096\n" {
            times += 1;
        }
        let most = began.elapsed().as_secs() + 1;
        assert!(times <= most, "{times} times, and not {most}");
        server.stop();
    }

    /// The other threads of the program live on.
    fn a_loop_that_hangs_gives_no_sign_of_life(runtime) {
        let manager = Manager::new();
        let mut environment = manager.environment();
        environment.push(("WATCHDOG_USEC", "400000"));
        let server = Server::start_with(manager.folder.path(), &["--demo", runtime], &environment);
        let lives = |times| {
            for _ in 0..times {
                while manager.next() != "WATCHDOG=1\n" {}
            }
        };
        lives(3);
        // The loop's own thread, or the one that takes the lock.
        let main = Pid::from_raw(i32::try_from(server.running.child.id()).unwrap());
        ptrace::seize(main, Options::empty()).unwrap();
        ptrace::interrupt(main).unwrap();
        waitpid(main, None).unwrap();
        // A sign that was given before may still be passed on.
        let end = Instant::now() + Duration::from_millis(500);
        while Instant::now() < end {
            manager.within(Duration::from_millis(100));
        }
        assert_eq!(manager.within(Duration::from_secs(1)), None);
        ptrace::detach(main, None).unwrap();
        lives(3);
        server.stop();
    }

    fn sockets_are_known_by_their_names(runtime) {
        let folder = tempdir().unwrap();
        let path = folder.path().join("kept.sock");
        let (chat, policy) = (bound(), bound());
        let (chat_at, policy_at) = (chat.local_addr().unwrap(), policy.local_addr().unwrap());
        let unix = UnixListener::bind(&path).unwrap();
        let start = || {
            // Not in the order of the options.
            let fds: [(&str, OwnedFd); 3] = [
                ("policy", policy.try_clone().unwrap().into()),
                ("chat", unix.try_clone().unwrap().into()),
                ("chat", chat.try_clone().unwrap().into()),
            ];
            let server = Server::of(launch(folder.path(), &["--demo", runtime], fds), 2);
            assert_eq!(server.addresses, [policy_at, chat_at]);
            server
        };
        let server = start();
        let wanted = format!("to-ports=\"{}\"", chat_at.port());
        for at in [chat_at, policy_at] {
            let mut player = Client::connect(at);
            player.send("<policy-file-request/>");
            assert!(player.rest().contains(&wanted), "{at}");
        }
        assert!(server.running.stdout.so_far().contains("] Listening on \"unix:"));
        let mut client = Client::connect(chat_at);
        assert_eq!(client.ask("PING x"), "<pong value=\"x\"/>");
        // Port 843 serves the policy alone.
        let mut other = Client::connect(policy_at);
        other.send("PING x");
        assert!(!other.rest().contains("pong"));
        let _ = UnixStream::connect(&path).unwrap();
        server.stop();
        assert!(path.exists(), "the file is the manager's");

        // Clients that come between two servers wait in the queue.
        let mut waits = Client::connect(chat_at);
        waits.send("PING between");
        let server = start();
        assert_eq!(waits.answer(), "<pong value=\"between\"/>");
        server.stop();
    }

    /// Access that is taken away is gone at once, and so are the streams that had it.
    fn access_to_administration_is_taken_away(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        let token = "0123456789abcdef0123456789abcdef";
        let write = |name: &str, text: &str| {
            fs::write(place.join(name), text).unwrap();
            fs::set_permissions(place.join(name), Permissions::from_mode(0o600)).unwrap();
        };
        let with = "demo = true\nadmin-token = \"tokens\"\n";
        write("tokens", &format!("site {token}\n"));
        write("flashgate.toml", &format!("{with}admin-texts = true\n"));
        let (chat, listener) = (bound(), bound());
        let at = listener.local_addr().unwrap();
        let fds: [(&str, OwnedFd); 2] = [("chat", chat.into()), ("admin", listener.into())];
        let running = launch(place, &["--config=flashgate.toml", runtime], fds);
        let server = Server::of(running, 2);
        let ask = |request: &str, token: &str| {
            let mut client = Client::connect(at);
            let head = format!("{request} HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n");
            client.write(head.as_bytes());
            client
        };
        let status = |request: &str, token: &str| ask(request, token).rest()[9..12].to_owned();
        let stream = || {
            let mut events = ask("GET /v1/events", token);
            read_up_to(&mut events, "\r\n\r\n");
            events
        };

        let mut events = stream();
        write("flashgate.toml", with);
        assert_eq!(status("POST /v1/reload", token), "200");
        events.rest();

        let mut events = stream();
        let new = token.replace('f', "e");
        write("tokens", &format!("new {new}\nsite {token}\n"));
        assert_eq!(status("POST /v1/reload", token), "200");
        assert_eq!(status("GET /v1/status", &new), "200");
        server.connect().ask("PING x");
        read_up_to(&mut events, "\"event\":\"closed\"");
        write("tokens", &format!("new {new}\n"));
        assert_eq!(status("POST /v1/reload", token), "200");
        events.rest();
        assert_eq!(status("GET /v1/status", token), "401");

        write("flashgate.toml", "demo = true\n");
        assert_eq!(status("POST /v1/reload", &new), "200");
        assert_eq!(status("GET /v1/status", &new), "401");
        server.stop();
    }

    fn a_pid_file_and_a_log_file(runtime) {
        let folder = tempdir().unwrap();
        let place = folder.path();
        let (log, old, pid) = (place.join("log"), place.join("log.1"), place.join("pid"));
        let options = ["serve", "--demo", runtime, "--listen=127.0.0.1:0", "--log-file=log", "--pid-file=pid"];
        // A SysV script starts it so.
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "umask 077; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_flashgate")]);
        command.args(options).current_dir(place).envs(as_root());
        let mut server = Running::spawn(command);
        waits_for(&log, "] STARTED ");
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&pid), mode(&log)), (0o644, 0o600), "others see the number alone");
        assert_eq!(fs::read_to_string(&pid).unwrap(), format!("{}\n", server.child.id()));
        let other = run_in(place, &["serve", "--demo", "--listen=127.0.0.1:0", "--pid-file=pid"], "");
        assert_eq!(other.code, 1, "{}", other.stderr);
        let holder = format!("--pid-file pid: another server holds it, the process {};", server.child.id());
        assert!(other.stderr.contains(&holder), "{}", other.stderr);

        // What else goes to standard error goes there, too, whole.
        fs::write(place.join("x.toml"), "").unwrap();
        server.signal(Signal::HUP);
        waits_for(&log, "] RELOADED nothing");
        fs::rename(&log, &old).unwrap();
        server.signal(Signal::USR1);
        waits_for(&log, "");
        server.signal(Signal::HUP);
        waits_for(&log, "] RELOADED nothing");
        server.signal(Signal::TERM);
        assert_eq!(server.wait(PATIENCE), 0);
        let (log, old) = (fs::read_to_string(&log).unwrap(), fs::read_to_string(&old).unwrap());
        assert!(log.contains("] STOPPED SIGTERM ") && !old.contains("STOPPED"), "{log}{old}");
        assert!(old.starts_with('[') && old.contains("] Listening on 127.0.0.1:"), "{old}");
        assert_eq!(server.stdout.all(), "");
        assert!(!pid.exists());
    }
}

/// What goes to standard error elsewhere is in the log file, with all that it says.
#[test]
fn diagnostics_are_in_the_log_file() {
    let folder = tempdir().unwrap();
    let log = folder.path().join("log");
    let options = [
        "serve",
        "--listen=127.0.0.1:0",
        "--log-file=log",
        "--log-format=json",
        "--redirect=/none",
        "--config=x.toml",
    ];
    fs::write(folder.path().join("x.toml"), "").unwrap();
    let mut server = Running::start(folder.path(), &options, &[]);
    waits_for(&log, "\"event\":\"started\"");
    server.signal(Signal::HUP);
    waits_for(&log, "\"event\":\"diagnostic\"");
    server.signal(Signal::TERM);
    assert_eq!(server.wait(PATIENCE), 0);
    let text = fs::read_to_string(&log).unwrap();
    let lines = text.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line
    });
    let said: Vec<_> = lines.filter(|line| line["event"] == "diagnostic").collect();
    let said = said[0]["text"].as_str().unwrap();
    assert!(
        said.contains("--redirect /none leads to") && said.ends_with("--site"),
        "{said}"
    );
}

#[test]
fn files_that_cannot_be_made() {
    let folder = tempdir().unwrap();
    for option in ["--pid-file", "--log-file"] {
        let done = run_in(
            folder.path(),
            &[
                "serve",
                "--demo",
                "--listen=127.0.0.1:0",
                option,
                "none/file",
            ],
            "",
        );
        assert_eq!(done.code, 78, "{}", done.stderr);
        assert!(
            done.stderr
                .contains(&format!("{option} none/file: cannot be ")),
            "{}",
            done.stderr
        );
    }
}

#[test]
fn sockets_of_another_process_are_not_taken() {
    let folder = tempdir().unwrap();
    let environment = [
        ("LISTEN_PID", "1"),
        ("LISTEN_FDS", "1"),
        ("LISTEN_FDNAMES", "chat"),
    ];
    let server = Server::start_with(folder.path(), &["--demo"], &environment);
    let mut client = server.connect();
    assert_eq!(client.ask("PING x"), "<pong value=\"x\"/>");
    server.stop();
}

#[test]
fn sockets_that_are_refused() {
    let folder = tempdir().unwrap();
    let connected = {
        let listener = bound();
        TcpStream::connect(listener.local_addr().unwrap()).unwrap()
    };
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let public = TcpListener::bind("0.0.0.0:0").unwrap();
    for (name, fd, options, expected) in [
        (
            "flashgate.socket",
            bound().into(),
            &[][..],
            "of the name \"flashgate.socket\", which is not known",
        ),
        ("", bound().into(), &[], "which is not known"),
        (
            "chat",
            connected.into(),
            &[],
            "of the name \"chat\" that does not listen",
        ),
        (
            "chat",
            datagrams.into(),
            &[],
            "is neither a TCP nor a Unix stream socket",
        ),
        (
            "chat",
            File::open("/dev/null").unwrap().into(),
            &[],
            "is neither a TCP nor a Unix stream socket",
        ),
        (
            "chat",
            bound().into(),
            &["--listen=127.0.0.1:0"],
            "--listen 127.0.0.1:0 is given, and the service manager passes",
        ),
        (
            "policy",
            bound().into(),
            &["--listen=127.0.0.1:0", "--policy-listen=127.0.0.1:0"],
            "--policy-listen 127.0.0.1:0 is given",
        ),
        (
            "chat",
            public.into(),
            &[],
            "--demo has well-known passwords",
        ),
    ] {
        let mut arguments = vec!["--demo"];
        arguments.extend(options);
        let done = ended(launch(folder.path(), &arguments, [(name, fd)]));
        assert_eq!(done.code, 78, "{name}: {}", done.stderr);
        assert!(
            done.stderr.contains(expected),
            "{expected}: {}",
            done.stderr
        );
    }
    let mut command = launcher(folder.path(), &["--demo"]);
    command.env("LISTEN_FDS", "x");
    let done = ended(Running::spawn(command));
    assert_eq!(done.code, 78);
    assert!(
        done.stderr.contains("cannot be read: invalid LISTEN_FDS"),
        "{}",
        done.stderr
    );
}

/// Sockets for the policy alone leave the chat where it is by default.
#[test]
fn a_policy_socket_alone() {
    let folder = tempdir().unwrap();
    let fds: [(&str, OwnedFd); 1] = [("policy", bound().into())];
    let server = Server::of(
        launch(folder.path(), &["--demo", "--listen=127.0.0.1:0"], fds),
        2,
    );
    let mut client = server.connect();
    assert_eq!(client.ask("PING x"), "<pong value=\"x\"/>");
    server.stop();
}

/// A service manager, as far as its messages go.
struct Manager {
    folder: TempDir,
    path: String,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let path = path.to_str().unwrap().to_owned();
        Self {
            folder,
            path,
            socket,
        }
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        vec![("NOTIFY_SOCKET", &self.path)]
    }

    fn next(&self) -> String {
        self.within(PATIENCE).expect("the program says something")
    }

    fn within(&self, longest: Duration) -> Option<String> {
        let mut message = [0; 4096];
        self.socket.set_read_timeout(Some(longest)).unwrap();
        let length = self.socket.recv(&mut message).ok()?;
        Some(String::from_utf8(message[..length].to_vec()).unwrap())
    }
}

/// Starts the program with these sockets, as a service manager does.
fn launch<const N: usize>(
    folder: &Path,
    options: &[&str],
    sockets: [(&str, OwnedFd); N],
) -> Running {
    let mut command = launcher(folder, options);
    command.env("LISTEN_FDS", N.to_string());
    let names = sockets.each_ref().map(|(name, _)| *name);
    if names.concat() != "" {
        command.env("LISTEN_FDNAMES", names.join(":"));
    }
    let mappings = sockets
        .into_iter()
        .zip(3..)
        .map(|((_, parent_fd), child_fd)| FdMapping {
            parent_fd,
            child_fd,
        });
    command.fd_mappings(mappings.collect()).unwrap();
    Running::spawn(command)
}

/// The number of the process is known only in it.
fn launcher(folder: &Path, options: &[&str]) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args([
        "-c",
        "LISTEN_PID=$$ exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_flashgate"),
        "serve",
    ]);
    command.args(options).current_dir(folder).envs(as_root());
    command
}

/// Reads a stream that goes on.
fn read_up_to(client: &mut Client, text: &str) {
    let mut seen = Vec::new();
    while !seen.ends_with(text.as_bytes()) {
        let mut byte = [0];
        client.socket.read_exact(&mut byte).unwrap();
        seen.extend(byte);
    }
}

fn ended(mut running: Running) -> Done {
    let code = running.wait(PATIENCE);
    let (stdout, stderr) = (running.stdout.all(), running.stderr.all());
    Done {
        code,
        stdout,
        stderr,
    }
}

fn bound() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Waits until a file is there, and has a text.
fn waits_for(path: &Path, text: &str) {
    let end = Instant::now() + PATIENCE;
    loop {
        let mut found = String::new();
        let is_there =
            File::open(path).is_ok_and(|mut file| file.read_to_string(&mut found).is_ok());
        if is_there && found.contains(text) {
            return;
        }
        assert!(Instant::now() < end, "no {text:?} in {found}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The machine's monotonic clock in microseconds.
fn monotonic_usec() -> u128 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let (seconds, nanos) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
    u128::from(seconds) * 1_000_000 + u128::from(nanos) / 1000
}
