//! What the HTTP side serves: the site's files, the status pages and the socket policy.

pub(crate) mod counters;
pub(crate) mod file;
pub(crate) mod policy;
pub(crate) mod range;
pub(crate) mod site;
pub(crate) mod status;
