//! What privileges are held on, and which there are.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::words::words;
use crate::model::{Ident, LiveId, ObjectName, SchemaName, Text};

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Object {
    /// A database.
    Database(Ident),
    /// A schema: `DATABASE.SCHEMA`.
    Schema(SchemaName),
    /// A warehouse.
    Warehouse(Ident),
    /// An integration of any sort.
    Integration(Ident),
    /// An external volume.
    ExternalVolume(Ident),
    /// A resource monitor.
    ResourceMonitor(Ident),
    /// A table: `DATABASE.SCHEMA.TABLE`.
    Table(ObjectName),
    /// A view.
    View(ObjectName),
    /// A stage.
    Stage(ObjectName),
    /// A file format.
    FileFormat(ObjectName),
    /// A stream.
    Stream(ObjectName),
    /// A task.
    Task(ObjectName),
    /// A pipe.
    Pipe(ObjectName),
    /// An alert.
    Alert(ObjectName),
    /// A tag.
    Tag(ObjectName),
}

words! {
    /// Many objects of one sort.
    Plural {
        Schemas = "SCHEMAS", Tables = "TABLES", Views = "VIEWS", Stages = "STAGES", FileFormats = "FILE FORMATS", Streams = "STREAMS",
        Tasks = "TASKS", Pipes = "PIPES", Alerts = "ALERTS"
    }
}

/// Where many objects are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Container {
    Database(Ident),
    Schema(SchemaName),
}

/// What privileges are held on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// The account itself.
    Account,
    /// One object.
    One(Object),
    /// All objects of a sort that there are.
    All(Plural, Container),
    /// All objects of a sort that will be created.
    Future(Plural, Container),
}

impl Object {
    /// As GRANT names it.
    fn text(&self) -> Text {
        let of = |words| Text::new(words);
        match self {
            Self::Database(name) => of("DATABASE").name(name),
            Self::Schema(name) => of("SCHEMA").name(name),
            Self::Warehouse(name) => of("WAREHOUSE").name(name),
            Self::Integration(name) => of("INTEGRATION").name(name),
            Self::ExternalVolume(name) => of("EXTERNAL VOLUME").name(name),
            Self::ResourceMonitor(name) => of("RESOURCE MONITOR").name(name),
            Self::Table(name) => of("TABLE").name(name),
            Self::View(name) => of("VIEW").name(name),
            Self::Stage(name) => of("STAGE").name(name),
            Self::FileFormat(name) => of("FILE FORMAT").name(name),
            Self::Stream(name) => of("STREAM").name(name),
            Self::Task(name) => of("TASK").name(name),
            Self::Pipe(name) => of("PIPE").name(name),
            Self::Alert(name) => of("ALERT").name(name),
            Self::Tag(name) => of("TAG").name(name),
        }
    }

    /// The entries that may declare it.
    pub(super) fn ids(&self) -> Vec<LiveId> {
        let id = |kind: &str, name: &dyn fmt::Display| vec![LiveId::new(kind, name)];
        match self {
            Self::Database(name) => id("database", name),
            Self::Schema(name) => id("schema", name),
            Self::Warehouse(name) => id("warehouse", name),
            Self::Integration(name) => {
                ["storage_integration", "notification_integration"].map(|kind| LiveId::new(kind, name)).into()
            }
            Self::ExternalVolume(name) => id("external_volume", name),
            Self::ResourceMonitor(name) => id("resource_monitor", name),
            Self::Table(name) => id("table", name),
            Self::View(name) => id("view", name),
            Self::Stage(name) => id("stage", name),
            Self::FileFormat(name) => id("file_format", name),
            Self::Stream(name) => id("stream", name),
            Self::Task(name) => id("task", name),
            Self::Pipe(name) => id("pipe", name),
            Self::Alert(name) => id("alert", name),
            Self::Tag(name) => id("tag", name),
        }
    }

