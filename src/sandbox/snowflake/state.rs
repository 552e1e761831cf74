//! Everything the account holds, keyed by hidden numbers: links between objects are numbers, so an object that is dropped and created
//! again under its old name is another object.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64::Engine as _;
use serde::{Deserialize, Serialize};

use super::external_volume::ExternalVolume;
use super::file_format::FileFormat;
use super::history::{Registration, TaskRun};
use super::integration::Integration;
use super::load::Loads;
use super::notification::Notification;
use super::resource_monitor::ResourceMonitor;
use super::stage::Stage;
use super::stream::Stream;
use super::table::{Table, View};
use super::tag::Tag;
use super::task::Task;
use super::warehouse::Warehouse;

/// A hidden number of an object. 0 stands for the account.
pub(super) type Id = u64;

/// The account, as a target of grants.
pub(super) const ACCOUNT: Id = 0;

/// What kind of thing an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Kind {
    Role,
    DatabaseRole,
    Database,
    Warehouse,
    Integration,
    NotificationIntegration,
    Schema,
    FileFormat,
    Stage,
    Stream,
    Table,
    View,
    Task,
    Pipe,
    ResourceMonitor,
    Alert,
    ExternalVolume,
    Tag,
}

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    Account,
    Database,
    Schema,
}

impl Kind {
    /// As errors and statuses call it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Role => "Role",
            Self::DatabaseRole => "Database role",
            Self::Database => "Database",
            Self::Warehouse => "Warehouse",
            Self::Integration | Self::NotificationIntegration => "Integration",
            Self::Schema => "Schema",
            Self::FileFormat => "File format",
            Self::Stage => "Stage",
            Self::Stream => "Stream",
            Self::Table => "Table",
            Self::View => "View",
            Self::Task => "Task",
            Self::Pipe => "Pipe",
            Self::ResourceMonitor => "Resource monitor",
            Self::Alert => "Alert",
            Self::ExternalVolume => "External volume",
            Self::Tag => "Tag",
        }
    }

    /// As statements call it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Role => "ROLE",
            Self::DatabaseRole => "DATABASE ROLE",
            Self::Database => "DATABASE",
            Self::Warehouse => "WAREHOUSE",
            Self::Integration => "INTEGRATION",
            Self::NotificationIntegration => "NOTIFICATION INTEGRATION",
            Self::Schema => "SCHEMA",
            Self::FileFormat => "FILE FORMAT",
            Self::Stage => "STAGE",
            Self::Stream => "STREAM",
            Self::Table => "TABLE",
            Self::View => "VIEW",
            Self::Task => "TASK",
            Self::Pipe => "PIPE",
            Self::ResourceMonitor => "RESOURCE MONITOR",
            Self::Alert => "ALERT",
            Self::ExternalVolume => "EXTERNAL VOLUME",
            Self::Tag => "TAG",
        }
    }

    /// As SHOW GRANTS calls it.
    pub(super) fn granted_on(self) -> &'static str {
        match self {
            Self::FileFormat => "FILE_FORMAT",
            Self::ResourceMonitor => "RESOURCE_MONITOR",
            Self::NotificationIntegration => "INTEGRATION",
            Self::ExternalVolume => "VOLUME",
            Self::DatabaseRole => "DATABASE_ROLE",
            other => other.words(),
        }
    }

    pub(super) fn home(self) -> Home {
        match self {
            Self::Role
            | Self::Database
            | Self::Warehouse
            | Self::Integration
            | Self::NotificationIntegration
            | Self::ResourceMonitor
            | Self::ExternalVolume => Home::Account,
            Self::Schema | Self::DatabaseRole => Home::Database,
            _ => Home::Schema,
        }
    }

    /// Tables and views share their names, and so do integrations of all kinds.
    fn namespace(self) -> Self {
        match self {
            Self::View => Self::Table,
            Self::NotificationIntegration => Self::Integration,
            other => other,
        }
    }

    /// The kind that a statement means, and the plural in a SHOW. The longer names come first.
    pub(super) const ALL: [Self; 18] = [
        Self::DatabaseRole,
        Self::Role,
        Self::Database,
        Self::Warehouse,
        Self::Integration,
        Self::NotificationIntegration,
        Self::Schema,
        Self::FileFormat,
        Self::Stage,
        Self::Stream,
        Self::Table,
        Self::View,
        Self::Task,
        Self::Pipe,
        Self::ResourceMonitor,
        Self::Alert,
        Self::ExternalVolume,
        Self::Tag,
    ];
}

