//! The files connections are in, and whether others could read or change them.

use std::path::{Path, PathBuf};

use super::ConnectionError;
use crate::model::Secret;

/// A file as it was found.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What it holds. Any of it may be a secret.
    pub text: Secret,
    /// Its permission bits, where there are such.
    pub mode: Option<u32>,
    /// Whether it belongs to somebody who is neither this user nor root.
    pub foreign: bool,
}

/// Where files come from: the disk, or a test.
pub trait Files {
    /// A file; `None` if it is not there.
    ///
    /// # Errors
    /// It is there, or may be, but cannot be read.
    fn read(&self, path: &Path) -> Result<Option<Kept>, String>;

    /// Whether there is such a directory.
    fn is_directory(&self, path: &Path) -> bool;
}

/// Files of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> Result<Option<Kept>, String> {
        // Opened once, so that what is checked is what is read.
        let mut file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let metadata = file.metadata().map_err(|error| error.to_string())?;
        let mut text = String::new();
        std::io::Read::read_to_string(&mut file, &mut text).map_err(|error| error.to_string())?;
        let (mode, foreign) = protection(&metadata);
        Ok(Some(Kept { text: Secret::new(text), mode, foreign }))
    }

    fn is_directory(&self, path: &Path) -> bool {
        path.is_dir()
    }
}

#[cfg(unix)]
fn protection(metadata: &std::fs::Metadata) -> (Option<u32>, bool) {
    use std::os::unix::fs::MetadataExt;
    // The process's own entry belongs to whom the process runs as. Where there is none, the home directory does.
    let own = std::fs::metadata("/proc/self").ok().or_else(|| std::fs::metadata(std::env::home_dir()?).ok());
    let foreign = metadata.uid() != 0 && own.is_some_and(|own| own.uid() != metadata.uid());
    (Some(metadata.mode() & 0o7777), foreign)
}

#[cfg(not(unix))]
fn protection(_: &std::fs::Metadata) -> (Option<u32>, bool) {
    (None, false)
}

/// Files and variables together: what a connection is looked up in.
pub(super) struct Surroundings<'a> {
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
    pub(super) files: &'a dyn Files,
}

impl Surroundings<'_> {
    /// A variable; an empty one is not set.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.trim().is_empty())
    }

    /// Snowflake's directory: `SNOWFLAKE_HOME` or `~/.snowflake` if it is there, else the platform's place for configuration.
    pub(super) fn home(&self) -> PathBuf {
        let home = self.variable("SNOWFLAKE_HOME").unwrap_or_else(|| "~/.snowflake".to_owned());
        let home = self.expanded(&home);
        if self.files.is_directory(&home) {
            return home;
        }
        if cfg!(target_os = "macos") {
            return self.expanded("~/Library/Application Support/snowflake");
        }
        if cfg!(windows) {
            return self.variable("LOCALAPPDATA").map_or_else(
                || self.expanded("~/AppData/Local/snowflake"),
                |local| PathBuf::from(local).join("snowflake"),
            );
        }
        match self.variable("XDG_CONFIG_HOME") {
            Some(config) => PathBuf::from(config).join("snowflake"),
            None => self.expanded("~/.config/snowflake"),
        }
    }

    /// A path with `~` as the user's home directory.
    pub(super) fn expanded(&self, path: &str) -> PathBuf {
        let home = || self.variable("HOME").or_else(|| self.variable("USERPROFILE")).map(PathBuf::from);
        match (path, path.strip_prefix("~/")) {
            ("~", _) => home().unwrap_or_else(|| PathBuf::from(path)),
            (_, Some(rest)) => home().map_or_else(|| PathBuf::from(path), |home| home.join(rest)),
            (_, None) => PathBuf::from(path),
        }
    }

    /// A file, if nobody else could have changed it.
    pub(super) fn read(&self, path: &Path) -> Result<Option<Kept>, ConnectionError> {
        let unreadable = |why| ConnectionError::Unreadable { file: path.display().to_string(), why };
        let Some(kept) = self.files.read(path).map_err(unreadable)? else { return Ok(None) };
        if kept.foreign {
            return Err(ConnectionError::Foreign { file: path.display().to_string() });
        }
        if kept.mode.is_some_and(|mode| mode & 0o022 != 0) {
            return Err(exposed(path, "can be changed by other users"));
        }
        Ok(Some(kept))
    }

    /// Checks that nobody else can read a file that holds a secret.
    pub(super) fn must_be_private(&self, path: &Path, kept: &Kept) -> Result<(), ConnectionError> {
        let skip = ["SF_SKIP_TOKEN_FILE_PERMISSIONS_VERIFICATION", "SKIP_TOKEN_FILE_PERMISSIONS_VERIFICATION"];
        let skipped =
            skip.iter().any(|name| self.variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true")));
        if !skipped && kept.mode.is_some_and(|mode| mode & 0o044 != 0) {
            return Err(exposed(path, "holds a secret and can be read by other users"));
        }
        Ok(())
    }

    /// A file that holds nothing but a secret.
    pub(super) fn secret(&self, path: &Path) -> Result<Secret, ConnectionError> {
        let Some(kept) = self.read(path)? else {
            return Err(ConnectionError::Unreadable {
                file: path.display().to_string(),
                why: "there is no such file".into(),
            });
        };
        self.must_be_private(path, &kept)?;
        Ok(kept.text)
    }
}

fn exposed(path: &Path, why: &'static str) -> ConnectionError {
    let file = path.display().to_string();
    let plain = file.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+@%".contains(&b));
    let quoted = if plain { file.clone() } else { format!("'{}'", file.replace('\'', "'\\''")) };
    ConnectionError::Exposed { file, quoted, why }
}
