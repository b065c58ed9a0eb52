//! `redirect-https`: redirects plain HTTP to the same page by https.

use alloc::format;
use alloc::sync::Arc;

use super::Gateway;
use super::http::{is_status, unkept};
use crate::config::HttpsRedirect;
use crate::conn::sniff::Layer;
use crate::id::ConnId;
use crate::note::What;
use crate::web::site::CHALLENGES;
use crate::wire::forwarded::Forwarding;
use crate::wire::http::{Request, Response, Status};
use crate::wire::{host, percent};

impl Gateway {
    /// The redirect to https, if a request gets one. A request without a host cannot be redirected, and is served.
    pub(super) fn secured(
        &mut self,
        id: ConnId,
        layer: Layer,
        request: &Request<'_>,
        forwarding: &Forwarding<'_>,
    ) -> Option<Response> {
        let is_secure = layer.is_filtered() || forwarding.is_https;
        let is_on = self.config.redirect_https == HttpsRedirect::On;
        // A target that does not begin with a slash would become a part of the host's name.
        if !is_on || is_secure || is_exempt(request.path) || !request.path.starts_with('/') {
            return None;
        }
        let field = request.host?.trim_ascii();
        if field.is_empty() {
            return None;
        }
        let Some((host, port)) = host::split(field) else {
            return Some(Response::plain(Status::BadRequest));
        };
        let port = match self.config.https_port {
            0 => port.unwrap_or(HTTP),
            port => port,
        };
        let mut location = match port {
            HTTPS => format!("https://{host}"),
            port => format!("https://{host}:{port}"),
        };
        location.push_str(&percent::query(request.path));
        if let Some(query) = request.query {
            location.push('?');
            location.push_str(&percent::query(query));
        }
        let what = What::Redirect {
            method: request.method.name(),
            path: Arc::from(request.path),
        };
        self.note(id, what);
        Some(unkept(
            Response::plain(Status::Found).with("Location", location),
        ))
    }
}

/// Paths for probes, Flash players and certificate authorities. These may not follow a redirect, or do not trust the
/// certificate yet.
fn is_exempt(path: &str) -> bool {
    ["/healthz", "/readyz", "/metrics", "/crossdomain.xml"].contains(&path)
        || is_status(path)
        || path.starts_with(CHALLENGES)
}

/// The default ports of the two schemes.
const HTTP: u16 = 80;
const HTTPS: u16 = 443;
