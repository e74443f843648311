//! Who is in between, as far as it says so itself. It picks words, never the verdict.

pub(super) mod products;

use serde::Serialize;
use serde_json::Value;

use crate::escape::shortened;
use products::Side::{self, Answer, Asked, Both};
use products::{Mark, PRODUCTS, UNNAMED};

/// How much of a header field's value is shown, in characters.
const FIELD_MAX: usize = 80;

/// A part of the path that shows, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// The product's name, such as `nginx`; of several, those that usually stand closer to the client come first.
    pub name: String,
    /// What says so: header fields as they came, or as the origin saw them.
    pub evidence: Vec<String>,
}

/// What stands between the names of several.
const BETWEEN: &str = ", ";

/// What they are called then.
const SOMEBODY: &str = "a proxy without a name";

/// A header field: where it is seen, its name in lower case, its value.
struct Field {
    side: Side,
    name: String,
    value: String,
}

impl Hop {
    /// Who is in between, by the header fields of a response, and by what our origin says it saw of the request: the data
    /// of its hello event. None if nobody shows.
    ///
    /// The name of an origin that isn't ours counts if it is a product that often stands in between: from outside, they
    /// look the same.
    pub fn of(headers: &[(String, String)], origin_saw: Option<&Value>) -> Option<Hop> {
        let answer = headers.iter().map(|(name, value)| Field::new(Answer, name, value));
        let asked = origin_saw.map(asked).unwrap_or_default();
        let fields: Vec<Field> = answer.chain(asked).collect();
        let named = PRODUCTS.iter().map(|(name, marks)| (*name, evidence(marks, &fields)));
        let named: Vec<_> = named.filter(|(_, evidence)| !evidence.is_empty()).collect();
        if !named.is_empty() {
            let names: Vec<&str> = named.iter().map(|(name, _)| *name).collect();
            let mut hop = Hop { name: names.join(BETWEEN), evidence: Vec::new() };
            for mark in named.into_iter().flat_map(|(_, evidence)| evidence) {
                // One field may give away a product and the way it is used.
                if !hop.evidence.contains(&mark) {
                    hop.evidence.push(mark);
                }
            }
            return Some(hop);
        }
        let mut evidence = evidence(UNNAMED, &fields);
        evidence.extend(origin_saw.and_then(old_http));
        (!evidence.is_empty()).then(|| Hop { name: SOMEBODY.to_owned(), evidence })
    }

    /// The names of the products, one by one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.name.split(BETWEEN)
    }

    /// Whether a product has this name.
    #[cfg(test)]
    pub(super) fn knows(name: &str) -> bool {
        PRODUCTS.iter().any(|(known, _)| *known == name)
    }
}

impl Field {
    fn new(side: Side, name: &str, value: &str) -> Field {
        Field { side, name: name.to_ascii_lowercase(), value: value.to_owned() }
    }

    fn has(&self, (side, name, part): &Mark) -> bool {
        let is_named = match name.strip_suffix('*') {
            Some(start) => self.name.starts_with(start),
            None => self.name == *name,
        };
        let is_there = *side == Both || *side == self.side;
        let value = self.value.trim().to_ascii_lowercase();
        is_there && is_named && part.strip_prefix('=').map_or_else(|| value.contains(part), |whole| value == whole)
    }

    /// As it came. A cookie may be a secret.
    fn shown(&self) -> String {
        let seen = if self.side == Asked { "the origin saw " } else { "" };
        let value =
            if self.name == "set-cookie" { self.value.split('=').next().unwrap_or_default() } else { &self.value };
        format!("{seen}{}: {}", shortened(&self.name, FIELD_MAX), shortened(value, FIELD_MAX))
    }
}

/// The fields that carry one of the marks, in the order in which they came.
fn evidence(marks: &[Mark], fields: &[Field]) -> Vec<String> {
    fields.iter().filter(|field| marks.iter().any(|mark| field.has(mark))).map(Field::shown).collect()
}

