//! Answers of all kinds, as short as their marks allow.

use super::*;

/// Status, header fields, URLs, start of the body; id, and a word of the text.
type Case<'a> = (u16, &'a [(&'a str, &'a str)], &'a [&'a str], &'a str, Id, &'a str);

const START: &str = "https://app.example/events";
const CF: (&str, &str) = ("Server", "cloudflare");
const HTML: (&str, &str) = ("Content-Type", "text/html");

/// What is said of an answer with these header fields, after these redirects, the last of which leads to the end.
fn problem(status: u16, fields: &[(&str, &str)], urls: &[&str], excerpt: &str) -> Finding {
    let headers: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (url, redirects) = urls.split_last().unwrap_or((&"https://h/events", &[]));
    let redirects: Vec<_> = redirects.iter().map(|url| (*url).to_owned()).collect();
    let reply = Reply { status, headers: &headers, redirects: &redirects, url, excerpt };
    reply.problem().expect("it is no event stream")
}

#[test]
fn a_stream_is_no_problem_whatever_its_parameters() {
    let headers = [("Content-Type".to_owned(), "Text/Event-Stream ;charset=UTF-8".to_owned())];
    let reply = Reply { status: 200, headers: &headers, redirects: &[], url: "http://h/", excerpt: "captcha" };
    assert_eq!(reply.problem(), None);
    assert_eq!(Reply { status: 201, ..reply }.problem().unwrap().id, Id::OddStatus);
    assert_eq!(Reply { headers: &[], ..reply }.problem().unwrap().id, Id::WrongType);
}

#[test]
fn without_marks_the_status_and_the_type_name_it() {
    let named = [
        (102, Id::OddStatus),
        (202, Id::OddStatus),
        (204, Id::NoContent),
        (304, Id::RedirectNowhere),
        (302, Id::RedirectNowhere),
        (400, Id::Refused),
        (401, Id::Unauthorized),
        (403, Id::Forbidden),
        (404, Id::NotFound),
        (405, Id::MethodNotAllowed),
        (406, Id::NotAcceptable),
        (407, Id::ProxyUnauthorized),
        (410, Id::NotFound),
        (418, Id::Refused),
        (426, Id::UpgradeRequired),
        (429, Id::TooManyRequests),
        (500, Id::ServerError),
        (502, Id::BadGateway),
        (503, Id::Unavailable),
        (504, Id::GatewayTimeout),
        (511, Id::CaptivePortal),
        // Cloudflare's own, but nothing says that it is Cloudflare.
        (520, Id::ServerError),
        (530, Id::ServerError),
        (999, Id::ServerError),
    ];
    for (status, id) in named {
        assert_eq!(problem(status, &[("content-type", "text/event-stream")], &[], "").id, id, "{status}");
    }
    for (kind, id, what) in [
        ("text/html; charset=utf-8", Id::HtmlPage, "200, a page (text/html)"),
        ("application/problem+json", Id::WrongType, "200, JSON (application/problem+json)"),
        ("TEXT/plain", Id::WrongType, "200, plain text (text/plain)"),
        ("", Id::WrongType, "200, something of no type (no content type)"),
        ("image/png", Id::WrongType, "200, something of another type (image/png)"),
    ] {
        let finding = problem(200, &[("Content-Type", kind)], &[], "");
        assert_eq!(finding.id, id);
        assert_eq!(finding.text(), format!("the answer is no event stream but {what}"));
    }
}

#[test]
fn the_sentence_tells_what_came_without_control_characters() {
    let urls = ["http://h/a", "https://user:secret@other.example:8443/b\x1b"];
    let fields = [("Content-Type", "text/\x07x"), ("www-authenticate", "Basic realm=\"\x1b\"")];
    let finding = problem(401, &fields, &urls, "\n no\x1b[2J \nmore");
    let expected = "the answer is no event stream but 401, credentials are wanted (text/\\u{7}x; www-authenticate: \
                    Basic), after a redirect to other.example: \"no\\u{1b}[2J\"";
    assert_eq!(finding.text(), expected);
}

