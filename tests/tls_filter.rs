//! Handshakes and sessions with the server's filter for TLS, mutated and cut in every way, in memory.

#[path = "../fuzz/src/tls_filter.rs"]
#[expect(
    unreachable_pub,
    reason = "it is public in the crate of the fuzz targets"
)]
mod body;

use std::env;

/// `TLS_SEED=7` runs the session of that seed alone.
#[test]
fn mutated_sessions() {
    let seeds = match env::var("TLS_SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("TLS_SEED is a number");
            seed..seed + 1
        }
        Err(_) => 0..SESSIONS,
    };
    for seed in seeds {
        // The name of the test's thread does not say which session it was.
        let script = script(seed);
        let shown = Shown(seed);
        body::tls_filter(&script);
        drop(shown);
    }
}

/// Says how to run a session again when it fails.
struct Shown(u64);

impl Drop for Shown {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("again by TLS_SEED={} cargo test --test tls_filter", self.0);
        }
    }
}

/// Sessions of all kinds: undisturbed ones, some with a few changed bytes, and garbage.
fn script(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 33) % below) as u8
    };
    let mut script = vec![random(256)];
    let steps = 4 + random(40);
    let calm = random(3) == 0;
    for _ in 0..steps {
        // In two of three sessions something goes wrong, mostly after a while.
        let what = if calm { random(12) } else { random(16) };
        script.extend([what, random(256), random(256)]);
        if what < 13 {
            script.pop();
        }
    }
    script
}

const SESSIONS: u64 = 30_000;
