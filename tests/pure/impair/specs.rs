//! Specs: what is read, what is written, what is refused and how.

use sse_argo_tester::impair::{Alterations, cures, impairments, profiles};

use super::story::{cured, impaired};

#[test]
fn specs_are_written_as_they_are_read() {
    let cases = [
        "hold-bytes=4096",
        "hold-bytes=4096:whole",
        "hold-time=250ms",
        "cork=205ms",
        "hold-start-bytes=1",
        "hold-start-time=90s",
        "hold-until-close",
        "hold-head",
        "lag=1s",
        "one-event",
        "cut-after=0s:clean",
        "idle-cut=100s:reset",
        "gzip-noflush",
        "drop=3",
        "duplicate=1",
        "reorder=1000000",
        "corrupt=7",
        "silent",
        "hang=2m",
        "strip-header=X-Accel-Buffering",
        "only=POST",
        "keep-origin-open",
        "spares=accel-no,spares=unchunked",
    ];
    for spec in cases {
        assert_eq!(impaired(spec).to_string(), spec);
    }
    assert_eq!(impaired(&cases.join(",")).to_string(), cases.join(","));
    for entry in impairments() {
        assert!(cases.iter().any(|case| case.split('=').next() == Some(entry.name)), "{} is tested", entry.name);
    }
    let all = "heartbeat=15s,pad=4096,pad-every=1s:100,pad-to=32768";
    assert_eq!(cured(all).to_string(), all);
    assert!(cures().iter().all(|entry| all.contains(&format!("{}=", entry.name))));
    assert_eq!(Alterations::default().to_string(), "clear");
}

#[test]
fn values_have_short_forms_and_defaults() {
    let cases = [
        ("hold-bytes=4k", "hold-bytes=4096"),
        ("cut-after=3s", "cut-after=3s:truncated"),
        ("idle-cut=1500:RESET", "idle-cut=1500ms:reset"),
        ("only=get", "only=GET"),
        ("lag=1s, lag=1s", "lag=1s,lag=1s"),
    ];
    for (typed, meant) in cases {
        assert_eq!(impaired(typed), impaired(meant), "{typed}");
        assert_eq!(impaired(typed).to_string(), meant);
    }
    assert_eq!(cured("pad-every=1s,pad=1k,pad=4k"), cured("pad-every=1s:4k,pad=4k"));
}

fn refusal(spec: &str) -> String {
    Alterations::default().impair(spec).unwrap_err().to_string()
}

#[test]
fn what_is_wrong_is_told_with_what_is_allowed() {
    let text = refusal("lag=1s,hold-byte=3");
    assert!(text.starts_with("there is no impairment 'hold-byte=3'; allowed are: hold-bytes=N[:whole] ("), "{text}");
    for entry in impairments() {
        assert!(text.contains(entry.form) && text.contains(entry.takes), "{text}");
    }
    let expected = "impairment 'hold-bytes=0': it must be hold-bytes=N[:whole] (N: 1 to 64m bytes)";
    assert_eq!(refusal("hold-bytes=0"), expected);
    assert_eq!(refusal("hold-bytes"), expected.replace("=0", ""));
    assert_eq!(refusal("silent=1"), "impairment 'silent=1': silent takes no value");
    assert_eq!(refusal("a\x1b[2J"), refusal("a\\u{1b}[2J"));
    assert!(refusal("").starts_with("there is no impairment '';"));
    let text = Alterations::default().like("enovy").unwrap_err().to_string();
    assert!(text.starts_with("there is no profile 'enovy'; allowed are: argo-2024, "), "{text}");
    let text = Alterations::default().like("envoy-15s,cut-after=x").unwrap_err().to_string();
    assert!(text.starts_with("impairment 'cut-after=x': it must be cut-after=D[:"), "{text}");
    let text = Alterations::default().cure("pad=2").unwrap_err().to_string();
    assert_eq!(text, "cure 'pad=2': it must be pad=N (N: 3 to 1m bytes)");
    let text = Alterations::default().cure("beat=2").unwrap_err().to_string();
    assert!(text.starts_with("there is no cure 'beat=2'; allowed are: heartbeat=D (D: 100ms to 1h), pad=N"), "{text}");
}

#[test]
fn every_limit_is_kept() {
    for spec in [
        "hold-bytes=67108865",
        "hold-bytes=1:",
        "hold-bytes=1:half",
        "hold-time=0",
        "hold-time=25h",
        "cork=999us",
        "lag=",
        "cut-after=-1s",
        "cut-after=1s:",
        "cut-after=1s:shut",
        "cut-after=1s:clean:clean",
        "idle-cut=0",
        "drop=0",
        "drop=+1",
        "drop=1000001",
        "drop=1k",
        "strip-header=",
        "strip-header=a b",
        "strip-header=a:b",
        "only=HEAD",
        "spares=all",
        "hold-head,",
        "Hold-head",
    ] {
        assert!(Alterations::default().impair(spec).is_err(), "{spec}");
    }
    for spec in ["hold-bytes=64m", "hold-time=24h", "cork=1ms", "cut-after=0", "hang=0", "drop=1"] {
        assert!(Alterations::default().impair(spec).is_ok(), "{spec}");
    }
    for spec in ["heartbeat=99ms", "heartbeat=61m", "pad=1048577", "pad-every=1s:2", "pad-every=:4k", "pad-to=2"] {
        assert!(Alterations::default().cure(spec).is_err(), "{spec}");
    }
}

#[test]
fn a_bad_list_leaves_everything_as_it_was() {
    let mut alterations = cured("pad=4k");
    assert!(alterations.cure("pad=5k,pad=x").is_err() && alterations.impair("silent,x").is_err());
    assert!(alterations.like("envoy-15s,x").is_err());
    assert_eq!(alterations, cured("pad=4k"));
    assert!(!alterations.is_clear() && Alterations::default().is_clear());
}

#[test]
fn profiles_can_be_changed_and_added_to() {
    let like = |specs: &str| {
        let mut alterations = Alterations::default();
        alterations.like(specs).unwrap();
        alterations.to_string()
    };
    assert_eq!(like("envoy-15s,cut-after=3s"), "cut-after=3s:truncated");
    assert_eq!(like("envoy-15s,cut-after=3s:reset,lag=1s"), "cut-after=3s:reset,lag=1s");
    assert_eq!(like("quick-tunnel-get,only=POST"), "hold-until-close,only=POST");
    let nginx = like("nginx-default");
    assert_eq!(like("nginx-default,hold-bytes=8k:whole"), nginx.replace("4096", "8192:whole"));
    assert_eq!(like("nginx-default,strip-header=Via"), format!("{nginx},strip-header=Via"));
    for profile in profiles() {
        let alterations = like(profile.name);
        assert_eq!(impaired(&alterations), impaired(profile.spec));
        assert!(!profile.text.ends_with('.') && !profile.source.is_empty() && profile.date.starts_with("202"));
        assert_eq!(profiles().iter().filter(|other| other.name == profile.name).count(), 1);
    }
}
