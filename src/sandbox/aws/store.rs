//! The world, and where it is kept: `state.json` and one file per object body, each written to a temporary file, synced and renamed, so
//! that a crash leaves the state before or after a call, never between. A body is written before the state that names it and removed after
//! the state that no longer does; bodies nobody names are removed when the directory is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::directory::Directory;
use super::{iam, kms, lock, s3, secrets, sns, sts};
use crate::sandbox::clock::Clock;

/// Everything there is in the account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct World {
    /// Users that policies can name, here and elsewhere.
    pub(super) directory: Directory,
    /// Roles and managed policies.
    pub(super) iam: iam::State,
    /// Keys and aliases, by region.
    pub(super) kms: BTreeMap<String, kms::Region>,
    /// Secrets by region and name.
    pub(super) secrets: BTreeMap<String, BTreeMap<String, secrets::Secret>>,
    /// Topics by region and name.
    pub(super) topics: BTreeMap<String, BTreeMap<String, sns::Topic>>,
    /// Buckets of all regions, by name.
    pub(super) buckets: BTreeMap<String, s3::Bucket>,
    /// Names of buckets of other accounts.
    pub(super) foreign_buckets: BTreeSet<String>,
    /// Queues, topics and functions that notifications can be sent to.
    pub(super) destinations: BTreeSet<String>,
    /// Messages that wait for their queues.
    pub(super) outbox: s3::event::Outbox,
    /// Sessions of roles, by access key.
    #[serde(skip)]
    pub(super) sessions: BTreeMap<String, sts::Session>,
    /// Users and roles that policies cannot name yet; only while a call is answered that is to see it so.
    #[serde(skip)]
    pub(super) strangers: BTreeSet<String>,
    /// The time of everything in it.
    #[serde(skip)]
    pub(super) clock: Arc<Clock>,
}

impl World {
    /// Milliseconds since the epoch.
    pub(super) fn now(&self) -> i64 {
        self.clock.now_ms()
    }
}

/// Where the world and the bodies are kept.
#[derive(Debug)]
pub(super) struct Store {
    place: Place,
    /// Bodies that the next state does not name.
    discarded: Mutex<Vec<String>>,
    clock: Arc<Clock>,
}

#[derive(Debug)]
enum Place {
    /// In this process only.
    Memory(Mutex<BTreeMap<String, Bytes>>),
    /// In a directory.
    Directory(PathBuf),
}

impl Store {
    /// Nothing is kept.
    pub(super) fn in_memory(clock: Arc<Clock>) -> (Self, World) {
        let world = World { clock: Arc::clone(&clock), ..World::default() };
        (Self { place: Place::Memory(Mutex::default()), discarded: Mutex::default(), clock }, world)
    }

    /// Opens a directory and reads the world in it.
    pub(super) fn open(dir: &Path, clock: Arc<Clock>) -> io::Result<(Self, World)> {
        fs::create_dir_all(dir.join("objects"))?;
        let world = load(dir, &clock)?;
        let store = Self { place: Place::Directory(dir.to_owned()), discarded: Mutex::default(), clock };
        store.sweep(&world)?;
        Ok((store, world))
    }

    /// Milliseconds since the epoch.
    pub(super) fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Writes the world.
    pub(super) fn save(&self, world: &World) -> io::Result<()> {
        if let Place::Directory(dir) = &self.place {
            replace(dir, "state.json", &serde_json::to_vec(world)?)?;
        }
        self.remove_discarded();
        Ok(())
    }

    /// Puts the world back as it was written last, after a change that could not be written. Sessions stay: they are never written.
    pub(super) fn restore(&self, world: &mut World) -> io::Result<()> {
        // The bodies that the change gave up are named by the world that comes back.
        lock(&self.discarded).clear();
        if let Place::Directory(dir) = &self.place {
            let before = load(dir, &self.clock)?;
            let sessions = std::mem::take(&mut world.sessions);
            *world = World { sessions, ..before };
        }
        Ok(())
    }

    /// Keeps a body and gives the name it is found under.
    pub(super) fn keep(&self, body: Bytes) -> io::Result<String> {
        let name = uuid::Uuid::new_v4().simple().to_string();
        match &self.place {
            Place::Memory(bodies) => {
                lock(bodies).insert(name.clone(), body);
            }
            Place::Directory(dir) => replace(&dir.join("objects"), &name, &body)?,
        }
        Ok(name)
    }

    /// A body.
    pub(super) fn body(&self, name: &str) -> io::Result<Bytes> {
        match &self.place {
            Place::Memory(bodies) => lock(bodies).get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into()),
            Place::Directory(dir) => fs::read(dir.join("objects").join(name)).map(Bytes::from),
        }
    }

    /// Removes the bodies that the world does not name.
    fn sweep(&self, world: &World) -> io::Result<()> {
        let Place::Directory(dir) = &self.place else { return Ok(()) };
        let named: BTreeSet<&str> = world.buckets.values().flat_map(s3::Bucket::bodies).collect();
        for entry in fs::read_dir(dir.join("objects"))? {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(|name| named.contains(name)) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Notes a body whose object is gone. It is removed after the next [`Self::save`], or at the next opening.
    pub(super) fn discard(&self, name: String) {
        lock(&self.discarded).push(name);
    }

    fn remove_discarded(&self) {
        for name in std::mem::take(&mut *lock(&self.discarded)) {
            match &self.place {
                Place::Memory(bodies) => {
                    lock(bodies).remove(&name);
                }
                Place::Directory(dir) => {
                    // One that stays behind is swept at the next opening.
                    let _ = fs::remove_file(dir.join("objects").join(name));
                }
            }
        }
    }
}

/// The world in a directory; a new one if there is none.
fn load(dir: &Path, clock: &Arc<Clock>) -> io::Result<World> {
    let state = dir.join("state.json");
    let world: World = match fs::read(&state) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| {
            let message = format!("{} is not a state of the sandbox: {error}", state.display());
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => World::default(),
        Err(error) => return Err(error),
    };
    Ok(World { clock: Arc::clone(clock), ..world })
}

fn replace(dir: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let temporary = dir.join(format!("{name}.new"));
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, dir.join(name))
    });
    if let Err(error) = written {
        // What was written of it would only fill a full disk further.
        drop(fs::remove_file(&temporary));
        return Err(error);
    }
    File::open(dir)?.sync_all()
}
