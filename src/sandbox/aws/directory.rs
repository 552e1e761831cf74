//! Who exists: AWS stores principals in policies by their unique ID, so it must know every user and role that a policy names.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{ACCOUNT, CALLER, store::World};

/// The users of this and of other accounts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Directory {
    /// Users and roles of other accounts, by ARN, with their unique ID.
    pub(super) outside: BTreeMap<String, String>,
    /// Users of this account, by ARN. The caller is not among them: there is always one.
    pub(super) users: BTreeMap<String, User>,
}

/// A user of this account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct User {
    /// Its unique ID.
    pub(super) id: String,
    /// When it was created.
    pub(super) created: i64,
    /// The ARN of its permissions boundary.
    pub(super) boundary: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    /// Its inline policies, by name.
    pub(super) inline: BTreeMap<String, String>,
    /// ARNs of managed policies.
    pub(super) attached: BTreeSet<String>,
    /// Its access keys, oldest first.
    pub(super) keys: Vec<AccessKey>,
}

/// An access key. Whoever verifies signatures has to know the secret.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct AccessKey {
    pub(super) id: String,
    pub(super) secret: String,
    /// Whether it opens anything.
    pub(super) active: bool,
    pub(super) created: i64,
    /// When and in which region it was used last.
    #[serde(default)]
    pub(super) used: Option<(i64, String)>,
}

/// Without the secret.
impl std::fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).field("active", &self.active).finish_non_exhaustive()
    }
}

/// What a principal in a policy turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// A whole account, a service or everybody: stored as it is written.
    AsWritten,
    /// An account, stored as the ARN of its root.
    Account(String),
    /// A user or a role: its ARN and its unique ID.
    Identity(String, String),
}

/// A new unique ID: four letters for what it is, then 17 letters and digits.
pub(super) fn unique_id(kind: &str) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let random = uuid::Uuid::new_v4().as_u128();
    let id = (0..17).map(|place| letters[usize::try_from((random >> (place * 5)) & 31).unwrap_or(0)] as char);
    format!("{kind}{}", id.collect::<String>())
}

impl World {
    /// The unique ID of a user or role that exists.
    pub(super) fn unique_id_of(&self, arn: &str) -> Option<&str> {
        if arn == CALLER {
            return Some("AIDASNOWSSISANDBOX000");
        }
        let role = || self.iam.roles.values().find(|role| role.arn == arn).map(|role| role.id.as_str());
        let user = || self.directory.users.get(arn).map(|user| user.id.as_str());
        self.directory.outside.get(arn).map(String::as_str).or_else(user).or_else(role)
    }

    /// The user that an access key belongs to, by its ARN, and the key.
    pub(super) fn access_key(&self, id: &str) -> Option<(&str, &AccessKey)> {
        self.directory.users.iter().find_map(|(arn, user)| {
            let key = user.keys.iter().find(|key| key.id == id)?;
            Some((arn.as_str(), key))
        })
    }

    /// The ARN of a user or role by its unique ID.
    pub(super) fn arn_of_id(&self, id: &str) -> Option<&str> {
        let Directory { outside, users } = &self.directory;
        let users = users.iter().map(|(arn, user)| (arn, &user.id));
        let roles = self.iam.roles.values().map(|role| (&role.arn, &role.id));
        outside.iter().chain(users).chain(roles).find(|(_, has)| *has == id).map(|(arn, _)| arn.as_str())
    }

    /// What an AWS principal of a policy is; `None` if there is nobody of that name.
    pub(super) fn principal(&self, text: &str) -> Option<Known> {
        if text == "*" {
            return Some(Known::AsWritten);
        }
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            return Some(Known::Account(format!("arn:aws:iam::{text}:root")));
        }
        let arn = self.arn_of_id(text).unwrap_or(text);
        if self.strangers.contains(arn) {
            return None;
        }
        if let Some(id) = self.unique_id_of(text) {
            return Some(Known::Identity(text.into(), id.into()));
        }
        if let Some(arn) = self.arn_of_id(text) {
            return Some(Known::Identity(arn.into(), text.into()));
        }
        let fields: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, "", account, resource] = fields[..] else { return None };
        if !partition.starts_with("aws") || account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        match (service, resource) {
            ("iam", "root") => Some(Known::AsWritten),
            ("sts", session) => {
                let role = session.strip_prefix("assumed-role/")?.split('/').next()?;
                (account == ACCOUNT && self.iam.roles.contains_key(role)).then_some(Known::AsWritten)
            }
            _ => None,
        }
    }
}
