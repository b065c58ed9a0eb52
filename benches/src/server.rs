//! The servers: started as a user starts them, with members who have the cheapest hash there is; and what they cost.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::time::ClockId;
use nix::unistd::Pid;
use rustix::process::{Signal, kill_process};
use tempfile::TempDir;

use crate::fault::Fault;
use crate::irc;
use crate::tls::Pair;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `rawrelay --echo`.
    Floor,
    /// `rawrelay`, which writes to the recipient alone, as IRC servers do.
    OneWay,
    /// `flashgate serve --runtime smol`.
    Smol,
    /// `flashgate serve --runtime std`.
    Std,
    Ngircd,
    Inspircd,
}

impl Kind {
    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::OneWay => "one way",
            Self::Smol => "smol",
            Self::Std => "std",
            Self::Ngircd => "ngircd",
            Self::Inspircd => "inspircd",
        }
    }
}

/// The programs and files that servers are started with.
pub(crate) struct Programs {
    /// Where the release build is.
    target: PathBuf,
    /// The flashgate to measure.
    flashgate: PathBuf,
    /// Where the store of members is.
    pub(crate) store: PathBuf,
    /// The certificate of servers that take TLS.
    pub(crate) certificate: Pair,
    /// A folder of our own, which is removed with this value.
    _folder: Option<TempDir>,
}

/// A server that runs. It ends when this is dropped, and when this program ends.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Programs {
    /// Builds the missing programs, and creates a store of members. `flashgate` names another build to measure
    /// instead.
    pub(crate) fn build(flashgate: Option<&Path>) -> Result<Self, Fault> {
        let own = std::env::current_exe()?;
        let target = own.ancestors().nth(2).ok_or_else(|| no_target(&own))?;
        let folder = tempfile::tempdir()?;
        let release = target.join("release");
        let programs = Self {
            flashgate: match flashgate {
                Some(other) => other.canonicalize()?,
                None => release.join("flashgate"),
            },
            target: release,
            certificate: Pair::create(folder.path())?,
            store: folder.path().to_owned(),
            _folder: Some(folder),
        };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let own = ["--package=flashgate", "--bin=flashgate"];
        let floor = ["--package=flashgate-bench", "--bin=rawrelay"];
        let own = flashgate.is_none().then_some(own);
        for what in own.into_iter().chain([floor]) {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut build = Command::new(cargo);
            build.args(["build", "--release", "--quiet", "--locked"]);
            build.args(what).current_dir(&root);
            succeed(build.arg("--target-dir").arg(target))?;
        }
        programs.import(&programs.store, &members())?;
        Ok(programs)
    }

    /// Programs that another process has built, and the members it has created.
    pub(crate) fn of(store: PathBuf) -> Result<Self, Fault> {
        let own = std::env::current_exe()?;
        let target = own.parent().ok_or_else(|| no_target(&own))?;
        Ok(Self {
            flashgate: target.join("flashgate"),
            target: target.to_owned(),
            certificate: Pair::of(&store),
            store,
            _folder: None,
        })
    }

    /// The same programs with other members.
    pub(crate) fn with_store(&self, store: PathBuf) -> Self {
        Self {
            flashgate: self.flashgate.clone(),
            target: self.target.clone(),
            certificate: self.certificate.clone(),
            store,
            _folder: None,
        }
    }

    /// Makes a store in a folder, of these rows.
    pub(crate) fn import(&self, folder: &Path, rows: &str) -> Result<(), Fault> {
        let file = folder.join("members.csv");
        fs::write(&file, rows)?;
        let mut import = Command::new(&self.flashgate);
        import.args(["members", "import"]).arg(file);
        import.current_dir(folder).stdout(Stdio::null());
        succeed(import.stderr(Stdio::null()))
    }

    /// The rows of a server's members, with their hashes.
    pub(crate) fn export(&self, server: &Server) -> Result<String, Fault> {
        let mut export = Command::new(&self.flashgate);
        export.args(["members", "export", "--with-hashes"]);
        let output = export.current_dir(server.folder.path()).output()?;
        if !output.status.success() {
            return Err(Fault::wrong("no export", &output.stderr));
        }
        String::from_utf8(output.stdout).map_err(|error| Fault::new(error.to_string()))
    }

    /// Starts a server, with options beside those that allow all clients in.
    pub(crate) fn start(&self, kind: Kind, options: &[String]) -> Result<Server, Fault> {
        let folder = tempfile::tempdir()?;
        // Linux ends it when this program ends, in whatever way.
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig=KILL");
        match kind {
            Kind::Floor | Kind::OneWay => {
                command.arg(self.target.join("rawrelay"));
                command.args((kind == Kind::Floor).then_some("--echo"));
            }
            Kind::Smol | Kind::Std => {
                let store = self.store.join("flashgate.db");
                fs::copy(store, folder.path().join("flashgate.db"))?;
                command.arg(&self.flashgate).arg("serve");
                command.args(["--listen=127.0.0.1:0", "--max-clients=19500"]);
                // It cannot be given twice.
                let is_limited = options.iter().any(|option| option.starts_with("--rate="));
                command.args((!is_limited).then_some("--rate=0"));
                command.args(["--login-timeout=86400", "--runtime", kind.name()]);
            }
            Kind::Ngircd | Kind::Inspircd => irc::command(kind, folder.path(), &mut command)?,
        }
        let log = folder.path().join("log");
        command.args(options).current_dir(folder.path());
        command.env_remove("RUST_LOG").stdin(Stdio::null());
        // A log on disk, as a service has it.
        let output = fs::File::create(&log)?;
        command.stderr(output.try_clone()?).stdout(output);
        let mut server = Server {
            kind,
            address: NOWHERE,
            child: command.spawn()?,
            folder,
        };
        server.address = server.listening(&log)?;
        Ok(server)
    }
}

