//! Views.
//!
//! A view holds no data. Snowflake keeps the whole `CREATE` statement and has no `ALTER` for the query, so a new query means `CREATE OR REPLACE VIEW …
//! COPY GRANTS`: nobody loses access, not for a moment, but streams on the view become stale, which the plan says. Everything else is altered.
//!
//! Statements: `SHOW VIEWS`, `CREATE`, `ALTER` and `DROP VIEW`. Privileges: CREATE VIEW on the schema, SELECT on what it reads; OWNERSHIP to change it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::container::{comment_clause, comment_field};
use super::{
    Attribute, Cx, Entry, Field, Fields, Kind, OnReplace, Part, Problem, Ref, Side, Source, code, qualified, show,
};
use crate::cloud::{Cloud, CloudError, Row, Which};
use crate::model::sql::Body;
use crate::model::{
    Address, Context, Diff, Found, Ident, LiveId, Mark, ObjectName, Observed, Op, SchemaName, Seen, Shown, Text, Val,
};

/// The kind `view`.
#[derive(Debug)]
pub struct View;

/// A view.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The schema it is in: `DATABASE.SCHEMA`.
    pub schema: SchemaName,
    /// Its name.
    pub name: Ident,
    /// Its query. White space outside quotes has no meaning. A change replaces the view in place and keeps the privileges granted on it; streams
    /// on it become stale.
    #[serde(rename = "as")]
    pub query: String,
    /// Whether its query is hidden from all but the owner, and no optimisation can leak rows. Default: false.
    #[serde(default)]
    pub secure: bool,
    /// Whether what streams need to know of the tables behind it is kept. A stream switches it on by itself. Left as it is where not set.
    pub change_tracking: Option<bool>,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
}

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: ObjectName,
    mark: Option<Mark>,
    comment: String,
    query: Body,
    secure: bool,
    change_tracking: Option<bool>,
}

impl Spec {
    fn full_name(&self) -> ObjectName {
        self.schema.object(&self.name)
    }
}

impl Kind for View {
    const NAME: &'static str = "view";
    const SIDE: Side = Side::Snowflake;
    const ABOUT: &'static str = "A view: a query that others read like a table.";
    const EXAMPLE: &'static str = r#"
[database.analytics]
name = "ANALYTICS"

[view.hours]
schema = "ANALYTICS.PUBLIC"
name = "HOURS"
as = "SELECT 24 AS HOURS_A_DAY"
"#;

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "The view's name.", from: Source::Field("name") },
            Attribute { name: "schema", about: "The schema it is in.", from: Source::Field("schema") },
            qualified::FQN,
        ]
    }

    fn id(spec: &Spec, _: &Context) -> LiveId {
        LiveId::new(Self::NAME, spec.full_name())
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        let query = Body::new(&spec.query);
        if code::begins_with(query.as_str(), &["SELECT", "WITH"]) {
            return Vec::new();
        }
        let problem = Problem::new("as", "the query of a view begins with SELECT or WITH");
        vec![problem.hint("write the query alone, without CREATE VIEW")]
    }

    fn want(entry: &Entry<Spec>, _: Cx<'_>) -> Props {
        let Entry { at: _, mark, spec } = entry;
        Props {
            name: spec.full_name(),
            mark: Some(mark.clone()),
            comment: spec.comment.clone(),
            query: Body::new(&spec.query),
            secure: spec.secure,
            change_tracking: spec.change_tracking,
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props { name, mark: _, comment, query, secure, change_tracking } = props;
        vec![
            Field::replaces("schema", Some(name.schema.to_string())),
            Field::replaces("name", Some(name.name.to_string())),
            Field::in_place("as", Some(Shown::Lines(Val::known(query.as_str())))),
            Field::in_place("secure", Some(*secure)),
            Field::in_place_if_set("change_tracking", *change_tracking),
            comment_field(comment),
        ]
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    /// Its home, and the tables and views that its query names.
    fn refs(props: &Props) -> Vec<Ref> {
        let mut refs = qualified::home(&props.name.schema);
        let read = code::named(props.query.as_str(), &props.name.schema).relations;
        for name in read.iter().filter(|name| **name != props.name) {
            refs.extend(["table", "view"].map(|kind| Ref {
                to: LiveId::new(kind, name),
                why: "what its query reads",
                on_replace: OnReplace::Nothing,
            }));
        }
        refs
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let names: Vec<ObjectName> = entries.iter().map(|entry| entry.spec.full_name()).collect();
        let listing = show::objects(cloud.snowflake()?, "SHOW VIEWS", &names).await?;
        gather(entries, context, &listing.index(show::object_of)?)
    }

    fn create(_: &Address, want: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(definition(want, None))])]
    }

    fn alter(_: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        if changed.has("as") {
            return vec![Part::main(vec![Op::sql(definition(want, Some(have)))])];
        }
        let alter = || Text::new("ALTER VIEW").name(&want.name);
        let mut texts = Vec::new();
        if changed.has("secure") {
            texts.push(alter().word(if want.secure { "SET SECURE" } else { "UNSET SECURE" }));
        }
        if let Some(on) = want.change_tracking.filter(|_| changed.has("change_tracking")) {
            texts.push(alter().word("SET CHANGE_TRACKING =").bool(on));
        }
        if changed.has("comment") || changed.has("mark") {
            texts.push(alter().word("SET").then(comment_clause(&want.comment, want.mark.as_ref())));
        }
        vec![Part::main(texts.into_iter().map(Op::sql).collect())]
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(Text::new("DROP VIEW IF EXISTS").name(&have.name))])]
    }

    fn breaks(have: &Props) -> Vec<String> {
        let name = &have.name;
        vec![
            format!("what reads {name} fails, and streams on it become stale"),
            format!("the privileges that were granted on {name} are lost"),
        ]
    }

    fn conflicts(want: &Props, have: &Props) -> Vec<String> {
        let told = format!("streams on {} become stale with its new query", want.name);
        if want.query == have.query { Vec::new() } else { vec![told] }
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        let mut fields = qualified::named(name)?;
        fields.push(("as", json!("SELECT 1 AS FILLER")));
        Ok(fields)
    }

    fn export(have: &Props, _: &Context) -> Fields {
        let Props { name, mark: _, comment, query, secure, change_tracking: _ } = have;
        let mut fields = qualified::exported(name);
        fields.push(("as", json!(query.as_str())));
        if *secure {
            fields.push(("secure", json!(true)));
        }
        if !comment.is_empty() {
            fields.push(("comment", json!(comment)));
        }
        fields
    }
}

