//! Pipes: a COPY INTO that Snowflake runs by itself for each new file.
//!
//! What a pipe copies cannot be altered: another statement is another pipe, without the history of the files it has loaded. Whether a pipe is paused
//! only `SYSTEM$PIPE_STATUS` tells. With `auto_ingest` it hears of new files through a queue, which it tells to the bucket of its stage.
//!
//! Statements: `SHOW PIPES`, `SYSTEM$PIPE_STATUS` for declared pipes, `CREATE`, `ALTER` and `DROP PIPE`. Privileges: CREATE PIPE on the schema, USAGE on the
//! stage, SELECT and INSERT on the table; OWNERSHIP to change it. Source: Snowflake documentation, "CREATE PIPE", "Managing Snowpipe".

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{try_join, try_join_all};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::container::{comment_clause, comment_field};
use super::part::{Dep, MAIN};
use super::{
    Attribute, Cx, Entry, Field, Fields, Gift, Kind, OnReplace, Part, Problem, Ref, Side, Source, code, qualified, show,
};
use crate::cloud::{Cloud, CloudError, Row, Session, Which};
use crate::model::op::From;
use crate::model::sql::Body;
use crate::model::{
    Address, Arn, Context, Diff, Fact, Found, Ident, LiveId, Mark, ObjectName, Observed, Op, SchemaName, Seen, Shown,
    Text, Val,
};

/// The kind `pipe`.
#[derive(Debug)]
pub struct Pipe;

/// A pipe.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The schema it is in: `DATABASE.SCHEMA`.
    pub schema: SchemaName,
    /// Its name.
    pub name: Ident,
    /// What it runs for each file: `COPY INTO table FROM @stage`, with full names. White space outside quotes has no meaning; any other change needs a
    /// new pipe.
    #[serde(rename = "as")]
    pub copy: String,
    /// Whether messages of S3 start it; otherwise somebody calls its REST endpoint. A change needs a new pipe. Default: true.
    #[serde(default = "yes")]
    pub auto_ingest: bool,
    /// The SNS topic through which S3's messages come, where the bucket cannot tell a queue. Cannot be read back, so a change is not found. Default:
    /// the bucket tells the pipe's queue, and where the bucket stands in this spec, its notification is set up.
    pub aws_sns_topic: Option<Arn>,
    /// The notification integration that hears of errors.
    pub error_integration: Option<Ident>,
    /// Whether files of the last seven days that are there when it is created are loaded too. A pipe that replaces another has no history, so it
    /// would load them a second time, unless COPY INTO has loaded them into the table. Default: false.
    #[serde(default)]
    pub refresh: bool,
    /// Whether it is paused: files wait, for at most 14 days. Default: false.
    #[serde(default)]
    pub pipe_execution_paused: bool,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
}

fn yes() -> bool {
    true
}

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: ObjectName,
    mark: Option<Mark>,
    comment: String,
    copy: Body,
    auto_ingest: bool,
    sns_topic: Option<Arn>,
    error_integration: Option<Ident>,
    paused: bool,
    refresh: bool,
    /// The bucket of its stage, where the stage stands in this spec.
    bucket: Option<LiveId>,
    /// Why the live pipe cannot go on, in Snowflake's word.
    stopped: Option<String>,
}

/// The fact: the ARN of the queue.
const CHANNEL: &str = "notification_channel";

impl Spec {
    fn full_name(&self) -> ObjectName {
        self.schema.object(&self.name)
    }

    /// The stage it copies from, and the path under it.
    fn stage(&self) -> Option<(LiveId, String)> {
        let (stage, path) = code::staged(&self.copy, &self.schema)?;
        Some((LiveId::new("stage", stage), path))
    }
}

