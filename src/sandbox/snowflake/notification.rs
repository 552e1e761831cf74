//! Notification integrations: to an SNS topic, or by mail. What is told goes nowhere: the sandbox has no mailboxes, and no task tells a topic.

use serde::{Deserialize, Serialize};

use super::answer::ResultSet;
use super::context::{Claim, Context, Create, created, executed};
use super::fail::{self, Fallible};
use super::parse::Parser;
use super::props::{Props, unset_keys};
use super::show::{DESCRIBE, Sheet};
use super::state::{Body, Id, Kind};

/// A notification integration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notification {
    pub(super) enabled: bool,
    pub(super) to: To,
}

/// Whom it tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum To {
    Sns { topic: String, role: String, external_id: String },
    Email { allowed: Vec<String>, default: Vec<String>, subject: Option<String> },
}

impl Notification {
    /// As the column `type` of SHOW INTEGRATIONS has it.
    pub(super) fn sort(&self) -> &'static str {
        match self.to {
            To::Sns { .. } => "QUEUE - AWS_SNS",
            To::Email { .. } => "EMAIL",
        }
    }
}

/// `CREATE [OR REPLACE] NOTIFICATION INTEGRATION …`, after the kind.
pub(super) fn create(cx: &mut Context<'_>, p: &mut Parser<'_>, create: Create) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let mut props = Props::read(p)?;
    p.end()?;
    let sort = props.choice("TYPE", &["QUEUE", "EMAIL", "WEBHOOK"])?;
    let enabled = props.boolean("ENABLED")?;
    let comment = props.text("COMMENT")?;
    let (Some(sort), Some(enabled)) = (sort.as_deref(), enabled) else {
        let lacking = [("TYPE", sort.is_none()), ("ENABLED", enabled.is_none())];
        let names: Vec<&str> = lacking.iter().filter(|(_, missing)| *missing).map(|(name, _)| *name).collect();
        return Err(fail::missing_options(&names));
    };
    let to = match sort {
        "QUEUE" => queue(cx, &mut props)?,
        "EMAIL" => To::Email {
            allowed: addresses(&mut props, "ALLOWED_RECIPIENTS")?.unwrap_or_default(),
            default: addresses(&mut props, "DEFAULT_RECIPIENTS")?.unwrap_or_default(),
            subject: props.text("DEFAULT_SUBJECT")?,
        },
        _ => return Err(fail::beyond("notification integrations to web hooks")),
    };
    props.finish()?;
    let slot = match cx.claim(Kind::NotificationIntegration, &name, create, &["CREATE INTEGRATION"])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    cx.put(&slot, comment, Body::NotificationIntegration(Notification { enabled, to }));
    Ok(created("Integration", &slot.name))
}

fn queue(cx: &Context<'_>, props: &mut Props) -> Fallible<To> {
    let direction = props.choice("DIRECTION", &["INBOUND", "OUTBOUND"])?;
    let provider = props.choice("NOTIFICATION_PROVIDER", &["AWS_SNS", "GCP_PUBSUB", "AZURE_STORAGE_QUEUE"])?;
    let (topic, role) = (props.text("AWS_SNS_TOPIC_ARN")?, props.text("AWS_SNS_ROLE_ARN")?);
    match (direction.as_deref(), provider.as_deref()) {
        (Some("OUTBOUND"), Some("AWS_SNS")) => {}
        (None, _) => return Err(fail::missing_options(&["DIRECTION"])),
        (_, None) => return Err(fail::missing_options(&["NOTIFICATION_PROVIDER"])),
        (Some(direction), Some("AWS_SNS")) => return Err(fail::bad_property(direction, "Direction")),
        _ => return Err(fail::beyond("notification integrations on Azure and Google Cloud")),
    }
    let (Some(topic), Some(role)) = (&topic, &role) else {
        let lacking = [("AWS_SNS_TOPIC_ARN", topic.is_none()), ("AWS_SNS_ROLE_ARN", role.is_none())];
        let names: Vec<&str> = lacking.iter().filter(|(_, missing)| *missing).map(|(name, _)| *name).collect();
        return Err(fail::missing_options(&names));
    };
    check(topic, "sns", "AWS_SNS_TOPIC_ARN")?;
    check(role, "iam", "AWS_SNS_ROLE_ARN")?;
    Ok(To::Sns { topic: topic.clone(), role: role.clone(), external_id: cx.see().new_external_id() })
}

fn check(arn: &str, service: &str, property: &str) -> Fallible<()> {
    let good = arn.starts_with("arn:aws") && arn.split(':').nth(2) == Some(service);
    if good { Ok(()) } else { Err(fail::bad_property(arn, property)) }
}

