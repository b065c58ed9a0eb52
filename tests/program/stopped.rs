//! Processes that are stopped and continued, as by Ctrl-Z and `fg`. Each system call that waits may then end with an
//! interruption, even without a handler for a signal.

use std::io::Write;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::tempdir;

use crate::outside::{PATIENCE, Running, Server};
use crate::server::on_both;

on_both! {
    fn server_and_chat_go_on(runtime) {
        let folder = tempdir().unwrap();
        let server = Server::start(folder.path(), &["--demo", runtime]);
        let to = server.addresses[0].to_string();
        let mut chat = Running::start(folder.path(), &["chat", &to, "--id=alice"], &[]);
        let mut typed = chat.stdin.take().unwrap();
        typed.write_all(b"secret1\n").unwrap();
        chat.stdout.wait_for("1 online");
        let mut bob = server.connect();
        bob.send("IDENTIFY bob secret2");
        while !bob.answer().starts_with("<identify ") {}
        for n in 0..3 {
            for process in [&server.running, &chat] {
                process.signal(Signal::STOP);
                thread::sleep(SHORT);
                process.signal(Signal::CONT);
                thread::sleep(SHORT);
            }
            assert!(bob.ask(&format!("MSG alice hello {n}")).starts_with("<msg aid=\"bob\" "));
            chat.stdout.wait_for(&format!("hello {n}"));
        }
        typed.write_all(b"/quit\n").unwrap();
        assert_eq!(chat.wait(PATIENCE), 0, "{}", chat.stderr.so_far());
        server.stop();
    }
}

/// Time for a process to stop, or to wait again.
const SHORT: Duration = Duration::from_millis(20);
