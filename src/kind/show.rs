//! How kinds in Snowflake read in bulk: one `SHOW` for all objects of a kind, narrowed when the answer is cut off.
//!
//! `SHOW` stops at 10,000 rows, some kinds silently and some with an error, so an answer that is full says nothing about what it does
//! not list. Then the question is asked again in narrower scopes, and if even the narrowest is full, that is an error. Rows are matched
//! by exact name, never by `LIKE` alone, which ignores case and knows wildcards.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;

use futures::future::try_join_all;

use super::{Entry, Kind};
use crate::cloud::{Class, CloudError, Row, Rows, Session, Which};
use crate::model::context::Sight;
use crate::model::sql::Name;
use crate::model::{Context, Found, Ident, LiveId, Mark, ObjectName, Observed, SchemaName, Seen, Text};

/// A folder under a stage in which there are no files: listing it tells whether the stage is reached, and nothing else.
pub(crate) const PROBE: &str = "snowssi-probe/";

/// The most rows a `SHOW` lists. Source: Snowflake documentation, "SHOW".
const CAP: usize = 10_000;

/// What the `SHOW`s of one kind listed: everything visible, or everything visible near the declared objects if that was too much.
#[derive(Clone, Debug, Default)]
pub struct Listing(Vec<Arc<Rows>>);

impl Listing {
    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.0.iter().flat_map(|rows| rows.iter())
    }

    /// The rows by their exact names; `name_of` gives `None` for a row to be left out.
    pub fn index<N: Ord>(
        &self,
        name_of: impl Fn(&Row<'_>) -> Result<Option<N>, CloudError>,
    ) -> Result<BTreeMap<N, Row<'_>>, CloudError> {
        let mut out = BTreeMap::new();
        for row in self.rows() {
            if let Some(name) = name_of(&row)? {
                out.insert(name, row);
            }
        }
        Ok(out)
    }
}

impl From<Rows> for Listing {
    fn from(rows: Rows) -> Self {
        Self(vec![Arc::new(rows)])
    }
}

/// Lists objects of the account, such as `SHOW WAREHOUSES`. `names` are those that must be found even if there are too many to list.
pub async fn account(
    session: &Session,
    show: &'static str,
    names: impl IntoIterator<Item = &Ident>,
) -> Result<Listing, CloudError> {
    ask(session, &account_scopes(show, names.into_iter().collect())).await
}

/// Lists schemas.
pub async fn schemas(session: &Session, names: impl IntoIterator<Item = &SchemaName>) -> Result<Listing, CloudError> {
    ask(session, &schemas_scopes(&names.into_iter().collect())).await
}

/// Lists objects in schemas, such as `SHOW STAGES`. `names` are those that must be found even if there are too many to list.
pub async fn objects(
    session: &Session,
    show: &'static str,
    names: impl IntoIterator<Item = &ObjectName>,
) -> Result<Listing, CloudError> {
    ask(session, &objects_scopes(show, &names.into_iter().collect())).await
}