/// What a database holds beside its schemas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Database {
    pub(super) transient: bool,
}

/// What a schema holds beside its objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Schema {
    pub(super) transient: bool,
    pub(super) managed_access: bool,
}

/// What an object is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Body {
    Role,
    DatabaseRole,
    Database(Database),
    Warehouse(Warehouse),
    Integration(Integration),
    NotificationIntegration(Notification),
    Schema(Schema),
    FileFormat(FileFormat),
    Stage(Box<Stage>),
    Stream(Stream),
    Table(Table),
    View(View),
    Task(Box<Task>),
    Pipe(Box<super::pipe::Pipe>),
    ResourceMonitor(ResourceMonitor),
    Alert(Box<super::alert::Alert>),
    ExternalVolume(ExternalVolume),
    Tag(Tag),
}

impl Body {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Role => Kind::Role,
            Self::DatabaseRole => Kind::DatabaseRole,
            Self::Database(_) => Kind::Database,
            Self::Warehouse(_) => Kind::Warehouse,
            Self::Integration(_) => Kind::Integration,
            Self::NotificationIntegration(_) => Kind::NotificationIntegration,
            Self::Schema(_) => Kind::Schema,
            Self::FileFormat(_) => Kind::FileFormat,
            Self::Stage(_) => Kind::Stage,
            Self::Stream(_) => Kind::Stream,
            Self::Table(_) => Kind::Table,
            Self::View(_) => Kind::View,
            Self::Task(_) => Kind::Task,
            Self::Pipe(_) => Kind::Pipe,
            Self::ResourceMonitor(_) => Kind::ResourceMonitor,
            Self::Alert(_) => Kind::Alert,
            Self::ExternalVolume(_) => Kind::ExternalVolume,
            Self::Tag(_) => Kind::Tag,
        }
    }
}

/// An object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Object {
    pub(super) id: Id,
    /// As stored.
    pub(super) name: String,
    /// Its schema or database; 0 for objects of the account.
    pub(super) parent: Id,
    /// The owning role; none for what the system owns.
    pub(super) owner: Option<Id>,
    /// Milliseconds since the epoch.
    pub(super) created: i64,
    pub(super) comment: String,
    /// Parameters set on this very object.
    pub(super) params: BTreeMap<String, String>,
    pub(super) body: Body,
}

impl Object {
    pub(super) fn kind(&self) -> Kind {
        self.body.kind()
    }
}

/// A privilege that a role or a database role holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Grant {
    pub(super) privilege: String,
    pub(super) role: Id,
    pub(super) with_option: bool,
    /// Who granted it; none for the system.
    pub(super) by: Option<Id>,
    pub(super) created: i64,
}

/// A privilege that new objects of a kind in a container are born with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FutureGrant {
    /// A database or a schema.
    pub(super) container: Id,
    pub(super) kind: Kind,
    pub(super) grant: Grant,
}

