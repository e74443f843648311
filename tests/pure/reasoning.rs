//! Reasons are values, and prose is made of them in one place.

use std::fs;
use std::path::{Path, PathBuf};

use sse_argo_tester::verdict::diagnosis::Cause;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of a folder with this ending, those of its folders included.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let of = |path: PathBuf| if path.is_dir() { files(&path, ending) } else { vec![path] };
    paths.flat_map(of).filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

#[test]
fn every_cause_is_documented() {
    let mut docs = fs::read_to_string(root().join("README.md")).unwrap();
    for path in files(&root().join("docs"), "md") {
        docs += &fs::read_to_string(path).unwrap();
    }
    for cause in Cause::ALL {
        assert!(docs.contains(&format!("`{}`", cause.id())), "{}", cause.id());
    }
}

/// A verdict reads summaries, findings and explanations as values: their sentences are made for people.
#[test]
fn no_verdict_reads_prose() {
    let sources = files(&root().join("src/verdict"), "rs");
    assert!(sources.len() > 10, "the sources are found");
    for path in sources {
        // Signatures in answers and header fields are what others wrote.
        let is_of_answers = ["answer", "hop"].iter().any(|name| {
            path.components().any(|part| part.as_os_str().to_string_lossy().trim_end_matches(".rs") == *name)
        });
        let source = fs::read_to_string(&path).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap();
        if path.ends_with("tests.rs") || is_of_answers {
            continue;
        }
        for call in [".contains(\"", ".starts_with(\"", ".ends_with(\"", ".find(\"", ".summary()", ".advice()", ".why."]
        {
            assert!(!code.contains(call), "{path:?} has {call}");
        }
        let is_read = code.contains(".text()") && !path.ends_with("cure.rs");
        assert!(!is_read, "{path:?} reads a sentence");
    }
}
