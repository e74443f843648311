//! The modules stand on floors, and imports point down only.

use std::fs;
use std::path::{Path, PathBuf};

/// Every module of the crate with its floor.
const FLOORS: [(&str, u8); 22] = [
    ("units", 0),
    ("timestamp", 0),
    ("escape", 0),
    ("sse", 0),
    ("http", 0),
    ("stamp", 0),
    ("schedule", 2),
    ("stats", 1),
    ("impair", 1),
    ("verdict", 2),
    ("report", 3),
    ("shutdown", 4),
    ("lock", 0),
    ("nonce", 4),
    ("client", 4),
    ("server", 5),
    ("probe", 5),
    ("cat", 6),
    ("diagnose", 6),
    ("proxy", 6),
    ("tunnel", 7),
    ("cli", 8),
];

/// The lowest floor that may read a clock, open a socket, start a thread or print.
const EDGE: u8 = 4;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// Every source file of a module with its module's floor, its tests cut off.
fn modules() -> Vec<(PathBuf, u8, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules = Vec::new();
    for path in sources(&src) {
        let relative = path.strip_prefix(&src).unwrap();
        let module = relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if module == "lib" || module == "main" {
            continue;
        }
        let floor = FLOORS.iter().find(|(name, _)| *name == module);
        let (_, floor) = floor.unwrap_or_else(|| panic!("module {module} has no floor"));
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap().to_owned();
        modules.push((path, *floor, code));
    }
    modules
}

#[test]
fn imports_point_down() {
    let modules = modules();
    assert!(modules.len() > 10, "the sources are found");
    for (path, floor, code) in modules {
        let own = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap().to_owned();
        for (name, other) in FLOORS {
            let same_module = own.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs") == name;
            let imported = code.contains(&format!("crate::{name}::")) || code.contains(&format!("crate::{name};"));
            assert!(same_module || !imported || other < floor || (other == 0 && floor == 0), "{path:?} imports {name}");
        }
        assert!(!code.contains("use crate::{"), "{path:?}: one crate import a line, so that this test sees them");
    }
}

#[test]
fn pure_floors_touch_nothing() {
    for (path, floor, code) in modules() {
        if floor >= EDGE {
            continue;
        }
        for impure in ["std::net", "std::thread", "Instant::now", "SystemTime::now", "println!", "std::fs", "std::io"] {
            assert!(!code.contains(impure), "{path:?} uses {impure}");
        }
    }
}

/// The judging core in the page, the twin of `sse::decoder`, `stats` and `verdict`.
fn core() -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("index.html")).unwrap();
    let (_, core) = page.split_once("<script type=\"module\" id=\"core\">").expect("the page has a core");
    core.split_once("</script>").unwrap().0.to_owned()
}

#[test]
fn the_core_of_the_page_touches_nothing() {
    let core = core();
    assert!(core.contains("globalThis.Core = Object.freeze({"), "it gives itself a name");
    let impure = [
        "document.",
        "window.",
        "navigator.",
        "location.",
        "performance.",
        "crypto.",
        "console.",
        "Date.",
        "new Date",
        "Math.random",
        "await ",
        ".then(",
        "EventSource(",
        "XMLHttpRequest",
        "setTimeout",
        "setInterval",
        "Storage",
        "indexedDB",
        "import(",
        "import ",
    ];
    for name in impure {
        assert!(!core.contains(name), "the core uses {name}");
    }
    assert_eq!(core.matches("globalThis").count(), 1, "its name is all that it leaves");
}

/// The names and values of constants, each of them in one line.
fn constants(code: &str) -> impl Iterator<Item = (&str, &str)> {
    let of_line = |line| {
        let (name, value) = str::split_once(line, "const ")?.1.split_once(" = ")?;
        let name = name.split(':').next()?.trim_start_matches("FOREIGN_");
        Some((name, value.strip_suffix(';')?.trim_end_matches(".0")))
    };
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    code.lines().filter_map(of_line).filter(move |(name, _)| is_name(name))
}

#[test]
fn the_core_of_the_page_has_the_same_constants() {
    let twins = modules().into_iter().filter(|(path, ..)| {
        ["sse", "stats", "verdict", "probe"].iter().any(|name| path.iter().any(|part| part == *name))
    });
    let rust: String = twins.map(|(_, _, code)| code).collect();
    let core = core();
    let is_number =
        |value: &str| value.bytes().any(|byte| byte.is_ascii_digit()) && !value.contains(['"', '\'', '*', '[']);
    let numbers: Vec<_> = constants(&core).filter(|(_, value)| is_number(value)).collect();
    assert!(numbers.len() > 20, "{numbers:?}");
    for number in numbers {
        assert!(constants(&rust).any(|other| other == number), "{number:?}");
    }
}
