//! The table of a site as a place where members stand.

use flashgate::import::Options;
use flashgate::login::{Pool, PoolOptions};
use flashgate::site_table::{Address, SiteTable};
use flashgate::store::{Active, NewMember};
use flashgate_core::Secret;

use crate::database::Site;
use crate::fixture::Place;

/// The only table of a database of its own.
pub(crate) struct Table {
    pub(crate) site: Site,
}

impl Table {
    /// The table, read in some way.
    pub(crate) fn read_as(&self, options: Options) -> SiteTable {
        let address = Address::parse(&self.site.port_address()).unwrap();
        let password = Secret::new(&Site::environment().1);
        SiteTable::new(address, Some(password), options)
    }
}

impl Place for Table {
    fn with(members: &[NewMember]) -> Self {
        let site = Site::new();
        // MySQL's own defaults: letter case and accents do not count, and `nick_key` is there to be ignored.
        site.sql(
            "CREATE TABLE members (
                id INT UNSIGNED PRIMARY KEY, nick VARCHAR(64) NOT NULL UNIQUE,
                nick_key VARCHAR(64) NOT NULL, name VARCHAR(255) NOT NULL,
                password VARCHAR(255) NOT NULL, active TINYINT(1) NOT NULL DEFAULT 1,
                last_login_at INT
            ) COLLATE utf8mb4_general_ci",
        );
        for member in members {
            let quoted = |text: &str| text.replace('\\', "\\\\").replace('\'', "''");
            site.sql(&format!(
                "INSERT INTO members (id, nick, nick_key, name, password, active)
                 VALUES ({}, '{}', '{}', '{}', '{}', {})",
                member.id.get(),
                quoted(member.nick.as_str()),
                quoted(&member.nick.key()),
                quoted(member.name.as_str()),
                quoted(member.password.as_str()),
                u8::from(member.active == Active::Yes),
            ));
        }
        Self { site }
    }

    fn pool_of(&self, options: &PoolOptions) -> Pool {
        Pool::over(&self.read_as(Options::default()), options).unwrap()
    }

    fn sql(&self, sql: &str) {
        self.site.sql(sql);
    }

    fn rows(&self) -> Vec<String> {
        self.site.rows(
            "SELECT CONCAT_WS('|', id, nick, nick_key, name, password, active) FROM members ORDER BY id",
        )
    }

    const LOOKUPS: usize = 4;
}
