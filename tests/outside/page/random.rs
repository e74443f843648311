//! Stories that were changed at random are judged alike, too, whatever becomes of them.

use std::cell::RefCell;
use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::stories::{core, differs};
use crate::story;

const CASES: u32 = 250;

/// A change of a story: of one of its streams, from one of its events or reads on, by some time or number.
#[derive(Debug, Clone, Copy)]
struct Change {
    what: What,
    stream: usize,
    at: usize,
    by: i64,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Delayed,
    Together,
    Coded,
    Lost,
    Repeated,
    Swapped,
    Damaged,
    Unreadable,
    Restamped,
    Cut,
    EndedOtherwise,
    Unended,
    OfOtherInterval,
    OfOtherSize,
    Endless,
    Shortened,
    Commented,
    Counted,
    Stalled,
    WithoutClock,
    WithOtherClock,
    Tolerated,
    Foreign,
    Twin,
    WithoutStream,
}

const ALL: [What; 25] = [
    What::Delayed,
    What::Together,
    What::Coded,
    What::Lost,
    What::Repeated,
    What::Swapped,
    What::Damaged,
    What::Unreadable,
    What::Restamped,
    What::Cut,
    What::EndedOtherwise,
    What::Unended,
    What::OfOtherInterval,
    What::OfOtherSize,
    What::Endless,
    What::Shortened,
    What::Commented,
    What::Counted,
    What::Stalled,
    What::WithoutClock,
    What::WithOtherClock,
    What::Tolerated,
    What::Foreign,
    What::Twin,
    What::WithoutStream,
];

/// Ends, in the words of stories.
const ENDS: [&str; 5] = ["ours", "clean", "truncated", "reset", "none"];

fn list<'a>(value: &'a mut Value, name: &str) -> &'a mut Vec<Value> {
    value[name].as_array_mut().unwrap()
}

/// Some place in a list.
fn place(list: &[Value], at: usize) -> usize {
    at % list.len().max(1)
}

/// Makes a number another one.
fn add(value: &mut Value, by: i64) {
    if let Some(n) = value.as_i64() {
        *value = json!(n + by);
    }
}

impl Change {
    fn apply(self, story: &mut Value) {
        let Change { at, by, .. } = self;
        match self.what {
            What::Stalled => list(story, "stalls").push(json!([by * 3, by * 5])),
            What::WithoutClock => list(story, "exchanges").clear(),
            What::WithOtherClock => {
                let exchanges = list(story, "exchanges");
                let from = place(exchanges, at);
                exchanges[from..].iter_mut().for_each(|exchange| add(&mut exchange[1], by));
            }
            What::Tolerated => story["within_ms"] = json!(by / 1000),
            What::Foreign => {
                story["ours"] = json!(false);
                let events = list(story, "streams").iter_mut().flat_map(|stream| list(stream, "events"));
                events.for_each(|event| event[1] = Value::Null);
            }
            _ => self.apply_to_streams(list(story, "streams")),
        }
    }

    fn apply_to_streams(self, streams: &mut Vec<Value>) {
        let n = place(streams, self.stream);
        match self.what {
            _ if streams.is_empty() => {}
            What::Twin => {
                let mut twin = streams[n].clone();
                twin["name"] = json!("T");
                list(&mut twin, "events").iter_mut().for_each(|event| add(&mut event[1], self.by));
                list(&mut twin, "reads").iter_mut().for_each(|read| add(&mut read[0], self.by));
                streams.push(twin);
            }
            What::WithoutStream => drop(streams.remove(n)),
            _ => self.apply_to(&mut streams[n]),
        }
    }

    fn apply_to(self, stream: &mut Value) {
        let Change { at, by, .. } = self;
        match self.what {
            What::Delayed => {
                let reads = list(stream, "reads");
                let from = place(reads, at);
                reads[from..].iter_mut().for_each(|read| add(&mut read[0], by));
                add(&mut stream["end"][1], by);
            }
            What::Together => {
                let mut n = 0;
                list(stream, "reads").retain(|_| {
                    n += 1;
                    n % (at + 2) == 0
                });
            }
            What::Coded => {
                for read in list(stream, "reads") {
                    let content = read.get(2).unwrap_or(&read[1]).as_i64().unwrap();
                    *read = json!([read[0], content / (at as i64 + 1), content]);
                }
            }
            What::Cut => {
                let reads = list(stream, "reads");
                reads.truncate(place(reads, at));
                let last_us = reads.last().map_or(0, |read| read[0].as_i64().unwrap());
                stream["end"] = json!([ENDS[at % ENDS.len()], last_us + by]);
            }
            What::EndedOtherwise => stream["end"][0] = json!(ENDS[at % ENDS.len()]),
            What::Unended => stream["end"] = json!(["none", null]),
            What::OfOtherInterval => stream["interval_us"] = json!(by.max(1)),
            What::OfOtherSize => stream["size"] = json!(by),
            What::Endless => stream["count"] = Value::Null,
            What::Counted => stream["count"] = json!(at % 9),
            What::Shortened => list(stream, "events").iter_mut().for_each(|event| add(&mut event[3], -(at as i64 % 3))),
            What::Commented => {
                let ends: Vec<Value> = list(stream, "events").iter().step_by(at + 1).map(|e| e[3].clone()).collect();
                stream["comments"] = json!(ends);
            }
            _ => self.apply_to_events(list(stream, "events")),
        }
    }

    fn apply_to_events(self, events: &mut Vec<Value>) {
        if events.len() < 2 {
            return;
        }
        let (at, by) = (self.at % (events.len() - 1), self.by);
        let next = events[at + 1].clone();
        match self.what {
            What::Lost => drop(events.remove(at)),
            What::Repeated => events[at][0] = next[0].clone(),
            What::Swapped => {
                for n in [0, 1] {
                    events[at + 1][n] = std::mem::replace(&mut events[at][n], next[n].clone());
                }
            }
            What::Damaged => events[at] = json!([events[at][0], events[at][1], events[at][2], events[at][3], 0]),
            What::Unreadable => events[at] = json!([null, null, events[at][2], events[at][3], 0]),
            What::Restamped => events.iter_mut().skip(at).for_each(|event| add(&mut event[1], by)),
            _ => unreachable!("{self:?} is no change of events"),
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    // Times of all sizes, with none of them preferred; and round ones, in the middle between two that are shown.
    let by = (10..23_u32).prop_flat_map(|bits| 0..1_i64 << bits);
    let by = prop_oneof![4 => by, 1 => (1..20_i64).prop_map(|quarters| quarters * 250_000)];
    let parts = (prop::sample::select(&ALL[..]), 0..4_usize, prop_oneof![0..6_usize, 0..100_usize], by);
    parts.prop_map(|(what, stream, at, by)| Change { what, stream, at, by })
}

#[test]
#[ignore = "needs chromium"]
fn changed_stories_are_judged_alike() {
    let files = story::files();
    let stories: Vec<Value> =
        files.iter().map(|path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()).collect();
    let browser = RefCell::new(core());
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let strategy = (0..stories.len(), prop::collection::vec(change(), 1..5));
    let result = runner.run(&strategy, |(n, changes)| {
        let mut story = stories[n].clone();
        changes.iter().for_each(|change| change.apply(&mut story));
        prop_assert_eq!(differs(&mut browser.borrow_mut(), &story), None, "{:?} {:?}", files[n], changes);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}
