use std::collections::BTreeSet;

use unicode_width::UnicodeWidthStr;

use super::*;
use crate::verdict::CureId;
use crate::verdict::Place;
use HoldKind::{Bytes, Close, Constant, OneEvent, Time, Unknown};
use Judgement::{Batched, HeldUntilClose, Lagging, Silent};

/// A line of configuration fits into a terminal of 80 columns, indented by two.
const LINE_MAX: usize = 78;

/// A sentence takes two lines of it at most.
const SENTENCE_MAX: usize = 140;

/// What is wrong with an entry by itself.
fn faults(entry: &Entry) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |is_fine: bool, fault: String| {
        if !is_fine {
            faults.push(fault);
        }
    };
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    check(is_word(&entry.id), format!("the id {:?}", entry.id));
    check(!entry.name.is_empty(), "no name".to_owned());
    check(!entry.sources.is_empty(), "no source".to_owned());
    for (word, source) in &entry.sources {
        check(is_date(&source.checked), format!("source {word}: the date {:?}", source.checked));
        check(is_complete(source), format!("source {word}: says not enough, or too much"));
        check(claims(entry).any(|from| from == word), format!("source {word}: no claim names it"));
    }
    for from in claims(entry) {
        check(entry.sources.contains_key(from), format!("no source {from:?}"));
    }
    check(claims(entry).next().is_some(), "says nothing".to_owned());
    for mechanism in &entry.mechanisms {
        check(!mechanism.makes.is_empty(), format!("what does it look like: {}", mechanism.why));
        check(!mechanism.cures.is_empty(), format!("no cure: {}", mechanism.why));
    }
    for limit in &entry.limits {
        let is_cured_by = |id| limit.cures.iter().any(|cure| cure.id == id);
        check(limit.seconds != Some(0), format!("no time: {}", limit.what));
        check(limit.kind != LimitKind::Idle || is_cured_by(CureId::Heartbeat), format!("no heartbeat: {}", limit.what));
        check(limit.kind != LimitKind::Total || !is_cured_by(CureId::Heartbeat), format!("heartbeat: {}", limit.what));
    }
    for cure in cures(entry) {
        let tells = cure.place.is_some() && (cure.text.is_some() || !cure.lines.is_empty());
        check(cure.id != CureId::ProxyConfig || tells, format!("where does what go: {cure:?}"));
        check(cure.lines.is_empty() || cure.place.is_some(), format!("where do the lines go: {cure:?}"));
        for line in &cure.lines {
            check(line.width() <= LINE_MAX && line.trim_end() == line && !line.is_empty(), format!("line {line:?}"));
        }
    }
    for text in sentences(entry) {
        let is_plain = !text.ends_with('.') && !text.contains('\n') && text.trim() == text && !text.is_empty();
        check(is_plain && text.width() <= SENTENCE_MAX, format!("sentence {text:?}"));
    }
    faults
}

/// `2026-11-21`, or `2026-11`.
fn is_date(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let number = |range| text.get(range).and_then(|part: &str| part.parse().ok()).unwrap_or(1);
    ["0000-00-00", "0000-00"].contains(&shape.as_str()) && (1..=12).contains(&number(5..7)) && number(8..10) <= 31
}

/// What was measured has a version, what was read an address and a section.
fn is_complete(source: &Source) -> bool {
    let says = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
    let is_address = source.url.as_deref().is_some_and(|url| url.starts_with("https://") && !url.contains(' '));
    match source.basis {
        Basis::Measured => says(&source.versions) && source.url.is_none() && source.section.is_none(),
        Basis::Documentation | Basis::Reported => is_address && says(&source.section) && source.versions.is_none(),
    }
}

fn claims(entry: &Entry) -> impl Iterator<Item = &str> {
    let mechanisms = entry.mechanisms.iter().map(|mechanism| &mechanism.from);
    let limits = entry.limits.iter().map(|limit| &limit.from);
    let cures = cures(entry).filter_map(|cure| cure.from.as_ref());
    mechanisms.chain(limits).chain(entry.notes.iter().map(|note| &note.from)).chain(cures).map(String::as_str)
}

fn cures(entry: &Entry) -> impl Iterator<Item = &Cure> {
    let mechanisms = entry.mechanisms.iter().flat_map(|mechanism| &mechanism.cures);
    mechanisms.chain(entry.limits.iter().flat_map(|limit| &limit.cures))
}

fn sentences(entry: &Entry) -> impl Iterator<Item = &str> {
    let mechanisms = entry.mechanisms.iter().map(|mechanism| &mechanism.why);
    let limits = entry.limits.iter().map(|limit| &limit.what);
    let notes = entry.notes.iter().map(|note| &note.text);
    let cures = cures(entry).flat_map(|cure| cure.text.iter().chain(&cure.place));
    mechanisms.chain(limits).chain(notes).chain(cures).map(String::as_str)
}

