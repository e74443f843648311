//! What profiles and conditions do to responses of different kinds.

use sse_argo_tester::impair::{Alterations, Effect};

use super::story::{STREAM, Story, bytes, cured, effect, expect, impaired};

type Field = (&'static str, &'static [u8]);

const CLOSE: [Field; 1] = [("content-type", b"Text/Event-Stream; charset=utf-8")];

fn like(specs: &str) -> Alterations {
    let mut alterations = Alterations::default();
    alterations.like(specs).unwrap();
    alterations
}

/// The effect on a stream with some fields more.
fn with(alterations: &Alterations, method: &str, accepts_gzip: bool, fields: &[Field]) -> Effect {
    alterations.for_response(method, accepts_gzip, STREAM.into_iter().chain(fields.iter().copied()))
}

/// Whether it holds a small event.
fn holds(effect: &Effect) -> bool {
    let (now, mut out) = (std::time::Instant::now(), Vec::new());
    effect.chain(now).take(bytes("data: a\n\n"), now, &mut out);
    out.is_empty()
}

#[test]
fn nginx_lets_go_when_it_is_told_to_and_swallows_the_word() {
    for name in ["nginx-default", "nginx-64k", "nginx-gzip"] {
        let nginx = like(name);
        for gzip in [false, true] {
            let held = with(&nginx, "GET", gzip, &[("X-Accel-Buffering", b"yes")]);
            assert!(holds(&held) && held.holds_head() && held.strips("x-accel-buffering"), "{name}");
            assert_eq!(held.compresses(), gzip && name == "nginx-gzip");
            let free = with(&nginx, "GET", gzip, &[("x-accel-buffering", b" NO ")]);
            assert!(!holds(&free) && !free.holds_head() && free.strips("X-Accel-Buffering"), "{name}");
            assert!(!free.compresses() && !free.strips("Cache-Control"));
        }
    }
    let newer = like("nginx-http11");
    assert!(!holds(&effect(&newer)) && holds(&newer.for_response("GET", false, CLOSE)));
}

#[test]
fn compressors_need_a_client_that_accepts_and_obey_no_transform() {
    for name in ["compression-middleware", "haproxy-compression"] {
        let alterations = like(name);
        assert!(
            holds(&with(&alterations, "GET", true, &[])) && !holds(&with(&alterations, "GET", false, &[])),
            "{name}"
        );
        let fields: [Field; 1] = [("Cache-Control", b"no-store, No-Transform")];
        assert!(!holds(&with(&alterations, "POST", true, &fields)), "{name}");
        assert!(holds(&with(&alterations, "POST", true, &[("Cache-Control", b"no-store")])), "{name}");
    }
    let alterations = like("compression-middleware");
    assert!(with(&alterations, "GET", true, &[("Content-Encoding", b"identity")]).compresses());
    assert!(!with(&alterations, "GET", true, &[("Content-Encoding", b"br")]).compresses());
}

#[test]
fn haproxy_corks_chunks_only() {
    let alterations = like("haproxy-default");
    assert!(holds(&effect(&alterations)) && !holds(&alterations.for_response("GET", true, CLOSE)));
    let mut story = Story::new(&alterations);
    for at in [0, 250, 500] {
        story.at(at, bytes("a"));
    }
    story.until(1000);
    assert_eq!(story.told(), expect(&[(205, "a"), (455, "a"), (705, "a")]));
}

#[test]
fn a_quick_tunnel_holds_gets_only() {
    let alterations = like("quick-tunnel-get");
    assert!(alterations.applies_to("GET") && !alterations.applies_to("POST"));
    let get = with(&alterations, "GET", true, &[]);
    assert!(holds(&get) && !get.holds_head() && !holds(&with(&alterations, "POST", true, &[])));
}

#[test]
fn the_rest_of_the_table_does_what_it_says() {
    let lighttpd = effect(&like("lighttpd-default"));
    assert!(holds(&lighttpd) && lighttpd.holds_head() && like("lighttpd-default").keeps_origin_open("GET"));
    assert!(holds(&effect(&like("apache-modsecurity"))) && holds(&effect(&like("argo-2024"))));
    assert!(holds(&effect(&like("one-behind"))));
    let cuts = [
        ("envoy-15s", 15_000),
        ("google-lb-30s", 30_000),
        ("heroku-idle", 55_000),
        ("aws-elb-idle", 60_000),
        ("nginx-idle", 60_000),
        ("cloudflare-idle", 100_000),
    ];
    for (name, at) in cuts {
        let mut story = Story::new(&like(name));
        story.until(200_000);
        assert_eq!(story.told(), expect(&[(at, "[truncated]")]), "{name}");
    }
}

#[test]
fn only_limits_all_impairments_and_no_cure() {
    let mut alterations = impaired("hold-until-close,keep-origin-open,strip-header=A,only=GET,only=POST");
    let get = with(&alterations, "GET", true, &[]);
    assert!(
        !holds(&get) && !get.strips("a") && !alterations.keeps_origin_open("GET") && !alterations.needs_identity("GET")
    );
    assert!(get.is_clear());
    assert!(holds(&with(&alterations, "POST", true, &[])) && alterations.keeps_origin_open("POST"));
    alterations.cure("pad=3").unwrap();
    assert!(
        alterations.needs_identity("GET")
            && with(&alterations, "GET", true, &[]).chain(std::time::Instant::now()).due().is_some()
    );
    assert!(impaired("drop=3,only=GET").needs_identity("GET") && !impaired("drop=3,only=GET").needs_identity("POST"));
}

#[test]
fn what_is_no_stream_passes() {
    let mut alterations = impaired("hold-until-close,hold-head,drop=1,strip-header=Via");
    alterations.cure("pad=100").unwrap();
    let json: [Field; 2] = [("Content-Type", b"application/json"), ("Content-Length", b"20")];
    let small = alterations.for_response("GET", true, json);
    assert!(!holds(&small) && !small.holds_head() && small.strips("via") && !small.changes_length());
    let head = with(&alterations, "HEAD", true, &[]);
    assert!(!head.holds_head() && !holds(&head));
    let endless = alterations.for_response("GET", true, [("Content-Type", b"text/plain".as_slice())]);
    assert!(holds(&endless) && !endless.changes_length(), "held, its bytes untouched");
    let compressed = with(&alterations, "GET", true, &[("Content-Encoding", b"gzip")]);
    assert!(holds(&compressed) && !compressed.changes_length(), "the same");
    assert!(with(&alterations, "GET", true, &[]).changes_length());
    assert!(!effect_of("lag=1s,cut-after=1s").changes_length() && effect_of("cut-after=1s:clean").changes_length());
    assert!(effect(&cured("heartbeat=1s")).changes_length() && effect_of("gzip-noflush").changes_length());
}

fn effect_of(specs: &str) -> Effect {
    effect(&impaired(specs))
}