/// The request's fields in the data of a hello event.
fn asked(hello: &Value) -> Vec<Field> {
    let fields = hello["headers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let pairs = fields.iter().filter_map(|field| Some((field[0].as_str()?, field[1].as_str()?)));
    pairs.map(|(name, value)| Field::new(Asked, name, value)).collect()
}

/// We ask with HTTP/1.1: who asks the origin with less is somebody else.
fn old_http(hello: &Value) -> Option<String> {
    let http = hello["http"].as_str()?;
    (http == "HTTP/1.0").then(|| format!("the origin was asked with {http}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SERVER_NAME;
    use serde_json::json;

    fn fields(text: &[&str]) -> Vec<(String, String)> {
        let pairs = text.iter().map(|field| field.split_once(": ").unwrap());
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Who shows in a response, and in what our origin saw, to `HTTP/1.1`.
    fn of(answer: &[&str], asked: &[&str]) -> Option<(String, Vec<String>)> {
        let saw = json!({"server": SERVER_NAME, "http": "HTTP/1.1", "headers": fields(asked)});
        Hop::of(&fields(answer), Some(&saw)).map(|hop| (hop.name, hop.evidence))
    }

    #[test]
    fn our_own_origin_is_no_hop() {
        let server = format!("Server: {SERVER_NAME}");
        let answer = [&server, "Content-Type: text/event-stream", "Cache-Control: no-store", "X-Accel-Buffering: no"];
        let asked = ["Host: nginx.example", "Accept: text/event-stream", "User-Agent: curl/8 (cloudflare)"];
        assert_eq!(of(&answer, &asked), None);
        assert_eq!(Hop::of(&[], None), None);
    }

    #[test]
    fn products_show_in_responses() {
        for (field, name) in [
            ("Server: cloudflare", "cloudflare"),
            ("CF-RAY: 8f00-FRA", "cloudflare"),
            ("X-Amz-Cf-Id: abc", "cloudfront"),
            ("Via: 1.1 0f.cloudfront.net (CloudFront)", "cloudfront"),
            ("X-Cache: Miss from cloudfront", "cloudfront"),
            ("X-Served-By: cache-fra-1", "fastly"),
            ("Server: AkamaiGHost", "akamai"),
            ("X-Azure-Ref: 0", "azure front door"),
            ("ngrok-trace-id: 1", "ngrok"),
            ("Via: 1.1 google", "google"),
            ("Server: Google Frontend", "google"),
            ("x-amz-apigw-id: 1", "aws"),
            ("Server: awselb/2.0", "aws"),
            ("Fly-Request-Id: 1", "fly.io"),
            ("Via: 2 fly.io", "fly.io"),
            ("X-Vercel-Id: fra1::1", "vercel"),
            ("x-nf-request-id: 1", "netlify"),
            ("rndr-id: 1", "render"),
            ("X-Railway-Edge: fra", "railway"),
            ("Via: 1.1 vegur", "heroku"),
            ("X-Kong-Proxy-Latency: 1", "kong"),
            ("Server: istio-envoy", "envoy"),
            ("x-envoy-upstream-service-time: 3", "envoy"),
            ("X-Varnish: 12", "varnish"),
            ("Via: 1.1 host (squid/5.7)", "squid"),
            ("Via: http/1.1 h (ApacheTrafficServer/9.2)", "traffic server"),
            ("Via: 1.1 Caddy", "caddy"),
            ("Server: nginx/1.22.1", "nginx"),
            ("Server: Apache/2.4.57 (Debian)", "apache"),
            ("Server: Apache", "apache"),
            ("Via: 1.1 h (Apache/2.4)", "apache"),
            ("Server: openresty", "openresty"),
            ("Server: APISIX/3.9.1", "apisix"),
            ("Server: lighttpd/1.4.69", "lighttpd"),
            ("Server: h2o/2.2.6", "h2o"),
            ("Server: Microsoft-IIS/10.0", "iis"),
            ("X-Powered-By: ARR/3.0", "iis"),
            ("Server: Microsoft-Azure-Application-Gateway/v2", "azure application gateway"),
            ("Cf-Access-Error: expired", "cloudflare access"),
            ("x-nextjs-cache: HIT", "next.js"),
            ("X-Powered-By: Next.js", "next.js"),
        ] {
            assert_eq!(of(&[field], &[]).map(|(name, _)| name).as_deref(), Some(name), "{field}");
        }
        // Servers of applications are origins.
        for field in ["Server: Apache-Coyote/1.1", "Server: uvicorn", "Server: Kestrel", "X-Powered-By: Express"] {
            assert_eq!(of(&[field], &[]), None, "{field}");
        }
    }

    #[test]
    fn products_show_in_what_the_origin_saw() {
        for (field, name) in [
            ("Cf-Ray: 8f00", "cloudflare"),
            ("Cf-Worker: example.com", "cloudflare"),
            ("Cf-Worker: trycloudflare.com", "cloudflare, cloudflare quick tunnel"),
            ("Cf-Access-Jwt-Assertion: <900 bytes>", "cloudflare access"),
            ("Tailscale-User-Login: <17 bytes>", "tailscale"),
            ("Tailscale-Funnel-Request: <2 bytes>", "tailscale"),
            ("ngrok-skip-browser-warning: <1 bytes>", "ngrok"),
            ("X-Appgw-Trace-Id: <32 bytes>", "azure application gateway"),
            ("X-Arr-Log-Id: <36 bytes>", "iis"),
            ("Cdn-Loop: cloudflare; loops=1", "cloudflare"),
            ("X-Amz-Cf-Id: abc", "cloudfront"),
            ("X-Amzn-Trace-Id: Root=1", "aws"),
            ("X-Cloud-Trace-Context: <20 bytes>", "google"),
            ("X-Envoy-Expected-Rq-Timeout-Ms: 1", "envoy"),
            ("X-Vercel-Id: <9 bytes>", "vercel"),
            ("Fly-Client-Ip: <9 bytes>", "fly.io"),
            ("X-Varnish: 7", "varnish"),
        ] {
            let hop = of(&[], &[field]);
            let (field_name, value) = field.split_once(':').unwrap();
            let shown = format!("the origin saw {}:{value}", field_name.to_lowercase());
            assert_eq!(hop, Some((name.to_owned(), vec![shown])), "{field}");
        }
        // A mark of a response says nothing in a request, which is anybody's to write.
        assert_eq!(of(&[], &["Server: nginx"]), None);
        assert_eq!(of(&["Cdn-Loop: fastly"], &[]), None);
    }

    #[test]
    fn several_are_named_the_closest_to_the_client_first() {
        let hop = of(&["Server: nginx", "rndr-id: 1"], &["X-Forwarded-For: 1.2.3.4", "CF-Ray: 8f00"]);
        let evidence = ["the origin saw cf-ray: 8f00", "rndr-id: 1", "server: nginx"].map(str::to_owned).to_vec();
        assert_eq!(hop, Some(("cloudflare, render, nginx".to_owned(), evidence)));
    }

    #[test]
    fn who_says_no_name_gets_none() {
        let name = |answer: &[&str], asked: &[&str]| of(answer, asked).map(|(name, _)| name);
        for field in ["Via: 1.1 proxy.example", "X-Cache: HIT", "X-Served-By: h"] {
            assert_eq!(name(&[field], &[]).as_deref(), Some(SOMEBODY), "{field}");
        }
        for field in ["Via: 1.0 a", "Forwarded: for=1.2.3.4", "X-Forwarded-For: 1.2.3.4", "X-Real-Ip: <7 bytes>"] {
            assert_eq!(name(&[], &[field]).as_deref(), Some(SOMEBODY), "{field}");
        }
        let old = Hop::of(&[], Some(&json!({"http": "HTTP/1.0", "headers": []}))).unwrap();
        assert_eq!(
            (old.name.as_str(), old.evidence),
            (SOMEBODY, vec!["the origin was asked with HTTP/1.0".to_owned()])
        );
    }

    #[test]
    fn evidence_is_short_and_holds_neither_secrets_nor_control_characters() {
        let long = format!("Server: nginx\x1b{}", "x".repeat(200));
        let (_, evidence) = of(&[&long, "Set-Cookie: AWSALB=secret; Path=/"], &[]).unwrap();
        assert_eq!(evidence[0], "set-cookie: AWSALB");
        assert_eq!(evidence[1], format!("server: nginx\\u{{1b}}{}...", "x".repeat(74)));
    }

    #[test]
    fn a_strange_hello_is_no_evidence() {
        for hello in
            [json!(null), json!([]), json!({"headers": {"via": "x"}}), json!({"headers": [["via"], "via", [1, 2]]})]
        {
            assert_eq!(Hop::of(&[], Some(&hello)), None, "{hello}");
        }
    }

    #[test]
    fn marks_are_written_in_lower_case_and_names_differ() {
        let mut names: Vec<&str> = PRODUCTS.iter().map(|(name, _)| *name).collect();
        for (_, name, part) in PRODUCTS.iter().flat_map(|(_, marks)| *marks).chain(UNNAMED) {
            assert_eq!((*name, *part), (name.to_lowercase().as_str(), part.to_lowercase().as_str()));
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PRODUCTS.len());
    }
}