/// An entry without a fault, with one thing changed.
fn edited(edit: impl FnOnce(&mut serde_json::Value)) -> Result<Vec<String>, serde_json::Error> {
    let mut entry = serde_json::json!({
        "id": "example",
        "name": "Example",
        "hops": [],
        "sources": {"manual": {
            "basis": "documentation", "checked": "2026-11-21", "url": "https://example.org/", "section": "Limits",
        }},
        "limits": [{
            "kind": "idle", "seconds": 60, "what": "cut then", "from": "manual", "cures": [{"id": "heartbeat"}],
        }],
    });
    edit(&mut entry);
    serde_json::from_value::<Entry>(entry).map(|entry| faults(&entry))
}

#[test]
fn every_entry_is_complete() {
    for entry in book() {
        assert_eq!(faults(entry), Vec::<String>::new(), "{}", entry.id);
    }
}

#[test]
fn every_product_that_people_ask_about_is_there() {
    for id in [
        "nginx",
        "ingress-nginx",
        "apache",
        "haproxy",
        "lighttpd",
        "caddy",
        "traefik",
        "envoy",
        "varnish",
        "squid",
        "h2o",
        "trafficserver",
        "iis",
        "cloudflare",
        "cloudflare-quick-tunnel",
        "cloudflare-named-tunnel",
        "cloudflare-access",
        "cloudfront",
        "aws-alb",
        "aws-api-gateway",
        "azure-front-door",
        "azure-application-gateway",
        "google-load-balancer",
        "cloud-run",
        "heroku",
        "vercel",
        "nextjs",
        "netlify",
        "fly",
        "render",
        "railway",
        "fastly",
        "akamai",
        "kong",
        "ngrok",
        "tailscale",
        "compression-middleware",
        "webpack-dev-server",
        "vite",
        "gunicorn",
        "uwsgi",
        "django-gzip",
        "starlette-gzip",
        "php",
        "rack",
        "spring",
        "go-gzip",
        "content-scanner",
    ] {
        assert!(entry(id).is_some(), "{id}");
    }
}

#[test]
fn ids_differ() {
    let ids: BTreeSet<&str> = book().iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids.len(), book().len());
}

#[test]
fn hops_are_names_that_a_path_can_show() {
    for entry in book() {
        for name in &entry.hops {
            assert!(Hop::knows(name), "{}: {name}", entry.id);
        }
    }
}

#[test]
fn an_entry_needs_a_source_with_a_date() {
    assert_eq!(edited(|_| ()).unwrap(), Vec::<String>::new());
    assert!(edited(|entry| drop(entry.as_object_mut().unwrap().remove("sources"))).is_err());
    assert!(edited(|entry| drop(entry["sources"]["manual"].as_object_mut().unwrap().remove("checked"))).is_err());
    assert!(edited(|entry| drop(entry["limits"][0].as_object_mut().unwrap().remove("from"))).is_err());
    assert_eq!(edited(|entry| entry["limits"][0]["from"] = "hearsay".into()).unwrap().len(), 2);
    assert_eq!(edited(|entry| entry["limits"][0]["cures"][0]["from"] = "manual".into()).unwrap().len(), 0);
    assert_eq!(edited(|entry| entry["limits"][0]["cures"][0]["from"] = "hearsay".into()).unwrap().len(), 1);
    for date in ["", "2026", "21.11.2026", "2026-13-01", "2026-00", "2026-11-32", "2026-11-2"] {
        assert_eq!(edited(|entry| entry["sources"]["manual"]["checked"] = date.into()).unwrap().len(), 1, "{date}");
    }
    for url in ["", "http://example.org/", "example.org"] {
        assert_eq!(edited(|entry| entry["sources"]["manual"]["url"] = url.into()).unwrap().len(), 1, "{url}");
    }
    assert_eq!(edited(|entry| entry["sources"]["manual"]["section"] = "".into()).unwrap().len(), 1);
    assert_eq!(edited(|entry| entry["sources"]["manual"]["basis"] = "measured".into()).unwrap().len(), 1);
}

#[test]
fn words_that_nobody_knows_are_refused() {
    assert!(edited(|entry| entry["limits"][0]["cures"][0]["id"] = "prayer".into()).is_err());
    assert!(edited(|entry| entry["limits"][0]["kind"] = "some".into()).is_err());
    assert!(edited(|entry| entry["limit"] = serde_json::json!([])).is_err());
    let makes = |shape: &str| {
        let mechanism = serde_json::json!({
            "makes": [shape], "why": "it does", "from": "manual", "cures": [{"id": "pad-4k"}],
        });
        edited(|entry| entry["mechanisms"] = serde_json::json!([mechanism]))
    };
    assert_eq!(makes("late-start/start-bytes").unwrap(), Vec::<String>::new());
    for shape in ["batched", "batched/", "/bytes", "batched/pieces", "slow/bytes", "Batched/Bytes"] {
        assert!(makes(shape).is_err(), "{shape}");
    }
    let tagged = |tag: &str| {
        let mechanism = serde_json::json!({
            "makes": ["batched/bytes"], "tags": [tag], "why": "it does", "from": "manual", "cures": [{"id": "pad-4k"}],
        });
        edited(|entry| entry["mechanisms"] = serde_json::json!([mechanism]))
    };
    assert_eq!(tagged("compression").unwrap(), Vec::<String>::new());
    assert!(tagged("magic").is_err());
}

