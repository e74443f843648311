//! The test page.

use super::paths::LOOK_UP;
use super::route::Route;
use crate::http::Response;
use crate::server::service::Action;

const PAGE: &str = include_str!("../../index.html");
/// What the page may do: run its own two scripts, have its own style, and ask where it comes from. The numbers are those of
/// what stands between the tags, so that nothing that was added on the way runs.
const POLICY: &str = "default-src 'none'; script-src 'sha256-2woEKRFpjl5mbtKP4pNC7HOCXz1L1FA3Jn2coOEwTOQ=' \
                      'sha256-ELbipMWQ6P1HaFS6bW09X+lsFg/AnvnPl0VTgP3h6U8='; \
                      style-src 'sha256-8fmAWFv3MKqJ9oVSWh1lkdQCbr9l2GzLYbyL2nU+Hg0='; img-src data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) const ROUTE: Route = Route { path: "/", methods: LOOK_UP, handler: |_, _| Action::Respond(page()) };
pub(super) const INDEX: Route = Route { path: "/index.html", ..ROUTE };

fn page() -> Response {
    // Whoever changes it on the way, if only its white space, makes the policy forbid its scripts.
    Response::new(200, "text/html; charset=utf-8", PAGE.as_bytes())
        .with("Cache-Control", "no-cache, no-transform")
        .with("Content-Security-Policy", POLICY)
        .with("Referrer-Policy", "no-referrer")
}
