//! Tags: names for values that objects may be given.
//!
//! What values a tag allows, and whether it goes on to what is made from a tagged object, is altered in place. This kind defines a tag; no kind
//! puts one on its objects.
//!
//! Statements: `SHOW TAGS`, `CREATE`, `ALTER` and `DROP TAG`. Privileges: CREATE TAG on the schema, OWNERSHIP to change it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::container::{comment_clause, comment_field};
use super::export::Export;
use super::words::words;
use super::{Attribute, Cx, Entry, Field, Fields, Kind, Part, Problem, Ref, Side, Source, qualified, show};
use crate::cloud::{Cloud, CloudError, Row, Which};
use crate::model::{
    Address, Context, Diff, Found, Ident, LiveId, Mark, ObjectName, Observed, Op, SchemaName, Shown, Text, Val,
};

/// The kind.
pub struct Tag;

/// A tag. It is defined here; objects are given it by other means.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The schema it is in: `DATABASE.SCHEMA`.
    pub schema: SchemaName,
    /// Its name.
    pub name: Ident,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
    /// The only values it may have, of at most 256 characters each. Default: any.
    #[serde(default)]
    pub allowed_values: BTreeSet<String>,
    /// Whether it goes on to other objects: `ON_DEPENDENCY`, to those that are made of a tagged one, `ON_DATA_MOVEMENT`, to where its data goes, or
    /// `ON_DEPENDENCY_AND_DATA_MOVEMENT`. Left as it is where not set. Needs the Enterprise edition.
    pub propagate: Option<Propagation>,
}

words! {
    /// How a tag goes on to other objects.
    Propagation {
        OnDependency = "ON_DEPENDENCY",
        OnDataMovement = "ON_DATA_MOVEMENT",
        Both = "ON_DEPENDENCY_AND_DATA_MOVEMENT",
    }
}

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: ObjectName,
    comment: String,
    mark: Option<Mark>,
    values: BTreeSet<String>,
    /// A word; live perhaps one that nobody knows here.
    propagate: Option<String>,
}

impl Kind for Tag {
    const NAME: &'static str = "tag";
    const SIDE: Side = Side::Snowflake;
    const ABOUT: &'static str = "A tag: a name for values that objects may be given.";
    const EXAMPLE: &'static str = r#"
[database.raw]
name = "RAW"

[tag.cost_center]
schema = "RAW.PUBLIC"
name = "COST_CENTER"
allowed_values = ["finance", "sales"]
"#;

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        const ALL: &[Attribute] =
            &[qualified::FQN, Attribute { name: "name", about: "Its name", from: Source::Field("name") }];
        ALL
    }

    fn id(spec: &Spec, _context: &Context) -> LiveId {
        LiveId::new(Self::NAME, spec.schema.object(&spec.name))
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        let long = |value: &&String| value.chars().count() > 256;
        let problem = |value: &String| {
            let begins: String = value.chars().take(20).collect();
            Problem::new("allowed_values", format!("`{begins}…` has more than 256 characters")).hint("shorten it")
        };
        spec.allowed_values.iter().filter(long).map(problem).collect()
    }

    fn want(entry: &Entry<Spec>, _cx: Cx<'_>) -> Props {
        let Spec { schema, name, comment, allowed_values, propagate } = &entry.spec;
        Props {
            name: schema.object(name),
            comment: comment.clone(),
            mark: Some(entry.mark.clone()),
            values: allowed_values.clone(),
            propagate: propagate.map(|word| word.word().to_owned()),
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props { name: _, comment, mark: _, values, propagate } = props;
        let list = || Shown::List(values.iter().map(|value| Val::known(value.as_str())).collect());
        vec![
            comment_field(comment),
            Field::in_place("allowed_values", (!values.is_empty()).then(list)),
            Field::in_place_if_set("propagate", propagate.clone()),
        ]
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    fn refs(props: &Props) -> Vec<Ref> {
        qualified::home(&props.name.schema)
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let names: Vec<ObjectName> = entries.iter().map(|entry| entry.spec.schema.object(&entry.spec.name)).collect();
        let listing = show::objects(cloud.snowflake()?, "SHOW TAGS", &names).await?;
        gather(entries, context, &listing)
    }

    fn create(_at: &Address, want: &Props) -> Vec<Part> {
        let mut text = Text::new("CREATE TAG").name(&want.name);
        if !want.values.is_empty() {
            text = text.word("ALLOWED_VALUES").list(literals(&want.values));
        }
        let text = text.then(propagate(want)).then(comment_clause(&want.comment, want.mark.as_ref()));
        vec![Part::main(vec![Op::sql(text)])]
    }

    /// New values come before old ones go, so that the list is never empty in between, which would allow any value.
    fn alter(_at: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        let alter = || Text::new("ALTER TAG").name(&want.name);
        let mut ops = Vec::new();
        if changed.has("comment") || changed.has("mark") {
            ops.push(alter().word("SET").then(comment_clause(&want.comment, want.mark.as_ref())));
        }
        if changed.has("propagate") {
            ops.push(alter().word("SET").then(propagate(want)));
        }
        if changed.has("allowed_values") {
            let added: BTreeSet<String> = want.values.difference(&have.values).cloned().collect();
            let gone: BTreeSet<String> = have.values.difference(&want.values).cloned().collect();
            if want.values.is_empty() {
                ops.push(alter().word("UNSET ALLOWED_VALUES"));
            } else {
                if !added.is_empty() {
                    ops.push(alter().word("ADD ALLOWED_VALUES").list(literals(&added)));
                }
                if !gone.is_empty() {
                    ops.push(alter().word("DROP ALLOWED_VALUES").list(literals(&gone)));
                }
            }
        }
        vec![Part::main(ops.into_iter().map(Op::sql).collect())]
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(Text::new("DROP TAG").name(&have.name))])]
    }

    fn breaks(have: &Props) -> Vec<String> {
        vec![format!("every object that has the tag {} loses it, with its value", have.name)]
    }

    fn named(name: &str, _context: &Context) -> Result<Fields, String> {
        qualified::named(name)
    }

    fn export(have: &Props, _context: &Context) -> Fields {
        let Props { name, comment, mark: _, values, propagate } = have;
        Export::of(qualified::exported(name))
            .text("comment", comment)
            .filled("allowed_values", json!(values))
            .set("propagate", propagate.as_deref())
            .done()
    }
}

