//! The signatures by which products show in an answer.

use super::reply::Reply;
use crate::escape::shortened;
use crate::http::url::{host_of_reference, path_of_reference};
use crate::verdict::Id;

/// How much of a header field's value, in characters.
pub(super) const VALUE_MAX: usize = 60;

/// What an answer is.
pub(super) struct Name {
    pub(super) id: Id,
    pub(super) what: &'static str,
    /// Empty where the id's own says it.
    pub(super) advice: &'static str,
    /// The header field that tells, as it came.
    pub(super) evidence: Option<String>,
}

impl Name {
    pub(super) fn plain(id: Id, what: &'static str) -> Name {
        Name { id, what, advice: "", evidence: None }
    }
}

/// One signature. Texts are in lower case, and are found in any.
#[derive(Debug)]
pub(in crate::verdict) enum Signature {
    /// A header field whose value has this in it; an empty text is in every value.
    Field(&'static str, &'static str),
    /// A cookie is set, whose name begins so.
    Cookie(&'static str),
    /// It was redirected to this host, or to one below it.
    Host(&'static str),
    /// It was redirected to a path with this segment.
    Segment(&'static str),
    /// The start of the body has this in it.
    Text(&'static str),
    /// The same, of words that ordinary pages have, too: only with a status that says little by itself.
    Word(&'static str),
    /// Cloudflare says this code, of 1xxx, in a header field, a text or a page.
    Cloudflare(u16),
    /// Cloudflare answers with this status.
    CloudflareStatus(u16),
}

use Signature::{Cloudflare, CloudflareStatus, Cookie, Field, Host, Segment, Text, Word};

/// What an answer with one of these signatures is.
#[derive(Debug)]
pub(in crate::verdict) struct Row {
    id: Id,
    what: &'static str,
    /// Empty where the id's own says it.
    advice: &'static str,
    signatures: &'static [Signature],
}

const fn row(id: Id, what: &'static str, advice: &'static str, signatures: &'static [Signature]) -> Row {
    Row { id, what, advice, signatures }
}

/// All that is known, what is most certain first.
pub(in crate::verdict) static ROWS: &[Row] = &[
    // Tunnels. ngrok puts its code into a field, and into its pages: https://ngrok.com/docs/errors/
    row(
        Id::BrowserWarning,
        "ngrok's browser warning",
        "ngrok shows it to what looks like a browser: try -H 'ngrok-skip-browser-warning: 1', or a User-Agent that is no browser's; an EventSource can send neither",
        &[Field("ngrok-error-code", "err_ngrok_6024"), Text("err_ngrok_6024")],
    ),
    row(
        Id::TunnelDown,
        "ngrok's endpoint is offline",
        "",
        &[Field("ngrok-error-code", "err_ngrok_3200"), Text("err_ngrok_3200")],
    ),
    row(
        Id::OriginRefused,
        "ngrok's agent can't connect to the origin",
        "is it running, on the port that ngrok was told?",
        &[Field("ngrok-error-code", "err_ngrok_8012"), Text("err_ngrok_8012")],
    ),
    row(
        Id::BadGateway,
        "ngrok got no usable answer from the origin",
        "if the origin speaks https, ngrok must be told so: ngrok http https://localhost:PORT",
        &[Field("ngrok-error-code", "err_ngrok_3004"), Text("err_ngrok_3004")],
    ),
    row(
        Id::EdgeError,
        "an error of ngrok's",
        "look its code up at https://ngrok.com/docs/errors/",
        &[Field("ngrok-error-code", "")],
    ),
    row(
        Id::TunnelDown,
        "localtunnel has no tunnel of this name",
        "",
        &[Field("x-localtunnel-status", "tunnel unavailable")],
    ),
    row(
        Id::BrowserWarning,
        "localtunnel's reminder page",
        "try -H 'bypass-tunnel-reminder: 1'; an EventSource can't send that",
        &[Field("x-localtunnel-status", "password")],
    ),
    // Cloudflare's own errors.
    row(
        Id::TunnelDown,
        "Cloudflare can't reach the tunnel",
        "is cloudflared running and connected, and is this still its URL? a quick tunnel gets a new one at each start",
        &[Cloudflare(1033)],
    ),
    row(Id::OriginDns, "Cloudflare can't resolve the origin's name", "", &[Cloudflare(1016)]),
    row(
        Id::TooManyRequests,
        "Cloudflare's limit on requests",
        "look for a rate limiting rule, and exempt the stream's path; try again later",
        &[Cloudflare(1015)],
    ),
    row(
        Id::Forbidden,
        "Cloudflare's firewall blocks the request",
        "its event log (Security, Events) names the rule: exempt the stream's path, or let this client's address pass",
        &[
            Cloudflare(1005),
            Cloudflare(1006),
            Cloudflare(1007),
            Cloudflare(1008),
            Cloudflare(1009),
            Cloudflare(1010),
            Cloudflare(1012),
            Cloudflare(1020),
            Text("attention required! | cloudflare"),
        ],
    ),
    row(
        Id::ServerError,
        "a Cloudflare Worker failed",
        "'wrangler tail' shows why",
        &[Cloudflare(1101), Cloudflare(1102)],
    ),
    // Checks for robots. Not the script under /cdn-cgi/challenge-platform/: ordinary pages have that, too.
    row(
        Id::BotChallenge,
        "Cloudflare's bot challenge",
        "an EventSource can't pass it: exempt the stream's path with a rule that skips it (WAF custom rules, Bot Fight Mode), or let this client's address pass",
        &[Field("cf-mitigated", "challenge"), Text("_cf_chl_opt"), Text("<title>just a moment...")],
    ),
    row(
        Id::BotChallenge,
        "Vercel's bot challenge",
        "an EventSource can't pass it: look at the project's Firewall settings, such as Attack Challenge Mode",
        &[Field("x-vercel-mitigated", "challenge"), Text("vercel security checkpoint")],
    ),
    row(
        Id::Forbidden,
        "Vercel's firewall denies the request",
        "look at the project's Firewall settings for the rule",
        &[Field("x-vercel-mitigated", "deny")],
    ),
    row(
        Id::BotChallenge,
        "a bot challenge of AWS WAF",
        "an EventSource can't pass it: take the stream's path out of the rule with the action Challenge or CAPTCHA",
        &[Field("x-amzn-waf-action", "challenge"), Field("x-amzn-waf-action", "captcha")],
    ),
    row(Id::BotChallenge, "a bot challenge of DataDome", "", &[Text("captcha-delivery.com")]),
    row(Id::BotChallenge, "a bot challenge of HUMAN (PerimeterX)", "", &[Text("px-captcha")]),
    // Logins.
    row(
        Id::LoginPage,
        "the login of Cloudflare Access",
        "try a service token, with -H 'CF-Access-Client-Id: ...' and -H 'CF-Access-Client-Secret: ...', or exempt the stream's path with a bypass policy",
        &[
            Host("cloudflareaccess.com"),
            Field("www-authenticate", "cloudflare-access"),
            Field("cf-access-aud", ""),
            Field("cf-access-domain", ""),
        ],
    ),
    row(
        Id::LoginPage,
        "the login of Google's Identity-Aware Proxy",
        "try -H 'Authorization: Bearer TOKEN', with an OpenID Connect token for its client",
        &[Field("x-goog-iap-generated-response", "")],
    ),
    row(
        Id::LoginPage,
        "Vercel's deployment protection",
        "try -H 'x-vercel-protection-bypass: SECRET', from the project's settings (Deployment Protection), or the production URL",
        &[Cookie("_vercel_sso_nonce"), Segment("sso-api")],
    ),
    row(Id::LoginPage, "a login with Google", "", &[Host("accounts.google.com")]),
    row(
        Id::LoginPage,
        "a login with Microsoft",
        "",
        &[Host("login.microsoftonline.com"), Host("login.live.com"), Host("login.windows.net")],
    ),
    row(Id::LoginPage, "a login with Okta", "", &[Host("okta.com"), Host("oktapreview.com"), Host("okta-emea.com")]),
    row(Id::LoginPage, "a login with Auth0", "", &[Host("auth0.com")]),
    row(Id::LoginPage, "a login with Amazon Cognito", "", &[Host("amazoncognito.com")]),
    row(
        Id::LoginPage,
        "a login, to judge by its URL",
        "",
        &[
            Segment("login"),
            Segment("log-in"),
            Segment("signin"),
            Segment("sign-in"),
            Segment("sign_in"),
            Segment("sso"),
            Segment("saml"),
            Segment("saml2"),
            Segment("oauth"),
            Segment("oauth2"),
            Segment("authorize"),
            Segment("openid-connect"),
        ],
    ),
    // Platforms.
    row(
        Id::EdgeError,
        "Railway finds no application",
        "is it running, and does it listen on the port that Railway expects (PORT)?",
        &[Field("x-railway-fallback", "true")],
    ),
    // What Cloudflare's statuses mean: https://developers.cloudflare.com/support/troubleshooting/http-status-codes/
    row(Id::OriginAnswer, "Cloudflare got no usable answer from the origin", "", &[CloudflareStatus(520)]),
    row(Id::OriginRefused, "the origin refuses Cloudflare's connections", "", &[CloudflareStatus(521)]),
    row(Id::OriginTimeout, "Cloudflare can't connect to the origin in time", "", &[CloudflareStatus(522)]),
    row(Id::OriginUnreachable, "Cloudflare has no route to the origin", "", &[CloudflareStatus(523)]),
    row(
        Id::GatewayTimeout,
        "Cloudflare waited for the origin's answer in vain",
        "it waits for about 100 to 125 s: send the head and a first comment at once, whether there is an event or not",
        &[CloudflareStatus(524)],
    ),
    row(Id::OriginTls, "TLS between Cloudflare and the origin fails", "", &[CloudflareStatus(525)]),
    row(
        Id::OriginTls,
        "Cloudflare doesn't trust the origin's certificate",
        "it must be valid for the name and signed by somebody whom Cloudflare knows, unless the SSL mode is Full without strict",
        &[CloudflareStatus(526)],
    ),
    row(
        Id::EdgeError,
        "Cloudflare can't find the origin",
        "the page holds a code of the form 1xxx, which its manual explains",
        &[CloudflareStatus(530)],
    ),
    // The last to be asked.
    row(
        Id::BotChallenge,
        "a page with a script of Imperva's, which checks for bots",
        "",
        &[Word("/_incapsula_resource")],
    ),
    row(Id::BotChallenge, "a page with a captcha", "", &[Word("g-recaptcha"), Word("h-captcha"), Word("cf-turnstile")]),
    row(
        Id::LoginPage,
        "a page that asks for a password",
        "",
        &[Word("type=\"password\""), Word("type='password'"), Word("type=password")],
    ),
];

/// The name that the signatures of an answer give it.
pub(super) fn name(reply: &Reply<'_>) -> Option<Name> {
    let text = reply.excerpt.to_ascii_lowercase();
    ROWS.iter().find_map(|row| {
        let signature = row.signatures.iter().find(|signature| signature.is_in(reply, &text))?;
        Some(Name { id: row.id, what: row.what, advice: row.advice, evidence: signature.evidence(reply) })
    })
}

impl Signature {
    fn is_in(&self, reply: &Reply<'_>, text: &str) -> bool {
        match *self {
            Field(name, part) => reply.fields(name).any(|value| value.to_ascii_lowercase().contains(part)),
            Cookie(name) => reply.fields("set-cookie").any(|value| value.trim_start().starts_with(name)),
            Host(name) => reply.targets().any(|url| is_below(&host_of_reference(url), name)),
            Segment(name) => {
                reply.targets().any(|url| path_of_reference(url).split('/').any(|part| part.eq_ignore_ascii_case(name)))
            }
            Text(part) => text.contains(part),
            Word(part) => matches!(reply.status, 200 | 401 | 403 | 429 | 503) && text.contains(part),
            Cloudflare(code) => {
                let is_field = reply.fields("cf-error-type").any(|value| value.trim() == code.to_string());
                let texts = [format!("error code: {code}"), format!("cf-error-code\">{code}<")];
                is_field || is_cloudflare(reply) && texts.iter().any(|part| text.contains(part))
            }
            CloudflareStatus(status) => reply.status == status && is_cloudflare(reply),
        }
    }

    /// The header field that tells, as it came.
    fn evidence(&self, reply: &Reply<'_>) -> Option<String> {
        let shown = |name: &str, value: &str| format!("{name}: {}", shortened(value.trim(), VALUE_MAX));
        match *self {
            Field(name, part) => {
                let value = reply.fields(name).find(|value| value.to_ascii_lowercase().contains(part));
                value.map(|value| shown(name, value))
            }
            Cookie(name) => Some(format!("set-cookie: {name}")),
            Cloudflare(code) => Some(format!("error {code}")),
            _ => None,
        }
    }
}

fn is_below(host: &str, name: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn is_cloudflare(reply: &Reply<'_>) -> bool {
    reply.header("cf-ray").is_some() || reply.fields("server").any(|value| value.eq_ignore_ascii_case("cloudflare"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_written_in_lower_case() {
        for row in ROWS {
            for signature in row.signatures {
                let (Field(_, text) | Host(text) | Segment(text) | Text(text) | Word(text)) = *signature else {
                    continue;
                };
                assert_eq!(text, text.to_ascii_lowercase());
            }
        }
    }
}
