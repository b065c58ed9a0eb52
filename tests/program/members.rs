//! What an operator changes counts for members whom a running server knows, too.

use tempfile::tempdir;

use crate::outside::{Server, import_members, run_in};
use crate::server::on_both;

on_both! {
    fn a_change_reaches_known_members(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 2);
        let server = Server::start(folder.path(), &[runtime]);
        let is_let_in = |password: &str| {
            let mut client = server.connect();
            let answer = client.ask(&format!("IDENTIFY 1 {password}"));
            client.send("QUIT");
            client.rest();
            answer.starts_with("<login aid=\"m1\"")
        };
        let change = |what: &str, input: &str| {
            let done = run_in(folder.path(), &["members", what, "1"], input);
            assert_eq!(done.code, 0, "{}", done.stderr);
        };
        assert!(is_let_in("x") && is_let_in("x"));
        change("passwd", "y\n");
        assert!(!is_let_in("x"));
        assert!(is_let_in("y") && is_let_in("y"));
        change("disable", "");
        assert!(!is_let_in("y"));
        change("enable", "");
        assert!(is_let_in("y"));
        change("remove", "");
        assert!(!is_let_in("y"));
    }

    fn last_logins_are_right_after_a_stop(runtime) {
        let folder = tempdir().unwrap();
        import_members(folder.path(), 2);
        let server = Server::start(folder.path(), &[runtime]);
        assert!(server.connect().ask("IDENTIFY 1 x").starts_with("<login "));
        server.stop();
        let list = run_in(folder.path(), &["members", "list", "--json"], "").stdout;
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        assert!(list[0]["last_login_at"].is_string(), "{list}");
        assert!(list[1]["last_login_at"].is_null(), "{list}");
    }
}
