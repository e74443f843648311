//! The crate's own source, parsed: what each file uses of other files.
//!
//! A name is followed through re-exports to the file that defines it, so that a `mod.rs` that only passes names on depends
//! on nothing. Code for tests is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

/// A path within the crate, without `crate`.
type Names = Vec<String>;

/// A file, which is a module.
#[derive(Default)]
pub(crate) struct Source {
    /// As in `server/mod.rs`.
    pub(crate) file: String,
    /// The code, without tests at its end.
    pub(crate) code: String,
    module: Names,
    children: BTreeSet<String>,
    /// What `use` brings in: the name here, and the path as it is written.
    imports: Vec<Import>,
    /// Paths in code, as they are written.
    mentions: BTreeSet<Names>,
}

struct Import {
    name: String,
    path: Names,
    /// Others get it from here: it may be here for them alone.
    is_reexport: bool,
}

/// All files of the crate but `main.rs`.
pub(crate) struct Sources(BTreeMap<Names, Source>);

/// Each pair of files of which the first uses the second, with the names that it uses.
pub(crate) type Uses = BTreeMap<(String, String), BTreeSet<String>>;

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

impl Sources {
    pub(crate) fn read() -> Sources {
        let mut sources = Sources(BTreeMap::new());
        sources.add(Vec::new(), Path::new("lib.rs"));
        sources
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = &Source> {
        self.0.values()
    }

    fn add(&mut self, module: Names, file: &Path) {
        let text = fs::read_to_string(folder().join(file)).unwrap();
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
        let name = file.to_str().unwrap().to_owned();
        let mut source = Source { file: name, code, module: module.clone(), ..Source::default() };
        source.visit_file(&parsed);
        let folder = folder_of(file);
        for child in &source.children {
            let path = [module.as_slice(), std::slice::from_ref(child)].concat();
            let flat = folder.join(format!("{child}.rs"));
            let is_flat = self::folder().join(&flat).exists();
            self.add(path, &if is_flat { flat } else { folder.join(child).join("mod.rs") });
        }
        self.0.insert(module, source);
    }

    pub(crate) fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for source in self.files() {
            let imports = source.imports.iter().filter(|import| !import.is_reexport).map(|import| &import.path);
            for path in imports.chain(&source.mentions) {
                let Some(target) = self.absolute(source, path).and_then(|path| self.definer(&path, 0)) else {
                    continue;
                };
                if target.file != source.file {
                    let pair = (source.file.clone(), target.file.clone());
                    uses.entry(pair).or_default().insert(path.last().unwrap().clone());
                }
            }
        }
        uses
    }

    /// A path as it is written in a file, from the crate's root; none for other crates, and for names of the file itself.
    fn absolute(&self, source: &Source, path: &[String]) -> Option<Names> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([&source.module, rest].concat()),
            "super" => {
                let ups = path.iter().take_while(|name| *name == "super").count();
                let kept = source.module.len().checked_sub(ups)?;
                Some([&source.module[..kept], &path[ups..]].concat())
            }
            name if source.children.contains(name) => Some([&source.module, path].concat()),
            name => {
                let import = source.imports.iter().find(|import| import.name == name && import.path != path)?;
                let target = self.absolute(source, &import.path)?;
                Some([&target, rest].concat())
            }
        }
    }

    /// The file that defines what is at a path from the root; none for a module, which is nothing to use by itself.
    fn definer(&self, path: &[String], depth: usize) -> Option<&Source> {
        assert!(depth < 20, "re-exports go round: {path:?}");
        let modules = (0..=path.len()).rev().find(|end| self.0.contains_key(&path[..*end]))?;
        let (source, name) = (&self.0[&path[..modules]], path.get(modules)?);
        match source.imports.iter().find(|import| import.name == *name) {
            Some(import) => {
                let target = self.absolute(source, &import.path)?;
                self.definer(&[&target, &path[modules + 1..]].concat(), depth + 1)
            }
            None => Some(source),
        }
    }
}

/// Where the modules are that a file declares.
fn folder_of(file: &Path) -> PathBuf {
    match file.file_name().unwrap().to_str().unwrap() {
        "lib.rs" | "mod.rs" => file.parent().unwrap().to_owned(),
        _ => file.with_extension(""),
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg = attribute.path().is_ident("cfg");
        is_cfg && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

impl Source {
    /// The first part of its path: its room.
    pub(crate) fn room(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }

    fn import(&mut self, tree: &UseTree, path: &mut Names, is_reexport: bool) {
        let mut add = |name: String, path: Names| self.imports.push(Import { name, path, is_reexport });
        match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.import(&part.tree, path, is_reexport);
                path.pop();
            }
            UseTree::Name(last) if last.ident == "self" => add(path.last().unwrap().clone(), path.clone()),
            UseTree::Name(last) => {
                let name = last.ident.to_string();
                add(name.clone(), [path.as_slice(), &[name]].concat());
            }
            UseTree::Rename(last) => {
                add(last.rename.to_string(), [path.as_slice(), &[last.ident.to_string()]].concat());
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, path, is_reexport)),
            UseTree::Glob(_) => {
                let is_ours = ["crate", "self", "super"].contains(&path[0].as_str());
                assert!(!is_ours, "{}: a glob hides what is used", self.file);
            }
        }
    }

    /// The paths in the arguments of a macro or of an attribute.
    fn scan(&mut self, tokens: TokenStream) {
        let mut path = Names::new();
        // Whether a name that comes now goes on with the path, or is a field's or a method's.
        let (mut colons, mut is_member) = (0, false);
        for token in tokens {
            match token {
                TokenTree::Ident(name) if is_member => drop(name),
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.mentions.insert(std::mem::take(&mut path));
                    }
                    path.push(name.to_string());
                }
                TokenTree::Group(group) => self.scan(group.stream()),
                TokenTree::Punct(mark) => {
                    (colons, is_member) = (if mark.as_char() == ':' { colons + 1 } else { 0 }, mark.as_char() == '.');
                    continue;
                }
                TokenTree::Literal(_) => {}
            }
            (colons, is_member) = (0, false);
        }
        self.mentions.insert(path);
    }
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Const(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !is_test(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        assert!(item.content.is_none(), "{}: a module in a file of another", self.file);
        self.children.insert(item.ident.to_string());
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.import(&item.tree, &mut Vec::new(), !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.mentions.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.scan(item.tokens.clone());
        visit::visit_macro(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.scan(list.tokens.clone());
        }
    }
}