/// Runs a reading statement about one object; `None` if the object (or its parent) is not there or not visible.
pub async fn about(session: &Session, text: &Text) -> Result<Option<Arc<Rows>>, CloudError> {
    match session.shared(text).await {
        Ok(rows) => Ok(Some(rows)),
        Err(error) if error.class == Class::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// [`about`] for statements that cannot be narrowed: an answer that stops at the cap is an error.
pub async fn whole(session: &Session, text: &Text) -> Result<Option<Arc<Rows>>, CloudError> {
    let rows = about(session, text).await?;
    // Whether these statements are capped at all is nowhere written: more rows than the cap are all rows.
    if rows.as_ref().is_some_and(|rows| rows.cells.len() == CAP) {
        let message = format!("the answer stops at {CAP} rows, so nobody can tell what else there is");
        return Err(CloudError::unexpected(Which::Snowflake, &text.to_string(), message));
    }
    Ok(rows)
}

/// Where to look, from wide to narrow; the statements of one scope together cover all declared names.
type Scopes = Vec<Vec<Text>>;

fn account_scopes(show: &'static str, names: BTreeSet<&Ident>) -> Scopes {
    let one = |name: &Ident| Text::new(show).word("LIKE").literal(like(name));
    vec![vec![Text::new(show)], names.into_iter().map(one).collect()]
}

fn schemas_scopes(names: &BTreeSet<&SchemaName>) -> Scopes {
    let show = "SHOW SCHEMAS";
    let databases: BTreeSet<&Ident> = names.iter().map(|name| &name.database).collect();
    let one = |name: &&SchemaName| {
        Text::new(show).word("LIKE").literal(like(&name.schema)).word("IN DATABASE").name(&name.database)
    };
    vec![
        vec![Text::new(show).word("IN ACCOUNT")],
        databases.into_iter().map(|name| Text::new(show).word("IN DATABASE").name(name)).collect(),
        names.iter().map(one).collect(),
    ]
}

fn objects_scopes(show: &'static str, names: &BTreeSet<&ObjectName>) -> Scopes {
    let schemas: BTreeSet<&SchemaName> = names.iter().map(|name| &name.schema).collect();
    let databases: BTreeSet<&Ident> = schemas.iter().map(|name| &name.database).collect();
    let one = |name: &&ObjectName| {
        Text::new(show).word("LIKE").literal(like(&name.name)).word("IN SCHEMA").name(&name.schema)
    };
    vec![
        vec![Text::new(show).word("IN ACCOUNT")],
        databases.into_iter().map(|name| Text::new(show).word("IN DATABASE").name(name)).collect(),
        schemas.into_iter().map(|name| Text::new(show).word("IN SCHEMA").name(name)).collect(),
        names.iter().map(one).collect(),
    ]
}

/// A pattern that matches this name, and besides only names that differ in case.
fn like(name: &Ident) -> String {
    name.as_str().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

async fn ask(session: &Session, scopes: &Scopes) -> Result<Listing, CloudError> {
    narrowing(scopes, |text| about(session, text)).await
}

/// Asks in the widest scope whose answers are all complete. A scope that does not exist lists nothing.
async fn narrowing<'a, F>(scopes: &'a Scopes, ask: impl Fn(&'a Text) -> F) -> Result<Listing, CloudError>
where
    F: Future<Output = Result<Option<Arc<Rows>>, CloudError>>,
{
    let mut full = "SHOW".to_owned();
    for scope in scopes {
        let answers = try_join_all(scope.iter().map(|text| {
            let answer = ask(text);
            async move { complete(text, answer.await) }
        }));
        match answers.await? {
            answers if answers.iter().all(Result::is_ok) => {
                return Ok(Listing(answers.into_iter().flatten().flatten().collect()));
            }
            answers => full = answers.into_iter().find_map(Result::err).unwrap_or(full),
        }
    }
    let message = format!(
        "the answer stops at {CAP} rows, so nobody can tell what else there is; use a role that sees fewer objects"
    );
    Err(CloudError::unexpected(Which::Snowflake, &full, message))
}

/// An answer if it is complete; the inner error is the statement whose answer is cut off.
fn complete(
    text: &Text,
    answer: Result<Option<Arc<Rows>>, CloudError>,
) -> Result<Result<Option<Arc<Rows>>, String>, CloudError> {
    match answer {
        Ok(Some(rows)) if rows.cells.len() >= CAP => Ok(Err(text.to_string())),
        Err(error) if error.message.contains("exceeded the max number of rows") => Ok(Err(text.to_string())),
        answer => answer.map(Ok),
    }
}

/// The column `name`, as an exact name.
pub fn name_of(row: &Row<'_>) -> Result<Option<Ident>, CloudError> {
    cell(row, "name")
}

/// The name of a schema in `SHOW SCHEMAS`. `None` for schemas without a database.
pub fn schema_of(row: &Row<'_>) -> Result<Option<SchemaName>, CloudError> {
    let (database, schema) = (cell(row, "database_name")?, cell(row, "name")?);
    Ok(database.zip(schema).map(|(database, schema)| SchemaName { database, schema }))
}

/// The name of an object in a schema. `None` for objects outside schemas.
pub fn object_of(row: &Row<'_>) -> Result<Option<ObjectName>, CloudError> {
    let (database, schema) = (cell(row, "database_name")?, cell(row, "schema_name")?);
    let home = database.zip(schema).map(|(database, schema)| SchemaName { database, schema });
    Ok(home.zip(cell(row, "name")?).map(|(schema, name)| ObjectName { schema, name }))
}

fn cell(row: &Row<'_>, name: &str) -> Result<Option<Ident>, CloudError> {
    let ident = |text| {
        let bad = |error| format!("its column `{name}` holds no name: {error}");
        Ident::stored(text).map_err(|error| CloudError::unexpected(Which::Snowflake, "SHOW", bad(error)))
    };
    column(row, name)?.map(ident).transpose()
}

/// A cell of a column that must be there: a missing column is not an empty one.
pub fn column<'a>(row: &Row<'a>, name: &str) -> Result<Option<&'a str>, CloudError> {
    if row.has(name) {
        return Ok(row.get(name));
    }
    Err(CloudError::unexpected(Which::Snowflake, "SHOW", format!("its answer has no column `{name}`")))
}

/// The user's own comment, and the mark behind it.
pub fn comment(text: Option<&str>) -> (String, Option<Mark>) {
    Mark::split(text.unwrap_or_default())
}

/// What a declared object is that no `SHOW` lists: absent only if the role would see it.
pub fn unlisted<P>(what: &LiveId, context: &Context) -> Seen<P> {
    match &context.sight {
        Sight::Full => Seen::Absent,
        Sight::Partial(role) => Seen::Hidden(format!(
            "{what} is not listed, and {role} sees only what it was granted something on: it may be absent, or there and hidden"
        )),
    }
}

/// Puts together what was found: declared objects under their addresses, others if they carry a mark.
pub fn observed<K: Kind, N: Ord + Display>(
    entries: &[Entry<K::Spec>],
    context: &Context,
    name: impl Fn(&K::Spec) -> N,
    mut found: BTreeMap<N, Found<K::Props>>,
) -> Observed<K::Props> {
    let mut out = Observed::default();
    for entry in entries {
        let seen = match found.get(&name(&entry.spec)) {
            Some(found) => Seen::Present(found.clone()),
            None => unlisted(&K::id(&entry.spec, context), context),
        };
        out.declared.insert(entry.at.clone(), seen);
    }
    for entry in entries {
        found.remove(&name(&entry.spec));
    }
    let marked = found.into_iter().filter(|(_, found)| K::mark(&found.props).is_some());
    out.others.extend(marked.map(|(name, found)| (LiveId::new(K::NAME, name), found)));
    out
}

/// An object that has parameters, as `SHOW PARAMETERS` names its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A database.
    Database,
    /// A schema.
    Schema,
    /// A warehouse.
    Warehouse,
    /// A task.
    Task,
    /// A table.
    Table,
}

impl Level {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Database => ("SHOW PARAMETERS IN DATABASE", "DATABASE"),
            Self::Schema => ("SHOW PARAMETERS IN SCHEMA", "SCHEMA"),
            Self::Warehouse => ("SHOW PARAMETERS IN WAREHOUSE", "WAREHOUSE"),
            Self::Task => ("SHOW PARAMETERS IN TASK", "TASK"),
            Self::Table => ("SHOW PARAMETERS IN TABLE", "TABLE"),
        }
    }
}

