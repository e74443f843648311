//! What the report says.

use std::fs;

use serde_json::Value;

use super::super::port_of;
use super::{Set, TOKEN, pids, sidecar};
use crate::common::Origin;
use crate::common::program::Program;

#[test]
fn a_tunnel_that_streams() {
    let set = Set::new();
    let finished = set.run(&["--quick", "--once"]);
    let text = finished.out.join("\n");
    assert_eq!(finished.code, Some(0), "{text}\n{}", finished.said());
    let last = format!("VERDICT real-time hold=none cause=none cure=none url={} protocol=auto", set.url());
    assert_eq!(finished.out.last(), Some(&last));
    for part in ["through cloudflare, cloudflare quick tunnel", "direct", "difference", "one way p50", "✓ plain"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("edge ") && finished.out.len() <= 40, "{text}");
    let said = finished.said();
    assert!(said.contains("waiting for cloudflared") && said.contains(&format!("diagnosing {}", set.url())), "{said}");
    assert!(!said.contains("stream opened") && !said.contains("Registered"), "{said}");
}

#[test]
fn a_quick_tunnel_that_holds_answers_to_get() {
    let set = Set::new().mode("hold");
    let page = set.stage.file("report.html");
    let finished = set.run(&["--once", "--report", page.to_str().unwrap()]);
    let text = finished.out.join("\n");
    assert_eq!(finished.code, Some(1), "{text}\n{}", finished.said());
    let last = format!("VERDICT held-until-close hold=close cause=method cure=post url={} protocol=auto", set.url());
    assert_eq!(finished.out.last(), Some(&last), "{text}");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "✓ real-time ✗ held-until-close",
        "cure post — proven: streamed twice",
        "Cloudflare's edge holds what a quick tunnel answers to GET",
        "neither the origin, which streams on the direct way, nor the tunnel itself, through which POST streams",
        "seen to work: POST; said to work, and not tried here: a named tunnel",
        "TUNNEL_TOKEN=TOKEN cloudflared tunnel",
    ] {
        assert!(words.contains(part), "{part}: {text}");
    }
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("held-until-close") && page.contains("the other path"), "{page}");
}

#[test]
fn the_same_as_json() {
    let set = Set::new().mode("hold");
    let finished = set.run(&["--once", "--json"]);
    assert_eq!((finished.code, finished.out.len()), (Some(1), 1), "{}", finished.said());
    let report = finished.end();
    assert_eq!((&report["schema"], &report["protocol"]), (&1.into(), &"auto".into()));
    assert_eq!(report["public_url"], set.url());
    assert_eq!(
        (&report["direct"]["verdict"], &report["tunnel"]["verdict"]),
        (&"real-time".into(), &"held-until-close".into())
    );
    assert_eq!(
        (&report["tunnel"]["cause"]["id"], &report["tunnel"]["smallest_cure"]),
        (&"method".into(), &"post".into())
    );
    let hop = report["tunnel"]["hop"]["name"].as_str().unwrap();
    assert!(hop.contains("cloudflare quick tunnel"), "{hop}");
    assert!(report["edge"].as_str().unwrap().contains("POST"), "{report}");
    assert_eq!((&report["incidents"], report.get("runs")), (&Value::Array(Vec::new()), None));
}

#[test]
fn a_tunnel_that_is_far_away_is_in_real_time_nonetheless() {
    let set = Set::new().mode("far:150");
    // As far as the origin's clock is known from the far end alone, lags of 150 ms could hide in the round trip.
    let finished = set.run(&["--quick", "--once", "--json", "--within", "140ms"]);
    let report = finished.end();
    assert_eq!(finished.code, Some(0), "{report}");
    let p50 = report["one_way_ms"]["tunnel"]["p50"].as_f64().unwrap();
    assert!((150.0..290.0).contains(&p50), "{p50}");
}

#[test]
fn both_protocols_are_compared() {
    let set = Set::new().with("STAND_IN_MODE_http2", "hold");
    let finished = set.run(&["--quick", "--once", "--protocol", "both"]);
    let text = finished.out.join("\n");
    assert_eq!(finished.code, Some(1), "{text}\n{}", finished.said());
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("direct quic http2 verdict ✓ real-time ✓ real-time ✗ held-until-close"), "{text}");
    let lines: Vec<&str> = finished.out.iter().rev().take(2).map(String::as_str).collect();
    assert!(lines[1].starts_with("VERDICT real-time ") && lines[1].ends_with(" protocol=quic"), "{text}");
    assert!(lines[0].starts_with("VERDICT held-until-close ") && lines[0].ends_with(" protocol=http2"), "{text}");
}

