//! The router receives every routed request from tiny_http, and sends what the service makes of it, an action, to the
//! connection's thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tiny_http::Request;

use super::counters::Counters;
use super::service::Service;
use super::tickets::Tickets;

/// Routes requests.
#[derive(Debug, Clone)]
pub(crate) struct Router {
    pub(crate) service: Arc<dyn Service>,
    pub(crate) tickets: Arc<Tickets>,
    pub(crate) counters: Arc<Counters>,
}

impl Router {
    /// Routes requests until the server is told to unblock, or its listener fails. In the latter case the next
    /// connection finds it gone, and starts another.
    pub(crate) fn run(&self, server: &tiny_http::Server) {
        while let Ok(request) = server.recv() {
            // A panic ends one request, not the router.
            if catch_unwind(AssertUnwindSafe(|| self.route(request))).is_err() {
                log::error!("routing a request panicked");
            }
        }
    }

    /// Answers one request through the channel of its connection. tiny_http itself answers nothing: it reads the next
    /// request of the same inner connection once this one is dropped.
    fn route(&self, request: Request) {
        self.counters.routed.increment();
        let Some((pending, target)) = self.tickets.claim(request.url()) else {
            return drop(request.into_writer());
        };
        let (exchange, reply) = pending.into_parts();
        let action = self.service.route(&request, target, exchange);
        drop(request.into_writer());
        reply.send(action);
    }
}
