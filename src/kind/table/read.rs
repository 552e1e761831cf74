//! How tables are read: `SHOW TABLES` for all, `DESC TABLE` for those that are managed.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{try_join, try_join_all};
use serde_json::{Value as Json, json};

use super::columns::{Column, Columns};
use super::spec::Spec;
use super::types::DataType;
use super::{PARAMETERS, Props, Table, expression, parameters};
use crate::cloud::{Cloud, CloudError, Row, Rows, Session, Which};
use crate::kind::setting::Value;
use crate::kind::show::{self, Level, Parameters};
use crate::kind::{Entry, Fields, qualified};
use crate::model::{Context, Found, Ident, ObjectName, Observed, Seen, Text};

/// Reads all tables.
pub(super) async fn observe(
    entries: &[Entry<Spec>],
    cloud: &Cloud,
    context: &Context,
) -> Result<Observed<Props>, CloudError> {
    let session = cloud.snowflake()?;
    let names: BTreeSet<ObjectName> = entries.iter().map(|entry| entry.spec.full_name()).collect();
    let with_parameters = entries.iter().filter(|entry| !parameters(&entry.spec).is_empty());
    let own = show::parameters_of(session, Level::Table, with_parameters.map(|entry| entry.spec.full_name()));
    let (listing, (mut described, own)) =
        try_join(show::objects(session, "SHOW TABLES", &names), try_join(describe(session, &names), own)).await?;
    let rows = listing.index(show::object_of)?;
    let marked = |row: &Row<'_>| show::comment(row.get("comment")).1.is_some();
    let orphans = rows.iter().filter(|(name, row)| !names.contains(name) && marked(row));
    described.extend(describe(session, &orphans.map(|(name, _)| name.clone()).collect()).await?);
    let mut found = BTreeMap::new();
    let mut hidden = BTreeSet::new();
    for (name, row) in &rows {
        match described.get(name) {
            Some(columns) => {
                let props = read(name, row, Some(columns), own.get(name))?;
                found.insert(name.clone(), Found { props, facts: BTreeMap::new() });
            }
            None if names.contains(name) => drop(hidden.insert(name.clone())),
            // What the role cannot look into but what carries a mark is found all the same.
            None if marked(row) => {
                found.insert(name.clone(), Found { props: read(name, row, None, None)?, facts: BTreeMap::new() });
            }
            None => {}
        }
    }
    let mut out = show::observed::<Table, _>(entries, context, Spec::full_name, found);
    for entry in entries.iter().filter(|entry| hidden.contains(&entry.spec.full_name())) {
        let why = format!(
            "{} sees table {} but not its columns: grant the role SELECT or OWNERSHIP on it",
            context.snowflake_role,
            entry.spec.full_name()
        );
        out.declared.insert(entry.at.clone(), Seen::Hidden(why));
    }
    Ok(out)
}

/// The answers of `DESC TABLE`, for the tables that are there.
async fn describe(
    session: &Session,
    names: &BTreeSet<ObjectName>,
) -> Result<BTreeMap<ObjectName, std::sync::Arc<Rows>>, CloudError> {
    let one = |name: &ObjectName| {
        let name = name.clone();
        async move {
            let rows = show::about(session, &Text::new("DESC TABLE").name(&name)).await?;
            Ok::<_, CloudError>(rows.map(|rows| (name, rows)))
        }
    };
    Ok(try_join_all(names.iter().map(one)).await?.into_iter().flatten().collect())
}

/// One row of `SHOW TABLES`, with its columns where they were asked for.
pub(super) fn read(
    name: &ObjectName,
    row: &Row<'_>,
    described: Option<&std::sync::Arc<Rows>>,
    own: Option<&Parameters>,
) -> Result<Props, CloudError> {
    let (comment, mark) = show::comment(row.get("comment"));
    let (columns, primary_key) = match described {
        Some(rows) => columns(name, rows)?,
        None => (Columns::default(), Vec::new()),
    };
    let parameter = |setting: &crate::kind::setting::Setting| {
        let text = own?.get(&setting.field.to_ascii_uppercase())?;
        Some((setting.field, setting.read(text)))
    };
    Ok(Props {
        name: name.clone(),
        mark,
        comment,
        columns,
        primary_key,
        cluster_by: clustering(row.get("cluster_by").unwrap_or_default()),
        transient: row.get("kind").is_some_and(|kind| kind.eq_ignore_ascii_case("TRANSIENT")),
        change_tracking: row.get("change_tracking").map(|text| text.eq_ignore_ascii_case("ON")),
        enable_schema_evolution: row.flag("enable_schema_evolution") == Some(true),
        parameters: PARAMETERS.iter().filter_map(parameter).collect(),
    })
}

