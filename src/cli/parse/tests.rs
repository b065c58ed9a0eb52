//! Command lines, good and bad, and what is said of them.

use std::path::Path;

use flashgate_core::{SETTINGS, Setting};

use super::*;
use crate::failure::Exit;
use crate::serve::ServeOptions;

fn parsed(line: &str) -> Result<Request, Failure> {
    parse(
        line.split(' ')
            .filter(|word| !word.is_empty())
            .map(OsString::from),
        &Surroundings::default(),
    )
}

fn serve(line: &str) -> ServeOptions {
    match parsed(line) {
        Ok(Request::Run(command)) => match *command {
            Command::Serve(options) => options,
            Command::Config(_)
            | Command::Doctor(_)
            | Command::Members(_)
            | Command::Admin(_)
            | Command::Chat(_)
            | Command::Replay(_)
            | Command::RuffleConfig(_) => panic!("{line}"),
        },
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn help_fits_a_terminal() {
    for line in [
        "",
        "serve",
        "doctor",
        "members",
        "members add",
        "members list",
        "members show",
        "members rename",
        "members export",
        "members check",
        "members backup",
        "chat",
        "replay",
        "config",
        "config check",
        "config show",
        "config default",
        "ruffle-config",
    ] {
        let Ok(Request::Say(help)) = parsed(&format!("{line} --help")) else {
            panic!("{line}");
        };
        let wide = help
            .lines()
            .find(|line| line.chars().count() > COLUMNS && !line.starts_with("    flashgate "));
        assert_eq!(wide, None, "{line}");
    }
    let folded = folded(&format!("Usage: x{}\n", " [--option <VALUE>]".repeat(9)));
    assert!(
        folded.lines().all(|line| line.ends_with("<VALUE>]")),
        "{folded}"
    );
    assert_eq!(folded.matches("<VALUE>").count(), 9);
}

#[test]
fn settings_are_options() {
    let options = serve(
        "serve --allow-origin https://a.example --rate=7 --allow-origin=null --demo \
         --list-needs-login --login-timeout 2m",
    );
    let config = options.settings;
    let value = |name| Setting::named(name).map(|setting| setting.value(&config));
    for (name, expected) in [
        ("allow-origin", "https://a.example null"),
        ("rate", "7"),
        ("list-needs-login", "on"),
        ("login-timeout", "2m"),
        ("burst", "40"),
    ] {
        assert_eq!(value(name).as_deref(), Some(expected), "{name}");
    }
    assert!(options.demo);
    // A setting without help is not an option. One is read from a file, which an option of the same name gives.
    let hidden = SETTINGS.iter().filter(|setting| setting.help().is_none());
    let hidden = hidden.map(Setting::name);
    for name in hidden.filter(|name| *name != "reserved-nicks") {
        let failure = parsed(&format!("serve --{name} 5")).expect_err(name);
        let expected = format!("flashgate serve has no option --{name}");
        assert!(failure.message.starts_with(&expected), "{failure}");
    }
}

#[test]
fn the_help_has_all_options_in_order() {
    for line in ["serve --help", "serve --rate x -h"] {
        let Ok(Request::Say(help)) = parsed(line) else {
            panic!("{line}");
        };
        let names: Vec<&str> = help
            .lines()
            .filter_map(|line| line.strip_prefix("  --")?.split_whitespace().next())
            .collect();
        assert!(names.is_sorted(), "{names:?}");
        for setting in SETTINGS.iter().filter(|setting| setting.help().is_some()) {
            assert!(names.contains(&setting.name()), "{}", setting.name());
            assert!(help.contains(&format!(" [--{}", setting.name())));
        }
        assert!(names.contains(&"listen") && names.contains(&"demo"));
        assert!(!help.contains("--settings"));
        assert!(help.contains("size of one command in bytes (default 8192)"));
    }
}

#[test]
fn both_ways_to_give_a_value() {
    for line in [
        "serve --listen [::1]:1 --redirect http://x/?a=b --max-clients 5 --demo",
        "serve --listen=[::1]:1 --redirect=http://x/?a=b --max-clients=5 --demo",
    ] {
        let options = serve(line);
        assert_eq!(options.listen, ["[::1]:1"]);
        assert_eq!(options.settings.redirect.as_deref(), Some("http://x/?a=b"));
        assert_eq!(options.settings.limits.clients, 5);
        assert_eq!((options.site, options.max_site), (None, 256));
        assert!(options.demo);
    }
    // The value of an option is left alone, whatever it looks like.
    let words = ["--name", "--nick=x", "--", "--id=1"].map(str::to_owned);
    assert_eq!(normalise(words.to_vec()).unwrap(), words);
    let words = ["--name=a=b", "--nick=", "--demo=1", "x=y"].map(str::to_owned);
    assert_eq!(
        normalise(words.to_vec()).unwrap(),
        ["--name", "a=b", "--nick", "", "--demo=1", "x=y"]
    );
}

#[test]
fn what_makes_no_sense() {
    for line in [
        "",
        "fly",
        "serve --fly",
        "serve --demo=1",
        "serve --listen",
        "serve --max-clients 0",
        "serve --max-clients -1",
        "serve --max-clients +5",
        "serve --max-clients 99999999999999999999",
        "serve --max-clients 1 --max-clients 2",
        "serve --max-clients 1 --max-clients=1",
        "serve --demo --demo",
        "--version --version",
        "members disable a --members x --members y",
        "members disable -- -x --members f",
        "serve --max-per-address 0",
        "serve --max-command 0",
        "serve --max-backlog 0",
        "serve --rate x",
        "serve --burst 0",
        "serve --login-timeout 0",
        "serve --max-site 0",
        "serve --max-site 1048577",
        "serve --site",
        "serve --runtime tokio",
        "serve --log-format xml",
        "serve --on-duplicate maybe",
        "serve --presence some",
        "serve --redirect example.com",
        "serve --redirect //evil",
        "serve --redirect /\\evil",
        "serve --redirect http://",
        "serve --redirect https:///x",
        "serve --redirect ftp://x",
        "serve --redirect http://x/\u{e1}",
        "serve --policy-ports 1,,2",
        "serve --policy-ports 0",
        "serve --policy-ports 9-1",
        "serve --policy-ports 65536",
        "serve --policy-ports 080",
        "serve --policy-ports 80-090",
        "serve --policy-domain <x>",
        "serve --policy-domain http://example.com",
        "serve --policy-domain example.com:80",
        "serve --policy-domain example.com/x",
        "serve --policy-domain -.com",
        "serve --policy-domain a..b",
        "serve --policy-domain *x.com",
        "serve --policy-domain *.*.com",
        "serve --policy-domain *.",
        "serve --policy-domain 1.2.3.256",
        "serve --policy-domain 192.168.1",
        "serve --policy-domain [1.2.3.4]",
        "serve --record",
        "serve --record x --record-limit 0",
        "replay",
        "replay x y",
        "replay x --until yesterday",
        "replay x --until 2007-07-10",
        "replay x --conn first",
        "serve surplus",
        "members",
        "members add --id 1 --nick x",
        "members add --id x --nick x --name X",
        "members passwd",
        "members passwd 1 2",
        "members import",
        "chat",
        "chat localhost",
        "chat ::1:8080",
        "chat localhost:0",
        "chat localhost:1 --id",
        "chat localhost:1 --id=",
        "chat localhost:1 --id a --id b",
        "chat localhost:1 surplus",
        "serve --ruffle ftp://x",
        "serve --ruffle https://",
        "serve --ruffle https://x/;script-src",
        "ruffle-config --host",
        "ruffle-config --host http://x",
        "ruffle-config --host x:80",
        "ruffle-config --host x/",
        "ruffle-config --host -x",
        "ruffle-config --host x\"y",
        "ruffle-config --host <x>",
        "ruffle-config --host x --port 0",
        "ruffle-config --host x --port 65536",
        "ruffle-config --host x --port +1",
        "ruffle-config --host x --url http://x",
        "ruffle-config --host x --url wss://",
        "ruffle-config --host x --url wss://x/#y",
        "ruffle-config --host x --url wss://x/\"",
        "ruffle-config --host x surplus",
    ] {
        let failure = parsed(line).expect_err(line);
        assert_eq!(failure.exit, Exit::Usage, "{line}");
        assert!(failure.message.contains("--help"), "{failure}");
    }
}

#[test]
fn what_was_meant_is_told() {
    for (line, tells) in [
        ("serve --demo --demo", "--demo is given twice"),
        ("serve --rate 1 --rate=2", "--rate is given twice"),
        ("serve --rate", "No value provided for option '--rate'"),
        (
            "serve --max-clients 0",
            "Error parsing option '--max-clients' with value '0': \
             it must be a whole number from 1 to 1000000\n",
        ),
        ("serve --presence some", "it must be all or off"),
        ("serve --max-site 0", "it must be a whole number from 1 to"),
        (
            "serve --allow-origin https://a.example --allow-origin x",
            "Error parsing option '--allow-origin' with value 'x': it must be",
        ),
        (
            "members add --rate 5",
            "flashgate members add has no option --rate\n",
        ),
        ("serv", "there is no command serv; did you mean serve?\n"),
        (
            "memebrs",
            "there is no command memebrs; did you mean members?",
        ),
        (
            "members imprt x",
            "there is no command imprt; did you mean import?",
        ),
        (
            "fly",
            "there is no command fly; the commands are serve, config, doctor, members, admin, chat, replay and ruffle-config\n",
        ),
        (
            "serve --max-client 3",
            "flashgate serve has no option --max-client; did you mean --max-clients?",
        ),
        ("serve --lisen x", "did you mean --listen?"),
        (
            "--verson",
            "flashgate has no option --verson; did you mean --version?",
        ),
        (
            "--demo",
            "flashgate has no option --demo; did you mean flashgate serve --demo?",
        ),
        (
            "--codepage latin2",
            "flashgate has no option --codepage; did you mean flashgate serve --codepage?",
        ),
        (
            "serve demo",
            "flashgate serve takes no demo here; did you mean --demo?",
        ),
        (
            "members passwd 1 hunter2",
            "flashgate members passwd takes fewer arguments; see flashgate members passwd --help\n",
        ),
        (
            "chat ws://localhost:8080",
            "leave out ws:// and give HOST:PORT",
        ),
        ("serve --settings x", "there is no such option"),
        (
            "members disable -- -x --members f",
            "write --members before it",
        ),
        (
            "members disable -- -x --members=f",
            "write --members before it",
        ),
    ] {
        let failure = parsed(line).expect_err(line);
        assert!(failure.message.contains(tells), "{line}: {failure}");
    }
    for line in [
        "members disable --members f -- -x",
        "members add --id 1 --nick --demo --name --nick",
        "serve --listen a:1 --listen a:2 --policy-domain * --policy-domain *.example.org",
        "serve --policy-domain 1.2.3.4 --policy-domain ::1 --policy-domain [::1]",
        "serve --policy-domain localhost --policy-domain a_b.example",
        "serve --redirect / --policy-ports 80,8000-8010",
        "serve --redirect /x//y",
    ] {
        assert!(matches!(parsed(line), Ok(Request::Run(_))), "{line}");
    }
}

#[test]
fn help_and_version() {
    for line in [
        "--help",
        "-h",
        "serve --help",
        "serve -h",
        "members add --help",
        "help",
    ] {
        match parsed(line) {
            Ok(Request::Say(text)) => assert!(text.contains("Usage: flashgate"), "{text}"),
            other => panic!("{line}: {other:?}"),
        }
    }
    match parsed("--version") {
        Ok(Request::Say(text)) => assert!(text.starts_with("flashgate 0."), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_dash_is_standard_input_where_a_file_is_read() {
    for line in [
        "serve --policy-file -",
        "serve --ticket-secret=-",
        "serve --mysql-password -",
    ] {
        let options = serve(line);
        let files = [
            options.policy_file,
            options.ticket_secret,
            options.mysql_password,
        ];
        let given: Vec<_> = files.into_iter().flatten().collect();
        assert_eq!(given, [Path::new(STANDARD_INPUT)], "{line}");
    }
    assert!(parsed("serve --record -").is_ok());
}

#[test]
fn a_span_may_be_off() {
    let options = serve("serve --raw-keepalive off");
    assert_eq!(options.settings.limits.raw_keepalive, None);
    assert!(parsed("serve --login-timeout off").is_err());
}

#[test]
fn all_ways_to_ask_for_help_show_the_settings() {
    for line in ["serve --help", "serve help", "help serve"] {
        let Ok(Request::Say(help)) = parsed(line) else {
            panic!("{line} shows no help");
        };
        assert!(help.contains("--max-clients"), "{line}: {help}");
    }
}
