//! `flashgate doctor`: each check once ok and once failed, provoked as it happens to operators.

mod proxy;

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use flashgate::doctor::{CHECKS, Check};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::tempdir;

use crate::outside::{Done, PATIENCE, Running, Server, import_members, run_in, run_with};
use crate::tls::Authority;
use proxy::Habits;

/// What a run of doctor has found.
struct Found {
    done: Done,
    checks: Vec<(String, String, String)>,
}

impl Found {
    fn of(done: Done) -> Self {
        let report: Value =
            serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let checks = report["checks"].as_array().unwrap().iter().map(|check| {
            // A finding that asks for something says what to do.
            assert_eq!(check["state"] == "ok", check["advice"].is_null(), "{check}");
            (
                text(&check["check"]),
                text(&check["state"]),
                text(&check["found"]),
            )
        });
        let checks: Vec<_> = checks.collect();
        let failed = checks.iter().any(|(_, state, _)| state == "fail");
        assert_eq!(report["ok"], !failed, "{done:?}");
        assert_eq!(done.code, i32::from(failed), "{done:?}");
        Self { done, checks }
    }

    fn has(&self, check: Check, state: &str) -> bool {
        let mut checks = self.checks.iter();
        checks.any(|(name, is, _)| name == check.name() && is == state)
    }

    fn all(&self, state: &str) -> BTreeSet<Check> {
        let all = CHECKS.iter().copied();
        all.filter(|check| self.has(*check, state)).collect()
    }
}

fn doctor(folder: &Path, options: &[&str]) -> Found {
    let mut arguments = vec!["doctor", "--json"];
    arguments.extend(options);
    // A minute of silence is too long for a test.
    if !options.iter().any(|option| option.starts_with("--silence")) {
        arguments.push("--silence=0");
    }
    Found::of(run_in(folder, &arguments, ""))
}

/// The same as a shell command, in which `$0` is doctor.
fn doctor_in_shell(folder: &Path, shell: &[&str], command: &str) -> Found {
    let mut running = Command::new(shell[0]);
    let command = command.replace(
        "$0",
        &format!("\"{}\" doctor --json", env!("CARGO_BIN_EXE_flashgate")),
    );
    running
        .args(&shell[1..])
        .args(["sh", "-c", &command])
        .current_dir(folder);
    let mut running = Running::spawn(running);
    let code = running.wait(PATIENCE);
    let (stdout, stderr) = (running.stdout.all(), running.stderr.all());
    Found::of(Done {
        code,
        stdout,
        stderr,
    })
}

/// An address on which nothing listens.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn listen(address: SocketAddr) -> String {
    format!("--listen={address}")
}

/// Another program: it answers every client alike, and closes.
fn other_program() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut first = [0; 1024];
            let _ = client.read(&mut first);
            let _ = client.write_all(b"220 mail.example.com ESMTP\r\n");
        }
    });
    address
}

/// A folder with a store of members, as a server leaves it.
fn with_store() -> tempfile::TempDir {
    let folder = tempdir().unwrap();
    import_members(folder.path(), 300);
    folder
}

fn sql(folder: &Path, statement: &str) {
    let store = Connection::open(folder.join("flashgate.db")).unwrap();
    store.execute_batch(statement).unwrap();
}

/// A check that fails, and what makes it fail.
type Row = (Check, fn() -> Found);