/// The statement that makes the view, in the stead of a live one perhaps, of which it keeps what the spec leaves alone. The comment comes with it,
/// for it holds the mark.
fn definition(want: &Props, have: Option<&Props>) -> Text {
    let words = match (have.is_some(), want.secure) {
        (false, false) => "CREATE VIEW",
        (false, true) => "CREATE SECURE VIEW",
        (true, false) => "CREATE OR REPLACE VIEW",
        (true, true) => "CREATE OR REPLACE SECURE VIEW",
    };
    let mut text = Text::new(words).name(&want.name);
    if have.is_some() {
        text = text.word("COPY GRANTS");
    }
    let kept = have.and_then(|have| have.change_tracking).filter(|on| *on);
    if let Some(on) = want.change_tracking.or(kept) {
        text = text.word("CHANGE_TRACKING =").bool(on);
    }
    text.then(comment_clause(&want.comment, want.mark.as_ref())).word("AS").body(&want.query)
}

/// Joins the rows with what is wanted. A query that differs only in white space counts as the wanted one.
fn gather(
    entries: &[Entry<Spec>],
    context: &Context,
    rows: &BTreeMap<ObjectName, Row<'_>>,
) -> Result<Observed<Props>, CloudError> {
    let mut found = BTreeMap::new();
    for (name, row) in rows.iter().filter(|(_, row)| row.flag("is_materialized") != Some(true)) {
        found.insert(name.clone(), Found { props: read(name, row)?, facts: BTreeMap::new() });
    }
    let mut out = show::observed::<View, _>(entries, context, Spec::full_name, found);
    for entry in entries {
        let Some(seen) = out.declared.get_mut(&entry.at) else { continue };
        let Seen::Present(found) = seen else { continue };
        let want = Body::new(&entry.spec.query);
        if found.props.query.as_str().is_empty() {
            let role = &context.snowflake_role;
            let why = format!("{role} does not own the secure view {} and cannot see its query", found.props.name);
            *seen = Seen::Hidden(why);
        } else if code::same(found.props.query.as_str(), want.as_str()) {
            found.props.query = want;
        }
    }
    Ok(out)
}