/// Members `m1` and so on, called `Member 1`, with the password `x`.
fn members() -> String {
    let mut rows = "id,nick,name,password,active\n".to_owned();
    for n in 1..=MEMBERS {
        rows.push_str(&format!("{n},m{n},Member {n},\"{HASH}\",1\n"));
    }
    rows
}

impl Server {
    /// Waits until the server listens. Returns the address.
    fn listening(&mut self, log: &Path) -> Result<SocketAddr, Fault> {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let text = fs::read_to_string(log)?;
            let listening = match self.kind {
                Kind::Floor | Kind::OneWay | Kind::Smol | Kind::Std => text
                    .split_once("Listening on ")
                    .and_then(|(_, rest)| rest.split_once('\n')?.0.parse().ok()),
                Kind::Ngircd | Kind::Inspircd => irc::listening(self.kind),
            };
            if let Some(address) = listening {
                return Ok(address);
            }
            if self.child.try_wait()?.is_some() || Instant::now() > end {
                return Err(Fault::wrong(self.kind.name(), text.as_bytes()));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The processor time it has taken so far, in user mode and in the kernel, of all its threads, ended ones
    /// included. The scheduler counts it in nanoseconds; `/proc/PID/stat` has only hundredths of a second, and
    /// `/proc/PID/task/*/schedstat` leaves out ended threads.
    pub(crate) fn spent(&self) -> Result<Duration, Fault> {
        let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(self.child.id() as i32));
        let time = clock.and_then(ClockId::now);
        Ok(Duration::from(time.map_err(std::io::Error::from)?))
    }

    /// How often its threads have gone to sleep, without threads that have ended.
    pub(crate) fn rests(&self) -> Result<u64, Fault> {
        let mut all = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // It may end meanwhile.
            let status = fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
            let mut lines = status.lines();
            let rests = lines.find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"));
            all += rests
                .and_then(|l| l.trim().parse::<u64>().ok())
                .unwrap_or(0);
        }
        Ok(all)
    }

    /// Bytes of its anonymous memory: without mapped programs and files, and without the system's memory for its
    /// sockets.
    pub(crate) fn memory(&self) -> Result<u64, Fault> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix("RssAnon:"));
        let kib = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
        Ok(kib.ok_or_else(|| Fault::new("no RssAnon in /proc"))? * 1024)
    }

    /// Files and connections it has open.
    pub(crate) fn descriptors(&self) -> Result<usize, Fault> {
        let folder = format!("/proc/{}/fd", self.child.id());
        // Since Linux 6.2 the size of the folder is their number.
        match fs::metadata(&folder)?.len() {
            0 => Ok(fs::read_dir(folder)?.count()),
            files => Ok(files as usize),
        }
    }

    pub(crate) fn threads(&self) -> Result<usize, Fault> {
        Ok(fs::read_dir(format!("/proc/{}/task", self.child.id()))?.count())
    }

    /// Stops it, or lets it continue.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Fault> {
        let pid = rustix::process::Pid::from_child(&self.child);
        Ok(kill_process(pid, signal)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processor time that this program has taken so far.
pub(crate) fn own_spent() -> Result<Duration, Fault> {
    let time = ClockId::CLOCK_PROCESS_CPUTIME_ID.now();
    Ok(Duration::from(time.map_err(std::io::Error::from)?))
}

fn succeed(command: &mut Command) -> Result<(), Fault> {
    let status = command.status()?;
    if status.success() {
        return Ok(());
    }
    let _ = std::io::stderr().flush();
    Err(Fault::new(format!("{command:?} ended with {status}")))
}

fn no_target(own: &Path) -> Fault {
    Fault::new(format!("{} is in no target folder", own.display()))
}

/// How long it may take to print where it listens.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Enough for all members that are online at once, and for some that come and go.
pub(crate) const MEMBERS: usize = 19_600;

/// Of the password `x`: 8 KiB, one pass; the least that argon2 takes.
const HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$RNGwEx6RDdKXfq/cdEURKw$JI8w2uwQuJ4aDsCTlmy82MTeq3rXOtljAkaLna8ffyQ";