/// Parameters that are set on an object itself, by upper-case name. What it inherits is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Takes those set on `level` out of an answer of `SHOW PARAMETERS`.
    pub fn own(rows: &Rows, level: Level) -> Self {
        let of = |row: Row<'_>| {
            let own = row.get("level")?.eq_ignore_ascii_case(level.words().1);
            own.then(|| (row.get("key").unwrap_or_default().to_ascii_uppercase(), value(&row)))
        };
        Self(rows.iter().filter_map(of).collect())
    }

    /// The value of a parameter that is set on the object itself; may be empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn value(row: &Row<'_>) -> String {
    row.get("value").unwrap_or_default().to_owned()
}

/// The parameters set on an object itself; `None` if the object is not there or not visible.
pub async fn parameters(session: &Session, level: Level, name: &impl Name) -> Result<Option<Parameters>, CloudError> {
    let rows = about(session, &Text::new(level.words().0).name(name)).await?;
    Ok(rows.map(|rows| Parameters::own(&rows, level)))
}

/// The parameters set on objects themselves. An object that is not there or not visible is left out.
pub async fn parameters_of<N: Name + Ord>(
    session: &Session,
    level: Level,
    names: impl IntoIterator<Item = N>,
) -> Result<BTreeMap<N, Parameters>, CloudError> {
    let reads: Vec<_> = names.into_iter().map(|name| named(session, level, name)).collect();
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

async fn named<N: Name>(session: &Session, level: Level, name: N) -> Result<Option<(N, Parameters)>, CloudError> {
    Ok(parameters(session, level, &name).await?.map(|own| (name, own)))
}

#[cfg(test)]
pub(crate) mod tests {
    use futures::executor::block_on;

    use super::*;
    pub(crate) use crate::kind::trial::rows;

    /// Who the tests work as.
    pub(crate) fn context(sight: Sight) -> Context {
        Context { sight, ..crate::kind::trial::context() }
    }

    fn named(count: usize) -> Rows {
        let cells = (0..count).map(|n| vec![Some(format!("N{n}"))]).collect();
        Rows { columns: vec!["name".into()], cells, query_id: String::new() }
    }

    fn texts(scopes: &Scopes) -> Vec<Vec<String>> {
        scopes.iter().map(|scope| scope.iter().map(ToString::to_string).collect()).collect()
    }

    #[test]
    fn asks_once_if_the_answer_is_complete() {
        let name: ObjectName = "d.s.a".parse().unwrap();
        let scopes = objects_scopes("SHOW STAGES", &BTreeSet::from([&name]));
        let listing = block_on(narrowing(&scopes, |text| {
            assert_eq!(text.to_string(), "SHOW STAGES IN ACCOUNT");
            async { Ok(Some(Arc::new(named(CAP - 1)))) }
        }));
        assert_eq!(listing.unwrap().rows().count(), CAP - 1);
    }

    #[test]
    fn narrows_a_full_answer_step_by_step() {
        let names: Vec<ObjectName> =
            ["d.s.a_b", "d.s.c", "e.s.\"x%\""].iter().map(|name| name.parse().unwrap()).collect();
        let scopes = objects_scopes("SHOW TASKS", &names.iter().collect());
        let expected = [
            vec!["SHOW TASKS IN ACCOUNT"],
            vec!["SHOW TASKS IN DATABASE \"D\"", "SHOW TASKS IN DATABASE \"E\""],
            vec!["SHOW TASKS IN SCHEMA \"D\".\"S\"", "SHOW TASKS IN SCHEMA \"E\".\"S\""],
            vec![
                r#"SHOW TASKS LIKE 'A\\_B' IN SCHEMA "D"."S""#,
                r#"SHOW TASKS LIKE 'C' IN SCHEMA "D"."S""#,
                r#"SHOW TASKS LIKE 'x\\%' IN SCHEMA "E"."S""#,
            ],
        ];
        assert_eq!(texts(&scopes), expected);
        let error = || {
            CloudError::unexpected(Which::Snowflake, "SHOW", "result set size exceeded the max number of rows(10000)")
        };
        let listing = block_on(narrowing(&scopes, |text| {
            let text = text.to_string();
            async move {
                match text.as_str() {
                    "SHOW TASKS IN ACCOUNT" => Err(error()),
                    "SHOW TASKS IN DATABASE \"D\"" => Ok(Some(Arc::new(named(CAP)))),
                    "SHOW TASKS IN SCHEMA \"E\".\"S\"" => Ok(None),
                    _ => Ok(Some(Arc::new(named(3)))),
                }
            }
        }));
        assert_eq!(listing.unwrap().rows().count(), 3, "the missing schema lists nothing");
        let cut = block_on(narrowing(&scopes, |_| async { Ok(Some(Arc::new(named(CAP)))) })).unwrap_err();
        assert!(cut.message.contains("10000 rows") && cut.operation.contains("LIKE"), "{cut}");
    }

    #[test]
    fn account_and_schema_scopes() {
        let name: Ident = "wh_1".parse().unwrap();
        let expected = [vec!["SHOW WAREHOUSES"], vec![r"SHOW WAREHOUSES LIKE 'WH\\_1'"]];
        assert_eq!(texts(&account_scopes("SHOW WAREHOUSES", BTreeSet::from([&name]))), expected);
        let schema: SchemaName = "d.s".parse().unwrap();
        let expected = [
            vec!["SHOW SCHEMAS IN ACCOUNT"],
            vec!["SHOW SCHEMAS IN DATABASE \"D\""],
            vec!["SHOW SCHEMAS LIKE 'S' IN DATABASE \"D\""],
        ];
        assert_eq!(texts(&schemas_scopes(&BTreeSet::from([&schema]))), expected);
    }

    #[test]
    fn indexes_by_exact_name() {
        let columns = ["name", "database_name", "schema_name"];
        let listing = Listing::from(rows(
            &columns,
            &[&[Some("a"), Some("D"), Some("S")], &[Some("A"), Some("D"), Some("S")], &[Some("B"), None, None]],
        ));
        let names: Vec<String> = listing.index(object_of).unwrap().keys().map(ToString::to_string).collect();
        assert_eq!(names, [r#""D"."S"."A""#, r#""D"."S"."a""#]);
        let wrong = Listing::from(rows(&["name"], &[&[Some("a")]]));
        assert!(wrong.index(object_of).is_err(), "a missing column is not an empty one");
    }

    #[test]
    fn own_parameters_only() {
        let answer = rows(
            &["key", "value", "default", "level"],
            &[
                &[Some("DATA_RETENTION_TIME_IN_DAYS"), Some("7"), Some("1"), Some("DATABASE")],
                &[Some("LOG_LEVEL"), Some("WARN"), Some("OFF"), Some("ACCOUNT")],
                &[Some("DEFAULT_DDL_COLLATION"), Some(""), Some(""), Some("DATABASE")],
                &[Some("TRACE_LEVEL"), Some("OFF"), Some("OFF"), Some("")],
            ],
        );
        let own = Parameters::own(&answer, Level::Database);
        assert_eq!(
            own.iter().collect::<Vec<_>>(),
            [("DATA_RETENTION_TIME_IN_DAYS", "7"), ("DEFAULT_DDL_COLLATION", "")]
        );
        assert_eq!(Parameters::own(&answer, Level::Schema), Parameters::default());
    }

    #[test]
    fn what_is_not_listed_is_absent_only_to_a_role_that_sees_all() {
        let id = LiveId::new("stage", "\"D\"");
        assert_eq!(unlisted::<()>(&id, &context(Sight::Full)), Seen::Absent);
        let hidden = unlisted::<()>(&id, &context(Sight::Partial("role R".into())));
        assert!(matches!(hidden, Seen::Hidden(why) if why.contains("role R") && why.contains("stage \"D\"")));
    }
}