    /// The object of a row of SHOW GRANTS, whose `granted_on` writes underscores; nothing for sorts of objects that have no word here.
    pub(super) fn shown(granted_on: &str, name: &str) -> Option<Self> {
        let ident = || crate::kind::membership::exact(name).ok();
        let object = || name.parse::<ObjectName>().ok();
        Some(match granted_on.replace('_', " ").to_ascii_uppercase().as_str() {
            "DATABASE" => Self::Database(ident()?),
            "SCHEMA" => Self::Schema(name.parse().ok()?),
            "WAREHOUSE" => Self::Warehouse(ident()?),
            "INTEGRATION" => Self::Integration(ident()?),
            "VOLUME" | "EXTERNAL VOLUME" => Self::ExternalVolume(ident()?),
            "RESOURCE MONITOR" => Self::ResourceMonitor(ident()?),
            "TABLE" => Self::Table(object()?),
            "VIEW" => Self::View(object()?),
            "STAGE" => Self::Stage(object()?),
            "FILE FORMAT" => Self::FileFormat(object()?),
            "STREAM" => Self::Stream(object()?),
            "TASK" => Self::Task(object()?),
            "PIPE" => Self::Pipe(object()?),
            "ALERT" => Self::Alert(object()?),
            "TAG" => Self::Tag(object()?),
            _ => return None,
        })
    }

    fn privileges(&self) -> &'static [&'static str] {
        match self {
            Self::Database(_) => &[
                "USAGE",
                "MODIFY",
                "MONITOR",
                "CREATE SCHEMA",
                "CREATE DATABASE ROLE",
                "REFERENCE_USAGE",
                "APPLYBUDGET",
            ],
            Self::Schema(_) => SCHEMA,
            Self::Warehouse(_) => &["USAGE", "OPERATE", "MODIFY", "MONITOR", "APPLYBUDGET"],
            Self::Integration(_) => &["USAGE", "USE_ANY_ROLE"],
            Self::ExternalVolume(_) | Self::FileFormat(_) => &["USAGE"],
            Self::ResourceMonitor(_) => &["MODIFY", "MONITOR"],
            Self::Table(_) => TABLE,
            Self::View(_) => &["SELECT", "REFERENCES"],
            Self::Stage(_) => STAGE,
            Self::Stream(_) => &["SELECT"],
            Self::Task(_) | Self::Pipe(_) => &["MONITOR", "OPERATE", "APPLYBUDGET"],
            Self::Alert(_) => &["MONITOR", "OPERATE"],
            Self::Tag(_) => &["APPLY", "READ"],
        }
    }
}

