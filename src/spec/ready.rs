//! The ready-made specs, which are part of the program: sources of modules (`source = "snowssi:snowpipe"`), and texts to start from.

use std::path::{Path, PathBuf};

/// What the source of a module begins with if it is a ready-made spec.
pub(super) const PREFIX: &str = "snowssi:";

/// A ready-made spec.
#[derive(Debug)]
pub struct Ready {
    /// Its name.
    pub name: &'static str,
    /// Its files, by name; `README.md` explains it, `snowssi.toml` is the spec.
    pub files: &'static [(&'static str, &'static str)],
}

macro_rules! ready {
    ($($name:literal: $($file:literal),+;)+) => {
        &[$(Ready {
            name: $name,
            files: &[$(($file, include_str!(concat!("../../specs/", $name, "/", $file)))),+],
        }),+]
    };
}

/// All of them, in the order of the README.
pub const SPECS: &[Ready] = ready! {
    "event-pipeline": "README.md", "snowssi.toml", "copy_files.sql";
    "snowpipe": "README.md", "snowssi.toml", "load.sql";
    "guarded-pipeline": "README.md", "snowssi.toml", "load.sql", "count.sql", "failed_loads.sql", "stale_stream.sql",
        "unexpected_volume.sql", "tell_failed_loads.sql", "tell_stale_stream.sql", "tell_unexpected_volume.sql";
    "scheduled-copy": "README.md", "snowssi.toml";
    "analytics-isolation": "README.md", "snowssi.toml", "load.sql";
    "partner-share": "README.md", "snowssi.toml";
    "partner-consumer": "README.md", "snowssi.toml", "load.sql", "qualified_leads.sql";
};

impl Ready {
    /// What it is for, in one sentence: the first of its README.
    pub fn about(&self) -> String {
        let readme = self.file("README.md").unwrap_or_default();
        let paragraph = readme.split("\n\n").find(|text| !text.trim_start().starts_with('#')).unwrap_or_default();
        let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        line.split_inclusive(". ").next().unwrap_or_default().trim_end().to_owned()
    }

    /// One of its files.
    pub fn file(&self, name: &str) -> Option<&'static str> {
        self.files.iter().find(|(file, _)| *file == name).map(|(_, text)| *text)
    }
}

/// The one of this name.
pub fn by_name(name: &str) -> Option<&'static Ready> {
    SPECS.iter().find(|spec| spec.name == name)
}

/// The path under which one of its files is known: `snowssi:snowpipe/load.sql`.
pub(super) fn path(spec: &Ready, file: &str) -> PathBuf {
    Path::new(&format!("{PREFIX}{}", spec.name)).join(file)
}

/// The text at such a path.
pub(super) fn text(path: &Path) -> Result<&'static str, String> {
    let all = SPECS.iter().flat_map(|spec| spec.files.iter().map(move |(file, text)| (self::path(spec, file), *text)));
    let mut found = all.filter(|(known, _)| known == path);
    found.next().map(|(_, text)| text).ok_or_else(|| format!("there is no {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directory_of_specs_is_here_with_all_its_files() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("specs");
        let names = |dir: &Path| -> Vec<String> {
            let entries =
                std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<String> = entries.collect();
            names.sort();
            names
        };
        let mut known: Vec<&str> = SPECS.iter().map(|spec| spec.name).collect();
        known.sort_unstable();
        assert_eq!(names(&root), known);
        for spec in SPECS {
            let mut files: Vec<&str> = spec.files.iter().map(|(file, _)| *file).collect();
            files.sort_unstable();
            assert_eq!(names(&root.join(spec.name)), files, "{}", spec.name);
            assert!(spec.about().ends_with('.'), "{}: {}", spec.name, spec.about());
        }
    }
}
