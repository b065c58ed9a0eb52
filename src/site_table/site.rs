//! Where the table of a site is, and how it is read.

use std::time::Duration;

use flashgate_core::Secret;

use super::address::Address;
use super::server::{Patience, Server};
use super::table::Table;
use crate::import::Options;
use crate::store::{Fault, StoreError};

/// A table of a site that is asked, or imported from.
#[derive(Clone, Debug)]
pub struct SiteTable {
    address: Address,
    password: Option<Secret>,
    options: Options,
}

impl SiteTable {
    /// The table at an address, and how it is read.
    pub fn new(address: Address, password: Option<Secret>, options: Options) -> Self {
        Self {
            address,
            password,
            options,
        }
    }

    /// Where it is, without any password.
    pub fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(super) fn server(&self, patience: Patience) -> Server {
        Server::new(&self.address, self.password.as_ref(), patience)
    }

    pub(crate) fn error(&self, fault: Fault) -> StoreError {
        fault.at(self.address.as_path())
    }

    /// Whether some row is of an active member, where a column says so: a wrong name of a value would lock all
    /// members out. Looks at rows until one is.
    pub fn has_active(&self) -> Result<bool, StoreError> {
        self.ask(Table::has_active)
    }

    /// How long the slowest hash in it takes to check, on a slow machine. Looks at every row, and waits
    /// for them as an import does.
    pub fn slowest_check(&self) -> Result<Duration, StoreError> {
        self.ask(Table::slowest_check)
    }

    /// Asks the table something that may take as long as an import.
    fn ask<T>(
        &self,
        question: impl FnOnce(&Table, &Server) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let server = self.server(Patience::Import);
        let table = Table::find(&server, &self.options);
        let answer = table.and_then(|table| question(&table, &server));
        answer.map_err(|fault| self.error(fault))
    }
}
