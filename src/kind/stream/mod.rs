//! Streams: what changed in a stage's directory, a table or a view since it was last consumed.
//!
//! A stream is little more than an offset. Only its comment can be altered; everything else is a new stream, whose offset is *now*:
//! what the old one had not handed out yet is lost. So nothing that has no meaning after creation is ever compared, and replacement is
//! always visible as one. A stream is bound to the object its source was when it was created, not to the name: if the source is
//! replaced, the stream is replaced too.

mod spec;

use std::collections::BTreeMap;

use super::export::Export;
use super::{Attribute, Cx, Entry, Field, Fields, Gift, Kind, OnReplace, Part, Problem, Ref, Source as From};
use super::{qualified, show};
use crate::cloud::{Cloud, CloudError, Row, Which};
use crate::model::{Address, Context, Diff, Found, Ident, LiveId, Mark, ObjectName, Observed, Op, Shown, Text};
pub use spec::{Offset, Spec};

/// The kind `stream`.
#[derive(Debug)]
pub struct Stream;

/// What a stream listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum On {
    /// The directory table of a stage.
    Stage,
    /// A table.
    Table,
    /// A view.
    View,
    /// An external table.
    ExternalTable,
    /// A dynamic table.
    DynamicTable,
}

/// Which changes a stream hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Inserts, updates and deletes.
    Default,
    /// Inserts only, of tables and views.
    AppendOnly,
    /// New rows only, of external tables.
    InsertOnly,
}

/// The properties of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: ObjectName,
    mark: Option<Mark>,
    comment: String,
    on: On,
    /// Absent where the source is gone, or hidden from the role.
    source: Option<ObjectName>,
    mode: Mode,
    /// Only meaningful for creation.
    show_initial_rows: bool,
    /// Only meaningful for creation.
    from: Option<(spec::Side, Offset)>,
    /// Why the live stream cannot hand out anything any more.
    broken: Option<&'static str>,
}

impl On {
    const ALL: [Self; 5] = [Self::Stage, Self::Table, Self::View, Self::ExternalTable, Self::DynamicTable];

    /// The field that names the source; also the words of the statement, but for case and underscores.
    fn field(self) -> &'static str {
        match self {
            Self::Stage => "on_stage",
            Self::Table => "on_table",
            Self::View => "on_view",
            Self::ExternalTable => "on_external_table",
            Self::DynamicTable => "on_dynamic_table",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Stage => "ON STAGE",
            Self::Table => "ON TABLE",
            Self::View => "ON VIEW",
            Self::ExternalTable => "ON EXTERNAL TABLE",
            Self::DynamicTable => "ON DYNAMIC TABLE",
        }
    }

    /// The kind of the entry that may declare the source.
    fn kind(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Table => "table",
            Self::View => "view",
            Self::ExternalTable => "external_table",
            Self::DynamicTable => "dynamic_table",
        }
    }

    /// Reads the column `source_type`; its case differs between releases.
    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_uppercase().as_str() {
            "STAGE" => Some(Self::Stage),
            "TABLE" | "EVENT TABLE" => Some(Self::Table),
            "VIEW" => Some(Self::View),
            "EXTERNAL TABLE" => Some(Self::ExternalTable),
            "DYNAMIC TABLE" => Some(Self::DynamicTable),
            _ => None,
        }
    }
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Self::Default => "DEFAULT",
            Self::AppendOnly => "APPEND_ONLY",
            Self::InsertOnly => "INSERT_ONLY",
        }
    }
}

