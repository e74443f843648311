//! The request as the target gets it.

use std::net::IpAddr;

use crate::http::Version;

/// Fields that concern one connection only (RFC 9110, section 7.6.1), that frame a body, or that are made anew. The two
/// for proxies' credentials are meant for whoever is asked by the client as its proxy, which nobody does here.
const NOT_RELAYED: [&str; 12] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
    "host",
];

const FORWARDED_FOR: &str = "X-Forwarded-For";
const FORWARDED_PROTO: &str = "X-Forwarded-Proto";
const FORWARDED_HOST: &str = "X-Forwarded-Host";

/// Header fields in order; a value may hold any byte above 127 (obs-text).
pub(super) type Fields = Vec<(String, Vec<u8>)>;

/// The values of all fields of a name, in order.
pub(super) fn values<'a>(fields: &'a Fields, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    fields.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
}

/// The members of a field that is a list, whatever number of lines it stands on.
fn members<'a>(fields: &'a Fields, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    values(fields, name).flat_map(|value| value.split(|&b| b == b',')).map(<[u8]>::trim_ascii)
}

/// The value of `Accept-Encoding`, whatever number of lines it stands on.
pub(super) fn accept_encoding(fields: &Fields) -> String {
    let values: Vec<_> = values(fields, "accept-encoding").map(String::from_utf8_lossy).collect();
    values.join(",")
}

/// The fields without those that concern one connection: "intermediaries SHOULD remove or replace fields that are known
/// to require removal before forwarding [...] whether or not" they are named in `Connection` (RFC 9110, section 7.6.1).
pub(super) fn end_to_end(fields: Fields) -> Fields {
    let named: Vec<Vec<u8>> = members(&fields, "connection").map(<[u8]>::to_vec).collect();
    let is_hop_by_hop = |name: &str| {
        NOT_RELAYED.iter().any(|other| name.eq_ignore_ascii_case(other))
            || named.iter().any(|other| name.as_bytes().eq_ignore_ascii_case(other))
    };
    fields.into_iter().filter(|(name, _)| !is_hop_by_hop(name)).collect()
}

/// Who sent a request to us, and who we are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forwarding<'a> {
    pub(super) peer: IpAddr,
    pub(super) version: Version,
    /// Our name in `Via`.
    pub(super) pseudonym: &'a str,
}

impl Forwarding<'_> {
    /// The value of the `Via` field that we add to what came with this version.
    pub(super) fn via(&self) -> String {
        format!("{} {}", self.version.as_str().trim_start_matches("HTTP/"), self.pseudonym)
    }
}

/// Whether a request has come by us before. A comment may stand behind the name in `Via`.
pub(super) fn has_passed(fields: &Fields, pseudonym: &str) -> bool {
    members(fields, "via").any(|member| {
        let mut words = member.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        words.nth(1) == Some(pseudonym.as_bytes())
    })
}

/// The client's fields as the target gets them: the end-to-end ones untouched and in order, and behind them who relayed
/// the request for whom. `authorization` is sent if the client has none of its own.
pub(super) fn relayed(fields: Fields, forwarding: &Forwarding<'_>, authorization: Option<&str>) -> Fields {
    let first = |name: &str| values(&fields, name).next().map(<[u8]>::to_vec);
    let peer = forwarding.peer.to_string().into_bytes();
    let forwarded_for: Vec<_> = values(&fields, FORWARDED_FOR).map(<[u8]>::to_vec).chain([peer]).collect();
    let proto = first(FORWARDED_PROTO).unwrap_or_else(|| b"http".to_vec());
    let host = first(FORWARDED_HOST).or_else(|| first("host"));
    let authorization = authorization.filter(|_| first("authorization").is_none());
    let ours = [
        (FORWARDED_FOR, Some(forwarded_for.join(&b", "[..]))),
        (FORWARDED_PROTO, Some(proto)),
        (FORWARDED_HOST, host),
        ("Via", Some(forwarding.via().into_bytes())),
        ("Authorization", authorization.map(|value| value.as_bytes().to_vec())),
    ];
    let mut relayed = end_to_end(fields);
    relayed.retain(|(name, _)| {
        [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST].iter().all(|made| !name.eq_ignore_ascii_case(made))
    });
    relayed.extend(ours.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    relayed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &[&str]) -> Fields {
        let split =
            |line: &&str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        text.iter().map(|line| split(line).unwrap()).collect()
    }

    fn texts(fields: &Fields) -> Vec<String> {
        fields.iter().map(|(name, value)| format!("{name}: {}", value.escape_ascii())).collect()
    }

    const FORWARDING: Forwarding<'static> =
        Forwarding { peer: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), version: Version::Http10, pseudonym: "us" };

    #[test]
    fn fields_of_one_connection_stay_behind_and_others_pass_in_order() {
        let mut sent = fields(&[
            "Host: a:1",
            "Connection: keep-alive, X-Hop",
            "connection: x-other",
            "X-Hop: 1",
            "X-OTHER: 2",
            "Keep-Alive: 5",
            "TE: trailers",
            "Transfer-Encoding: chunked",
            "Upgrade: h2c",
            "Content-Length: 3",
            "Expect: 100-continue",
            "Proxy-Connection: close",
            "Proxy-Authorization: Basic x",
            "Cookie: a=1",
            "Last-Event-ID: 7",
            "Cookie: b=2",
        ]);
        sent.push(("Cf-Ipcity".to_owned(), b"Z\xfcrich".to_vec()));
        let expected = [
            "Cookie: a=1",
            "Last-Event-ID: 7",
            "Cookie: b=2",
            "Cf-Ipcity: Z\\xfcrich",
            "X-Forwarded-For: 127.0.0.1",
            "X-Forwarded-Proto: http",
            "X-Forwarded-Host: a:1",
            "Via: 1.0 us",
        ];
        assert_eq!(texts(&relayed(sent, &FORWARDING, None)), expected);
    }

    #[test]
    fn hops_before_us_are_kept() {
        let sent = fields(&[
            "host: inner",
            "x-forwarded-for: 1.2.3.4",
            "X-Forwarded-For: 5.6.7.8, 9.9.9.9",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: outer",
            "Via: 2 edge",
            "Connection: X-Forwarded-For, Via",
        ]);
        let expected = [
            "X-Forwarded-For: 1.2.3.4, 5.6.7.8, 9.9.9.9, 127.0.0.1",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: outer",
            "Via: 1.0 us",
        ];
        assert_eq!(texts(&relayed(sent, &FORWARDING, None)), expected);
    }

    #[test]
    fn credentials_of_the_target_are_for_clients_without() {
        let of = |sent: &[&str]| texts(&relayed(fields(sent), &FORWARDING, Some("Basic ours")))[2..].to_vec();
        assert_eq!(of(&[]), ["Via: 1.0 us", "Authorization: Basic ours"]);
        assert_eq!(of(&["authorization: Bearer theirs"]), ["X-Forwarded-Proto: http", "Via: 1.0 us"]);
    }

    #[test]
    fn a_request_that_was_here_is_known() {
        for via in ["1.1 us", "1.1 other,\t1.1  us", "1.0 a, HTTP/1.1 us (comment)"] {
            assert!(has_passed(&fields(&["Via: 2 edge", &format!("VIA: {via}")]), "us"), "{via}");
        }
        for via in ["us", "1.1 use", "1.1 other (1.1 us)", ""] {
            assert!(!has_passed(&fields(&[&format!("Via: {via}")]), "us"), "{via}");
        }
    }
}
