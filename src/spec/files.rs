//! Reading the spec's files: the spec itself, what it includes, the modules it uses, texts that fields name. Never outside the spec's directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::Draft;
use super::diagnostic::{Diagnostic, Report};
use super::source::{FileId, Location};
use super::tree::{self, Item, Table, Value};
use super::{ready, template};
use crate::model::{Address, ModulePath};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 4 << 20;
/// The name of the spec in a directory.
const DEFAULT_NAME: &str = "snowssi.toml";

/// The names of sections that are not kinds.
pub(super) const SECTIONS: [&str; 11] =
    ["stack", "aws", "snowflake", "variable", "local", "output", "include", "module", "moved", "removed", "data"];

/// Everything a spec or a module declares, not evaluated yet.
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
    /// `[data.KIND.LABEL]`, by kind and label.
    pub(super) lookups: BTreeMap<(String, String), Item>,
    /// `[[moved]]` and `[[removed]]`, in their order.
    pub(super) moves: Vec<(Moving, Item)>,
    /// `[module.LABEL]`, by label.
    pub(super) calls: BTreeMap<String, Call>,
}

/// What becomes of an object whose address the spec no longer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moving {
    /// It has another address.
    Moved,
    /// It is forgotten.
    Removed,
}

/// The use of a module.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) item: Item,
    /// What its source declares; nothing if that could not be read, which is reported.
    pub(super) source: Option<SourceId>,
}

/// One of [`Sheets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SourceId(usize);

/// What the spec declares, and what each module that it uses declares; each source once, however often it is used.
#[derive(Debug, Default)]
pub(super) struct Sheets(Vec<Declared>);

impl Sheets {
    /// What the module at this path declares. Nothing if there is no such module, or if its source could not be read.
    pub(super) fn of(&self, home: &ModulePath) -> Option<&Declared> {
        match home.split() {
            None => self.0.first(),
            Some((outer, step)) => self.0.get(self.of(&outer)?.calls.get(&step.name)?.source?.0),
        }
    }

    /// The spec and all modules.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Declared> {
        self.0.iter()
    }

    /// The table of an entry.
    pub(super) fn entry(&self, at: &Address) -> Option<&Item> {
        let declared = self.of(at.module())?;
        let all = if at.is_data() { &declared.lookups } else { &declared.entries };
        all.get(&(at.kind().to_owned(), at.label().to_owned()))
    }
}