impl Kind for Stream {
    const NAME: &'static str = "stream";
    const SIDE: super::Side = super::Side::Snowflake;
    const ABOUT: &'static str =
        "A stream: the changes of a stage's directory, a table or a view since they were last consumed.";
    const EXAMPLE: &'static str = r#"
[database.events]
name = "EVENTS"

[stage.inbound]
schema = "EVENTS.PUBLIC"
name = "INBOUND"
url = "s3://inbound-events-example/"
directory = { enable = true, refresh = false }

[stream.inbound_files]
schema = "EVENTS.PUBLIC"
name = "INBOUND_FILES"
on_stage = "EVENTS.PUBLIC.INBOUND"
"#;
    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "The stream's name.", from: From::Field("name") },
            Attribute { name: "schema", about: "The schema it is in.", from: From::Field("schema") },
            qualified::FQN,
        ]
    }

    fn id(spec: &Spec, _: &Context) -> LiveId {
        LiveId::new(Self::NAME, spec.full_name())
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        spec::check(spec)
    }

    fn gifts(entry: &Entry<Spec>, context: &Context) -> Vec<Gift> {
        let stage = entry.spec.on_stage.iter().map(|stage| LiveId::new("stage", stage));
        stage.map(|stage| Gift::Watches { stage, by: Self::id(&entry.spec, context) }).collect()
    }

    fn want(entry: &Entry<Spec>, _: Cx<'_>) -> Props {
        let Entry { at: _, mark, spec } = entry;
        let (on, source) = spec.source();
        let mode = match on {
            On::ExternalTable => Mode::InsertOnly,
            On::Stage | On::Table | On::View | On::DynamicTable if spec.append_only => Mode::AppendOnly,
            On::Stage | On::Table | On::View | On::DynamicTable => Mode::Default,
        };
        Props {
            name: spec.full_name(),
            mark: Some(mark.clone()),
            comment: spec.comment.clone(),
            on,
            source,
            mode,
            show_initial_rows: spec.show_initial_rows,
            from: spec.from(),
            broken: None,
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props { name, mark: _, comment, on, source, mode, show_initial_rows, from, broken: _ } = props;
        let source = |which: On| source.iter().filter(|_| which == *on).map(ToString::to_string).next();
        let mut fields = vec![
            Field::replaces("schema", Some(name.schema.to_string())),
            Field::replaces("name", Some(name.name.to_string())),
        ];
        fields.extend(On::ALL.map(|which| Field::replaces(which.field(), source(which))));
        fields.push(Field::replaces("mode", Some(mode.word())));
        fields.push(Field::create_only("show_initial_rows", show_initial_rows.then_some(true)));
        for side in [spec::Side::At, spec::Side::Before] {
            let shown = from.iter().find(|(which, _)| *which == side).map(|(_, offset)| offset.to_string());
            fields.push(Field::create_only(side.field(), shown));
        }
        fields.push(Field::in_place("comment", (!comment.is_empty()).then(|| Shown::from(comment.as_str()))));
        fields
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    fn refs(props: &Props) -> Vec<Ref> {
        let mut refs = qualified::home(&props.name.schema);
        refs.extend(props.source.iter().map(|source| Ref {
            to: LiveId::new(props.on.kind(), source),
            why: "what it listens to",
            on_replace: OnReplace::Replace,
        }));
        refs
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let names: Vec<ObjectName> = entries.iter().map(|entry| entry.spec.full_name()).collect();
        let listing = show::objects(cloud.snowflake()?, "SHOW STREAMS", &names).await?;
        let mut found = BTreeMap::new();
        for (name, row) in listing.index(show::object_of)? {
            if let Some(props) = read(&name, row)? {
                found.insert(name, Found { props, facts: BTreeMap::new() });
            }
        }
        Ok(show::observed::<Self, _>(entries, context, Spec::full_name, found))
    }

    fn create(_: &Address, want: &Props) -> Vec<Part> {
        let Props { name, mark, comment, on, source, mode, show_initial_rows, from, broken: _ } = want;
        let Some(source) = source else { return Vec::new() };
        let mut text = Text::new("CREATE STREAM").name(name).word(on.words()).name(source);
        if let Some((side, offset)) = from {
            text = text.word(side.words()).then(offset.text()).word(")");
        }
        text = match mode {
            Mode::Default => text,
            Mode::AppendOnly => text.word("APPEND_ONLY = TRUE"),
            Mode::InsertOnly => text.word("INSERT_ONLY = TRUE"),
        };
        if *show_initial_rows {
            text = text.word("SHOW_INITIAL_ROWS = TRUE");
        }
        vec![Part::main(vec![Op::sql(text.word("COMMENT =").literal(marked(mark.as_ref(), comment)))])]
    }

    fn alter(_: &Address, want: &Props, _: &Props, changed: &Diff) -> Vec<Part> {
        if !changed.has("comment") && !changed.has("mark") {
            return Vec::new();
        }
        let comment = marked(want.mark.as_ref(), &want.comment);
        vec![Part::main(vec![Op::sql(
            Text::new("ALTER STREAM").name(&want.name).word("SET COMMENT =").literal(comment),
        )])]
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(Text::new("DROP STREAM IF EXISTS").name(&have.name))])]
    }

    fn breaks(have: &Props) -> Vec<String> {
        let name = &have.name;
        vec![
            format!("the offset of {name} is lost: changes that were not consumed yet are never seen"),
            format!("the privileges that were granted on {name} are lost"),
        ]
    }

    fn broken(have: &Props) -> Option<String> {
        have.broken.map(Into::into)
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        let mut fields = qualified::named(name)?;
        fields.push((On::Table.field(), "FILLER.FILLER.FILLER".into()));
        Ok(fields)
    }

    fn export(have: &Props, _: &Context) -> Fields {
        let Props { name, mark: _, comment, on, source, mode, show_initial_rows: _, from: _, broken: _ } = have;
        let fields = Export::of(qualified::exported(name));
        let fields = fields.set(on.field(), source.as_ref().map(ObjectName::written));
        fields.unless(&false, "append_only", *mode == Mode::AppendOnly).text("comment", comment).done()
    }

    fn export_among(have: &Props, cx: Cx<'_>) -> Result<Fields, String> {
        match have.broken {
            Some(why) => Err(format!("the stream cannot go on: {why}; drop it, and let an entry create it anew")),
            None => Ok(Self::export(have, cx.context)),
        }
    }
}

