//! The answer to a request for a file of the site.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::http::{SHARED, content, under_policy, unkept};
use crate::web::file::{self, Selected, SiteFile};
use crate::web::range::Range;
use crate::wire::http::{Method, Request, Response, Status};

/// A file, a part of it, or a 304 if the client has it already. A 304 has the fields that a cache updates (RFC 9110
/// section 15.4.5), and the fields that a browser checks on any answer from another origin.
pub(super) fn site_file(file: &SiteFile, request: &Request<'_>) -> Response {
    // The condition of another method would mean 412: do nothing. POST does nothing here anyway.
    let conditional = request.method != Method::Post;
    let form = file.select(&request.fields.accepted);
    let size = form.body.len();
    let mut named = request.fields.if_none_match.iter();
    let known = conditional && named.any(|field| file::names_etag(field, form.etag));
    let (status, body, range) = match range(file, &form, request) {
        _ if known => (Status::NotModified, None, None),
        Range::Whole => (Status::Ok, Some(form.body.clone()), None),
        Range::Nothing => return no_range(size),
        Range::Part { from, length } => match form.body.part(from, length) {
            Some(part) => {
                let range = format!("bytes {from}-{}/{size}", from + length - 1);
                (Status::PartialContent, Some(part), Some(range))
            }
            None => (Status::Ok, Some(form.body.clone()), None),
        },
    };
    let coding = form.coding.filter(|_| !known);
    let mut response = Response {
        status,
        headers: Vec::new(),
        content: body.map(|body| content(file, &body)),
    }
    .with_all(SITE_HEADERS)
    .with_all(SHARED)
    .with("ETag", String::from(form.etag));
    if file.varies() {
        response = response.with("Vary", "Accept-Encoding");
    }
    if let Some(coding) = coding {
        response = response.with("Content-Encoding", coding.as_str());
    }
    if file.is_media() && form.coding.is_none() && !known {
        response = response.with("Accept-Ranges", "bytes");
    }
    if let Some(range) = range {
        response = response.with("Content-Range", range);
    }
    under_policy(response, file)
}

/// The part of a file that a request asks for. `Range` counts only for GET (RFC 9110 section 14.2), and not if the
/// client has begun with another version of the file. A part of a compressed form is of no use to a player.
fn range(file: &SiteFile, form: &Selected<'_>, request: &Request<'_>) -> Range {
    let has_parts = file.is_media() && form.coding.is_none() && request.method == Method::Get;
    let same = match request.fields.if_range[..] {
        [] => true,
        [field] => field.trim_ascii() == form.etag.as_bytes(),
        _ => false,
    };
    match request.fields.range[..] {
        [field] if same && has_parts => Range::read(field, form.body.len()),
        _ => Range::Whole,
    }
}

/// No byte of the file is in the range.
fn no_range(size: usize) -> Response {
    let response = Response::plain(Status::RangeNotSatisfiable).with_all(SHARED);
    unkept(response.with("Content-Range", format!("bytes */{size}")))
}

/// The fields for every file of the site.
const SITE_HEADERS: [(&str, &str); 2] = [
    // A cache may keep it, and asks each time whether it is still the same: a new movie is seen at once.
    ("Cache-Control", "no-cache"),
    // A browser must not take a file for a script because of its content.
    ("X-Content-Type-Options", "nosniff"),
];
