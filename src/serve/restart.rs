//! Options that only a restart changes.

use super::options::ServeOptions;
use crate::sources::Sources;

/// Makes the list of names and the function that keeps the fields from one list.
macro_rules! only_at_the_start {
    ($($field:ident),+ $(,)?) => {
        const FIELDS: &[&str] = &[$(stringify!($field)),+];

        fn copy(from: &ServeOptions, to: &mut ServeOptions) {
            $(to.$field = from.$field.clone();)+
        }
    };
}

only_at_the_start!(
    acme,
    acme_ca,
    acme_cache,
    acme_contact,
    acme_directory,
    acme_webroot,
    active_if,
    admin,
    charset,
    demo,
    ipv6_only,
    listen,
    log_file,
    log_format,
    map,
    members,
    metrics_on,
    mysql_password,
    pid_file,
    policy_listen,
    query,
    record,
    record_limit,
    record_secrets,
    runtime,
    spaces,
    table,
    user,
);

/// Names the options whose new values take a restart, and gives them the values that the server has.
pub(super) fn keep(running: &ServeOptions, newer: &mut ServeOptions) -> Vec<String> {
    let is_kept = |name: &&String| FIELDS.contains(&name.replace('-', "_").as_str());
    let changed = running.sources.changed(&newer.sources);
    let changed: Vec<String> = changed.into_iter().map(str::to_owned).collect();
    let mut kept: Vec<String> = changed.iter().filter(is_kept).cloned().collect();
    copy(running, newer);
    // The threads that answer logins take tickets, or they do not.
    if running.ticket_secret.is_some() != newer.ticket_secret.is_some() {
        newer.ticket_secret.clone_from(&running.ticket_secret);
        newer.ticket_url.clone_from(&running.ticket_url);
        kept.extend(TICKETS.map(str::to_owned));
        kept.sort_unstable();
    }
    // Listeners take TLS, or they do not; other certificates can be read at any time.
    if running.acme.is_empty() && running.tls_cert.is_empty() != newer.tls_cert.is_empty() {
        newer.tls_cert.clone_from(&running.tls_cert);
        newer.tls_key.clone_from(&running.tls_key);
        kept.extend(TLS.map(str::to_owned));
        kept.sort_unstable();
    }
    keep_what_depends(running, newer, &changed, &mut kept);
    for name in &kept {
        copy_source(&running.sources, &mut newer.sources, name);
    }
    kept
}

/// Keeps the options that are refused without others, where those others are kept.
fn keep_what_depends(
    running: &ServeOptions,
    newer: &mut ServeOptions,
    changed: &[String],
    kept: &mut Vec<String>,
) {
    let is_kept = |names: &[&str]| kept.iter().any(|name| names.contains(&name.as_str()));
    let (tls, admin) = (is_kept(&["acme", "tls-cert"]), is_kept(&["admin"]));
    let mut more: Vec<&str> = Vec::new();
    if tls {
        newer.settings.redirect_https = running.settings.redirect_https;
        newer.settings.https_port = running.settings.https_port;
        more.extend(REDIRECT);
    }
    if admin {
        newer.admin_token.clone_from(&running.admin_token);
        more.push(ADMIN_TOKEN);
    }
    kept.extend(
        changed
            .iter()
            .filter(|name| more.contains(&name.as_str()))
            .cloned(),
    );
    kept.sort_unstable();
}

/// Whether only a restart changes this option.
#[cfg(test)]
pub(crate) fn only_at_the_start(name: &str) -> bool {
    FIELDS.contains(&name.replace('-', "_").as_str())
}

fn copy_source(from: &Sources, to: &mut Sources, name: &str) {
    match from.given.get(name) {
        Some(given) => to.given.insert(name.to_owned(), given.clone()),
        None => to.given.remove(name),
    };
}

const TLS: [&str; 2] = ["tls-cert", "tls-key"];
const REDIRECT: [&str; 2] = ["https-port", "redirect-https"];
const ADMIN_TOKEN: &str = "admin-token";
const TICKETS: [&str; 2] = ["ticket-secret", "ticket-url"];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sources::{Given, Item, Place};

    /// What a file with these lines leads to, as far as it matters here.
    fn options(listen: &str, rate: &str, secret: Option<&str>) -> ServeOptions {
        use argh::FromArgs as _;

        let mut arguments = vec!["--listen", listen];
        arguments.extend(secret.iter().flat_map(|secret| ["--ticket-secret", secret]));
        let mut options = ServeOptions::from_args(&["serve"], &arguments).unwrap();
        let mut give = |name: &str, text: &str| {
            let path = Arc::from("a.toml");
            let place = Place::File { path, line: 1 };
            let item = Item {
                text: text.to_owned(),
                place: place.clone(),
            };
            let items = vec![item];
            let given = Given { items, place };
            options.sources.given.insert(name.to_owned(), given);
        };
        give("listen", listen);
        give("rate", rate);
        if let Some(secret) = secret {
            give("ticket-secret", secret);
        }
        options
    }

    #[test]
    fn what_takes_a_restart_stays_as_it_was() {
        let running = options("a:1", "1", None);
        let mut newer = options("b:2", "2", None);
        assert_eq!(keep(&running, &mut newer), ["listen"]);
        assert_eq!(newer.listen, ["a:1"]);
        assert_eq!(running.sources.changed(&newer.sources), ["rate"]);
        let mut newer = options("a:1", "1", None);
        assert!(keep(&running, &mut newer).is_empty());
    }

    #[test]
    fn tickets_begin_and_end_with_a_restart() {
        let (without, with) = (options("a:1", "1", None), options("a:1", "1", Some("x")));
        for (running, newer) in [(&without, &with), (&with, &without)] {
            let mut newer = newer.clone();
            assert_eq!(keep(running, &mut newer), TICKETS);
            assert_eq!(newer.ticket_secret, running.ticket_secret);
        }
        let mut newer = options("a:1", "1", Some("y"));
        assert!(keep(&with, &mut newer).is_empty());
        assert_eq!(newer.ticket_secret.unwrap().to_str(), Some("y"));
    }
}