impl Kind for Pipe {
    const NAME: &'static str = "pipe";
    const SIDE: Side = Side::Snowflake;
    const ABOUT: &'static str = "A pipe: a COPY INTO that new files start by themselves (Snowpipe).";
    const EXAMPLE: &'static str = r#"
[database.events]
name = "EVENTS"

[stage.inbound]
schema = "EVENTS.PUBLIC"
name = "INBOUND"
url = "s3://inbound-events-example/"

[table.raw]
schema = "EVENTS.PUBLIC"
name = "RAW"
columns = [{ name = "LINE", type = "STRING" }]

[pipe.load]
schema = "EVENTS.PUBLIC"
name = "LOAD"
as = "COPY INTO EVENTS.PUBLIC.RAW FROM @EVENTS.PUBLIC.INBOUND"
auto_ingest = false
"#;

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "The pipe's name.", from: Source::Field("name") },
            Attribute { name: "schema", about: "The schema it is in.", from: Source::Field("schema") },
            qualified::FQN,
            Attribute { name: CHANNEL, about: "The ARN of the queue it listens to.", from: Source::Fact },
        ]
    }

    fn id(spec: &Spec, _: &Context) -> LiveId {
        LiveId::new(Self::NAME, spec.full_name())
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !code::begins_with(&spec.copy, &["COPY"]) || spec.stage().is_none() {
            let problem = Problem::new("as", "a pipe runs a COPY INTO a table from a stage");
            problems.push(problem.hint("write `COPY INTO DB.SCHEMA.TABLE FROM @DB.SCHEMA.STAGE`"));
        }
        for option in ["FILES", "SIZE_LIMIT", "PURGE", "FORCE", "RETURN_FAILED_ONLY", "VALIDATION_MODE"] {
            if code::has_word(&spec.copy, option) {
                let problem = Problem::new("as", format!("a pipe's COPY INTO cannot have the option {option}"));
                problems.push(problem.hint("take it out; a task with a COPY INTO may have it"));
            }
        }
        if spec.aws_sns_topic.is_some() && !spec.auto_ingest {
            problems.push(Problem::new("aws_sns_topic", "only a pipe with `auto_ingest` listens to a topic"));
        }
        problems
    }

    fn gifts(entry: &Entry<Spec>, _: &Context) -> Vec<Gift> {
        let Spec { auto_ingest: true, aws_sns_topic: None, .. } = &entry.spec else { return Vec::new() };
        let told = entry.spec.stage().map(|(stage, path)| Gift::Ingests {
            stage,
            path,
            queue: Val::later(Fact::new(&entry.at, CHANNEL)),
        });
        told.into_iter().collect()
    }

    fn want(entry: &Entry<Spec>, cx: Cx<'_>) -> Props {
        let Entry { at: _, mark, spec } = entry;
        let located = spec.stage().and_then(|(stage, _)| {
            cx.gifts.about(&stage.name).find_map(|gift| match gift {
                Gift::Located { stage: of, bucket, .. } if *of == stage => Some(LiveId::new("bucket", bucket)),
                _ => None,
            })
        });
        Props {
            name: spec.full_name(),
            mark: Some(mark.clone()),
            comment: spec.comment.clone(),
            copy: Body::new(&spec.copy),
            auto_ingest: spec.auto_ingest,
            sns_topic: spec.aws_sns_topic.clone(),
            error_integration: spec.error_integration.clone(),
            paused: spec.pipe_execution_paused,
            refresh: spec.refresh,
            bucket: located,
            stopped: None,
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props {
            name,
            mark: _,
            comment,
            copy,
            auto_ingest,
            sns_topic,
            error_integration,
            paused,
            refresh,
            bucket: _,
            stopped: _,
        } = props;
        vec![
            Field::replaces("schema", Some(name.schema.to_string())),
            Field::replaces("name", Some(name.name.to_string())),
            Field::replaces("as", Some(Shown::Lines(Val::known(copy.as_str())))),
            Field::replaces("auto_ingest", Some(*auto_ingest)),
            Field::create_only("aws_sns_topic", sns_topic.as_ref().map(ToString::to_string)),
            Field::in_place("error_integration", error_integration.as_ref().map(ToString::to_string)),
            Field::create_only("refresh", refresh.then_some(true)),
            Field::in_place("pipe_execution_paused", Some(*paused)),
            comment_field(comment),
        ]
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    /// Its home, its stage, which it is bound to, its table, and who hears of errors.
    fn refs(props: &Props) -> Vec<Ref> {
        let mut refs = qualified::home(&props.name.schema);
        let (copy, home) = (props.copy.as_str(), &props.name.schema);
        let stage = code::staged(copy, home).map(|(stage, _)| stage);
        let to = |kind: &str, name: &dyn std::fmt::Display, why: &'static str, on_replace: OnReplace| Ref {
            to: LiveId::new(kind, name),
            why,
            on_replace,
        };
        refs.extend(stage.map(|stage| to("stage", &stage, "the stage it copies from", OnReplace::Replace)));
        let table = code::filled(copy, home);
        refs.extend(table.map(|table| to("table", &table, "the table it fills", OnReplace::Replace)));
        refs.extend(props.error_integration.iter().map(|name| {
            to("notification_integration", name, "the integration that hears of errors", OnReplace::Nothing)
        }));
        refs
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let session = cloud.snowflake()?;
        let names: BTreeSet<ObjectName> = entries.iter().map(|entry| entry.spec.full_name()).collect();
        let (listing, statuses) =
            try_join(show::objects(session, "SHOW PIPES", &names), statuses(session, &names)).await?;
        gather(entries, context, &listing.index(show::object_of)?, &statuses)
    }

    fn create(at: &Address, want: &Props) -> Vec<Part> {
        let mut text = Text::new("CREATE PIPE").name(&want.name).word("AUTO_INGEST =").bool(want.auto_ingest);
        if let Some(topic) = &want.sns_topic {
            text = text.word("AWS_SNS_TOPIC =").literal(topic.as_str());
        }
        if let Some(name) = &want.error_integration {
            text = text.word("ERROR_INTEGRATION =").name(name);
        }
        let text = text.then(comment_clause(&want.comment, want.mark.as_ref())).word("AS").body(&want.copy);
        let mut ops = vec![Op::sql(text)];
        if want.auto_ingest {
            let channel = From::Column(CHANNEL.into());
            ops.push(Op::sql(Text::new("DESC PIPE").name(&want.name)).learns(Fact::new(at, CHANNEL), channel));
        }
        if want.paused {
            ops.push(Op::sql(pause(&want.name, true)));
        }
        // The queue is the one of the bucket's region, which a bucket that is not there does not have.
        let heard = want.bucket.iter().filter(|_| want.auto_ingest).map(|bucket| Dep::new(bucket.clone(), MAIN));
        let refresh = want.refresh.then(|| {
            let after = want.bucket.iter().map(|bucket| Dep::new(bucket.clone(), "notification"));
            let own = Dep::new(LiveId::new(Self::NAME, &want.name), MAIN);
            let refresh = Text::new("ALTER PIPE").name(&want.name).word("REFRESH");
            Part::named("refresh", vec![Op::sql(refresh)]).after(after.chain([own]))
        });
        std::iter::once(Part::main(ops).after(heard)).chain(refresh).collect()
    }

    fn alter(_: &Address, want: &Props, _: &Props, changed: &Diff) -> Vec<Part> {
        let mut texts = Vec::new();
        let alter = || Text::new("ALTER PIPE").name(&want.name);
        if changed.has("comment") || changed.has("mark") {
            texts.push(alter().word("SET").then(comment_clause(&want.comment, want.mark.as_ref())));
        }
        if changed.has("error_integration") {
            texts.push(match &want.error_integration {
                Some(name) => alter().word("SET ERROR_INTEGRATION =").name(name),
                None => alter().word("UNSET ERROR_INTEGRATION"),
            });
        }
        if changed.has("pipe_execution_paused") {
            texts.push(pause(&want.name, want.paused));
        }
        vec![Part::main(texts.into_iter().map(Op::sql).collect())]
    }

    /// Paused first, so that it takes up no file between the last one loaded and its end.
    fn delete(have: &Props) -> Vec<Part> {
        let drop = Text::new("DROP PIPE IF EXISTS").name(&have.name);
        vec![Part::main(vec![Op::sql(pause(&have.name, true)), Op::sql(drop)])]
    }

    fn breaks(have: &Props) -> Vec<String> {
        let name = &have.name;
        vec![
            format!(
                "files that wait in {name} are not loaded, nor those that come before there is another pipe; a refresh of the new one loads them"
            ),
            format!("which files {name} has loaded is forgotten: a refresh of a new pipe may load them again"),
            format!("the privileges that were granted on {name} are lost"),
        ]
    }

    fn broken(have: &Props) -> Option<String> {
        have.stopped.as_ref().map(|word| format!("it has stopped for good: {word}"))
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        let mut fields = qualified::named(name)?;
        fields.push(("as", json!("COPY INTO FILLER FROM @FILLER")));
        Ok(fields)
    }

    fn export(have: &Props, _: &Context) -> Fields {
        let Props {
            name,
            mark: _,
            comment,
            copy,
            auto_ingest,
            sns_topic: _,
            error_integration,
            paused,
            refresh: _,
            bucket: _,
            stopped: _,
        } = have;
        let mut fields = qualified::exported(name);
        fields.push(("as", json!(copy.as_str())));
        if !auto_ingest {
            fields.push(("auto_ingest", json!(false)));
        }
        fields.extend(error_integration.iter().map(|name| ("error_integration", json!(name.written()))));
        if *paused {
            fields.push(("pipe_execution_paused", json!(true)));
        }
        if !comment.is_empty() {
            fields.push(("comment", json!(comment)));
        }
        fields
    }
}