/// Source of these lists: Snowflake documentation, "Access control privileges".
const SCHEMA: &[&str] = &[
    "USAGE",
    "MODIFY",
    "MONITOR",
    "CREATE TABLE",
    "CREATE VIEW",
    "CREATE STAGE",
    "CREATE FILE FORMAT",
    "CREATE STREAM",
    "CREATE TASK",
    "CREATE PIPE",
    "CREATE ALERT",
    "CREATE TAG",
    "CREATE NETWORK RULE",
    "CREATE EXTERNAL TABLE",
    "ADD SEARCH OPTIMIZATION",
];
const TABLE: &[&str] =
    &["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "EVOLVE SCHEMA", "APPLYBUDGET"];
/// External stages have USAGE, internal ones READ and WRITE.
const STAGE: &[&str] = &["USAGE", "READ", "WRITE"];
const ACCOUNT: &[&str] = &[
    "CREATE DATABASE",
    "CREATE ROLE",
    "CREATE USER",
    "CREATE WAREHOUSE",
    "CREATE INTEGRATION",
    "CREATE STORAGE INTEGRATION",
    "CREATE NOTIFICATION INTEGRATION",
    "CREATE API INTEGRATION",
    "CREATE EXTERNAL VOLUME",
    "CREATE NETWORK POLICY",
    "EXECUTE TASK",
    "EXECUTE MANAGED TASK",
    "EXECUTE ALERT",
    "EXECUTE MANAGED ALERT",
    "MANAGE GRANTS",
    "MONITOR EXECUTION",
    "MONITOR USAGE",
    "MONITOR SECURITY",
    "APPLY TAG",
    "MANAGE WAREHOUSES",
];

impl Plural {
    /// The privileges that objects of this sort have.
    fn privileges(self) -> &'static [&'static str] {
        match self {
            Self::Schemas => SCHEMA,
            Self::Tables => TABLE,
            Self::Views => &["SELECT", "REFERENCES"],
            Self::Stages => STAGE,
            Self::FileFormats => &["USAGE"],
            Self::Streams => &["SELECT"],
            Self::Tasks | Self::Pipes => &["MONITOR", "OPERATE", "APPLYBUDGET"],
            Self::Alerts => &["MONITOR", "OPERATE"],
        }
    }

    /// The kind of entry that declares one.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Schemas => "schema",
            Self::Tables => "table",
            Self::Views => "view",
            Self::Stages => "stage",
            Self::FileFormats => "file_format",
            Self::Streams => "stream",
            Self::Tasks => "task",
            Self::Pipes => "pipe",
            Self::Alerts => "alert",
        }
    }

    /// How all of them are listed.
    pub(super) fn show(self) -> &'static str {
        match self {
            Self::Schemas => "SHOW SCHEMAS IN",
            Self::Tables => "SHOW TABLES IN",
            Self::Views => "SHOW VIEWS IN",
            Self::Stages => "SHOW STAGES IN",
            Self::FileFormats => "SHOW FILE FORMATS IN",
            Self::Streams => "SHOW STREAMS IN",
            Self::Tasks => "SHOW TASKS IN",
            Self::Pipes => "SHOW PIPES IN",
            Self::Alerts => "SHOW ALERTS IN",
        }
    }

    /// The sort of a row of SHOW FUTURE GRANTS.
    pub(super) fn shown(grant_on: &str) -> Option<Self> {
        let singular = grant_on.replace('_', " ").to_ascii_uppercase();
        Self::read(&format!("{singular}S"))
    }
}

impl Container {
    pub(super) fn text(&self) -> Text {
        match self {
            Self::Database(name) => Text::new("DATABASE").name(name),
            Self::Schema(name) => Text::new("SCHEMA").name(name),
        }
    }

    fn id(&self) -> LiveId {
        match self {
            Self::Database(name) => LiveId::new("database", name),
            Self::Schema(name) => LiveId::new("schema", name),
        }
    }

    /// Whether the live name of an object lies in it.
    fn holds(&self, name: &str) -> bool {
        let prefix = match self {
            Self::Database(name) => format!("{name}."),
            Self::Schema(name) => format!("{name}."),
        };
        name.starts_with(&prefix)
    }
}

impl Target {
    /// What stands behind ON.
    pub(super) fn text(&self) -> Text {
        match self {
            Self::Account => Text::new("ACCOUNT"),
            Self::One(object) => object.text(),
            Self::All(plural, place) => Text::new("ALL").word(plural.word()).word("IN").then(place.text()),
            Self::Future(plural, place) => Text::new("FUTURE").word(plural.word()).word("IN").then(place.text()),
        }
    }

    /// The privileges there are on it.
    pub(super) fn privileges(&self) -> &'static [&'static str] {
        match self {
            Self::Account => ACCOUNT,
            Self::One(object) => object.privileges(),
            Self::All(plural, _) | Self::Future(plural, _) => plural.privileges(),
        }
    }

    /// Whether what is said of this is said of the other too: of all objects of a sort also of each of them.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All(plural, place) | Self::Future(plural, place), Self::One(object)) => {
                object.ids().iter().any(|id| id.kind == plural.kind() && place.holds(&id.name))
            }
            _ => self == other,
        }
    }

    /// What must be there before it: the object, or the container and those of its objects that the spec declares.
    pub(super) fn ids<'a>(&self, declared: impl Iterator<Item = &'a LiveId>) -> Vec<LiveId> {
        match self {
            Self::Account => Vec::new(),
            Self::One(object) => object.ids(),
            Self::Future(_, place) => vec![place.id()],
            Self::All(plural, place) => {
                let inside = declared.filter(|id| id.kind == plural.kind() && place.holds(&id.name));
                [place.id()].into_iter().chain(inside.cloned()).collect()
            }
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}