/// The account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// The account locator.
    pub(super) locator: String,
    /// Account parameters that differ from their defaults.
    pub(super) params: BTreeMap<String, String>,
    /// The one IAM user that Snowflake made for this account's integrations.
    pub(super) iam_user: String,
    /// The AWS account of Snowflake.
    pub(super) aws_account: String,
    /// The tails of the queues, by bucket region.
    pub(super) queues: BTreeMap<String, String>,
    pub(super) objects: BTreeMap<Id, Object>,
    /// By target.
    pub(super) grants: BTreeMap<Id, Vec<Grant>>,
    #[serde(default)]
    pub(super) future_grants: Vec<FutureGrant>,
    /// Roles and database roles granted to a role or a database role.
    pub(super) role_members: BTreeMap<Id, BTreeSet<Id>>,
    /// Roles granted to a user.
    pub(super) user_roles: BTreeMap<String, BTreeSet<Id>>,
    pub(super) runs: Vec<TaskRun>,
    #[serde(default)]
    pub(super) registrations: Vec<Registration>,
    pub(super) loads: Loads,
    next_id: Id,
    #[serde(skip)]
    index: BTreeMap<(Id, Kind, String), Id>,
}

impl State {
    pub(super) fn database(&self, id: Id) -> Option<&Database> {
        match self.objects.get(&id).map(|o| &o.body) {
            Some(Body::Database(database)) => Some(database),
            _ => None,
        }
    }

    /// A fresh account with its system roles.
    pub(super) fn fresh(now: i64) -> Self {
        let seed = uuid::Uuid::new_v4().simple().to_string().to_lowercase();
        let mut state = Self {
            locator: "SNB07121".to_owned(),
            params: BTreeMap::new(),
            iam_user: format!("{}1-s-{}", seed.get(..4).unwrap_or("abcd"), seed.get(4..12).unwrap_or("self1234")),
            aws_account: "211125400001".to_owned(),
            queues: BTreeMap::new(),
            objects: BTreeMap::new(),
            grants: BTreeMap::new(),
            future_grants: Vec::new(),
            role_members: BTreeMap::new(),
            user_roles: BTreeMap::new(),
            runs: Vec::new(),
            registrations: Vec::new(),
            loads: Loads::default(),
            next_id: 1,
            index: BTreeMap::new(),
        };
        let mut role = |name: &str| state.insert(ACCOUNT, name, None, now, Body::Role);
        let (account_admin, _org, _public) = (role("ACCOUNTADMIN"), role("ORGADMIN"), role("PUBLIC"));
        let (security, sys, user) = (role("SECURITYADMIN"), role("SYSADMIN"), role("USERADMIN"));
        state.role_members.insert(account_admin, BTreeSet::from([security, sys]));
        state.role_members.insert(security, BTreeSet::from([user]));
        for (role, privileges) in [
            (
                account_admin,
                &[
                    "CREATE INTEGRATION",
                    "CREATE EXTERNAL VOLUME",
                    "EXECUTE TASK",
                    "EXECUTE ALERT",
                    "EXECUTE MANAGED ALERT",
                    "EXECUTE MANAGED TASK",
                    "MONITOR EXECUTION",
                    "MONITOR USAGE",
                    "APPLY TAG",
                ][..],
            ),
            (security, &["MANAGE GRANTS"][..]),
            (sys, &["CREATE DATABASE", "CREATE WAREHOUSE"][..]),
            (user, &["CREATE ROLE", "CREATE USER"][..]),
        ] {
            for privilege in privileges {
                state.grants.entry(ACCOUNT).or_default().push(Grant {
                    privilege: (*privilege).to_owned(),
                    role,
                    with_option: true,
                    by: None,
                    created: now,
                });
            }
        }
        state
    }

    /// Reads the account of a sandbox, or makes a fresh one.
    pub(super) fn load(path: &Path, now: i64) -> std::io::Result<Self> {
        match std::fs::read(path) {
            Ok(bytes) => {
                let mut state: Self = serde_json::from_slice(&bytes).map_err(|error| {
                    let text = format!("{} is not the state of a sandbox account: {error}", path.display());
                    std::io::Error::new(std::io::ErrorKind::InvalidData, text)
                })?;
                state.reindex();
                Ok(state)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::fresh(now)),
            Err(error) => Err(error),
        }
    }

