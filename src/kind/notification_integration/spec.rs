//! A notification integration as it is written.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::Problem;
use crate::model::{Arn, Ident, Val};

/// A notification integration: for mail (`email`), or for an SNS topic (`sns`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name, unique in the account among integrations of all kinds.
    pub name: Ident,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
    /// Whether it tells anybody. Default: true.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Mail to users of the account. Exactly one of `email` and `sns`; the other one needs a new integration.
    pub email: Option<Email>,
    /// Messages to an SNS topic. Only accounts on AWS have it.
    pub sns: Option<Sns>,
}

/// Mail.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// Who may get mail, at most 50. Snowflake only mails users of the account whose address is verified.
    pub allowed_recipients: BTreeSet<String>,
    /// Who gets it where nobody is named. Default: nobody.
    #[serde(default)]
    pub default_recipients: BTreeSet<String>,
    /// The subject where none is given. Default: Snowflake's.
    pub default_subject: Option<String>,
}

/// A topic.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sns {
    /// Its ARN, such as `{{ sns_topic.failures.arn }}`.
    pub topic: Val,
    /// The ARN of the role by which Snowflake publishes, such as `{{ iam_role.notify.arn }}`: its `access` lets it publish to the topic, and whom it
    /// trusts follows from this integration. The role need not exist yet.
    pub role: Val,
}

fn yes() -> bool {
    true
}

impl Spec {
    pub(super) fn check(&self) -> Vec<Problem> {
        match (&self.email, &self.sns) {
            (Some(email), None) => email.check(),
            (None, Some(sns)) => sns.check(),
            _ => vec![Problem::new("", "it tells either users by `email` or an `sns` topic").hint("give exactly one")],
        }
    }
}

impl Email {
    fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |field: &str, message: String| problems.push(Problem::new(field, message));
        let plain = |text: &String| {
            let parts = text.split_once('@');
            parts.is_some_and(|(who, host)| !who.is_empty() && !host.is_empty())
                && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == ',')
        };
        for (field, list) in [
            ("email.allowed_recipients", &self.allowed_recipients),
            ("email.default_recipients", &self.default_recipients),
        ] {
            for odd in list.iter().filter(|text| !plain(text)) {
                wrong(field, format!("`{odd}` is not a mail address"));
            }
        }
        if !(1..=50).contains(&self.allowed_recipients.len()) {
            wrong("email.allowed_recipients", "1 to 50 addresses can be allowed".into());
        }
        for odd in self.default_recipients.difference(&self.allowed_recipients) {
            wrong("email.default_recipients", format!("`{odd}` is not among those who may get mail"));
        }
        if self.default_subject.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > 256) {
            wrong("email.default_subject", "a subject has 1 to 256 characters".into());
        }
        problems
    }
}

impl Sns {
    fn check(&self) -> Vec<Problem> {
        let odd = |field: &str, val: &Val, what: &str, fits: fn(&Arn) -> bool| {
            let text = val.as_known()?;
            let good = text.parse::<Arn>().is_ok_and(|arn| fits(&arn));
            (!good).then(|| Problem::new(field, format!("`{text}` is not the ARN of {what}")))
        };
        let topic = odd("sns.topic", &self.topic, "an SNS topic", |arn| {
            // Topics with an order have a dot in their name.
            arn.service() == "sns" && !arn.resource().contains([':', '.'])
        });
        let role = odd("sns.role", &self.role, "an IAM role", |arn| {
            arn.service() == "iam" && arn.resource().starts_with("role/")
        });
        topic.into_iter().chain(role).collect()
    }
}
