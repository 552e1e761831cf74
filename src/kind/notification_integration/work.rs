//! The statements of a notification integration.

use std::collections::BTreeSet;

use super::{EXTERNAL_ID, Props, To, USER_ARN};
use crate::model::op::From;
use crate::model::{Address, Diff, Fact, Ident, Op, Text, Val};

pub(super) fn create(want: &Props) -> Text {
    let text = Text::new("CREATE NOTIFICATION INTEGRATION").name(&want.name);
    let text = match &want.to {
        To::Email { allowed, default, subject: _ } => {
            let text = text.word("TYPE = EMAIL").then(enabled(want)).then(list("ALLOWED_RECIPIENTS =", allowed));
            let text = if default.is_empty() { text } else { text.then(list("DEFAULT_RECIPIENTS =", default)) };
            text.then(subject(want))
        }
        To::Sns { topic, role } => text
            .word("TYPE = QUEUE DIRECTION = OUTBOUND NOTIFICATION_PROVIDER = AWS_SNS")
            .then(enabled(want))
            .then(arn("AWS_SNS_TOPIC_ARN =", topic))
            .then(arn("AWS_SNS_ROLE_ARN =", role)),
    };
    text.then(comment(want))
}

/// Only mail has anything to unset; of a topic Snowflake refuses every UNSET.
pub(super) fn unset(want: &Props, changed: &Diff) -> Option<Text> {
    let To::Email { allowed: _, default, subject } = &want.to else { return None };
    let gone = [
        ("email.default_recipients", default.is_empty(), "DEFAULT_RECIPIENTS"),
        ("email.default_subject", subject.is_none(), "DEFAULT_SUBJECT"),
    ];
    let words = gone.into_iter().filter(|(field, empty, _)| *empty && changed.has(field));
    let words: Vec<Text> = words.map(|(_, _, word)| Text::new(word)).collect();
    (!words.is_empty()).then(|| alter(want).word("UNSET").list(words))
}

pub(super) fn set(want: &Props, changed: &Diff) -> Option<Text> {
    let mut set = Text::default();
    let mut add = |field: &str, clause: Text| {
        if changed.has(field) {
            set = std::mem::take(&mut set).then(clause);
        }
    };
    add("enabled", enabled(want));
    match &want.to {
        To::Email { allowed, default, subject: _ } => {
            add("email.allowed_recipients", list("ALLOWED_RECIPIENTS =", allowed));
            if !default.is_empty() {
                add("email.default_recipients", list("DEFAULT_RECIPIENTS =", default));
            }
            add("email.default_subject", subject(want));
        }
        To::Sns { topic, role } => {
            add("sns.topic", arn("AWS_SNS_TOPIC_ARN =", topic));
            add("sns.role", arn("AWS_SNS_ROLE_ARN =", role));
        }
    }
    if changed.has("comment") || changed.has("mark") {
        set = set.then(comment(want));
    }
    (!set.is_empty()).then(|| alter(want).word("SET").then(set))
}

fn alter(want: &Props) -> Text {
    Text::new("ALTER NOTIFICATION INTEGRATION").name(&want.name)
}

fn enabled(want: &Props) -> Text {
    Text::new("ENABLED =").bool(want.enabled)
}

fn list(words: &'static str, addresses: &BTreeSet<String>) -> Text {
    Text::new(words).literals(addresses.iter().map(String::as_str))
}

fn arn(words: &'static str, arn: &Val) -> Text {
    Text::new(words).literal(arn.clone())
}

fn subject(want: &Props) -> Text {
    match &want.to {
        To::Email { subject: Some(subject), .. } => Text::new("DEFAULT_SUBJECT =").literal(subject.as_str()),
        To::Email { .. } | To::Sns { .. } => Text::default(),
    }
}

fn comment(want: &Props) -> Text {
    let text = want.mark.as_ref().map_or_else(|| want.comment.clone(), |mark| mark.comment(&want.comment));
    Text::new("COMMENT =").literal(text)
}

pub(super) fn learn(at: &Address, name: &Ident) -> Op {
    Op::sql(Text::new("DESC NOTIFICATION INTEGRATION").name(name))
        .learns(Fact::new(at, USER_ARN), From::Property("SF_AWS_IAM_USER_ARN".into()))
        .learns(Fact::new(at, EXTERNAL_ID), From::Property("SF_AWS_EXTERNAL_ID".into()))
}