const FAILURES: [Row; 29] = [
    (Check::Configuration, || {
        let folder = tempdir().unwrap();
        fs::write(folder.path().join("f.toml"), "max-clientz = 5\n").unwrap();
        doctor(folder.path(), &["--config=f.toml"])
    }),
    (Check::Files, || {
        let folder = with_store();
        doctor(folder.path(), &["--policy-file=none.xml", &listen(free())])
    }),
    (Check::Permissions, || {
        let folder = with_store();
        let store = folder.path().join("flashgate.db");
        fs::set_permissions(&store, Permissions::from_mode(0o644)).unwrap();
        doctor(folder.path(), &[&listen(free())])
    }),
    (Check::Store, || {
        let folder = tempdir().unwrap();
        fs::write(
            folder.path().join("flashgate.db"),
            "a text that is no database\n".repeat(99),
        )
        .unwrap();
        doctor(folder.path(), &[&listen(free())])
    }),
    (Check::Integrity, || {
        let folder = with_store();
        let path = folder.path().join("flashgate.db");
        let mut bytes = fs::read(&path).unwrap();
        bytes[5 * 4096..][..64].fill(0xa5);
        fs::write(&path, bytes).unwrap();
        doctor(folder.path(), &[&listen(free())])
    }),
    (Check::Passwords, || {
        let folder = with_store();
        sql(
            folder.path(),
            "UPDATE members SET password = 'secret' WHERE id = 7",
        );
        doctor(folder.path(), &[&listen(free())])
    }),
    (Check::Space, || {
        let folder = with_store();
        fs::create_dir(folder.path().join("disk")).unwrap();
        let shell = ["unshare", "--user", "--map-root-user", "--mount"];
        let command = "mount -t tmpfs -o size=1m none disk && cp flashgate.db disk && $0 --members disk/flashgate.db";
        doctor_in_shell(folder.path(), &shell, command)
    }),
    (Check::OpenFiles, || {
        let folder = with_store();
        doctor_in_shell(
            folder.path(),
            &["env"],
            &format!("ulimit -n 200 && $0 --listen {}", free()),
        )
    }),
    (Check::Somaxconn, || {
        let folder = with_store();
        let shell = ["unshare", "--user", "--map-root-user", "--net"];
        doctor_in_shell(
            folder.path(),
            &shell,
            "echo 16 > /proc/sys/net/core/somaxconn && $0",
        )
    }),
    (Check::Clock, || {
        let folder = with_store();
        let store = File::options()
            .write(true)
            .open(folder.path().join("flashgate.db"))
            .unwrap();
        store
            .set_modified(SystemTime::now() + Duration::from_secs(2 * 86_400))
            .unwrap();
        doctor(folder.path(), &[&listen(free())])
    }),
    (Check::TimeZone, || {
        let folder = with_store();
        let (arguments, zone) = (["doctor", "--json"], [("TZ", "Nowhere/Land")]);
        Found::of(run_with(folder.path(), &arguments, &zone, ""))
    }),
    (Check::BrowserPorts, || {
        let folder = with_store();
        doctor(folder.path(), &["--listen=127.0.0.1:6667"])
    }),
    (Check::Server, || {
        let folder = with_store();
        doctor(folder.path(), &[&listen(free())])
    }),
    (Check::Policy, at_another_program),
    (Check::PolicyBare, at_another_program),
    (Check::Raw, at_another_program),
    (Check::Http, at_another_program),
    (Check::Binary, at_another_program),
    (Check::Text, at_another_program),
    (Check::Metrics, || {
        let folder = with_store();
        let metrics = format!("--metrics-on={}", other_program());
        doctor(folder.path(), &[&listen(free()), &metrics])
    }),
    (Check::Ready, || {
        let folder = with_store();
        let server = Server::start(folder.path(), &[]);
        fs::rename(
            folder.path().join("flashgate.db"),
            folder.path().join("away.db"),
        )
        .unwrap();
        wait_until(&server, "/readyz", "store failed");
        doctor(folder.path(), &[&listen(server.addresses[0])])
    }),
    (Check::Tls, || {
        let folder = with_store();
        Authority::new().issue(folder.path(), "cert", &["localhost"]);
        doctor(
            folder.path(),
            &[
                &listen(other_program()),
                "--tls-cert=cert.pem",
                "--tls-key=cert.key",
            ],
        )
    }),
    // The system does not trust the authority of a test.
    (Check::Chain, || {
        with_tls(|folder, _| issue(folder), &["--host=localhost:PORT"])
    }),
    (Check::Name, || {
        with_tls(|folder, _| issue(folder), &["--host=127.0.0.1:PORT"])
    }),
    (Check::Days, || {
        with_tls(
            |folder, authority| authority.issue_expired(folder, "cert", &["localhost"]),
            &[],
        )
    }),
    (Check::Upgrade, || {
        behind(
            Habits {
                drops_upgrade: true,
                ..Habits::default()
            },
            "0",
        )
    }),
    (Check::Address, || behind(Habits::default(), "0")),
    (Check::SilentWebSocket, || behind(IMPATIENT, "3")),
    (Check::SilentRaw, || behind(IMPATIENT, "3")),
];

