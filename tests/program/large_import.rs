//! Very many members from the database of a site while it runs, and a server that ends meanwhile.

use std::fs;
use std::time::{Duration, Instant};

use crate::database::Site;
use crate::live_import::{LONG, MD5, Place};
use crate::outside::{run_in, terminal};

/// So many rows that they are on their way for a while; each has a name that has to be cleaned, which
/// is told as it comes.
fn many(rows: u32) -> String {
    format!(
        "CREATE TABLE users (id INT PRIMARY KEY, nick TEXT, name TEXT, pass TEXT, about TEXT) ENGINE=MyISAM;
         INSERT INTO users SELECT seq, concat('m', seq), concat('Member\\t', seq, repeat(' x', 20)), '{MD5}',
            repeat('x', 200) FROM seq_1_to_{rows}"
    )
}

/// A query whose rows come for a long while, and the option for it.
const SLOW: &str = "--query=SELECT id, nick, name, pass FROM users WHERE sleep(0.001) = 0";

/// Waits until rows of [`SLOW`] are on their way; which connection takes them.
fn is_busy(site: &Site) -> u64 {
    let query = format!(
        "SELECT id FROM information_schema.processlist
         WHERE db = '{}' AND info LIKE 'SELECT %sleep%' AND time_ms > 500 AND id <> connection_id()",
        site.database
    );
    let end = Instant::now() + LONG;
    loop {
        if let Some(id) = site.rows::<u64>(&query).first() {
            return *id;
        }
        assert!(Instant::now() < end, "nobody takes any rows");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --ignored"]
fn a_server_that_is_killed_in_the_midst() {
    let place = Place::at(Site::alone(), &many(100_000));
    let csv = format!("id,nick,name,password,active\n999999,old,Old,{MD5},1\n");
    fs::write(place.folder.path().join("old.csv"), csv).unwrap();
    let done = run_in(place.folder.path(), &["members", "import", "old.csv"], "");
    assert_eq!(done.code, 0, "{done:?}");
    let before = place.exported();
    let (name, password) = Site::environment();
    let said = [(name, &*password)];
    for arguments in [&[SLOW][..], &[SLOW, "--skip-refused"], &[SLOW, "--dry-run"]] {
        let mut running = place.start(&place.site.address(), &said, arguments);
        is_busy(&place.site);
        place.site.server("kill");
        let code = running.wait(LONG);
        let (stdout, stderr) = (running.stdout.all(), running.stderr.all());
        assert!(code == 69 && stdout.is_empty(), "{code}: {stderr}");
        let why = "flashgate: nothing was imported: the database mysql://";
        assert!(
            stderr.contains(why) && stderr.contains("cannot be reached ("),
            "{stderr}"
        );
        assert_eq!(place.exported(), before);
        place.site.server("start");
    }
    place.site.sql("DELETE FROM users WHERE id > 1000");
    let done = place.import(&[]);
    assert!(
        done.stdout.ends_with("imported 1000 members\n"),
        "{}",
        done.stderr
    );
    let done = run_in(place.folder.path(), &["members", "check"], "");
    assert!(done.stdout.starts_with("1001 members\n"), "{done:?}");
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --ignored"]
fn a_connection_that_is_ended_in_the_midst() {
    let place = Place::new(&many(1500));
    let (name, password) = Site::environment();
    let arguments = [SLOW, "--dry-run", "--skip-refused"];
    let mut running = place.start(&place.site.address(), &[(name, &password)], &arguments);
    // The import does not ask again on another connection: some rows would come twice.
    let busy = is_busy(&place.site);
    place.site.sql(&format!("KILL CONNECTION {busy}"));
    let code = running.wait(LONG);
    let (stdout, stderr) = (running.stdout.all(), running.stderr.all());
    assert!(code == 69 && stdout.is_empty(), "{code}: {stderr}");
    place.has_no_store();
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --ignored"]
fn a_site_goes_on_meanwhile() {
    let place = Place::new(&many(100_000));
    let (name, password) = Site::environment();
    let address = place.site.address();
    let running = place.start(&address, &[(name, &password)], &["--dry-run"]);
    running.stdout.wait_for("row 100, id 100: the name");
    // It waits now for its output to be read, with most rows still to come.
    running.stdout.pause();
    let change = "SET lock_wait_timeout = 5; UPDATE users SET about = 'x' WHERE id = 1";
    place.site.sql(change);
    let connections = "SELECT count(*) FROM information_schema.processlist WHERE db = database()";
    // Ours alone, once the server has seen that the one before is gone.
    let end = Instant::now() + LONG;
    while place.site.rows::<u32>(connections) != [1] {
        assert!(Instant::now() < end, "a connection is kept");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!running.stdout.so_far().contains("row 99999,"), "too late");
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --ignored"]
fn many_rows_in_little_memory() {
    const ROWS: u32 = 200_000;
    let place = Place::new(&many(ROWS));
    let (name, password) = Site::environment();
    let began = Instant::now();
    let mut running = place.start(&place.site.address(), &[(name, &password)], &[]);
    let mut most = 0;
    while running.child.try_wait().unwrap().is_none() {
        let status = format!("/proc/{}/status", running.child.id());
        most = most.max(high_water(&fs::read_to_string(status).unwrap_or_default()));
        assert!(began.elapsed() < LONG, "still running");
        std::thread::sleep(Duration::from_millis(5));
    }
    let (said, took) = (running.stdout.all(), began.elapsed());
    assert!(
        said.ends_with("imported 200000 members\n"),
        "{}",
        running.stderr.all()
    );
    eprintln!("{ROWS} rows, twice: {took:?}, {most} KiB at most");
    assert!(0 < most && most < 200 * 1024, "{most} KiB");
    let count = place.exported().lines().count();
    assert_eq!(count, ROWS as usize + 1);
}

/// The most memory a process has had, in KiB.
fn high_water(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number.map_or(0, |number| number.parse().unwrap())
}

#[test]
#[ignore = "needs a MariaDB: tests/members/mariadb cargo test --features mysql -- --ignored"]
fn the_bar_knows_how_many_there_are() {
    let place = Place::new(&many(20_000));
    let (name, password) = Site::environment();
    // Names that are cleaned are reported elsewhere.
    let command = format!(
        "{name}={password} {} members import '{}' >told",
        env!("CARGO_BIN_EXE_flashgate"),
        place.site.address(),
    );
    let (mut terminal, mut shown) = terminal(place.folder.path(), &command);
    drop(terminal.stdin.take());
    terminal.wait().unwrap();
    let shown = shown.all();
    assert!(shown.contains("50%, 10000 rows"), "{shown}");
    assert!(shown.contains("%, 15000 rows"), "{shown}");
    let told = fs::read_to_string(place.folder.path().join("told")).unwrap();
    assert!(told.ends_with("imported 20000 members\n"), "{shown}");
}
