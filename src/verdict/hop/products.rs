//! The header fields that products leave.

/// Where a header field is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::verdict) enum Side {
    /// In the response.
    Answer,
    /// In the request, as the origin saw it.
    Asked,
    /// In either.
    Both,
}

use Side::{Answer, Asked, Both};

/// A header field that a product leaves: its name, and what its value has in it, in lower case. A name that ends in `*`
/// stands for all that begin so; a value behind `=` is the whole one.
pub(in crate::verdict) type Mark = (Side, &'static str, &'static str);

/// Products, those first that stand closer to the client where there are several: networks at the edge and tunnels,
/// platforms, then what stands before a single origin. What is often the origin itself has no place here, but for Next.js,
/// which also passes requests on.
pub(in crate::verdict) static PRODUCTS: &[(&str, &[Mark])] = &[
    ("sse-argo-tester proxy", &[(Both, "via", "sse-argo-tester")]),
    (
        "cloudflare",
        &[
            (Answer, "server", "cloudflare"),
            (Answer, "cf-ray", ""),
            (Answer, "cf-mitigated", ""),
            (Asked, "cf-ray", ""),
            (Asked, "cf-connecting-ip", ""),
            (Asked, "cf-worker", ""),
            (Asked, "cf-warp-tag-id", ""),
            (Asked, "cdn-loop", "cloudflare"),
        ],
    ),
    ("cloudflare access", &[(Answer, "cf-access-*", ""), (Asked, "cf-access-jwt-assertion", "")]),
    ("cloudflare quick tunnel", &[(Asked, "cf-worker", "=trycloudflare.com")]),
    (
        "cloudfront",
        &[
            (Answer, "x-amz-cf-id", ""),
            (Answer, "via", "cloudfront"),
            (Answer, "server", "cloudfront"),
            (Answer, "x-cache", "cloudfront"),
            (Asked, "x-amz-cf-id", ""),
            (Asked, "via", "cloudfront"),
        ],
    ),
    (
        "fastly",
        &[
            (Answer, "x-served-by", "cache-"),
            (Answer, "x-fastly-request-id", ""),
            (Asked, "cdn-loop", "fastly"),
            (Asked, "fastly-*", ""),
        ],
    ),
    (
        "akamai",
        &[
            (Answer, "server", "akamai"),
            (Answer, "x-akamai-*", ""),
            (Answer, "akamai-*", ""),
            (Asked, "via", "akamai"),
            (Asked, "akamai-*", ""),
            (Asked, "cdn-loop", "akamai"),
        ],
    ),
    ("azure front door", &[(Answer, "x-azure-ref", ""), (Asked, "x-azure-ref", ""), (Asked, "x-azure-fdid", "")]),
    (
        "azure application gateway",
        &[(Answer, "server", "microsoft-azure-application-gateway"), (Asked, "x-appgw-trace-id", "")],
    ),
    ("bunny", &[(Answer, "server", "bunnycdn"), (Answer, "cdn-pullzone", "")]),
    ("imperva", &[(Answer, "x-iinfo", ""), (Answer, "x-cdn", "imperva"), (Answer, "x-cdn", "incapsula")]),
    ("sucuri", &[(Answer, "x-sucuri-*", ""), (Answer, "server", "sucuri"), (Asked, "x-sucuri-*", "")]),
    ("ngrok", &[(Answer, "ngrok-*", ""), (Asked, "ngrok-*", "")]),
    ("localtunnel", &[(Answer, "x-localtunnel-*", "")]),
    ("tailscale", &[(Asked, "tailscale-*", "")]),
    (
        "google",
        &[
            (Answer, "via", "google"),
            (Answer, "server", "google frontend"),
            (Answer, "x-goog-iap-generated-response", ""),
            (Asked, "via", "google"),
            (Asked, "x-cloud-trace-context", ""),
        ],
    ),
    (
        "aws",
        &[
            (Answer, "server", "awselb"),
            (Answer, "set-cookie", "awsalb"),
            (Answer, "x-amz-apigw-id", ""),
            (Answer, "apigw-requestid", ""),
            (Asked, "x-amzn-trace-id", ""),
        ],
    ),
    (
        "fly.io",
        &[(Answer, "fly-request-id", ""), (Answer, "via", "fly.io"), (Answer, "server", "fly/"), (Asked, "fly-*", "")],
    ),
    ("vercel", &[(Answer, "x-vercel-*", ""), (Answer, "server", "vercel"), (Asked, "x-vercel-*", "")]),
    ("netlify", &[(Answer, "x-nf-request-id", ""), (Answer, "server", "netlify"), (Asked, "x-nf-*", "")]),
    ("render", &[(Answer, "rndr-id", ""), (Answer, "x-render-*", ""), (Asked, "rndr-id", ""), (Asked, "render-*", "")]),
    ("railway", &[(Answer, "x-railway-*", ""), (Answer, "server", "railway"), (Asked, "x-railway-*", "")]),
    (
        "heroku",
        &[
            (Answer, "via", "vegur"),
            (Answer, "via", "heroku"),
            (Answer, "server", "heroku"),
            (Asked, "via", "vegur"),
            (Asked, "via", "heroku"),
        ],
    ),
    ("azure app service", &[(Answer, "set-cookie", "arraffinity"), (Asked, "x-site-deployment-id", "")]),
    (
        "kong",
        &[
            (Answer, "x-kong-*", ""),
            (Answer, "via", "kong"),
            (Answer, "server", "kong"),
            (Asked, "via", "kong"),
            (Asked, "x-kong-*", ""),
        ],
    ),
    ("envoy", &[(Answer, "server", "envoy"), (Answer, "x-envoy-*", ""), (Asked, "x-envoy-*", "")]),
    ("varnish", &[(Answer, "x-varnish", ""), (Both, "via", "varnish"), (Asked, "x-varnish", "")]),
    ("squid", &[(Both, "via", "squid"), (Answer, "x-squid-error", ""), (Answer, "server", "squid")]),
    ("traffic server", &[(Both, "via", "trafficserver"), (Answer, "server", "ats/")]),
    ("haproxy", &[(Both, "via", "haproxy"), (Answer, "server", "haproxy")]),
    ("caddy", &[(Answer, "server", "caddy"), (Both, "via", "caddy")]),
    ("apisix", &[(Answer, "server", "apisix")]),
    ("openresty", &[(Answer, "server", "openresty")]),
    ("tengine", &[(Answer, "server", "tengine")]),
    ("nginx", &[(Answer, "server", "nginx"), (Both, "via", "nginx")]),
    ("apache", &[(Answer, "server", "=apache"), (Answer, "server", "apache/2"), (Both, "via", "(apache/")]),
    ("lighttpd", &[(Answer, "server", "lighttpd")]),
    ("litespeed", &[(Answer, "server", "litespeed")]),
    ("iis", &[(Answer, "server", "microsoft-iis"), (Answer, "x-powered-by", "arr/"), (Asked, "x-arr-log-id", "")]),
    ("h2o", &[(Answer, "server", "h2o"), (Both, "via", "h2o")]),
    ("next.js", &[(Answer, "x-nextjs-*", ""), (Answer, "x-powered-by", "next.js")]),
];

/// What somebody leaves who doesn't say a name.
pub(in crate::verdict) const UNNAMED: &[Mark] = &[
    (Both, "via", ""),
    (Answer, "x-cache", ""),
    (Answer, "x-served-by", ""),
    (Asked, "forwarded", ""),
    (Asked, "x-forwarded-for", ""),
    (Asked, "x-forwarded-proto", ""),
    (Asked, "x-forwarded-host", ""),
    (Asked, "x-forwarded-server", ""),
    (Asked, "x-real-ip", ""),
];