fn literals(values: &BTreeSet<String>) -> impl Iterator<Item = Text> {
    values.iter().map(|value| Text::default().literal(value.as_str()))
}

fn propagate(want: &Props) -> Text {
    let word = want.propagate.as_deref().and_then(Propagation::read);
    word.map_or_else(Text::default, |word| Text::new("PROPAGATE =").word(word.word()))
}

fn gather(entries: &[Entry<Spec>], context: &Context, listing: &show::Listing) -> Result<Observed<Props>, CloudError> {
    let rows = listing.index(show::object_of)?;
    let found = rows.into_iter().map(|(name, row)| Ok((name.clone(), read(name, &row)?)));
    let found = found.collect::<Result<_, CloudError>>()?;
    Ok(show::observed::<Tag, _>(entries, context, |spec| spec.schema.object(&spec.name), found))
}

fn read(name: ObjectName, row: &Row<'_>) -> Result<Found<Props>, CloudError> {
    let (comment, mark) = show::comment(row.get("comment"));
    let values = show::column(row, "allowed_values")?.map_or(Ok(BTreeSet::new()), serde_json::from_str);
    let values = values.map_err(|error| {
        let text = format!("the allowed values of {name} are no JSON: {error}");
        CloudError::unexpected(Which::Snowflake, "SHOW TAGS", text)
    })?;
    // Where nothing is propagated, some answers say so.
    let propagate = row.get("propagate").filter(|word| !word.eq_ignore_ascii_case("NONE"));
    let propagate = propagate.map(str::to_ascii_uppercase);
    let props = Props { name, comment, mark, values, propagate };
    Ok(Found { props, facts: std::collections::BTreeMap::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::trial::{altered, at, context, created, diff, entry, rows, want};
    use crate::model::Seen;

    type K = Tag;

    const BASE: &str = "schema = 'd.s'\nname = 't'\nallowed_values = ['a', 'b']\n";
    const MARK: &str = "[snowssi:events/tag.x]";

    #[test]
    fn a_tag_is_never_open_while_its_values_change() {
        let create = format!(r#"CREATE TAG "D"."S"."T" ALLOWED_VALUES 'a', 'b' COMMENT = '{MARK}'"#);
        assert_eq!(created::<K>(BASE), [create]);
        let alter = |rest: &str| format!(r#"ALTER TAG "D"."S"."T" {rest}"#);
        let moved = altered::<K>(BASE, &BASE.replace("'a', 'b'", "'c'"));
        assert_eq!(moved, [alter("ADD ALLOWED_VALUES 'c'"), alter("DROP ALLOWED_VALUES 'a', 'b'")]);
        let open = altered::<K>(BASE, &BASE.replace("'a', 'b'", ""));
        assert_eq!(open, [alter("UNSET ALLOWED_VALUES")]);
        let on = format!("{BASE}propagate = 'on_dependency'\n");
        assert_eq!(altered::<K>(BASE, &on), [alter("SET PROPAGATE = ON_DEPENDENCY")]);
        assert!(diff::<K>(&want::<K>(&entry::<K>(BASE)), &want::<K>(&entry::<K>(&on))).is_empty(), "left alone");
    }

    #[test]
    fn reads_back_what_it_wrote() {
        let columns = ["name", "database_name", "schema_name", "comment", "allowed_values", "propagate"];
        let seen = |values: Option<&str>| {
            let cells = [Some("T"), Some("D"), Some("S"), Some(MARK), values, Some("NONE")];
            let listing = show::Listing::from(rows(&columns, &[&cells]));
            gather(&[entry::<K>(BASE)], &context(), &listing).map(|mut all| all.declared.remove(&at::<K>()).unwrap())
        };
        let Seen::Present(found) = seen(Some(r#"["b","a"]"#)).unwrap() else { panic!() };
        assert_eq!(found.props, want::<K>(&entry::<K>(BASE)));
        let Seen::Present(found) = seen(None).unwrap() else { panic!() };
        assert!(found.props.values.is_empty());
        assert!(seen(Some("a,b")).is_err(), "what cannot be read is not empty");
    }
}
