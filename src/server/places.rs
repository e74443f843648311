//! The paths that a server has, and what is the same on all of them.

use super::router::{ALLOW, PUBLIC_METHODS};
use crate::http::Response;
use crate::verdict;

pub(crate) const NO_STORE: (&str, &str) = ("Cache-Control", "no-store");
/// The line that is the answer of a server that is well.
pub(crate) const HEALTHY: &str = "ok";
const PAGE: &str = include_str!("../../index.html");
/// What the page may do: run its own two scripts, have its own style, and ask where it comes from. The numbers are those of
/// what stands between the tags, so that nothing that was added on the way runs.
const POLICY: &str = "default-src 'none'; script-src 'sha256-2woEKRFpjl5mbtKP4pNC7HOCXz1L1FA3Jn2coOEwTOQ=' \
                      'sha256-ELbipMWQ6P1HaFS6bW09X+lsFg/AnvnPl0VTgP3h6U8='; \
                      style-src 'sha256-8fmAWFv3MKqJ9oVSWh1lkdQCbr9l2GzLYbyL2nU+Hg0='; img-src data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a path of the public part leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    Page,
    Events,
    Time,
    Products,
    Health,
    Stream(&'a str),
}

impl<'a> Place<'a> {
    /// The place behind the base path, and the query.
    ///
    /// # Errors
    /// The response that says where to go instead.
    pub(crate) fn find(base: &str, target: &'a str) -> Result<(Place<'a>, &'a str), Response> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if !base.is_empty() && path == base {
            return Err(Response::text(308, "the page is one level down").with("Location", format!("{base}/")));
        }
        let place = path.strip_prefix(base).and_then(Place::of);
        place.map(|place| (place, query)).ok_or_else(|| {
            let text = "nothing here; there are / /events /time /healthz /products /streams/ID"
                .replace(" /", &format!(" {base}/"));
            Response::text(404, &text)
        })
    }

    fn of(path: &str) -> Option<Place<'_>> {
        match path {
            "/" | "/index.html" => Some(Place::Page),
            "/events" => Some(Place::Events),
            "/time" => Some(Place::Time),
            "/products" => Some(Place::Products),
            "/healthz" => Some(Place::Health),
            _ => path.strip_prefix("/streams/").filter(|id| !id.is_empty()).map(Place::Stream),
        }
    }

    pub(crate) fn methods(&self) -> &'static str {
        match self {
            Place::Events => PUBLIC_METHODS,
            _ => "GET, HEAD, OPTIONS",
        }
    }

    /// The answer to a method that is not among them.
    pub(crate) fn not_allowed(&self) -> Response {
        let methods = self.methods();
        Response::text(405, &format!("method not allowed here; allowed: {methods}")).with(ALLOW, methods)
    }

    /// The answer to a CORS preflight, which serves any OPTIONS request. Nothing of the request is repeated in it.
    pub(crate) fn preflight(&self) -> Response {
        Response::empty(204)
            .with(ALLOW, self.methods())
            .with("Access-Control-Allow-Methods", self.methods())
            .with("Access-Control-Allow-Headers", "*, Authorization")
            .with("Access-Control-Max-Age", "600")
    }
}

/// The test page.
pub(crate) fn page() -> Response {
    // Whoever changes it on the way, if only its white space, makes the policy forbid its scripts.
    Response::new(200, "text/html; charset=utf-8", PAGE.as_bytes())
        .with("Cache-Control", "no-cache, no-transform")
        .with("Content-Security-Policy", POLICY)
        .with("Referrer-Policy", "no-referrer")
}

/// What is known of products, for the page.
pub(crate) fn products() -> Response {
    Response::new(200, "application/json", verdict::products().as_bytes()).with("Cache-Control", "no-cache")
}

/// The answer of a server that is well.
pub(crate) fn healthy() -> Response {
    Response::text(200, HEALTHY).with(NO_STORE.0, NO_STORE.1)
}
