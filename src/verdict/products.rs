//! All that is known of products, as one text: for whoever reasons elsewhere, such as the page.

use std::sync::LazyLock;

use serde::Serialize;

use super::answer::signatures::ROWS;
use super::cures;
use super::hop::products::{PRODUCTS, UNNAMED};

static JSON: LazyLock<String> = LazyLock::new(|| {
    let [hops, unnamed, answers] = [text(PRODUCTS), text(UNNAMED), text(ROWS)];
    format!("{{\"hops\":{hops},\"unnamed\":{unnamed},\"answers\":{answers},\"cures\":{}}}\n", cures::JSON.trim_end())
});

/// A JSON object: `hops`, the names of products with the header fields that they leave; `unnamed`, what those leave who
/// say no name; `answers`, what answers are that are no event stream, with their marks; `cures`, the cure book.
pub fn products() -> &'static str {
    &JSON
}

fn text(table: impl Serialize) -> String {
    serde_json::to_string(&table).expect("it has texts and numbers only")
}
