//! The test page: its markup, style and modules, embedded when the program is compiled.

use std::fmt::Write as _;

use tiny_http::Request;

use super::paths::LOOK_UP;
use super::route::Route;
use crate::http::Response;
use crate::server::service::{Action, field};

/// What the page may do: run its own modules, have its own style, and ask where it comes from.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Browsers ask whether it has changed. Intermediaries leave it as it is.
const CACHE: &str = "no-cache, no-transform";

const MARKUP: Asset = Asset::new("text/html; charset=utf-8", include_str!("../../index.html"));

macro_rules! route {
    ($path:expr, $asset:expr) => {
        Route {
            path: $path,
            methods: LOOK_UP,
            handler: |request, _| {
                const ASSET: Asset = $asset;
                ASSET.answer(request)
            },
        }
    };
}

macro_rules! routes {
    ($($name:literal)*) => {
        &[
            route!("/", MARKUP),
            route!("/index.html", MARKUP),
            route!("/page/style.css", Asset::new("text/css; charset=utf-8", include_str!("../page/style.css"))),
            $(route!(
                concat!("/page/", $name),
                Asset::new("text/javascript; charset=utf-8", include_str!(concat!("../page/", $name)))
            ),)*
        ]
    };
}

pub(super) const ROUTES: &[Route] = routes! {
    "arrivals.js" "case.js" "chart.js" "clock.js" "connecting.js" "connection.js" "decoder.js" "diagnosis.js" "dom.js" "figures.js" "judge.js" "list.js" "live.js" "lumps.js" "main.js" "origin.js" "presence.js" "query.js" "recording.js" "result.js" "secrets.js" "sequence.js" "series.js" "settings.js" "sharing.js" "stamp.js" "status.js" "streams.js" "text.js" "verdict.js"
};

/// A file of the page.
struct Asset {
    content_type: &'static str,
    text: &'static str,
    /// FNV-1a of the text.
    hash: u64,
}

impl Asset {
    const fn new(content_type: &'static str, text: &'static str) -> Asset {
        Asset { content_type, text, hash: fnv1a(text.as_bytes()) }
    }

    fn answer(&self, request: &Request) -> Action {
        Action::Respond(self.response(field(request, "If-None-Match")))
    }

    /// The response to a request with this `If-None-Match`.
    fn response(&self, if_none_match: Option<&str>) -> Response {
        let mut tag = String::new();
        let _ = write!(tag, "\"{:016x}\"", self.hash);
        let response = if if_none_match.is_some_and(|tags| has(tags, &tag)) {
            Response::empty(304)
        } else {
            Response::new(200, self.content_type, self.text.as_bytes())
                .with("Content-Security-Policy", POLICY)
                .with("Referrer-Policy", "no-referrer")
        };
        response.with("Cache-Control", CACHE).with("ETag", tag)
    }
}

/// Whether a list of entity tags has this one, by weak comparison (RFC 9110, section 13.1.2).
fn has(tags: &str, tag: &str) -> bool {
    let mut listed = tags.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
    listed.any(|listed| listed == tag || listed == "*")
}

/// The hash FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>, which the compiler can work out.
const fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut n = 0;
    while n < bytes.len() {
        hash = (hash ^ bytes[n] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        n += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_module_is_served_preloaded_and_short() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page");
        let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let modules: Vec<String> = names.filter(|name| name.ends_with(".js")).collect();
        assert!(modules.len() > 10, "{modules:?}");
        for name in modules {
            let path = format!("/page/{name}");
            assert!(ROUTES.iter().any(|route| route.path == path), "{name} is served");
            let text = fs::read_to_string(folder.join(&name)).unwrap();
            assert!(text.lines().count() < 300, "{name} is too long");
            assert!(name == "main.js" || MARKUP.text.contains(&format!("href=\"page/{name}\"")), "{name} is preloaded");
        }
    }

    #[test]
    fn a_tag_is_found_in_a_list() {
        let tag = MARKUP.response(None).fields.iter().find(|(name, _)| *name == "ETag").unwrap().1.clone().into_owned();
        for (tags, status) in [
            (tag.clone(), 304),
            (format!("\"x\", W/{tag}"), 304),
            ("*".to_owned(), 304),
            ("\"x\"".to_owned(), 200),
            (String::new(), 200),
        ] {
            assert_eq!(MARKUP.response(Some(&tags)).status, status, "{tags}");
        }
    }
}