fn pause(name: &ObjectName, paused: bool) -> Text {
    Text::new("ALTER PIPE").name(name).word("SET PIPE_EXECUTION_PAUSED =").bool(paused)
}

/// What `SYSTEM$PIPE_STATUS` says of each pipe that is there.
async fn statuses(session: &Session, names: &BTreeSet<ObjectName>) -> Result<BTreeMap<ObjectName, String>, CloudError> {
    let one = |name: &ObjectName| {
        let name = name.clone();
        async move {
            let text = Text::new("SELECT SYSTEM$PIPE_STATUS(").literal(name.to_string()).word(")");
            let rows = show::about(session, &text).await?;
            let answer = rows.and_then(|rows| rows.cells.first()?.first()?.clone());
            Ok::<_, CloudError>(answer.map(|answer| (name, answer)))
        }
    };
    Ok(try_join_all(names.iter().map(one)).await?.into_iter().flatten().collect())
}

fn gather(
    entries: &[Entry<Spec>],
    context: &Context,
    rows: &BTreeMap<ObjectName, Row<'_>>,
    statuses: &BTreeMap<ObjectName, String>,
) -> Result<Observed<Props>, CloudError> {
    let mut found = BTreeMap::new();
    for (name, row) in rows {
        found.insert(name.clone(), read(name, row, statuses.get(name).map(String::as_str))?);
    }
    let mut out = show::observed::<Pipe, _>(entries, context, Spec::full_name, found);
    for entry in entries {
        let Some(seen) = out.declared.get_mut(&entry.at) else { continue };
        let Seen::Present(found) = seen else { continue };
        if !statuses.contains_key(&found.props.name) {
            let (role, name) = (&context.snowflake_role, &found.props.name);
            *seen = Seen::Hidden(format!("{role} sees pipe {name} but not its status: grant the role MONITOR on it"));
            continue;
        }
        let want = Body::new(&entry.spec.copy);
        if code::same(found.props.copy.as_str(), want.as_str()) {
            found.props.copy = want;
        }
    }
    Ok(out)
}

