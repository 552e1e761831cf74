//! Who asks for what, and what is known of the circumstances.

use std::collections::BTreeMap;

use crate::model::{AccountId, Arn};
use crate::policy::Name;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The root user of an account.
    Account(AccountId),
    /// An IAM user.
    User(Arn),
    /// A session of a role.
    Session {
        /// `arn:…:sts::…:assumed-role/name/session`.
        session: Arn,
        /// The role, with its path.
        role: Arn,
    },
    /// An AWS service, such as `s3.amazonaws.com`.
    Service(String),
}

impl Principal {
    /// The account of the principal; services have none.
    pub fn account(&self) -> Option<String> {
        match self {
            Self::Account(id) => Some(id.to_string()),
            Self::User(arn) | Self::Session { role: arn, .. } => Some(arn.account().to_owned()),
            Self::Service(_) => None,
        }
    }

    fn arn(&self) -> Option<&Arn> {
        match self {
            Self::User(arn) | Self::Session { role: arn, .. } => Some(arn),
            Self::Account(_) | Self::Service(_) => None,
        }
    }
}

/// What is asked.
///
/// A condition key has values, or is known to be missing, or nothing is known of it: that is the state of every key that was not spoken of.
/// A statement that turns on such a key does not allow, and does deny.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub principal: Principal,
    /// For what, without wildcards: `s3:GetObject`.
    pub action: String,
    /// On what: an ARN, or `*` for actions without a resource.
    pub resource: String,
    context: BTreeMap<Name, Vec<String>>,
    /// Beginnings of keys, in lower case, of which all that exist are in the context. The empty one is that of all keys.
    complete: Vec<String>,
}

impl Request {
    /// A request whose context holds what follows from the principal. Source: IAM user guide, "Principal key values" and "Properties of the
    /// principal".
    pub fn new(principal: Principal, action: &str, resource: &str) -> Self {
        let mut context = BTreeMap::new();
        let mut put = |key: &str, value: Option<&str>| {
            context.insert(Name::from(key), value.into_iter().map(str::to_owned).collect());
        };
        let kind = match &principal {
            Principal::Account(_) => Some("Account"),
            Principal::User(_) => Some("User"),
            Principal::Session { .. } => Some("AssumedRole"),
            Principal::Service(_) => None,
        };
        if let Some(kind) = kind {
            put("aws:PrincipalType", Some(kind));
            put("aws:PrincipalAccount", principal.account().as_deref());
            put("aws:PrincipalIsAWSService", Some("false"));
            // These name the resource on whose behalf a service asks.
            put("aws:SourceArn", None);
            put("aws:SourceAccount", None);
            put(
                "aws:username",
                match &principal {
                    Principal::User(arn) => arn.resource().rsplit('/').next(),
                    _ => None,
                },
            );
        }
        if let Some(arn) = principal.arn() {
            put("aws:PrincipalArn", Some(arn.as_str()));
        }
        Self { principal, action: action.into(), resource: resource.into(), context, complete: Vec::new() }
    }

    /// This request with the values of a context key. No value means that the request is known not to carry the key.
    #[must_use]
    pub fn with(mut self, key: &str, values: &[&str]) -> Self {
        self.context.insert(key.into(), values.iter().map(|&value| value.to_owned()).collect());
        self
    }

    /// This request, which carries no other context key than those spoken of.
    #[must_use]
    pub fn with_nothing_else(mut self) -> Self {
        self.complete.push(String::new());
        self
    }

    /// This request with keys that end in the key of a tag, such as those under `aws:PrincipalTag/`, and no others of the kind.
    #[must_use]
    pub fn with_all_under(mut self, start: &str, tags: &BTreeMap<String, String>) -> Self {
        self.complete.push(start.to_ascii_lowercase());
        tags.iter().fold(self, |request, (key, value)| request.with(&format!("{start}{key}"), &[value]))
    }

    /// The values of a key, none if the request does not carry it; `Err` if that is not known.
    pub(super) fn values(&self, key: &Name) -> Result<&[String], String> {
        match self.context.get(key) {
            Some(values) => Ok(values),
            None if self.complete.iter().any(|start| key.folded().starts_with(start)) => Ok(&[]),
            None => Err(format!("the value of `{key}` in the request is not known")),
        }
    }
}