#[test]
fn the_line_that_says_most() {
    assert_eq!(first_line("").as_deref(), None);
    assert_eq!(first_line("\n \n not \x07here \nmore").as_deref(), Some("not \\u{7}here"));
    let page = "<!DOCTYPE html><html><head><TITLE lang=en>\n Sign in \n</TITLE>";
    assert_eq!(first_line(page).as_deref(), Some("Sign in"));
    assert_eq!(first_line("<title>").as_deref(), Some("<title>"));
    assert_eq!(first_line(&"x".repeat(161)).unwrap(), format!("{}...", "x".repeat(160)));
}

#[test]
fn products_are_known_by_their_marks() {
    let via = |url| [START, url];
    let access = "https://team.cloudflareaccess.com/cdn-cgi/access/login/app.example?kid=1";
    let cases: [Case<'_>; 39] = [
        (200, &[HTML], &via(access), "", Id::LoginPage, "Cloudflare Access"),
        (302, &[("location", access)], &[], "", Id::LoginPage, "Cloudflare Access"),
        (
            401,
            &[("www-authenticate", "Cloudflare-Access resource_metadata=\"x\"")],
            &[],
            "",
            Id::LoginPage,
            "Cloudflare Access",
        ),
        (403, &[("cf-access-aud", "1f")], &[], "", Id::LoginPage, "Cloudflare Access"),
        (401, &[("X-Goog-IAP-Generated-Response", "true")], &[], "", Id::LoginPage, "Identity-Aware"),
        (200, &[HTML], &via("https://accounts.google.com/v3/x"), "", Id::LoginPage, "with Google"),
        (200, &[HTML], &via("https://LOGIN.microsoftonline.com/t/x"), "", Id::LoginPage, "Microsoft"),
        (200, &[HTML], &via("https://acme.okta.com/app/x"), "", Id::LoginPage, "Okta"),
        (200, &[HTML], &via("https://acme.eu.auth0.com/u/login"), "", Id::LoginPage, "Auth0"),
        (200, &[HTML], &via("https://acme.auth.eu-west-1.amazoncognito.com/x"), "", Id::LoginPage, "Cognito"),
        (200, &[HTML], &via("https://app.example/users/sign_in?next=/events"), "", Id::LoginPage, "by its URL"),
        (403, &[HTML], &via("https://app.example/oauth2/start"), "", Id::LoginPage, "by its URL"),
        (200, &[HTML], &[], "<input type=\"password\">", Id::LoginPage, "asks for a password"),
        (
            200,
            &[HTML],
            &[START, "https://vercel.com/sso-api?url=x", "https://vercel.com/x"],
            "",
            Id::LoginPage,
            "Vercel",
        ),
        (401, &[("set-cookie", "_vercel_sso_nonce=x; Path=/")], &[], "", Id::LoginPage, "Vercel"),
        (403, &[CF, ("cf-mitigated", "challenge")], &[], "", Id::BotChallenge, "Cloudflare's"),
        (503, &[HTML], &[], "<html><title>Just a moment...</title>", Id::BotChallenge, "Cloudflare's"),
        (429, &[("x-vercel-mitigated", "challenge")], &[], "", Id::BotChallenge, "Vercel's"),
        (403, &[("x-vercel-mitigated", "deny")], &[], "", Id::Forbidden, "Vercel's firewall"),
        (202, &[("x-amzn-waf-action", "challenge")], &[], "", Id::BotChallenge, "AWS WAF"),
        (405, &[("x-amzn-waf-action", "captcha")], &[], "", Id::BotChallenge, "AWS WAF"),
        (403, &[HTML], &[], "geo.captcha-delivery.com", Id::BotChallenge, "DataDome"),
        (403, &[HTML], &[], "<div class=\"g-recaptcha\">", Id::BotChallenge, "a captcha"),
        (200, &[HTML], &[], "src=\"/_Incapsula_Resource?x\"", Id::BotChallenge, "Imperva"),
        (511, &[HTML], &[], "", Id::CaptivePortal, "network"),
        (200, &[HTML, ("ngrok-error-code", "ERR_NGROK_6024")], &[], "", Id::BrowserWarning, "ngrok"),
        (404, &[("ngrok-error-code", "ERR_NGROK_3200")], &[], "", Id::TunnelDown, "offline"),
        (502, &[HTML], &[], "(ERR_NGROK_8012)", Id::OriginRefused, "agent"),
        (400, &[("ngrok-error-code", "ERR_NGROK_3801")], &[], "", Id::EdgeError, "ERR_NGROK_3801"),
        (503, &[("x-localtunnel-status", "Tunnel Unavailable")], &[], "", Id::TunnelDown, "localtunnel"),
        (530, &[CF], &[], "error code: 1033", Id::TunnelDown, "error 1033"),
        (530, &[CF, HTML], &[], "<span class=\"cf-error-code\">1016</span>", Id::OriginDns, "resolve"),
        (409, &[("cf-error-type", "1016")], &[], "", Id::OriginDns, "resolve"),
        (403, &[CF], &[], "error code: 1020", Id::Forbidden, "firewall"),
        (429, &[CF], &[], "error code: 1015", Id::TooManyRequests, "limit"),
        (500, &[CF], &[], "error code: 1101", Id::ServerError, "Worker"),
        (502, &[CF], &[], "error code: 502", Id::BadGateway, "no usable answer"),
        (404, &[("x-railway-fallback", "true")], &[], "", Id::EdgeError, "Railway"),
        (530, &[("CF-Ray", "8-FRA")], &[], "", Id::EdgeError, "can't find"),
    ];
    for (status, fields, urls, text, id, word) in cases {
        let finding = problem(status, fields, urls, text);
        assert!(finding.id == id && finding.text().contains(word), "{status} {fields:?} {urls:?} {text}: {finding:#?}");
    }
}

