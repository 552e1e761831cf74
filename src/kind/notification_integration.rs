//! Notification integrations: whom Snowflake tells. Mail to verified users of the account, or messages to an SNS topic.
//!
//! For a topic the trust handshake is that of a storage integration: the answer of `DESC` tells who must be trusted (`user_arn`) and with which
//! external ID, and the role is then created with its final trust. It is only ever altered: a new integration has a new external ID, which the
//! role does not trust. Mail and topic are different types, and another type is another integration.
//!
//! Statements: `SHOW INTEGRATIONS`, `DESC`, `CREATE`, `ALTER` and `DROP NOTIFICATION INTEGRATION`. Privileges: CREATE INTEGRATION on the account,
//! OWNERSHIP to change it; whoever owns a task or pipe that tells it of errors needs USAGE.

mod spec;
#[cfg(test)]
mod tests;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::{try_join, try_join_all};
use serde_json::json;

pub use self::spec::Spec;
use super::container::comment_field;
use super::{Attribute, Cx, Entry, Field, Fields, Gift, Kind, Part, Problem, Ref, Side, Source, show};
use crate::cloud::{Cloud, CloudError, Row, Rows, Session};
use crate::model::{Address, Context, Diff, Fact, Found, Ident, LiveId, Mark, Observed, Op, Seen, Shown, Text, Val};

/// The kind.
pub struct NotificationIntegration;

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: Ident,
    comment: String,
    mark: Option<Mark>,
    enabled: bool,
    to: To,
}

/// Whom it tells.
#[derive(Clone, Debug, PartialEq)]
enum To {
    /// Users with a verified address.
    Email { allowed: BTreeSet<String>, default: BTreeSet<String>, subject: Option<String> },
    /// An SNS topic, by a role.
    Sns { topic: Val, role: Val },
}

