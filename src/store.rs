//! Members in one SQLite file.
//!
//! [`Members`] is the operator's side: add, list, change, check, copy. `Backend` is the server's side: what
//! the threads of a login pool ask, answered by `Lookups` here. Both go through the same rules ([`Nick`],
//! [`Name`], [`Number`]) and the same schema.

mod backend;
mod checkup;
mod copy;
mod demo;
mod error;
mod listing;
mod lookup;
mod members;
mod notes;
mod opened;
mod rename;
mod schema;
mod stamp;
mod turns;
mod watch;

#[cfg(feature = "mysql")]
pub(crate) use backend::Tell;
pub(crate) use backend::{Backend, Found, Stuck};
pub use checkup::{Checkup, NickTrouble, Trouble, Wrong};
pub use copy::{Exported, Passwords};
pub(crate) use demo::new_members;
pub use demo::{DEMO, DemoMember};
pub use error::{Fault, StoreError, is_address};
pub use flashgate_core::name::{Name, NameFault, Nick, Number};
pub use listing::{Filter, Listed, Stored, Who};
#[cfg(test)]
pub(crate) use lookup::Touch;
pub(crate) use lookup::{COMPLAIN_AGAIN, Lookups};
pub use members::{Active, AddError, Change, DEFAULT_STORE, Members, NewMember, Origin, Taken};
pub(crate) use members::{insert, owner_of_id, owner_of_nick};
pub(crate) use notes::Renewed;
pub(crate) use rename::Renaming;
pub(crate) use turns::Turns;
#[cfg(test)]
pub(crate) use turns::{MOST_STUCK, STUCK};
pub(crate) use watch::LOOK;