    /// Writes the account so that a crash leaves either the old file or the new one.
    pub(super) fn save(&self, path: &Path) -> std::io::Result<()> {
        use std::io::Write as _;
        let bytes = serde_json::to_vec(self).map_err(std::io::Error::other)?;
        let beside = path.with_extension("json.new");
        let written = std::fs::File::create(&beside).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_data()?;
            std::fs::rename(&beside, path)
        });
        // What was written of it would only fill a full disk further.
        written.inspect_err(|_| drop(std::fs::remove_file(&beside)))
    }

    fn reindex(&mut self) {
        self.index = self.objects.values().map(|o| ((o.parent, o.kind().namespace(), o.name.clone()), o.id)).collect();
    }

    /// The ARN of the IAM user that assumes the roles of storage integrations.
    pub(super) fn iam_user_arn(&self) -> String {
        format!("arn:aws:iam::{}:user/{}", self.aws_account, self.iam_user)
    }

    /// The ARN of the IAM user that assumes the roles of external volumes: another one.
    pub(super) fn volume_user_arn(&self) -> String {
        format!("arn:aws:iam::{}:user/{}", self.aws_account, self.iam_user.replacen("-s-", "-v-", 1))
    }

    /// A new external ID for an integration.
    pub(super) fn new_external_id(&self) -> String {
        let random = base64::engine::general_purpose::STANDARD.encode(uuid::Uuid::new_v4().as_bytes());
        format!("{}_SFCRole=2_{random}", self.locator)
    }

    /// A number never given out before.
    pub(super) fn new_id(&mut self) -> Id {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    pub(super) fn insert(&mut self, parent: Id, name: &str, owner: Option<Id>, now: i64, body: Body) -> Id {
        let id = self.new_id();
        self.index.insert((parent, body.kind().namespace(), name.to_owned()), id);
        let object = Object {
            id,
            name: name.to_owned(),
            parent,
            owner,
            created: now,
            comment: String::new(),
            params: BTreeMap::new(),
            body,
        };
        self.objects.insert(id, object);
        id
    }

    /// Removes an object with everything in it and all grants on it; its links elsewhere stay and lead nowhere.
    pub(super) fn remove(&mut self, id: Id) {
        let inside: Vec<Id> = self.children(id).map(|o| o.id).collect();
        for child in inside {
            self.remove(child);
        }
        if let Some(object) = self.objects.remove(&id) {
            if matches!(object.body, Body::Role | Body::DatabaseRole) {
                self.forget_grantee(id);
            }
            self.index.remove(&(object.parent, object.kind().namespace(), object.name));
        }
        self.grants.remove(&id);
        self.loads.forget(id);
        self.future_grants.retain(|future| future.container != id);
    }

    /// What a role or a database role that is gone held, and who held it.
    fn forget_grantee(&mut self, role: Id) {
        for grants in self.grants.values_mut() {
            grants.retain(|grant| grant.role != role);
        }
        self.future_grants.retain(|future| future.grant.role != role);
        self.role_members.remove(&role);
        for members in self.role_members.values_mut().chain(self.user_roles.values_mut()) {
            members.remove(&role);
        }
    }

    pub(super) fn rename(&mut self, id: Id, parent: Id, name: &str) {
        if let Some(object) = self.objects.get_mut(&id) {
            let kind = object.kind().namespace();
            let old = std::mem::replace(&mut object.name, name.to_owned());
            self.index.remove(&(object.parent, kind, old));
            object.parent = parent;
            self.index.insert((parent, kind, name.to_owned()), id);
        }
    }

    pub(super) fn get(&self, id: Id) -> Option<&Object> {
        self.objects.get(&id)
    }

    /// The object of this name; for a table's name this may be a view, and the other way round.
    pub(super) fn find(&self, parent: Id, kind: Kind, name: &str) -> Option<&Object> {
        self.index.get(&(parent, kind.namespace(), name.to_owned())).and_then(|id| self.objects.get(id))
    }

    /// Objects directly in a container, by kind and name.
    pub(super) fn children(&self, parent: Id) -> impl Iterator<Item = &Object> {
        self.index
            .range((parent, Kind::Role, String::new())..)
            .take_while(move |((of, _, _), _)| *of == parent && parent != ACCOUNT)
            .filter_map(|(_, id)| self.objects.get(id))
    }

    /// Objects of one kind directly in a container (or in the account), by name.
    pub(super) fn of_kind(&self, parent: Id, kind: Kind) -> impl Iterator<Item = &Object> {
        let space = kind.namespace();
        self.index
            .range((parent, space, String::new())..)
            .take_while(move |((of, found, _), _)| *of == parent && *found == space)
            .filter_map(|(_, id)| self.objects.get(id))
            .filter(move |object| object.kind() == kind)
    }

    /// The names from the database down to the object.
    pub(super) fn path(&self, id: Id) -> Vec<&str> {
        let mut parts = Vec::new();
        let mut at = id;
        while let Some(object) = self.objects.get(&at) {
            parts.push(object.name.as_str());
            at = object.parent;
        }
        parts.reverse();
        parts
    }

    /// The full name, each part quoted only where it must be.
    pub(super) fn full_name(&self, id: Id) -> String {
        self.path(id).into_iter().map(quoted_if_needed).collect::<Vec<_>>().join(".")
    }

    /// The full name without any quotes, as many errors print it.
    pub(super) fn bare_name(&self, id: Id) -> String {
        self.path(id).join(".")
    }

    /// The database and the schema of an object in a schema.
    pub(super) fn container_names(&self, object: &Object) -> (String, String) {
        let path = self.path(object.parent);
        (path.first().copied().unwrap_or_default().to_owned(), path.get(1).copied().unwrap_or_default().to_owned())
    }

    pub(super) fn role_id(&self, name: &str) -> Option<Id> {
        self.find(ACCOUNT, Kind::Role, name).map(|o| o.id)
    }

    /// The name of a role, for owner columns; empty for the system.
    pub(super) fn role_name(&self, id: Option<Id>) -> String {
        id.and_then(|id| self.get(id)).map(|o| o.name.clone()).unwrap_or_default()
    }
}

