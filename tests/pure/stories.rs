//! Every story ends as its file says.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sse_argo_tester::report::Report;
use sse_argo_tester::verdict::Judgement;

use crate::story::{self, Story, numbers};

/// Largest difference between numbers that are the same: of milliseconds, from rounding.
const SAME: f64 = 0.001;

/// Whether `found` has all that `expected` has.
fn agrees(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            expected.iter().all(|(key, value)| found.get(key).is_some_and(|found| agrees(found, value)))
        }
        (Value::Number(found), Value::Number(expected)) => {
            (found.as_f64().unwrap() - expected.as_f64().unwrap()).abs() < SAME
        }
        _ => found == expected,
    }
}

fn within(found: Option<u64>, range: Option<[u64; 2]>) -> bool {
    found.zip(range).map_or(found.is_none() && range.is_none(), |(n, [least, most])| (least..=most).contains(&n))
}

/// Tells a story; returns the judgement.
fn tell(name: &str, story: &Story) -> Judgement {
    let Report { streams, verdict, .. } = story.told();
    let about = format!("{name}: {}\n{verdict:#?}", story.about);
    assert_eq!(verdict.verdict.as_str(), story.expect.verdict, "{about}");
    assert_eq!(json!(verdict.hold.kind), json!(story.expect.hold.kind), "{about}");
    assert!(within(verdict.hold.bytes, story.expect.hold.bytes), "{about}");
    assert!(within(verdict.hold.ms, story.expect.hold.ms), "{about}");
    for id in &story.expect.findings {
        assert!(verdict.findings.iter().any(|finding| finding.id.as_str() == id), "no {id} in {about}");
    }
    for stream in &streams {
        let found = numbers(stream);
        let expected = story.expect.streams.get(&stream.spec.name).unwrap_or(&Value::Null);
        assert!(expected.is_null() || agrees(&found, expected), "{name} {}: {found}", stream.spec.name);
    }
    verdict.verdict
}

#[test]
fn every_story_ends_as_it_should() {
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut recorded, mut all) = (0, 0);
    for path in story::files() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let story = Story::read(&path);
        assert!(story.source == "model" || story.source.starts_with("recorded: "), "{name}: {}", story.source);
        (recorded, all) = (recorded + usize::from(story.source != "model"), all + 1);
        *told.entry(tell(name, &story).as_str()).or_default() += 1;
    }
    let rows = [
        "real-time",
        "late-start",
        "batched",
        "lagging",
        "held-until-close",
        "silent",
        "cut",
        "corrupt",
        "inconclusive",
        "not-sse",
    ];
    assert!(recorded * 2 >= all, "{recorded} of {all} stories are recorded");
    for row in rows {
        assert!(told.get(row).is_some_and(|count| *count >= 3), "too few stories of {row}: {told:?}");
    }
}
