//! The members of `--demo`: one for a page, one for a Flash movie and one for a terminal.

use flashgate_core::Secret;

use super::members::{Active, NewMember};
use crate::password::Hash;
use flashgate_core::name::{Name, Nick, Number};

/// A member with a well-known password.
#[derive(Clone, Copy, Debug)]
pub struct DemoMember {
    /// The member's number.
    pub id: u32,
    /// The nick.
    pub nick: &'static str,
    /// The name that others see.
    pub name: &'static str,
    /// The password, as it is typed.
    pub password: &'static str,
}

/// All of them.
pub const DEMO: [DemoMember; 3] = [
    DemoMember {
        id: 1,
        nick: "alice",
        name: "Alice",
        password: "secret1",
    },
    DemoMember {
        id: 2,
        nick: "bob",
        name: "Bob",
        password: "secret2",
    },
    DemoMember {
        id: 3,
        nick: "carol",
        name: "Carol",
        password: "secret3",
    },
];

/// The same, as a store takes them.
pub(crate) fn new_members() -> [NewMember; 3] {
    DEMO.map(|member| NewMember {
        id: Number::new(member.id.into()).expect("above 0"),
        nick: Nick::new(member.nick).expect("a good nick"),
        name: Name::new(member.name).expect("a good name"),
        password: Hash::new(&Secret::new(member.password)).expect("the system has random numbers"),
        active: Active::Yes,
    })
}