macro_rules! typed {
    ($($get:ident, $get_mut:ident, $variant:ident, $body:ty;)*) => {
        impl State {$(
            pub(super) fn $get(&self, id: Id) -> Option<&$body> {
                match self.objects.get(&id).map(|o| &o.body) {
                    Some(Body::$variant(body)) => Some(body),
                    _ => None,
                }
            }

            pub(super) fn $get_mut(&mut self, id: Id) -> Option<&mut $body> {
                match self.objects.get_mut(&id).map(|o| &mut o.body) {
                    Some(Body::$variant(body)) => Some(body),
                    _ => None,
                }
            }
        )*}
    };
}

typed! {
    schema, schema_mut, Schema, Schema;
    warehouse, warehouse_mut, Warehouse, Warehouse;
    integration, integration_mut, Integration, Integration;
    notification, notification_mut, NotificationIntegration, Notification;
    file_format, file_format_mut, FileFormat, FileFormat;
    stage, stage_mut, Stage, Stage;
    stream, stream_mut, Stream, Stream;
    table, table_mut, Table, Table;
    view, view_mut, View, View;
    task, task_mut, Task, Task;
    pipe, pipe_mut, Pipe, super::pipe::Pipe;
    resource_monitor, resource_monitor_mut, ResourceMonitor, ResourceMonitor;
    alert, alert_mut, Alert, super::alert::Alert;
    external_volume, external_volume_mut, ExternalVolume, ExternalVolume;
    tag, tag_mut, Tag, Tag;
}

/// A part of a full name, quoted only when it is not a plain upper-case identifier.
pub(super) fn quoted_if_needed(part: &str) -> String {
    let mut chars = part.chars();
    let plain = chars.next().is_some_and(|c| c.is_ascii_uppercase() || c == '_')
        && chars.all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_' || c == '$');
    if plain { part.to_owned() } else { format!("\"{}\"", part.replace('"', "\"\"")) }
}