fn columns(name: &ObjectName, rows: &Rows) -> Result<(Columns, Vec<Ident>), CloudError> {
    let bad = |what: String| CloudError::unexpected(Which::Snowflake, "DESC TABLE", format!("{name}: {what}"));
    let mut columns = Columns::default();
    let mut key = Vec::new();
    for row in rows.iter().filter(|row| row.get("kind").is_none_or(|kind| kind == "COLUMN")) {
        let Some(column) = show::name_of(&row)? else { continue };
        let text = show::column(&row, "type")?.unwrap_or_default();
        // A collation stands behind the type; it is not managed.
        let data_type = text.split(" COLLATE ").next().unwrap_or(text);
        let data_type = DataType::read(data_type).map_err(|why| bad(format!("column {column}: {why}")))?;
        let nullable = row.flag("null?") != Some(false);
        let default = row.get("default").filter(|text| !text.is_empty()).map(str::to_owned);
        let comment = row.get("comment").unwrap_or_default().to_owned();
        if row.flag("primary key") == Some(true) {
            key.push(column.clone());
        }
        columns.push(column, Column { data_type, nullable, default, comment });
    }
    Ok((columns, key))
}

/// The expressions of `LINEAR(a, to_date(b))`, in canonical form.
fn clustering(text: &str) -> Vec<String> {
    let text = text.trim();
    let inside = text.strip_prefix("LINEAR").map_or(text, str::trim);
    let inside = inside.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(inside);
    let mut out = vec![String::new()];
    let (mut depth, mut quote) = (0_i32, None);
    for c in inside.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => quote = Some(c),
            ('(', None) => depth += 1,
            (')', None) => depth -= 1,
            _ => {}
        }
        if c == ',' && depth == 0 && quote.is_none() {
            out.push(String::new());
        } else if let Some(last) = out.last_mut() {
            last.push(c);
        }
    }
    out.iter().map(|one| expression::canonical(one)).filter(|one| !one.is_empty()).collect()
}

/// The entry a person would write.
pub(super) fn export(have: &Props) -> Fields {
    let Props {
        name,
        mark: _,
        comment,
        columns,
        primary_key,
        cluster_by,
        transient,
        change_tracking: _,
        enable_schema_evolution,
        parameters,
    } = have;
    let column = |(name, column): (&Ident, &Column)| {
        let Column { data_type, nullable, default, comment } = column;
        let mut out = serde_json::Map::new();
        out.insert("name".into(), json!(name.written()));
        out.insert("type".into(), json!(data_type.to_string()));
        if !nullable {
            out.insert("nullable".into(), json!(false));
        }
        out.extend(default.iter().map(|text| ("default".into(), json!(text))));
        if !comment.is_empty() {
            out.insert("comment".into(), json!(comment));
        }
        Json::Object(out)
    };
    let mut fields = qualified::exported(name);
    fields.push(("columns", columns.in_order().map(column).collect()));
    if !primary_key.is_empty() {
        fields.push(("primary_key", primary_key.iter().map(Ident::written).collect()));
    }
    if !cluster_by.is_empty() {
        fields.push(("cluster_by", json!(cluster_by)));
    }
    if *transient {
        fields.push(("transient", json!(true)));
    }
    if *enable_schema_evolution {
        fields.push(("enable_schema_evolution", json!(true)));
    }
    let days = parameters.iter().filter_map(|(field, value)| match value {
        Value::Int(days) => Some((*field, json!(days))),
        _ => None,
    });
    fields.extend(days);
    if !comment.is_empty() {
        fields.push(("comment", json!(comment)));
    }
    fields
}