impl Kind for NotificationIntegration {
    const NAME: &'static str = "notification_integration";
    const SIDE: Side = Side::Snowflake;
    const ABOUT: &'static str = "Whom Snowflake tells of errors and alerts: an SNS topic, or users by mail.";
    const EXAMPLE: &'static str = r#"
[sns_topic.failures]
name = "events-failures"

[iam_role.notify]
name = "snowflake-events-notify"
access = [{ topic = "{{ sns_topic.failures.arn }}", allow = ["publish"] }]

[notification_integration.failures]
name = "EVENTS_FAILURES"
sns = { topic = "{{ sns_topic.failures.arn }}", role = "{{ iam_role.notify.arn }}" }
"#;

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "Its name", from: Source::Field("name") },
            Attribute { name: USER_ARN, about: "Of a topic: the IAM user on Snowflake's side", from: Source::Fact },
            Attribute { name: EXTERNAL_ID, about: "Of a topic: the external ID Snowflake sends", from: Source::Fact },
        ]
    }

    fn id(spec: &Spec, _context: &Context) -> LiveId {
        LiveId::new(Self::NAME, &spec.name)
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        spec.check()
    }

    fn gifts(entry: &Entry<Spec>, _context: &Context) -> Vec<Gift> {
        let later = |name| Val::later(Fact::new(&entry.at, name));
        let trust = |sns: &spec::Sns| Gift::Trust {
            role: sns.role.clone(),
            principal: later(USER_ARN),
            external_id: later(EXTERNAL_ID),
        };
        entry.spec.sns.iter().map(trust).collect()
    }

    fn want(entry: &Entry<Spec>, cx: Cx<'_>) -> Props {
        let Spec { name, comment, enabled, email, sns } = &entry.spec;
        let to = match (sns, email) {
            (Some(spec::Sns { topic, role }), _) => {
                To::Sns { topic: topic.resolve(cx.facts), role: role.resolve(cx.facts) }
            }
            (None, email) => {
                let email = email.clone().unwrap_or_default();
                To::Email {
                    allowed: email.allowed_recipients,
                    default: email.default_recipients,
                    subject: email.default_subject,
                }
            }
        };
        Props { name: name.clone(), comment: comment.clone(), mark: Some(entry.mark.clone()), enabled: *enabled, to }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props { name: _, comment, mark: _, enabled, to } = props;
        let list = |set: &BTreeSet<String>| Shown::List(set.iter().map(|text| Val::known(text.as_str())).collect());
        let mut fields = vec![comment_field(comment), Field::in_place("enabled", Some(*enabled))];
        match to {
            To::Email { allowed, default, subject } => fields.extend([
                Field::replaces("type", Some("EMAIL")),
                Field::in_place("email.allowed_recipients", Some(list(allowed))),
                Field::in_place("email.default_recipients", (!default.is_empty()).then(|| list(default))),
                Field::in_place("email.default_subject", subject.clone()),
            ]),
            To::Sns { topic, role } => fields.extend([
                Field::replaces("type", Some("QUEUE - AWS_SNS")),
                Field::in_place("sns.topic", Some(topic.clone())),
                Field::in_place("sns.role", Some(role.clone())),
            ]),
        }
        fields
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    /// None: Snowflake looks at neither the role nor the topic before it has something to tell.
    fn refs(_props: &Props) -> Vec<Ref> {
        Vec::new()
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let session = cloud.snowflake()?;
        let names: BTreeSet<&Ident> = entries.iter().map(|entry| &entry.spec.name).collect();
        let listing = show::account(session, "SHOW INTEGRATIONS", names.iter().copied());
        let (listing, mut answers) = try_join(listing, describe(session, &names)).await?;
        let rows = listing.index(show::name_of)?;
        let marked = |row: &Row<'_>| show::comment(row.get("comment")).1.is_some();
        let orphans = rows.iter().filter(|(name, row)| !names.contains(name) && sort(row).is_some() && marked(row));
        answers.extend(describe(session, &orphans.map(|(name, _)| name).collect()).await?);
        Ok(gather(entries, context, &rows, &answers))
    }

    fn create(at: &Address, want: &Props) -> Vec<Part> {
        let mut ops = vec![Op::sql(work::create(want))];
        if let To::Sns { .. } = want.to {
            ops.push(work::learn(at, &want.name));
        }
        vec![Part::main(ops)]
    }

    fn alter(_at: &Address, want: &Props, _have: &Props, changed: &Diff) -> Vec<Part> {
        let texts = [work::unset(want, changed), work::set(want, changed)];
        vec![Part::main(texts.into_iter().flatten().map(Op::sql).collect())]
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(Text::new("DROP NOTIFICATION INTEGRATION").name(&have.name))])]
    }

    fn breaks(have: &Props) -> Vec<String> {
        let name = &have.name;
        let mut all = vec![
            format!("tasks, pipes and alerts that tell {name} tell nobody any more, also those of other stacks"),
            format!("grants on {name} are lost"),
        ];
        if let To::Sns { .. } = have.to {
            all.push("the external ID changes, so the trust policy of the role must follow".to_owned());
        }
        all
    }

    fn named(name: &str, _context: &Context) -> Result<Fields, String> {
        let name: Ident = name.parse().map_err(|error| format!("`{name}` is no name of an integration: {error}"))?;
        let filler = json!({ "allowed_recipients": ["nobody@example.com"] });
        Ok(Fields::from([("name", json!(name.to_string())), ("email", filler)]))
    }

    fn export(have: &Props, _context: &Context) -> Fields {
        let Props { name, comment, mark: _, enabled, to } = have;
        let mut fields = Fields::from([("name", json!(name.to_string()))]);
        if !comment.is_empty() {
            fields.push(("comment", json!(comment)));
        }
        if !enabled {
            fields.push(("enabled", json!(false)));
        }
        fields.push(match to {
            To::Email { allowed, default, subject } => {
                let mut email = serde_json::Map::from_iter([("allowed_recipients".to_owned(), json!(allowed))]);
                if !default.is_empty() {
                    email.insert("default_recipients".to_owned(), json!(default));
                }
                email.extend(subject.iter().map(|subject| ("default_subject".to_owned(), json!(subject))));
                ("email", email.into())
            }
            To::Sns { topic, role } => ("sns", json!({ "topic": topic.to_string(), "role": role.to_string() })),
        });
        fields
    }
}

const USER_ARN: &str = "user_arn";
const EXTERNAL_ID: &str = "external_id";

async fn describe(session: &Session, names: &BTreeSet<&Ident>) -> Result<BTreeMap<Ident, Arc<Rows>>, CloudError> {
    let one = |name: &Ident| {
        let name = name.clone();
        async move {
            let rows = show::about(session, &Text::new("DESC NOTIFICATION INTEGRATION").name(&name)).await?;
            Ok::<_, CloudError>(rows.map(|rows| (name, rows)))
        }
    };
    Ok(try_join_all(names.iter().map(|name| one(name))).await?.into_iter().flatten().collect())
}