fn addresses(props: &mut Props, key: &str) -> Fallible<Option<Vec<String>>> {
    let list = props.texts(key)?;
    match list.iter().flatten().find(|address| !address.contains('@')) {
        Some(odd) => Err(fail::bad_property(odd, key)),
        None => Ok(list),
    }
}

/// `ALTER NOTIFICATION INTEGRATION n SET … | UNSET …`, after the name.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<ResultSet> {
    cx.demand(id, &[])?;
    let Some(mut next) = cx.see().notification(id).cloned() else { return Err(fail::nowhere()) };
    let mut comment = None;
    if p.eat("SET") {
        let mut props = Props::read(p)?;
        if props.is_empty() {
            return Err(p.unexpected());
        }
        p.end()?;
        if let Some(enabled) = props.boolean("ENABLED")? {
            next.enabled = enabled;
        }
        match &mut next.to {
            To::Sns { topic, role, external_id: _ } => {
                if let Some(arn) = props.text("AWS_SNS_TOPIC_ARN")? {
                    check(&arn, "sns", "AWS_SNS_TOPIC_ARN")?;
                    *topic = arn;
                }
                if let Some(arn) = props.text("AWS_SNS_ROLE_ARN")? {
                    check(&arn, "iam", "AWS_SNS_ROLE_ARN")?;
                    *role = arn;
                }
            }
            To::Email { allowed, default, subject } => {
                if let Some(list) = addresses(&mut props, "ALLOWED_RECIPIENTS")? {
                    *allowed = list;
                }
                if let Some(list) = addresses(&mut props, "DEFAULT_RECIPIENTS")? {
                    *default = list;
                }
                if let Some(text) = props.text("DEFAULT_SUBJECT")? {
                    *subject = Some(text);
                }
            }
        }
        comment = props.text("COMMENT")?;
        props.finish()?;
    } else {
        p.need("UNSET")?;
        let keys = unset_keys(p)?;
        p.end()?;
        for (key, complaint) in keys {
            match (key.as_str(), &mut next.to) {
                (_, To::Sns { .. }) => return Err(fail::unsupported("UNSET")),
                ("ALLOWED_RECIPIENTS", To::Email { allowed, .. }) => allowed.clear(),
                ("DEFAULT_RECIPIENTS", To::Email { default, .. }) => default.clear(),
                ("DEFAULT_SUBJECT", To::Email { subject, .. }) => *subject = None,
                ("COMMENT", _) => comment = Some(String::new()),
                _ => return Err(complaint),
            }
        }
    }
    let state = cx.edit();
    if let Some(notification) = state.notification_mut(id) {
        *notification = next;
    }
    if let (Some(comment), Some(object)) = (comment, state.objects.get_mut(&id)) {
        object.comment = comment;
    }
    Ok(executed())
}

/// `DESC [NOTIFICATION] INTEGRATION n`.
pub(super) fn describe(cx: &Context<'_>, id: Id) -> Fallible<ResultSet> {
    let (Some(it), Some(object)) = (cx.see().notification(id), cx.see().get(id)) else { return Err(fail::nowhere()) };
    let mut sheet = Sheet::new(DESCRIBE, &["property", "property_type", "property_value", "property_default"]);
    let mut row = |property: &str, kind: &str, value: &str, default: &str| {
        sheet.row([property.into(), kind.into(), value.into(), default.into()]);
    };
    row("ENABLED", "Boolean", if it.enabled { "true" } else { "false" }, "true");
    match &it.to {
        To::Sns { topic, role, external_id } => {
            row("NOTIFICATION_PROVIDER", "String", "AWS_SNS", "");
            row("DIRECTION", "String", "OUTBOUND", "INBOUND");
            row("AWS_SNS_TOPIC_ARN", "String", topic, "");
            row("AWS_SNS_ROLE_ARN", "String", role, "");
            row("SF_AWS_IAM_USER_ARN", "String", &cx.see().iam_user_arn(), "");
            row("SF_AWS_EXTERNAL_ID", "String", external_id, "");
        }
        To::Email { allowed, default, subject } => {
            row("ALLOWED_RECIPIENTS", "List", &allowed.join(","), "[]");
            row("DEFAULT_RECIPIENTS", "List", &default.join(","), "[]");
            row("DEFAULT_SUBJECT", "String", subject.as_deref().unwrap_or_default(), "");
        }
    }
    row("COMMENT", "String", &object.comment, "");
    Ok(sheet.done())
}