#[test]
fn every_tag_is_used() {
    let tags: Vec<MechanismTag> =
        book().iter().flat_map(|entry| &entry.mechanisms).flat_map(|mechanism| &mechanism.tags).copied().collect();
    for tag in MechanismTag::ALL {
        assert!(tags.contains(&tag), "{tag:?}");
    }
}

/// The reasoning goes by tags, readers by words: they say the same.
#[test]
fn tags_agree_with_what_is_said() {
    for entry in book() {
        for mechanism in &entry.mechanisms {
            let says = |word: &str| mechanism.why.to_ascii_lowercase().contains(word);
            let compresses = ["gzip", "compress", "encode", "deflate"].into_iter().any(says);
            for (tag, is_said) in [(MechanismTag::Compression, compresses), (MechanismTag::Http10, says("http/1.0"))] {
                assert_eq!(mechanism.tags.contains(&tag), is_said, "{}: {}", entry.id, mechanism.why);
            }
        }
    }
}

#[test]
fn lines_and_sentences_are_short() {
    let cure = |cure: serde_json::Value| {
        edited(|entry| entry["limits"][0]["cures"].as_array_mut().unwrap().push(cure)).unwrap().len()
    };
    let config = |lines: &[&str]| cure(serde_json::json!({"id": "proxy-config", "where": "there", "lines": lines}));
    assert_eq!(config(&["timeout 1h;"]), 0);
    assert_eq!(config(&[&"x".repeat(79)]), 1);
    assert_eq!(config(&["timeout 1h; "]), 1);
    assert_eq!(config(&[]), 1);
    assert_eq!(cure(serde_json::json!({"id": "proxy-config", "lines": ["timeout 1h;"]})), 2);
    assert_eq!(edited(|entry| entry["limits"][0]["what"] = "cut then.".into()).unwrap().len(), 1);
    assert_eq!(edited(|entry| entry["limits"][0]["what"] = "x".repeat(141).into()).unwrap().len(), 1);
}

#[test]
fn entries_are_found_by_id_and_by_hop() {
    assert_eq!(entry("heroku").unwrap().limits[1].seconds, Some(55));
    assert_eq!(entry("none such"), None);
    let found = |name: &str| -> Vec<&str> {
        let hop = Hop { name: name.to_owned(), evidence: vec![] };
        entries_for(&hop).map(|entry| entry.id.as_str()).collect()
    };
    assert_eq!(found("cloudflare, aws"), ["cloudflare", "cloudflare-named-tunnel", "aws-alb", "aws-api-gateway"]);
    assert_eq!(
        found("cloudflare, cloudflare quick tunnel"),
        ["cloudflare", "cloudflare-quick-tunnel", "cloudflare-named-tunnel"]
    );
    assert_eq!(found("openresty"), ["nginx"]);
    assert_eq!(found("a proxy without a name"), [""; 0]);
}

#[test]
fn mechanisms_are_found_by_what_they_look_like() {
    let behind = |id: &str, verdict, hold| entry(id).unwrap().behind(verdict, hold).count();
    assert_eq!(behind("haproxy", Lagging, Constant), 1);
    assert_eq!(behind("haproxy", Lagging, OneEvent), 1);
    assert_eq!(behind("bunny", HeldUntilClose, Close), 0);
    assert_eq!(behind("haproxy", Batched, Time), 1);
    assert_eq!(behind("nginx", Batched, Bytes), 3);
    assert_eq!(behind("nginx", Batched, Time), 0);
    // More is held than was sent, or for longer than the streams ran.
    assert_eq!(behind("nginx", HeldUntilClose, Close), 3);
    assert_eq!(behind("lighttpd", Silent, Unknown), 1);
    assert_eq!(behind("fastly", Silent, Unknown), 1);
}

#[test]
fn cures_have_the_words_and_places_of_the_contract() {
    for (id, word, place) in [
        (CureId::AccelNo, "accel-no", Place::Origin),
        (CureId::NoTransform, "no-transform", Place::Origin),
        (CureId::Identity, "identity", Place::Client),
        (CureId::EncodingIdentity, "encoding-identity", Place::Origin),
        (CureId::Post, "post", Place::Client),
        (CureId::Pad4k, "pad-4k", Place::Origin),
        (CureId::Pad16k, "pad-16k", Place::Origin),
        (CureId::Pad64k, "pad-64k", Place::Origin),
        (CureId::CloseFraming, "close-framing", Place::Origin),
        (CureId::Chunked, "chunked", Place::Origin),
        (CureId::EarlyByte, "early-byte", Place::Origin),
        (CureId::Heartbeat, "heartbeat", Place::Origin),
        (CureId::ProxyConfig, "proxy-config", Place::ProxyConfig),
    ] {
        assert_eq!(serde_json::to_value(id).unwrap(), word);
        assert_eq!(id.place(), place);
    }
    assert_eq!(serde_json::to_value(Place::ProxyConfig).unwrap(), "proxy-config");
}