fn read(name: &ObjectName, row: &Row<'_>, status: Option<&str>) -> Result<Found<Props>, CloudError> {
    let bad = |what: String| CloudError::unexpected(Which::Snowflake, "SHOW PIPES", format!("{name}: {what}"));
    let (comment, mark) = show::comment(row.get("comment"));
    let state = status.and_then(|status| serde_json::from_str::<Json>(status).ok());
    let state = state.as_ref().and_then(|state| state.get("executionState")).and_then(Json::as_str);
    let channel = row.get(CHANNEL).filter(|text| !text.is_empty());
    let error_integration = row.get("error_integration").filter(|text| !text.is_empty() && *text != "null");
    let error_integration = error_integration.map(Ident::stored).transpose().map_err(|error| bad(error.to_string()))?;
    let props = Props {
        name: name.clone(),
        mark,
        comment,
        copy: Body::new(show::column(row, "definition")?.unwrap_or_default()),
        auto_ingest: channel.is_some(),
        sns_topic: None,
        error_integration,
        paused: state == Some("PAUSED"),
        refresh: false,
        bucket: None,
        // A stalled pipe goes on once what stalls it is mended; a stopped one never does.
        stopped: state.filter(|state| DEAD.contains(state)).map(str::to_owned),
    };
    Ok(Found { props, facts: channel.map(|channel| (CHANNEL, channel.to_owned())).into_iter().collect() })
}

