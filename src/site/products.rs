//! What is known of products, for the page.

use super::paths::LOOK_UP;
use super::route::Route;
use crate::http::Response;
use crate::server::service::Action;
use crate::verdict;

pub(super) const ROUTE: Route = Route {
    path: "/products",
    methods: LOOK_UP,
    handler: |_, _| {
        let products = Response::new(200, "application/json", verdict::products().as_bytes());
        Action::Respond(products.with("Cache-Control", "no-cache"))
    },
};