fn marked(mark: Option<&Mark>, comment: &str) -> String {
    mark.map_or_else(|| comment.to_owned(), |mark| mark.comment(comment))
}

/// What stands as the name of a source that was dropped, or that the role cannot see.
const GONE: &str = "No privilege or table dropped";

/// One row of `SHOW STREAMS`. `None` for a stream on something this program does not know and that carries no mark.
fn read(name: &ObjectName, row: Row<'_>) -> Result<Option<Props>, CloudError> {
    let bad = |what: String| CloudError::unexpected(Which::Snowflake, "SHOW STREAMS", format!("{name}: {what}"));
    let (comment, mark) = show::comment(row.get("comment"));
    let from = row.get("table_name").filter(|text| !text.eq_ignore_ascii_case(GONE));
    // Before 2026 the name of a stage came without its schema; a bare name then is one of the stream's own schema.
    let source = from.map(|text| within(text, name)).transpose().map_err(&bad)?;
    let stale = row.flag("stale") == Some(true);
    let broken = match (&source, stale) {
        (None, _) => Some("its source was dropped, or is hidden from this role"),
        (Some(_), true) => Some("it is stale: its offset is older than what Snowflake keeps"),
        (Some(_), false) => None,
    };
    let on = match row.get("source_type").map(On::read) {
        Some(Some(on)) => on,
        // The source of a broken stream may come without its type; the stream is replaced whatever it is.
        None | Some(None) if broken.is_some() => On::Table,
        None | Some(None) if mark.is_none() => return Ok(None),
        None | Some(None) => {
            let text = row.get("source_type").unwrap_or("nothing");
            return Err(bad(format!("it listens to an object of the unknown type `{text}`")));
        }
    };
    let mode = match row.get("mode").unwrap_or("DEFAULT").to_ascii_uppercase().as_str() {
        "DEFAULT" => Mode::Default,
        "APPEND_ONLY" => Mode::AppendOnly,
        "INSERT_ONLY" => Mode::InsertOnly,
        other => return Err(bad(format!("it has the unknown mode `{other}`"))),
    };
    let name = name.clone();
    Ok(Some(Props { name, mark, comment, on, source, mode, show_initial_rows: false, from: None, broken }))
}

fn within(text: &str, stream: &ObjectName) -> Result<ObjectName, String> {
    let read = ObjectName::within(text, &stream.schema);
    // A bare name that would need quotes may come without them.
    let bare =
        || Ident::stored(text).ok().filter(|_| !text.contains(['.', '"'])).map(|name| stream.schema.object(&name));
    read.or_else(|error| bare().ok_or_else(|| format!("`{text}` is not the name of a source: {error}")))
}

#[cfg(test)]
mod tests;