/// States that only a new pipe ends. Source: Snowflake documentation, "`SYSTEM$PIPE_STATUS`".
const DEAD: [&str; 5] = [
    "STOPPED_FILE_FORMAT_DROPPED",
    "STOPPED_MISSING_TABLE",
    "STOPPED_NOTIFICATION_INTEGRATION_DROPPED",
    "STOPPED_STAGE_ALTERED",
    "STOPPED_STAGE_DROPPED",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Gifts;
    use crate::kind::trial::{at, entry, problems, statements, want};
    use crate::model::Facts;

    const P: &str = "schema = \"D.S\"\nname = \"P\"\nas = \"COPY INTO T FROM @LAND/in/ FILE_FORMAT = (TYPE = JSON)\"\n";

    #[test]
    fn a_pipe_listens_before_it_refreshes() {
        let entry = entry::<Pipe>(&format!("{P}refresh = true\n"));
        let located = Gift::Located {
            stage: LiveId::new("stage", "\"D\".\"S\".\"LAND\""),
            bucket: "data".parse().unwrap(),
            prefix: "a/".into(),
        };
        let gifts = Gifts::new(
            [vec![located], Pipe::gifts(&entry, &crate::kind::trial::context())].concat(),
            &Facts::default(),
        );
        let notified: Vec<&Gift> = gifts.about("data").filter(|gift| matches!(gift, Gift::Notify { .. })).collect();
        assert!(matches!(notified[..], [Gift::Notify { prefix, .. }] if prefix == "a/in/"), "{notified:?}");
        let cx = Cx { context: &crate::kind::trial::context(), facts: &Facts::default(), gifts: &gifts };
        let parts = Pipe::create(&at::<Pipe>(), &Pipe::want(&entry, cx));
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].after, [Dep::new(LiveId::new("bucket", "data"), MAIN)]);
        assert_eq!(parts[1].after[0], Dep::new(LiveId::new("bucket", "data"), "notification"));
    }

    #[test]
    fn only_what_can_be_altered_is() {
        let (one, two) = (want::<Pipe>(&entry::<Pipe>(P)), want::<Pipe>(&entry::<Pipe>(&P.replace("in/", "out/"))));
        let diff = super::super::batch::compare(Pipe::fields(&two), Pipe::fields(&one));
        assert!(diff.replaces_object());
        assert_eq!(
            statements(&Pipe::delete(&one)),
            ["ALTER PIPE \"D\".\"S\".\"P\" SET PIPE_EXECUTION_PAUSED = TRUE", "DROP PIPE IF EXISTS \"D\".\"S\".\"P\""]
        );
    }

    #[test]
    fn a_table_that_is_called_like_a_column_is_nothing_to_a_pipe() {
        let toml = P.replace("INTO T FROM @LAND/in/", "INTO T (A, U) FROM (SELECT $1, U FROM @LAND/in/)");
        let to: Vec<String> =
            Pipe::refs(&want::<Pipe>(&entry::<Pipe>(&toml))).iter().map(|r| r.to.to_string()).collect();
        assert_eq!(to[2..], ["stage \"D\".\"S\".\"LAND\"", "table \"D\".\"S\".\"T\""]);
    }

    #[test]
    fn what_a_pipe_cannot_run_is_refused() {
        for bad in ["INSERT INTO T SELECT 1", "COPY INTO T", "COPY INTO T FROM @LAND PURGE = TRUE"] {
            let toml = P.replace("COPY INTO T FROM @LAND/in/ FILE_FORMAT = (TYPE = JSON)", bad);
            assert_eq!(problems::<Pipe>(&entry::<Pipe>(&toml)).len(), 1, "{bad}");
        }
        assert!(problems::<Pipe>(&entry::<Pipe>(&P.replace("JSON", "JSON /* PURGE */"))).is_empty());
    }
}