/// The sorts that are managed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Email,
    Sns,
}

/// Which sort a listed integration is; `None` for all that are not managed here, storage integrations among them.
fn sort(row: &Row<'_>) -> Option<Sort> {
    if row.get("category").is_some_and(|category| !category.eq_ignore_ascii_case("NOTIFICATION")) {
        return None;
    }
    match row.get("type").unwrap_or_default().to_ascii_uppercase().as_str() {
        "EMAIL" => Some(Sort::Email),
        "QUEUE - AWS_SNS" => Some(Sort::Sns),
        _ => None,
    }
}

/// Joins what SHOW and DESC told. A listed name that is another integration, or cannot be described, is hidden: it must not be taken for absent.
fn gather(
    entries: &[Entry<Spec>],
    context: &Context,
    rows: &BTreeMap<Ident, Row<'_>>,
    answers: &BTreeMap<Ident, Arc<Rows>>,
) -> Observed<Props> {
    let found = rows.iter().filter_map(|(name, row)| {
        let (sort, desc) = (sort(row)?, answers.get(name)?);
        Some((name.clone(), read(name, row, sort, desc)))
    });
    let mut out =
        show::observed::<NotificationIntegration, _>(entries, context, |spec| spec.name.clone(), found.collect());
    for entry in entries {
        let name = &entry.spec.name;
        let Some(seen) = out.declared.get_mut(&entry.at) else { continue };
        match (seen, rows.get(name)) {
            (Seen::Present(found), _) => silent(&mut found.props, &entry.spec, answers.get(name)),
            (seen, Some(row)) => {
                let role = &context.snowflake_role;
                *seen = Seen::Hidden(match sort(row) {
                    None => {
                        let kind = row.get("type").unwrap_or("?").to_lowercase();
                        format!("{name} is the name of another kind of integration ({kind}): choose another name")
                    }
                    Some(_) => format!(
                        "notification integration {name} is there but {role} cannot describe it: grant the role USAGE on it"
                    ),
                });
            }
            (_, None) => {}
        }
    }
    out
}

/// What a release's DESC does not tell at all is taken to be as it is wanted.
fn silent(have: &mut Props, spec: &Spec, desc: Option<&Arc<Rows>>) {
    let is = |row: Row<'_>, property: &str| row.get("property").is_some_and(|name| name.eq_ignore_ascii_case(property));
    let tells = |property: &str| desc.is_some_and(|desc| desc.iter().any(|row| is(row, property)));
    if let (To::Email { default, subject, .. }, Some(wanted)) = (&mut have.to, &spec.email) {
        if !tells("DEFAULT_RECIPIENTS") {
            default.clone_from(&wanted.default_recipients);
        }
        if !tells("DEFAULT_SUBJECT") {
            subject.clone_from(&wanted.default_subject);
        }
    }
}

fn read(name: &Ident, row: &Row<'_>, sort: Sort, desc: &Rows) -> Found<Props> {
    let text = |property: &str| desc.property(property).filter(|text| !text.is_empty()).map(str::to_owned);
    let list = |property: &str| {
        let joined = desc.property(property).unwrap_or_default();
        let inner = joined.trim().trim_start_matches('[').trim_end_matches(']');
        inner.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (comment, mark) = show::comment(desc.property("COMMENT").or(row.get("comment")));
    let enabled = text("ENABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let arn = |property: &str| Val::known(text(property).unwrap_or_default());
    let to = match sort {
        Sort::Email => To::Email {
            allowed: list("ALLOWED_RECIPIENTS"),
            default: list("DEFAULT_RECIPIENTS"),
            subject: text("DEFAULT_SUBJECT"),
        },
        Sort::Sns => To::Sns { topic: arn("AWS_SNS_TOPIC_ARN"), role: arn("AWS_SNS_ROLE_ARN") },
    };
    let props = Props { name: name.clone(), comment, mark, enabled, to };
    let facts = [(USER_ARN, text("SF_AWS_IAM_USER_ARN")), (EXTERNAL_ID, text("SF_AWS_EXTERNAL_ID"))];
    let facts = facts.into_iter().filter_map(|(fact, value)| Some((fact, value?))).collect();
    Found { props, facts }
}
