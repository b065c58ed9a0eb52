//! Ruffle: the settings that pages give it, and where the built-in page finds it.

use std::fs;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::outside::{Done, Server, run_in};
use crate::site::get;

fn config(arguments: &str) -> Done {
    let folder = tempdir().unwrap();
    let words: Vec<&str> = arguments
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect();
    run_in(
        folder.path(),
        &[&["ruffle-config"], &words[..]].concat(),
        "",
    )
}

/// What a page that has the output would tell Ruffle.
fn entries(arguments: &str) -> Value {
    let done = config(arguments);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{arguments}");
    let script = done.stdout;
    let code: Vec<&str> = script
        .lines()
        .filter(|line| !line.starts_with("//"))
        .collect();
    let code = code.join("\n");
    // Settings of the page itself stay, and a page on https connects by wss.
    let (start, rest) = code.split_once("concat(").unwrap();
    assert!(start.contains("window.RufflePlayer = window.RufflePlayer || {};"));
    assert!(start.contains("RufflePlayer.config = window.RufflePlayer.config || {};"));
    let (list, end) = rest.split_once(".map(").unwrap();
    assert!(end.contains("https:") && end.contains("wss:"), "{script}");
    serde_json::from_str(list).unwrap_or_else(|error| panic!("{error}: {script}"))
}

#[test]
fn settings_that_a_page_gives_ruffle() {
    let entry =
        |host: &str, port: u16, url: &str| json!({ "host": host, "port": port, "proxyUrl": url });
    for (arguments, expected) in [
        (
            "--host Chat.Example.com",
            vec![
                entry("Chat.Example.com", 8080, "ws://Chat.Example.com:8080/"),
                entry("null", 8080, "ws://Chat.Example.com:8080/"),
                entry("localhost", 8080, "ws://Chat.Example.com:8080/"),
            ],
        ),
        (
            "--host a.example --host A.example --host a.example --port 443 --tls",
            vec![
                entry("a.example", 443, "wss://a.example/"),
                entry("A.example", 443, "wss://a.example/"),
                entry("null", 443, "wss://a.example/"),
                entry("localhost", 443, "wss://a.example/"),
            ],
        ),
        (
            "--host=localhost --port=80 --port 9000 --port 80",
            vec![
                entry("localhost", 80, "ws://localhost/"),
                entry("null", 80, "ws://localhost/"),
                entry("localhost", 9000, "ws://localhost:9000/"),
                entry("null", 9000, "ws://localhost:9000/"),
            ],
        ),
        (
            "--host ::1 --host null --port 5000",
            vec![
                entry("::1", 5000, "ws://[::1]:5000/"),
                entry("null", 5000, "ws://[::1]:5000/"),
                entry("localhost", 5000, "ws://[::1]:5000/"),
            ],
        ),
        (
            "--host 10.0.0.1 --url wss://chat.example.com/socket?a=b&c",
            vec![
                entry("10.0.0.1", 8080, "wss://chat.example.com/socket?a=b&c"),
                entry("null", 8080, "wss://chat.example.com/socket?a=b&c"),
                entry("localhost", 8080, "wss://chat.example.com/socket?a=b&c"),
            ],
        ),
    ] {
        assert_eq!(entries(arguments), json!(expected), "{arguments}");
    }
}

#[test]
fn no_page_ends_up_with_nonsense() {
    for (arguments, tells) in [
        ("", "--host is missing"),
        ("--host https://x", "without http://"),
        ("--host x:8080", "without a port"),
        ("--host \"x", "a host name like"),
        ("--host </script>", "a host name like"),
        ("--host x --port 99999", "from 1 to 65535"),
        ("--host x --url https://x/", "begins with ws:// or wss://"),
        ("--host x --url wss://x/\"", "no quotes"),
        ("--host x --url wss://x/ --tls", "leave out --tls or --url"),
    ] {
        let done = config(arguments);
        assert_eq!((done.code, done.stdout.as_str()), (64, ""), "{arguments}");
        // The terminal's width breaks lines anywhere.
        let said = done.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(tells), "{arguments}: {said}");
    }
}

/// The settings in the Flash page, and its policy.
fn told(server: &Server) -> (Value, String) {
    let answer = get(server, "/flash/ruffle.json");
    assert_eq!(answer.field("Content-Type"), Some("application/json"));
    let page = get(server, "/flash/");
    let policy = page.field("Content-Security-Policy").unwrap().to_owned();
    let value: Value = serde_json::from_slice(&answer.body).unwrap();
    (value["ruffle"].clone(), policy)
}

#[test]
fn the_flash_page_and_its_movie() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--demo"]);
    assert_eq!(told(&server).0, Value::Null);
    let movie = get(&server, "/flash/chat.swf");
    let mime = movie.field("Content-Type");
    assert_eq!(mime, Some("application/x-shockwave-flash"));
    assert!(movie.body.starts_with(b"CWS"), "a compressed movie");
    assert!(movie.body.len() < 100_000, "{} bytes", movie.body.len());
    for path in ["/flash/flash.js", "/flash/flash.css"] {
        assert_eq!(get(&server, path).status(), "200", "{path}");
    }
}

#[test]
fn ruffle_in_a_folder_in_the_site_or_elsewhere() {
    let folder = tempdir().unwrap();
    let own = folder.path().join("player");
    fs::create_dir(&own).unwrap();
    fs::write(own.join("ruffle.js"), "the player").unwrap();
    let far = "https://unpkg.com/@ruffle-rs/ruffle";

    let server = Server::start(folder.path(), &["--demo", "--ruffle", "player"]);
    let (place, policy) = told(&server);
    assert_eq!(place, "../ruffle/ruffle.js");
    assert!(
        policy.contains("script-src 'self' 'wasm-unsafe-eval';"),
        "{policy}"
    );
    assert_eq!(get(&server, "/ruffle/ruffle.js").body, b"the player");

    let server = Server::start(folder.path(), &["--demo", "--site", "player"]);
    assert_eq!(told(&server).0, "../ruffle.js");
    assert_eq!(get(&server, "/ruffle.js").body, b"the player");

    let server = Server::start(folder.path(), &["--demo", "--ruffle", far]);
    let (place, policy) = told(&server);
    assert_eq!(place, format!("{far}/ruffle.js"));
    assert!(
        policy.contains("connect-src 'self' https://unpkg.com;"),
        "{policy}"
    );
}

#[test]
fn a_folder_without_ruffle() {
    let folder = tempdir().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    for name in ["empty", "none"] {
        let done = run_in(folder.path(), &["serve", "--demo", "--ruffle", name], "");
        assert_eq!(done.code, 78, "{}", done.stderr);
        assert!(done.stderr.contains("has no ruffle.js"), "{}", done.stderr);
        assert!(done.stderr.contains("pass --ruffle"), "{}", done.stderr);
    }
}
