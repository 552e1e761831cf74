//! The texts a spec is made of, and places in them.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::model::Secret;

/// One of the [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(usize);

/// A range of bytes in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The file.
    pub file: FileId,
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Location {
    /// A range of bytes in a file.
    pub fn new(file: FileId, span: Range<usize>) -> Self {
        Self { file, start: span.start, end: span.end.max(span.start) }
    }
}

/// Every text that was read, in the order of reading: the spec, what it includes, variable files, files named by fields.
///
/// Places that are not in a file (`--var`, environment variables) are kept as one-line texts, so that a diagnostic can point at them too.
#[derive(Clone, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
    secrets: Vec<Secret>,
}

#[derive(Clone)]
struct SourceFile {
    path: PathBuf,
    text: String,
    origin: Origin,
}

/// Where a text comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// A file.
    Disk,
    /// A ready-made spec, which is part of the program.
    Ready,
    /// An option, or a variable of the environment.
    Given,
}

/// Secrets shorter than this many bytes cannot be told from ordinary text and are not searched for.
const SHORTEST_SECRET: usize = 3;

impl Sources {
    /// Adds the text of a file.
    pub(super) fn add(&mut self, path: &Path, text: String) -> FileId {
        self.files.push(SourceFile { path: path.into(), text, origin: Origin::Disk });
        FileId(self.files.len() - 1)
    }

    /// Adds a text of a ready-made spec.
    pub(super) fn add_ready(&mut self, path: &Path, text: String) -> FileId {
        self.files.push(SourceFile { path: path.into(), text, origin: Origin::Ready });
        FileId(self.files.len() - 1)
    }

    /// Whether a text is part of a ready-made spec.
    pub(super) fn is_ready(&self, file: FileId) -> bool {
        self.files.get(file.0).is_some_and(|file| file.origin == Origin::Ready)
    }

    /// Adds a place that is not a file, such as an option on the command line; gives the location of the whole text.
    pub(super) fn add_place(&mut self, name: &str, text: &str) -> Location {
        self.files.push(SourceFile { path: name.into(), text: text.into(), origin: Origin::Given });
        Location::new(FileId(self.files.len() - 1), 0..text.len())
    }

    /// Hides a value wherever a text of ours is shown.
    pub(super) fn hide(&mut self, secret: &str) {
        if secret.len() >= SHORTEST_SECRET {
            self.secrets.push(Secret::new(secret));
        }
    }

    /// Replaces every hidden value in a text, also as it stands in SQL and in escaped lines.
    pub fn redact(&self, text: &str) -> String {
        let forms = self.secrets.iter().flat_map(|secret| forms(secret.expose()));
        forms.fold(text.to_owned(), |text, form| text.replace(&form, "(sensitive)"))
    }

    /// The path of a file, as it was given or reached from what was given.
    pub fn path(&self, file: FileId) -> &Path {
        self.files.get(file.0).map_or(Path::new(""), |file| &file.path)
    }

    /// The text of a file as it was read. It may hold sensitive values: for digests, not for showing.
    pub fn text(&self, file: FileId) -> &str {
        self.files.get(file.0).map_or("", |file| &file.text)
    }

    /// The files, those of ready-made specs among them, in the order of reading, with their texts; for digests.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files
            .iter()
            .filter(|file| file.origin != Origin::Given)
            .map(|file| (file.path.as_path(), file.text.as_str()))
    }

    /// The text of a file for showing: hidden values are masked, every byte keeps its place.
    pub(super) fn shown(&self, file: FileId) -> String {
        let mask = |text: String, secret: &Secret| {
            let secret = secret.expose();
            text.replace(secret, &"*".repeat(secret.len()))
        };
        self.secrets.iter().fold(self.text(file).to_owned(), mask)
    }

    /// The beginning of the first file.
    pub(super) fn start() -> Location {
        Location::new(FileId(0), 0..0)
    }

    /// Line and column of a place, both counted from 1, columns in characters.
    pub fn line_column(&self, at: Location) -> (usize, usize) {
        let text = self.text(at.file);
        let before = text.get(..floor(text, at.start)).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// How a secret looks where it is shown: as it is; in a SQL literal; on one line; and, if it has several lines, each line that is long
/// enough to be told from ordinary text.
fn forms(secret: &str) -> Vec<String> {
    const LONG: usize = 8;
    let doubled = secret.replace('\\', "\\\\").replace('\'', "''");
    let one_line = |text: &str| text.replace('\n', "\\n").replace('\t', "\\t");
    let mut forms = vec![secret.to_owned(), one_line(secret), one_line(&doubled), doubled];
    forms.extend(secret.lines().map(str::trim).filter(|line| line.len() >= LONG).map(ToOwned::to_owned));
    forms
}

/// The nearest character boundary at or before a byte.
pub(super) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Paths only: the texts may hold sensitive values.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.files.iter().map(|file| &file.path)).finish()
    }
}
