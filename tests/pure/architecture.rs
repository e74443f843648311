//! The rooms stand on floors, imports point down and never form a circle, and files and functions are short.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, Signature};

use crate::source::{self, Sources, Uses};

/// Every room of the crate with its floor.
const FLOORS: [(&str, u8); 27] = [
    ("lib", 0),
    ("units", 0),
    ("timestamp", 0),
    ("escape", 0),
    ("sse", 0),
    ("http", 0),
    ("stamp", 0),
    ("lock", 0),
    ("schedule", 1),
    ("stats", 1),
    ("impair", 1),
    ("verdict", 2),
    ("report", 3),
    ("judge", 3),
    ("shutdown", 4),
    ("nonce", 4),
    ("client", 4),
    ("server", 4),
    ("broadcast", 4),
    ("site", 4),
    ("origin", 5),
    ("probe", 5),
    ("cat", 5),
    ("proxy", 5),
    ("diagnose", 6),
    ("tunnel", 7),
    ("cli", 8),
];

/// The lowest floor that may read a clock, open a socket, start a thread or print.
const EDGE: u8 = 4;

/// The most lines of a file, and of a function.
const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 60;

/// Circles that are still to be undone: the files of each.
const CIRCLES: &[&str] = &[];
/// Files and functions that are still to be shortened.
const LONG: &[&str] = &[
    "http/request.rs",
    "proxy/relay.rs",
    "schedule/plan.rs",
    "verdict/answer/tests.rs products_are_known_by_their_marks",
];

fn floor(room: &str) -> u8 {
    FLOORS.iter().find(|(name, _)| *name == room).unwrap_or_else(|| panic!("room {room} has no floor")).1
}

/// The room of a file.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

/// Sets of files of which each uses the others, be it through others of them.
fn circles(uses: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<BTreeSet<String>> {
    let reached = |start: &str| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![start.to_owned()]);
        while let Some(file) = next.pop() {
            let used = uses.get(&*file).into_iter().flatten();
            next.extend(used.filter(|used| reached.insert((**used).to_owned())).map(|used| (*used).to_owned()));
        }
        reached
    };
    let all: BTreeMap<&str, BTreeSet<String>> = uses.keys().map(|file| (*file, reached(file))).collect();
    let circle_of = |file: &str| -> BTreeSet<String> {
        let used = all[file].iter();
        used.filter(|other| all.get(&***other).is_some_and(|reached| reached.contains(file))).cloned().collect()
    };
    let mut circles: Vec<_> = all.keys().map(|file| circle_of(file)).filter(|circle| !circle.is_empty()).collect();
    circles.sort();
    circles.dedup();
    circles
}

/// Which file uses which.
fn graph(uses: &Uses) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut graph = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (file, used) in uses.keys() {
        graph.entry(file).or_default().insert(used);
    }
    graph
}

/// What ties a circle: each use of one of its files by another.
fn ties(uses: &Uses, circle: &BTreeSet<String>) -> String {
    let inside = uses.iter().filter(|((file, used), _)| circle.contains(file) && circle.contains(used));
    let lines = inside.map(|((file, used), names)| format!("  {file} uses {used}: {names:?}\n"));
    lines.collect()
}

#[test]
fn no_imports_form_a_circle() {
    let uses = Sources::read().uses();
    assert!(uses.len() > 100, "the imports are found");
    let circles = circles(&graph(&uses));
    let name = |circle: &BTreeSet<String>| circle.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let new: Vec<_> = circles.iter().filter(|circle| !CIRCLES.contains(&&*name(circle))).collect();
    let told = new.iter().map(|circle| format!("{}\n{}", name(circle), ties(&uses, circle)));
    assert!(new.is_empty(), "{}", told.collect::<String>());
    let gone: Vec<_> = CIRCLES.iter().filter(|known| !circles.iter().any(|circle| name(circle) == **known)).collect();
    assert!(gone.is_empty(), "undone, and to be struck from the list: {gone:?}");
}

#[test]
fn imports_point_down() {
    let uses = Sources::read().uses();
    let mut rooms = BTreeMap::<&str, BTreeSet<&str>>::new();
    for ((file, used), names) in &uses {
        let (own, other) = (room(file), room(used));
        assert!(floor(other) <= floor(own), "{file} uses {used}, which is above it: {names:?}");
        if own != other {
            rooms.entry(own).or_default().insert(other);
        }
    }
    assert_eq!(circles(&rooms), [], "rooms that use each other");
}

#[test]
fn pure_floors_touch_nothing() {
    for source in Sources::read().files().filter(|source| floor(source.room()) < EDGE) {
        for impure in ["std::net", "std::thread", "Instant::now", "SystemTime::now", "println!", "std::fs", "std::io"] {
            assert!(!source.code.contains(impure), "{} uses {impure}", source.file);
        }
    }
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { all_files(&path) } else { vec![path] }).collect()
}

/// The functions of a file that are too long.
struct Functions(Vec<String>);

impl Functions {
    fn look(&mut self, signature: &Signature, body: &Block) {
        let lines = body.span().end().line - signature.span().start().line + 1;
        if lines > FUNCTION_LINES {
            self.0.push(signature.ident.to_string());
        }
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.look(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.look(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }
}

#[test]
fn files_and_functions_are_short() {
    let mut long = Vec::new();
    for path in all_files(&source::folder()).into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs"))
    {
        let text = fs::read_to_string(&path).unwrap();
        let file = path.strip_prefix(source::folder()).unwrap().to_str().unwrap().to_owned();
        if text.lines().count() > FILE_LINES {
            long.push(file.clone());
        }
        let mut functions = Functions(Vec::new());
        functions.visit_file(&syn::parse_file(&text).unwrap());
        long.extend(functions.0.into_iter().map(|function| format!("{file} {function}")));
    }
    long.sort();
    assert_eq!(
        long, LONG,
        "files over {FILE_LINES} lines, functions over {FUNCTION_LINES}; left: what there is, right: what is known"
    );
}