const IMPATIENT: Habits = Habits {
    names_clients: true,
    drops_upgrade: false,
    patience: Some(Duration::from_millis(500)),
};

fn at_another_program() -> Found {
    let folder = with_store();
    doctor(folder.path(), &[&listen(other_program())])
}

fn issue(folder: &Path) {
    Authority::new().issue(folder, "cert", &["localhost"]);
}

fn wait_until(server: &Server, path: &str, text: &str) {
    let end = std::time::Instant::now() + PATIENCE;
    while !server.get(path).contains(text) {
        assert!(std::time::Instant::now() < end, "{path} never says {text}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A server that speaks TLS, with the certificate that `write` makes.
fn with_tls(write: impl Fn(&Path, &Authority), options: &[&str]) -> Found {
    let folder = with_store();
    let authority = Authority::new();
    write(folder.path(), &authority);
    fs::write(folder.path().join("ca.pem"), &authority.pem).unwrap();
    let tls = ["--tls-cert=cert.pem", "--tls-key=cert.key"];
    let server = Server::start(folder.path(), &tls);
    let port = server.addresses[0].port().to_string();
    let options: Vec<String> = options
        .iter()
        .map(|option| option.replace("PORT", &port))
        .collect();
    let at = listen(server.addresses[0]);
    let options = options.iter().map(String::as_str);
    let options: Vec<&str> = tls.into_iter().chain([&*at]).chain(options).collect();
    doctor(folder.path(), &options)
}

/// A server behind a proxy with these habits.
fn behind(habits: Habits, silence: &str) -> Found {
    let folder = with_store();
    let trust = "--trust-proxy=127.0.0.2";
    let server = Server::start(folder.path(), &[trust]);
    let proxy = proxy::start(server.addresses[0], habits);
    let (host, silence) = (format!("--host={proxy}"), format!("--silence={silence}"));
    doctor(
        folder.path(),
        &[trust, &listen(server.addresses[0]), &host, &silence],
    )
}

#[test]
fn each_check_fails_where_it_must() {
    let failed: BTreeSet<Check> = FAILURES.iter().map(|(check, _)| *check).collect();
    assert_eq!(
        failed,
        CHECKS.iter().copied().collect(),
        "each check has a row"
    );
    thread::scope(|scope| {
        for (check, provoke) in FAILURES {
            scope.spawn(move || {
                let found = provoke();
                assert!(
                    found.has(check, "fail"),
                    "{check:?} does not fail: {:?}",
                    found.done
                );
            });
        }
    });
}

#[test]
fn each_check_is_ok_on_a_server_that_is_well() {
    let secure = with_tls(
        |folder, authority| authority.issue(folder, "cert", &["localhost"]),
        &["--host=localhost:PORT", "--tls-ca=ca.pem"],
    );
    let folder = with_store();
    // Flash asks at the port of the proxy, and compares that with the policy.
    let trust = ["--trust-proxy=127.0.0.2", "--policy-ports=*"];
    let options = [trust[0], trust[1], "--metrics-on=127.0.0.1:0"];
    let server = Server::start(folder.path(), &options);
    let habits = Habits {
        names_clients: true,
        ..Habits::default()
    };
    let proxy = proxy::start(server.addresses[0], habits);
    let (at, host) = (listen(server.addresses[0]), format!("--host={proxy}"));
    let metrics = format!("--metrics-on={}", server.addresses[1]);
    let own = ["--silence=1", &at, &host, &metrics];
    let plain = doctor(folder.path(), &[&trust[..], &own].concat());
    let ok: BTreeSet<Check> = &secure.all("ok") | &plain.all("ok");
    for check in CHECKS {
        assert!(
            ok.contains(check),
            "{check:?}: {:?} {:?}",
            secure.done,
            plain.done
        );
    }
    for found in [&secure, &plain] {
        assert_eq!(found.all("fail"), BTreeSet::new(), "{:?}", found.done);
    }
    // A failed login would count against a member and an address.
    let (log, _) = server.stop();
    assert!(!log.contains("LOGIN") && !log.contains("SLOWED"), "{log}");
}