#[test]
fn a_protocol_that_does_not_get_through_is_part_of_the_comparison() {
    let says = "Failed to dial a quic connection error=\"timeout: no recent network activity\"";
    let set = Set::new().with("STAND_IN_MODE_quic", "unready").with("STAND_IN_SAYS", says);
    let finished = set.run(&["--quick", "--once", "--protocol", "both", "--ready-timeout", "5s", "--json"]);
    let report = finished.end();
    assert_eq!(finished.code, Some(3), "{report}");
    assert_eq!((&report["protocol"], &report["tunnel"]["verdict"]), (&"http2".into(), &"real-time".into()));
    let [worked, failed] = report["runs"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert_eq!((&worked["protocol"], &failed["protocol"]), (&"http2".into(), &"quic".into()));
    assert!(failed["error"].as_str().unwrap().contains("QUIC doesn't get through"), "{failed}");
}

#[test]
fn a_named_tunnel_whose_token_appears_nowhere() {
    let set = Set::new().with("TUNNEL_TOKEN", TOKEN);
    let log = set.stage.file("log");
    let args =
        ["--hostname", &set.host(), "--quick", "--once", "--log-level", "trace", "--log-file", log.to_str().unwrap()];
    let program = set.start(&args);
    program.log_line("diagnosing");
    let lines = pids().map(|pid| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default());
    let lines: Vec<String> = lines.map(|line| String::from_utf8_lossy(&line).into_owned()).collect();
    assert!(lines.iter().any(|line| line.contains("acts_as_cloudflared")), "it runs");
    let finished = set.finish(program);
    assert_eq!(finished.code, Some(0), "{}", finished.said());
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("cloudflared: ") && log.contains("token:[token]"), "{log}");
    let text = finished.out.join("\n");
    assert!(text.contains("through cloudflare (") && !text.contains("quick tunnel"), "{text}");
    for place in [&text, &finished.said(), &log].into_iter().chain(&lines) {
        assert!(!place.contains(&TOKEN[..20]), "{place}");
    }
}

#[test]
fn a_sidecar_that_runs_already() {
    let set = Set::new();
    let (stage, cloudflared, url) = sidecar(set.origin);
    let resolve = format!("{}:127.0.0.1", url.as_str().trim_start_matches("https://"));
    let certificate = stage.file("certificate.pem");
    let reached = ["--resolve", &resolve, "--cacert", certificate.to_str().unwrap()];
    let args = [&["--public-url", url.as_str(), "--quick", "--once", "--json"], reached.as_slice()].concat();
    let finished = set.finish(Program::by(set.command(&args)));
    assert_eq!(finished.code, Some(0), "{}", finished.said());
    let report = finished.end();
    assert_eq!((&report["public_url"], &report["protocol"]), (&url.as_str().into(), &Value::Null));
    let p50 = |side: &str| report["one_way_ms"][side]["p50"].as_f64().unwrap();
    assert!(p50("direct") > 0.0 && p50("direct") < 500.0 && p50("tunnel") < 500.0, "{}", report["one_way_ms"]);
    assert!(cloudflared.serves(&url) && !super::is_closed(port_of(&url)), "it is left alone");
}

#[test]
fn a_tunnel_that_leads_to_another_origin() {
    let (set, other) = (Set::new(), Origin::start());
    let (stage, _cloudflared, url) = sidecar(other.address.port());
    let resolve = format!("{}:127.0.0.1", url.as_str().trim_start_matches("https://"));
    let certificate = stage.file("certificate.pem");
    let reached = ["--resolve", &resolve, "--cacert", certificate.to_str().unwrap()];
    let args = [&["--public-url", url.as_str(), "--once"], reached.as_slice()].concat();
    let finished = set.finish(Program::by(set.command(&args)));
    let said = finished.said();
    assert_eq!((finished.code, finished.out.len()), (Some(3), 0), "{said}");
    assert!(said.contains("it leads to another origin than the one on this machine"), "{said}");
    assert!(said.contains("must be the origin on this machine"), "{said}");
}