/// Reads the spec, what it includes, the modules it uses, and the draft of another file. Gives the directory everything must lie in.
pub(super) fn read(path: Option<&Path>, draft: Option<&Draft>, report: &mut Report) -> Option<(PathBuf, Sheets)> {
    let Some(path) = path else {
        let path = draft.map(|draft| draft.path.clone()).unwrap_or_default();
        return Some(Modules::read(PathBuf::from("."), &path, Origin::Draft, draft, report));
    };
    let path = if path.is_dir() { path.join(DEFAULT_NAME) } else { path.to_owned() };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let opened = parent.canonicalize().and_then(|root| Ok((root, path.canonicalize()?)));
    match opened {
        Ok((root, real)) => Some(Modules::read(root, &path, Origin::Disk(real), draft, report)),
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

/// Where a text comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// A file, by its real path.
    Disk(PathBuf),
    /// A ready-made spec, by its name.
    Ready(&'static str),
    /// The draft.
    Draft,
}

/// Reads modules, each source once.
struct Modules<'a> {
    root: PathBuf,
    /// Those being read, each with the place that uses it.
    open: Vec<(Origin, Option<Location>)>,
    known: BTreeMap<Origin, SourceId>,
    /// The first is the spec. Empty while one is being read.
    sheets: Vec<Option<Declared>>,
    draft: Option<&'a Draft>,
    report: &'a mut Report,
}

impl<'a> Modules<'a> {
    /// Reads the spec and everything it uses.
    fn read(
        root: PathBuf,
        path: &Path,
        origin: Origin,
        draft: Option<&'a Draft>,
        report: &'a mut Report,
    ) -> (PathBuf, Sheets) {
        let mut modules = Self { root, open: Vec::new(), known: BTreeMap::new(), sheets: Vec::new(), draft, report };
        modules.sheet(path, origin, None);
        let sheets = modules.sheets.into_iter().map(Option::unwrap_or_default).collect();
        (modules.root, Sheets(sheets))
    }

    /// Reads a spec or module and the modules it uses.
    fn sheet(&mut self, path: &Path, origin: Origin, named_at: Option<Location>) -> Option<SourceId> {
        if let Some(from) = self.open.iter().position(|(open, _)| *open == origin) {
            let at = named_at?;
            let problem = Diagnostic::error("cycle", at, "this module uses itself").detail("closes the circle");
            let by_way = self.open.iter().skip(from + 1).filter_map(|(_, at)| *at);
            self.report.add(by_way.fold(problem, |problem, at| problem.related(at, "by way of this")));
            return None;
        }
        if let Some(known) = self.known.get(&origin) {
            return Some(*known);
        }
        let id = SourceId(self.sheets.len());
        self.sheets.push(None);
        self.known.insert(origin.clone(), id);
        // The draft belongs to the spec itself, and stands in for the file that is there.
        let draft = self.draft.filter(|_| id.0 == 0);
        let replaced = draft.and_then(|draft| draft.path.canonicalize().ok()).map(Origin::Disk);
        let mut reader = Reader {
            root: &self.root,
            open: Vec::new(),
            done: replaced.into_iter().collect(),
            declared: Declared::default(),
            draft,
            report: self.report,
        };
        reader.file(path, origin.clone(), named_at);
        if let Some(draft) = draft {
            reader.file(&draft.path, Origin::Draft, None);
        }
        let mut declared = reader.declared;
        self.open.push((origin, named_at));
        for call in declared.calls.values_mut() {
            call.source = self.call(&call.item);
        }
        self.open.pop();
        self.sheets[id.0] = Some(declared);
        Some(id)
    }

    fn call(&mut self, item: &Item) -> Option<SourceId> {
        let source = item.node.table()?.get("source")?;
        let at = source.node.at;
        let Value::Text(name) = &source.node.value else {
            self.report.add(Diagnostic::error("bad-value", at, "`source` is a string"));
            return None;
        };
        if template::is_template(name) {
            let problem =
                Diagnostic::error("bad-value", at, "the source of a module is read before templates are filled in");
            self.report.add(problem.help("write it out"));
            return None;
        }
        if let Some(name) = name.strip_prefix(ready::PREFIX) {
            let Some(found) = ready::by_name(name) else {
                let problem = Diagnostic::error("file", at, format!("there is no ready-made spec `{name}`"));
                let names = ready::SPECS.iter().map(|spec| spec.name);
                self.report.add(problem.maybe_help(super::suggest::help(name, "spec", names)));
                return None;
            };
            return self.sheet(&ready::path(found, DEFAULT_NAME), Origin::Ready(found.name), Some(at));
        }
        let base = self.report.sources.path(at.file).parent().unwrap_or(Path::new("")).to_owned();
        let found = inside(&self.root, &base, name).and_then(|real| {
            let (path, real) = if real.is_dir() {
                (base.join(name).join(DEFAULT_NAME).components().collect(), real.join(DEFAULT_NAME).canonicalize())
            } else {
                (base.join(name), Ok(real))
            };
            let real = real.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            // A link in the module's directory may lead elsewhere, too.
            if real.starts_with(&self.root) { Ok((path, real)) } else { Err(outside(name)) }
        });
        match found {
            Ok((path, real)) => self.sheet(&path, Origin::Disk(real), Some(at)),
            Err(why) => {
                let help = format!(
                    "a source is a directory with a `{DEFAULT_NAME}`, such as `./feed`, or a ready-made spec, such as `snowssi:snowpipe`"
                );
                self.report.add(Diagnostic::error("file", at, why).help(help));
                None
            }
        }
    }
}

/// Reads one spec or module: its file and what that includes.
struct Reader<'a> {
    root: &'a Path,
    open: Vec<(Origin, Option<Location>)>,
    done: BTreeSet<Origin>,
    declared: Declared,
    draft: Option<&'a Draft>,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, origin: Origin, named_at: Option<Location>) {
        if let Some(from) = self.open.iter().position(|(open, _)| *open == origin) {
            let at = named_at.unwrap_or_else(|| self.report.sources.add_place(&path.display().to_string(), ""));
            let problem = Diagnostic::error("cycle", at, "this file includes itself").detail("closes the circle");
            let by_way = self.open.iter().skip(from + 1).filter_map(|(_, at)| *at);
            self.report.add(by_way.fold(problem, |problem, at| problem.related(at, "by way of this")));
            return;
        }
        if !self.done.insert(origin.clone()) {
            return;
        }
        let text = match &origin {
            Origin::Disk(real) => text_of(real),
            Origin::Ready(_) => ready::text(path).map(str::to_owned),
            Origin::Draft => Ok(self.draft.map(|draft| draft.text.clone()).unwrap_or_default()),
        };
        let file = match text {
            Ok(text) => match &origin {
                Origin::Disk(_) | Origin::Draft => self.report.sources.add(path, text),
                Origin::Ready(_) => self.report.sources.add_ready(path, text),
            },
            Err(why) => {
                let at = named_at.unwrap_or_else(|| self.report.sources.add_place(&path.display().to_string(), ""));
                self.report.add(Diagnostic::error("file", at, format!("cannot read {}: {why}", path.display())));
                return;
            }
        };
        let table = match tree::parse(self.report.sources.text(file), file) {
            Ok(table) => table,
            Err(problems) => {
                for problem in problems {
                    self.report.add(problem);
                }
                return;
            }
        };
        self.open.push((origin, named_at));
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
                "module" => self.modules(item),
                "data" => self.lookups(item),
                "moved" => self.moves(Moving::Moved, item),
                "removed" => self.moves(Moving::Removed, item),
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

    fn lookups(&mut self, item: Item) {
        let Value::Table(kinds) = item.node.value else {
            let problem = Diagnostic::error(
                "bad-value",
                item.node.at,
                "`data` is a section of tables: expected `[data.KIND.LABEL]`",
            );
            self.report.add(problem);
            return;
        };
        for (kind, item) in kinds {
            let Value::Table(labels) = item.node.value else {
                let problem = Diagnostic::error("bad-value", item.node.at, format!("expected `[data.{kind}.LABEL]`"));
                self.report.add(problem);
                continue;
            };
            self.declared.kinds.entry(kind.clone()).or_insert(item.key);
            for (label, item) in labels {
                let shown = format!("`data.{kind}.{label}`");
                put(&mut self.declared.lookups, (kind.clone(), label), item, &shown, self.report);
            }
        }
    }

    fn moves(&mut self, what: Moving, item: Item) {
        let word = if what == Moving::Moved { "moved" } else { "removed" };
        let Value::List(items) = item.node.value else {
            let problem = Diagnostic::error(
                "bad-value",
                item.node.at,
                format!("`{word}` is a list of tables: expected `[[{word}]]`"),
            );
            self.report.add(problem);
            return;
        };
        self.declared.moves.extend(items.into_iter().map(|node| (what, Item { key: node.at, node })));
    }

    fn modules(&mut self, item: Item) {
        let Value::Table(labels) = item.node.value else {
            let problem = "`module` is a section of tables: expected `[module.LABEL]`";
            self.report.add(Diagnostic::error("bad-value", item.node.at, problem));
            return;
        };
        for (label, item) in labels {
            match self.declared.calls.get(&label) {
                None => drop(self.declared.calls.insert(label, Call { item, source: None })),
                Some(first) => twice(&format!("`module.{label}`"), item.key, first.item.key, self.report),
            }
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
            match inside(self.root, &base, name) {
                Ok(real) => self.file(&base.join(name), Origin::Disk(real), Some(node.at)),
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
        std::collections::btree_map::Entry::Occupied(first) => twice(shown, item.key, first.get().key, report),
    }
}

fn twice(shown: &str, again: Location, first: Location, report: &mut Report) {
    let problem = Diagnostic::error("duplicate", again, format!("{shown} is declared twice"));
    report.add(problem.detail("again here").related(first, "first here"));
}

fn outside(name: &str) -> String {
    format!("`{name}` lies outside the spec's directory")
}

/// The real path of a file named in a spec, if it lies in the spec's directory.
fn inside(root: &Path, base: &Path, name: &str) -> Result<PathBuf, String> {
    let outside = || outside(name);
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
    if report.sources.is_ready(from) {
        let text = ready::text(&base.join(name))?.to_owned();
        return Ok(report.sources.add_ready(&base.join(name), text));
    }
    let real = inside(root, &base, name)?;
    let text = text_of(&real).map_err(|why| format!("cannot read `{name}`: {why}"))?;
    Ok(report.sources.add(&base.join(name), text))
}

/// Reads a file given on the command line, which may lie anywhere.
pub(super) fn read_given(path: &Path, report: &mut Report) -> Result<FileId, String> {
    let text = text_of(path).map_err(|why| format!("cannot read {}: {why}", path.display()))?;
    Ok(report.sources.add(path, text))
}
