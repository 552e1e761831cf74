//! Reading the spec's files: the spec itself, what it includes, texts that fields name. Never outside the spec's directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::diagnostic::{Diagnostic, Report};
use super::source::{FileId, Location};
use super::tree::{self, Item, Table, Value};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 4 << 20;
/// The name of the spec in a directory.
const DEFAULT_NAME: &str = "snowssi.toml";

/// The names of sections that are not kinds.
pub(super) const SECTIONS: [&str; 7] = ["stack", "aws", "snowflake", "variable", "local", "output", "include"];

/// Everything the files declare, not evaluated yet.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// `stack`, `aws` and `snowflake`.
    pub(super) settings: BTreeMap<String, Item>,
    pub(super) variables: Table,
    pub(super) locals: Table,
    pub(super) outputs: Table,
    /// The first place of every kind that is used.
    pub(super) kinds: BTreeMap<String, Location>,
    /// By kind and label.
    pub(super) entries: BTreeMap<(String, String), Item>,
}

/// Reads the spec and what it includes. Gives the directory everything must lie in.
pub(super) fn read(path: &Path, report: &mut Report) -> Option<(PathBuf, Declared)> {
    let path = if path.is_dir() { path.join(DEFAULT_NAME) } else { path.to_owned() };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let opened = parent.canonicalize().and_then(|root| Ok((root, path.canonicalize()?)));
    match opened {
        Ok((root, real)) => {
            let mut reader =
                Reader { root, open: Vec::new(), done: BTreeSet::new(), declared: Declared::default(), report };
            reader.file(&path, real, None);
            Some((reader.root, reader.declared))
        }
        Err(error) => {
            let at = report.sources.add_place(&path.display().to_string(), "");
            let summary = format!("cannot read the spec {}: {error}", path.display());
            report.add(
                Diagnostic::error("file", at, summary)
                    .help(format!("give a spec, or a directory with a `{DEFAULT_NAME}`")),
            );
            None
        }
    }
}

struct Reader<'a> {
    root: PathBuf,
    open: Vec<(PathBuf, Option<Location>)>,
    done: BTreeSet<PathBuf>,
    declared: Declared,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, real: PathBuf, named_at: Option<Location>) {
        if let Some(from) = self.open.iter().position(|(open, _)| *open == real) {
            let at = named_at.unwrap_or_else(|| self.report.sources.add_place(&path.display().to_string(), ""));
            let problem = Diagnostic::error("cycle", at, "this file includes itself").detail("closes the circle");
            let by_way = self.open.iter().skip(from + 1).filter_map(|(_, at)| *at);
            self.report.add(by_way.fold(problem, |problem, at| problem.related(at, "by way of this")));
            return;
        }
        if !self.done.insert(real.clone()) {
            return;
        }
        let text = match text_of(&real) {
            Ok(text) => text,
            Err(why) => {
                let at = named_at.unwrap_or_else(|| self.report.sources.add_place(&path.display().to_string(), ""));
                self.report.add(Diagnostic::error("file", at, format!("cannot read {}: {why}", path.display())));
                return;
            }
        };
        let file = self.report.sources.add(path, text);
        let table = match tree::parse(self.report.sources.text(file), file) {
            Ok(table) => table,
            Err(problems) => {
                for problem in problems {
                    self.report.add(problem);
                }
                return;
            }
        };
        self.open.push((real, named_at));
        self.sections(table, path);
        self.open.pop();
    }

    fn sections(&mut self, table: Table, path: &Path) {
        let mut included = None;
        for (name, item) in table {
            match name.as_str() {
                "include" => included = Some(item),
                "stack" | "aws" | "snowflake" => {
                    let shown = format!("the section [{name}]");
                    put(&mut self.declared.settings, name, item, &shown, self.report);
                }
                "variable" | "local" | "output" => {
                    let Value::Table(table) = item.node.value else {
                        let problem = format!("`{name}` is a section of tables: expected `[{name}.NAME]`");
                        let problem =
                            if name == "local" { "`local` is a table: expected `[local]`".into() } else { problem };
                        self.report.add(Diagnostic::error("bad-value", item.node.at, problem));
                        continue;
                    };
                    for (key, item) in table {
                        let shown = format!("`{name}.{key}`");
                        let all = match name.as_str() {
                            "variable" => &mut self.declared.variables,
                            "local" => &mut self.declared.locals,
                            _ => &mut self.declared.outputs,
                        };
                        put(all, key, item, &shown, self.report);
                    }
                }
                _ => self.kind(&name, item),
            }
        }
        if let Some(item) = included {
            self.includes(&item, path);
        }
    }

    fn kind(&mut self, kind: &str, item: Item) {
        let what = item.node.what();
        let Value::Table(labels) = item.node.value else {
            let summary = format!("`{kind}` is {what}, not a section");
            let problem = Diagnostic::error("unknown-section", item.key, summary);
            self.report.add(problem.maybe_help(super::suggest::help(kind, "section", SECTIONS)));
            return;
        };
        self.declared.kinds.entry(kind.to_owned()).or_insert(item.key);
        for (label, item) in labels {
            let shown = format!("`{kind}.{label}`");
            put(&mut self.declared.entries, (kind.to_owned(), label), item, &shown, self.report);
        }
    }

    fn includes(&mut self, item: &Item, path: &Path) {
        let Value::List(names) = &item.node.value else {
            let problem = Diagnostic::error("bad-value", item.node.at, "`include` is a list of file names");
            self.report.add(problem.help("write `include = [\"other.toml\"]`"));
            return;
        };
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        for node in names {
            let Value::Text(name) = &node.value else {
                self.report.add(Diagnostic::error("bad-value", node.at, "`include` is a list of file names"));
                continue;
            };
            match inside(&self.root, &base, name) {
                Ok(real) => self.file(&base.join(name), real, Some(node.at)),
                Err(why) => self.report.add(Diagnostic::error("file", node.at, why)),
            }
        }
    }
}