fn read(name: &ObjectName, row: &Row<'_>) -> Result<Props, CloudError> {
    let (comment, mark) = show::comment(row.get("comment"));
    let text = show::column(row, "text")?.unwrap_or_default();
    let query = match text {
        // The query of a secure view is told to its owner only.
        "" => String::new(),
        text => code::behind_as(text).ok_or_else(|| {
            let what = format!("{name}: its text has no query: {text}");
            CloudError::unexpected(Which::Snowflake, "SHOW VIEWS", what)
        })?,
    };
    Ok(Props {
        name: name.clone(),
        mark,
        comment,
        query: Body::new(&query),
        secure: row.flag("is_secure") == Some(true),
        change_tracking: row.get("change_tracking").map(|text| text.eq_ignore_ascii_case("ON")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::show::tests::context as sees;
    use crate::kind::trial::{at, entry, problems, rows, statements, want};
    use crate::model::context::Sight;

    const V: &str = "schema = \"D.S\"\nname = \"V\"\nas = \"SELECT A\\n  FROM T JOIN E.F.U ON TRUE\"\n";

    fn live(text: &str) -> Observed<Props> {
        let columns = ["name", "database_name", "schema_name", "comment", "text", "is_secure", "change_tracking"];
        let row = ["V", "D", "S", "[snowssi:events/view.x]", text, "false", "OFF"].map(Some);
        let listing = show::Listing::from(rows(&columns, &[&row]));
        gather(&[entry::<View>(V)], &sees(Sight::Full), &listing.index(show::object_of).unwrap()).unwrap()
    }

    #[test]
    fn a_new_query_keeps_the_grants() {
        let have = want::<View>(&entry::<View>(V));
        let wanted = want::<View>(&entry::<View>(&V.replace("SELECT A", "SELECT B")));
        let mut diff = Diff::default();
        diff.in_place("as", &wanted.query, &have.query, |query| Some(Shown::from(query.as_str())));
        let done = statements(&View::alter(&at::<View>(), &wanted, &have, &diff));
        assert_eq!(
            done,
            [
                "CREATE OR REPLACE VIEW \"D\".\"S\".\"V\" COPY GRANTS COMMENT = '[snowssi:events/view.x]' AS SELECT B\n  FROM T JOIN E.F.U ON TRUE"
            ]
        );
        let tracked = Props { change_tracking: Some(true), ..have.clone() };
        let done = statements(&View::alter(&at::<View>(), &wanted, &tracked, &diff));
        assert!(done[0].contains("COPY GRANTS CHANGE_TRACKING = TRUE"), "what a stream switched on stays: {done:?}");
        assert_eq!(View::conflicts(&wanted, &have).len(), 1);
        assert!(View::conflicts(&have, &have).is_empty());
    }

    #[test]
    fn the_query_is_found_in_the_text_and_compared_without_white_space() {
        let text = "create or replace view D.S.V COMMENT='x AS y' as SELECT A FROM T JOIN E.F.U  ON TRUE;";
        let observed = live(text);
        let seen = observed.declared.values().next().unwrap();
        assert!(
            matches!(seen, Seen::Present(found) if found.props == want::<View>(&entry::<View>(V)) || found.props.query == Body::new("SELECT A\n  FROM T JOIN E.F.U ON TRUE")),
            "{seen:?}"
        );
        assert!(matches!(live("").declared.values().next().unwrap(), Seen::Hidden(_)));
    }

    #[test]
    fn it_comes_after_what_it_reads() {
        let refs = View::refs(&want::<View>(&entry::<View>(V)));
        let to: Vec<String> = refs.iter().map(|r| r.to.to_string()).collect();
        assert!(
            to.contains(&"table \"D\".\"S\".\"T\"".to_owned()) && to.contains(&"view \"E\".\"F\".\"U\"".to_owned()),
            "{to:?}"
        );
    }

    #[test]
    fn a_query_is_a_query() {
        let bad = V.replace("SELECT A", "CREATE VIEW V AS SELECT A");
        assert_eq!(problems::<View>(&entry::<View>(&bad)).len(), 1);
        assert!(
            problems::<View>(&entry::<View>(&V.replace("SELECT A", "-- a\\nWITH X AS (SELECT 1) SELECT A"))).is_empty()
        );
    }
}
