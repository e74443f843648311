//! The pages and documents that origin and relay serve alike, as routes.
//!
//! A [`Route`] is a path below the base path, the methods that it takes, and a handler. To add one:
//!
//! 1. Write a file with a handler `fn(&tiny_http::Request, Exchange) -> Action` and, beside it, a `const ROUTE: Route`. The
//!    request has the method and the header fields (see [`field`](crate::server::service::field)); the exchange has the
//!    head as it came, the connection and how the body is delimited.
//! 2. Add it to [`ROUTES`], and its path to the text of [`paths::not_found`].
//!
//! The handler runs on the router's only thread, so it must not wait or compute for long: it returns
//! `Action::Respond(response)` if the answer is at hand. What needs the request's body, or time, goes into a
//! [`Task`](crate::server::service::Task), which runs on the connection's own thread: the handler returns
//! `Action::Run(Box::new(task))`. `Task::body_limit` sets the longest body (64 KiB unless overridden, beyond it 413);
//! `Task::run` reads it with `context.body.read_to_end()`, returns `ConnectionState::BodyFailed(error)` if that fails,
//! else `ConnectionState::Unsent(response)`, and the engine sends the response and keeps the connection alive.
//!
//! `OPTIONS` among the methods makes the route answer CORS preflights. Every response gets
//! `Access-Control-Allow-Origin: *`, unless it has the field `Cross-Origin-Resource-Policy`.

mod health;
mod judge;
mod page;
mod route;

pub(crate) mod document;
pub(crate) mod paths;
pub(crate) mod time;

pub(crate) use health::HEALTHY;
pub(crate) use route::Route;

/// What origin and relay have in common.
const ROUTES: &[Route] = &[judge::ROUTE, health::ROUTE];

/// The route of a path that origin and relay have in common.
pub(crate) fn find(path: &str) -> Option<&'static Route> {
    ROUTES.iter().chain(page::ROUTES).find(|route| route.path == path)
}