#[test]
fn the_statuses_of_cloudflare_are_its_own_alone() {
    for (status, id) in [
        (520, Id::OriginAnswer),
        (521, Id::OriginRefused),
        (522, Id::OriginTimeout),
        (523, Id::OriginUnreachable),
        (524, Id::GatewayTimeout),
        (525, Id::OriginTls),
        (526, Id::OriginTls),
        (530, Id::EdgeError),
    ] {
        assert_eq!(problem(status, &[CF], &[], "").id, id, "{status}");
        assert_eq!(problem(status, &[("server", "nginx")], &[], "error code: 1033").id, Id::ServerError, "{status}");
    }
    assert_eq!(problem(527, &[CF], &[], "").id, Id::ServerError);
}

#[test]
fn what_looks_like_a_mark_is_none() {
    // A URL that the user gave is no redirect, and other hosts may end or begin alike.
    for url in ["https://app.example/login", "https://accounts.google.com/"] {
        assert_eq!(problem(200, &[HTML], &[url], "").id, Id::HtmlPage, "{url}");
    }
    for url in ["https://notokta.com/", "https://okta.com.example/", "https://h/?next=/login", "https://h/logins"] {
        assert_eq!(problem(200, &[HTML], &[START, url], "").id, Id::HtmlPage, "{url}");
    }
    assert_eq!(problem(200, &[HTML, CF], &[], "/cdn-cgi/challenge-platform/x").id, Id::HtmlPage);
    // A page that something is missing may have a login in its corner.
    for word in ["<input type=password>", "<div class=g-recaptcha>", "/_Incapsula_Resource"] {
        assert_eq!(problem(404, &[HTML], &[], word).id, Id::NotFound, "{word}");
        assert_ne!(problem(403, &[HTML], &[], word).id, Id::Forbidden, "{word}");
    }
    assert_eq!(problem(404, &[("location", "/login")], &[], "").id, Id::NotFound);
}

#[test]
fn the_text_shows_the_field_that_tells_and_the_advice_fits_the_product() {
    let finding = problem(403, &[HTML, ("cf-mitigated", "challenge\x1b")], &[], "");
    let text =
        "the answer is no event stream but 403, Cloudflare's bot challenge (text/html; cf-mitigated: challenge\\u{1b})";
    assert_eq!(finding.text(), text);
    assert!(finding.advice().contains("Bot Fight Mode"));
    let finding = problem(302, &[("location", "https://team.cloudflareaccess.com/x")], &[], "");
    assert!(finding.advice().contains("CF-Access-Client-Id"));
}
