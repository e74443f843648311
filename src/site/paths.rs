//! What is the same on all paths: the base path, unknown paths, methods.

use crate::http::Response;
use crate::server::service::ALLOW;

/// The methods of what can only be looked up.
pub(crate) const LOOK_UP: &str = "GET, HEAD, OPTIONS";

/// The path below the base path, and the query.
///
/// # Errors
/// The response that says where to go instead.
pub(crate) fn below<'a>(base: &str, target: &'a str) -> Result<(&'a str, &'a str), Response> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if !base.is_empty() && path == base {
        return Err(Response::text(308, "the page is one level down").with("Location", format!("{base}/")));
    }
    path.strip_prefix(base).map(|path| (path, query)).ok_or_else(|| not_found(base))
}

/// The answer to a path that leads nowhere.
pub(crate) fn not_found(base: &str) -> Response {
    let text =
        "nothing here; there are / /events /time /healthz /judge /streams/ID".replace(" /", &format!(" {base}/"));
    Response::text(404, &text)
}

/// The id in the path of a stream's state.
pub(crate) fn stream_id(path: &str) -> Option<&str> {
    path.strip_prefix("/streams/").filter(|id| !id.is_empty())
}

/// The answer to a method that is not among `methods`.
pub(crate) fn not_allowed(methods: &'static str) -> Response {
    Response::text(405, &format!("method not allowed here; allowed: {methods}")).with(ALLOW, methods)
}

/// The answer to a CORS preflight, which serves any OPTIONS request. Nothing of the request is repeated in it.
pub(crate) fn preflight(methods: &'static str) -> Response {
    Response::empty(204)
        .with(ALLOW, methods)
        .with("Access-Control-Allow-Methods", methods)
        .with("Access-Control-Allow-Headers", "*, Authorization")
        .with("Access-Control-Max-Age", "600")
}
