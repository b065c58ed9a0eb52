//! The fuzzer's world, played at random where no fuzzer is at hand.

use super::*;

/// Places in [`HEADS`], for three connections: one speaks binary, two text.
const HEADS_OF: [u8; 3] = [0, 4, 4];

/// A fuzzer in small, with steps that lead into a room of all three forms; and a proof that they
/// do, since a world that is refused every upgrade would find nothing.
#[test]
fn random_rooms_break_nothing() {
    let mut state = 13_u64;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % below) as u8
    };
    let (mut mixed, mut goodbyes, mut pongs, mut joins) = (0, 0, 0, 0);
    for _ in 0..1000 {
        let mut data = Vec::from([random(8)]);
        for who in 0..3 {
            data.extend([0, who * 16, 7, who]);
        }
        data.extend([0, 1]);
        for _ in 0..40 {
            let (who, command) = (random(4), [0, random(26)][usize::from(random(3) / 2)]);
            match random(32) {
                0..=17 if who == 3 => data.extend([5, command, who]),
                0..=17 => {
                    // Every connection keeps to one kind, most of the time.
                    let head = [HEADS_OF[usize::from(who)], random(16)];
                    let head = head[usize::from(random(16) / 15)];
                    data.extend([8, head, 200, command, random(256), random(99), who]);
                }
                18..=24 => data.extend([12, random(5)]),
                25..=29 => data.extend([11, 0, who]),
                30 => data.extend([0, 3, 7, random(5)]),
                _ => data.extend([13, random(4)]),
            }
        }
        let trace = World::play(&data);
        let begins = |action: &Action, with: u8| {
            let (Action::Broadcast(_, chunk) | Action::Write(_, chunk)) = action else {
                return false;
            };
            chunk.to_vec().first() == Some(&with)
        };
        let told = |with| {
            let told = trace.iter().filter(|a| matches!(a, Action::Broadcast(..)));
            told.filter(|action| begins(action, with)).count()
        };
        mixed += usize::from(told(0x82) > 1 && told(0x81) > 1);
        goodbyes += trace.iter().filter(|action| begins(action, 0x88)).count();
        joins += trace.iter().filter(|action| is_join(action)).count();
        pongs += trace.iter().filter(|action| begins(action, 0x8a)).count();
    }
    assert!(
        mixed > 20 && goodbyes > 20 && pongs > 20 && joins > 20,
        "{mixed} {goodbyes} {pongs} {joins}"
    );
}

/// The same with a listener for administration: requests of every kind, orders of every kind, and members online whom
/// they concern.
#[test]
fn random_administration_breaks_nothing() {
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % below) as u8
    };
    let mut seen = [0; 5];
    for _ in 0..1000 {
        let mut data = Vec::from([0x20 | random(8)]);
        for who in 0..2 {
            data.extend([0, who * 16 + 1, 5, who, who, 12, 1 + who, 5, 18, who]);
        }
        for _ in 0..40 {
            let who = random(6);
            match random(16) {
                0..=3 => data.extend([0, 0x81 | random(8) << 4]),
                4..=7 => data.extend([15, 140 + random(20), who]),
                8..=11 => data.extend([15, 160, random(256)]),
                12 => data.extend([5, random(26), who]),
                13 => data.extend([11, random(256), who]),
                14 => data.extend([9 + random(2), who, who]),
                _ => data.extend([13, random(5)]),
            }
        }
        let trace = World::play(&data);
        for action in &trace {
            let (Action::Write(_, chunk) | Action::Broadcast(_, chunk)) = action else {
                continue;
            };
            let bytes = chunk.to_vec();
            let words: [&[u8]; 5] = [
                b"x-ndjson",
                b"{\"event\"",
                b" 413 ",
                b"<kicked",
                b"<announce ",
            ];
            for (seen, word) in seen.iter_mut().zip(words) {
                *seen += u64::from(bytes.windows(word.len()).any(|some| some == word));
            }
        }
    }
    assert!(seen.iter().all(|times| *times > 10), "{seen:?}");
}