fn put<K: Ord>(all: &mut BTreeMap<K, Item>, key: K, item: Item, shown: &str, report: &mut Report) {
    match all.entry(key) {
        std::collections::btree_map::Entry::Vacant(free) => {
            free.insert(item);
        }
        std::collections::btree_map::Entry::Occupied(first) => {
            let problem = Diagnostic::error("duplicate", item.key, format!("{shown} is declared twice"));
            report.add(problem.detail("again here").related(first.get().key, "first here"));
        }
    }
}

/// The real path of a file named in a spec, if it lies in the spec's directory.
fn inside(root: &Path, base: &Path, name: &str) -> Result<PathBuf, String> {
    let outside = || format!("`{name}` lies outside the spec's directory");
    // Where it would be, links aside: of what is outside, not even its existence is told.
    let here = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let here = here.canonicalize().map_err(|error| format!("cannot read `{name}`: {error}"))?;
    let mut depth = here.strip_prefix(root).map_or(0, |below| below.components().count());
    for part in Path::new(name).components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir => depth = depth.checked_sub(1).ok_or_else(outside)?,
            Component::RootDir | Component::Prefix(_) => break,
        }
    }
    let real = base.join(name).canonicalize().map_err(|error| format!("cannot read `{name}`: {error}"))?;
    if real.starts_with(root) { Ok(real) } else { Err(outside()) }
}

fn text_of(real: &Path) -> Result<String, String> {
    let meta = std::fs::metadata(real).map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("it is not a file".into());
    }
    if meta.len() > LARGEST {
        return Err(format!("it has {} bytes, at most {LARGEST} are read", meta.len()));
    }
    let bytes = std::fs::read(real).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| format!("it is not UTF-8 (byte {})", error.utf8_error().valid_up_to()))
}

/// Reads a file that a field names, relative to the file in which the field stands.
pub(super) fn read_beside(root: &Path, from: FileId, name: &str, report: &mut Report) -> Result<FileId, String> {
    let base = report.sources.path(from).parent().unwrap_or(Path::new("")).to_owned();
    let real = inside(root, &base, name)?;
    let text = text_of(&real).map_err(|why| format!("cannot read `{name}`: {why}"))?;
    Ok(report.sources.add(&base.join(name), text))
}

/// Reads a file given on the command line, which may lie anywhere.
pub(super) fn read_given(path: &Path, report: &mut Report) -> Result<FileId, String> {
    let text = text_of(path).map_err(|why| format!("cannot read {}: {why}", path.display()))?;
    Ok(report.sources.add(path, text))
}
