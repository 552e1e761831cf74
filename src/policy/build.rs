//! The documents a pipeline needs.

use std::collections::{BTreeMap, BTreeSet};

use super::{Document, Effect, Principals, Statement, Who};
use crate::model::{AccountId, Arn, BucketName, Partition, Region, Val};

/// Somebody who may assume a role, beside the integrations that name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trusted {
    /// An account, role or user, with the external IDs it must send one of; none means that it need not send any.
    Aws {
        /// Its ARN or account ID.
        principal: Val,
        /// The external IDs.
        external_ids: BTreeSet<Val>,
    },
    /// An AWS service, such as `lambda.amazonaws.com`.
    Service(String),
}

/// A trust policy: every pair of an IAM user of Snowflake and its external IDs, and the extra principals.
///
/// A pair without external IDs is left out: any Snowflake account could use the role otherwise (the confused deputy). Every pair keeps its
/// own statement without an ID, even if two turn out to have the same principal: whether they do can be unknown while planning, and the
/// document must not depend on what was known when it was written.
pub fn trust(snowflake: impl IntoIterator<Item = (Val, BTreeSet<Val>)>, extra: &[Trusted]) -> Document {
    let users = snowflake
        .into_iter()
        .filter(|(_, external_ids)| !external_ids.is_empty())
        .map(|(user, external_ids)| assume(Principals::aws([Who::new(user)]), external_ids));
    let extra = extra.iter().map(|trusted| match trusted {
        Trusted::Aws { principal, external_ids } => {
            assume(Principals::aws([Who::new(principal.clone())]), external_ids.clone())
        }
        Trusted::Service(name) => assume(Principals::service(name), BTreeSet::new()),
    });
    Document::new(users.chain(extra))
}

fn assume(who: Principals, external_ids: BTreeSet<Val>) -> Statement {
    let statement = Statement { sid: None, ..Statement::new(Effect::Allow, "", &["sts:AssumeRole"]) }.principals(who);
    if external_ids.is_empty() { statement } else { statement.when("StringEquals", "sts:ExternalId", external_ids) }
}

/// The statement that refuses requests to a bucket without TLS.
pub fn tls_only(partition: Partition, bucket: &BucketName) -> Statement {
    let arn = format!("arn:{partition}:s3:::{bucket}");
    Statement::new(Effect::Deny, "TlsOnly", &["s3:*"])
        .principals(Principals::Anyone)
        .resources([Val::known(format!("{arn}/*")), Val::known(arn)])
        .when("Bool", "aws:SecureTransport", [Val::known("false")])
}

/// The statement by which S3 may deliver the access logs of one bucket to another, in the owner's account.
///
/// Source: Amazon S3 user guide, "Enabling Amazon S3 server access logging".
pub fn log_delivery(
    partition: Partition,
    account: &AccountId,
    of: &BucketName,
    to: &BucketName,
    prefix: &str,
) -> Statement {
    Statement { sid: None, ..Statement::new(Effect::Allow, "", &["s3:PutObject"]) }
        .principals(Principals::service("logging.s3.amazonaws.com"))
        .resources([Val::known(format!("arn:{partition}:s3:::{to}/{prefix}*"))])
        .when("ArnLike", "aws:SourceArn", [Val::known(format!("arn:{partition}:s3:::{of}"))])
        .when("StringEquals", "aws:SourceAccount", [Val::known(account.to_string())])
}

/// The default statement of a key policy: the account, and with it every IAM policy in it, administers the key. Without it a key can
/// become unmanageable for everyone.
pub fn key_administration(partition: Partition, account: &AccountId) -> Statement {
    Statement::new(Effect::Allow, "AccountAdministration", &["kms:*"])
        .principals(Principals::aws([Who::new(format!("arn:{partition}:iam::{account}:root"))]))
        .resources([Val::known("*")])
}

/// A key policy: [`key_administration`], unless a statement says the same under another name, and more statements.
pub fn key(partition: Partition, account: &AccountId, more: impl IntoIterator<Item = Statement>) -> Document {
    let own = key_administration(partition, account);
    let more: Vec<Statement> = more.into_iter().collect();
    // KMS's own default has the same statement under another name.
    let same = |other: &Statement| Statement { sid: own.sid.clone(), ..other.clone() } == own;
    let own = (!more.iter().any(same)).then(|| own.clone());
    Document::new(own).with(more)
}

/// One thing a role may do below a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allow {
    /// List keys.
    List,
    /// Read objects, and their versions.
    Read,
    /// Write objects.
    Write,
    /// Delete objects, and their versions.
    Delete,
}

/// What a role may do in one bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The bucket.
    pub bucket: BucketName,
    /// Below which prefix, by whole path segments; empty for the whole bucket.
    pub prefix: String,
    /// What.
    pub allow: BTreeSet<Allow>,
    /// The ARNs of the keys the objects are encrypted with.
    pub keys: BTreeSet<Val>,
    /// Where the bucket is.
    pub region: Region,
}

impl Grant {
    fn path(&self) -> &str {
        self.prefix.trim_matches('/')
    }

    fn pattern(&self) -> String {
        if self.path().is_empty() { "*".into() } else { format!("{}/*", self.path()) }
    }

    /// Through which service a key may be used.
    fn via(&self) -> Val {
        via_service("s3", &self.region)
    }
}

/// How a key's condition names a service that uses it for somebody.
fn via_service(service: &str, region: &Region) -> Val {
    let suffix = if region.partition() == Partition::AwsCn { ".cn" } else { "" };
    Val::known(format!("{service}.{region}.amazonaws.com{suffix}"))
}

/// The policy of a role with these grants: one statement for every kind of action, over all the places where it is granted.
///
/// `s3:GetBucketLocation` stands outside of the prefix condition, which its requests never meet. Keys serve S3 only.
pub fn access(partition: Partition, grants: &[Grant]) -> Document {
    let bucket = |grant: &Grant| Val::known(format!("arn:{partition}:s3:::{}", grant.bucket));
    let granted = |what: Allow| grants.iter().filter(move |grant| grant.allow.contains(&what));
    let mut statements = Vec::new();
    let mut add = |sid: &str, actions: &[&str], resources: BTreeSet<Val>| {
        if !resources.is_empty() {
            statements.push(Statement::new(Effect::Allow, sid, actions).resources(resources));
        }
    };

    let any = grants.iter().filter(|grant| !grant.allow.is_empty());
    add("LocateBuckets", &["s3:GetBucketLocation"], any.map(bucket).collect());
    let whole: BTreeSet<Val> = granted(Allow::List).filter(|grant| grant.path().is_empty()).map(bucket).collect();
    add("ListBuckets", &["s3:ListBucket"], whole.clone());
    for (sid, what, actions) in [
        ("ReadObjects", Allow::Read, &["s3:GetObject", "s3:GetObjectVersion"][..]),
        ("WriteObjects", Allow::Write, &["s3:PutObject"][..]),
        ("DeleteObjects", Allow::Delete, &["s3:DeleteObject", "s3:DeleteObjectVersion"][..]),
    ] {
        let objects = granted(what).map(|grant| bucket(grant).wrapped("", &format!("/{}", grant.pattern())));
        add(sid, actions, objects.collect());
    }
    statements.extend(list_prefixes(granted(Allow::List).map(|grant| (bucket(grant), grant)), &whole));

    let reads: Vec<&Grant> = grants
        .iter()
        .filter(|grant| grant.allow.contains(&Allow::Read) || grant.allow.contains(&Allow::Write))
        .collect();
    statements.extend(keys("DecryptObjects", "kms:Decrypt", &reads));
    statements.extend(keys("EncryptObjects", "kms:GenerateDataKey", &granted(Allow::Write).collect::<Vec<_>>()));
    Document::new(statements)
}

/// Leave to publish to a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Publish {
    /// The topic's ARN.
    pub topic: Val,
    /// The ARNs of the keys its messages are encrypted with.
    pub keys: BTreeSet<Val>,
    /// Where the topic is.
    pub region: Region,
}

/// The statements by which somebody may publish to topics, and use their keys for SNS only.
///
/// Source: Amazon SNS developer guide, "Managing Amazon SNS encryption keys and costs".
pub fn publish(topics: &[Publish]) -> Vec<Statement> {
    let mut statements = Vec::new();
    if !topics.is_empty() {
        let arns = topics.iter().map(|publish| publish.topic.clone());
        statements.push(Statement::new(Effect::Allow, "PublishMessages", &["sns:Publish"]).resources(arns));
    }
    let keys: BTreeSet<Val> = topics.iter().flat_map(|publish| publish.keys.clone()).collect();
    if !keys.is_empty() {
        let via = topics.iter().filter(|publish| !publish.keys.is_empty());
        let via = via.map(|publish| via_service("sns", &publish.region));
        let actions = ["kms:Decrypt", "kms:GenerateDataKey*"];
        statements.push(Statement::new(Effect::Allow, "EncryptMessages", &actions).resources(keys).when(
            "StringEquals",
            "kms:ViaService",
            via,
        ));
    }
    statements
}

/// The policy of a topic: nobody publishes without TLS, and these alarms of the account publish. A topic's policy knows no `sns:*`.
///
/// Source: Amazon SNS developer guide, "Amazon SNS API permissions" and "Example cases for Amazon SNS access control".
pub fn topic(topic: &Arn, account: &AccountId, alarms: BTreeSet<Val>) -> Document {
    let arn = || [Val::known(topic.as_str())];
    let tls = Statement::new(Effect::Deny, "TlsOnly", &["sns:Publish"])
        .principals(Principals::Anyone)
        .resources(arn())
        .when("Bool", "aws:SecureTransport", [Val::known("false")]);
    let alarms = (!alarms.is_empty()).then(|| {
        Statement::new(Effect::Allow, "Alarms", &["sns:Publish"])
            .principals(Principals::service("cloudwatch.amazonaws.com"))
            .resources(arn())
            .when("ArnLike", "aws:SourceArn", alarms)
            .when("StringEquals", "aws:SourceAccount", [Val::known(account.to_string())])
    });
    Document::new([tls].into_iter().chain(alarms))
}

/// Buckets that may be listed below prefixes only, those with the same prefixes together.
fn list_prefixes<'a>(grants: impl Iterator<Item = (Val, &'a Grant)>, whole: &BTreeSet<Val>) -> Vec<Statement> {
    let mut prefixes: BTreeMap<Val, BTreeSet<Val>> = BTreeMap::new();
    for (bucket, grant) in grants.filter(|(bucket, _)| !whole.contains(bucket)) {
        prefixes.entry(bucket).or_default().insert(Val::known(grant.pattern()));
    }
    let mut buckets: BTreeMap<BTreeSet<Val>, BTreeSet<Val>> = BTreeMap::new();
    for (bucket, prefixes) in prefixes {
        buckets.entry(prefixes).or_default().insert(bucket);
    }
    let numbered = (1..).zip(buckets);
    numbered
        .map(|(number, (prefixes, buckets))| {
            Statement::new(Effect::Allow, &format!("ListPrefixes{number}"), &["s3:ListBucket"]).resources(buckets).when(
                "StringLike",
                "s3:prefix",
                prefixes,
            )
        })
        .collect()
}

fn keys(sid: &str, action: &str, grants: &[&Grant]) -> Option<Statement> {
    let keys: BTreeSet<Val> = grants.iter().flat_map(|grant| grant.keys.clone()).collect();
    let via = grants.iter().filter(|grant| !grant.keys.is_empty()).map(|grant| grant.via());
    (!keys.is_empty()).then(|| {
        Statement::new(Effect::Allow, sid, &[action]).resources(keys).when("StringEquals", "kms:ViaService", via)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fact;

    fn grant(bucket: &str, prefix: &str, allow: &[Allow], key: Option<Val>) -> Grant {
        Grant {
            bucket: bucket.parse().unwrap(),
            prefix: prefix.into(),
            allow: allow.iter().copied().collect(),
            keys: key.into_iter().collect(),
            region: "eu-central-1".parse().unwrap(),
        }
    }

    #[test]
    fn a_role_gets_just_what_is_granted() {
        let key = Val::later(Fact::new(&"kms_key.main".parse().unwrap(), "arn"));
        let grants = [
            grant("data-in", "raw/", &[Allow::List, Allow::Read], Some(key.clone())),
            grant("data-out", "", &[Allow::List, Allow::Write, Allow::Delete], None),
        ];
        let document = access(Partition::Aws, &grants);
        insta::assert_snapshot!(document.pretty());
        assert!(!document.to_val().to_string().contains("kms:GenerateDataKey"));
        assert_eq!(document.to_val().facts().count(), 1);
    }

    #[test]
    fn a_snowflake_user_is_never_trusted_without_its_external_id() {
        let user = Val::known("arn:aws:iam::123456789012:user/snow");
        assert!(trust([(user.clone(), BTreeSet::new())], &[]).is_empty());
        let document =
            trust([(user, BTreeSet::from([Val::known("a+b/c=")]))], &[Trusted::Service("x.amazonaws.com".into())]);
        assert_eq!(document.statements().len(), 2);
        assert!(document.to_val().to_string().contains(r#""StringEquals":{"sts:ExternalId":"a+b/c="}"#));
    }

    /// The integrations of one Snowflake account share a user, which is not known before the first of them exists.
    #[test]
    fn trust_written_before_its_facts_were_known_equals_trust_written_after() {
        let fact = |label: &str, name| Fact::new(&format!("storage_integration.{label}").parse().unwrap(), name);
        let pair =
            |label| (Val::later(fact(label, "iam_user_arn")), BTreeSet::from([Val::later(fact(label, "external_id"))]));
        let early = trust([pair("a"), pair("b")], &[]);
        let mut facts = crate::model::Facts::default();
        for (label, external_id) in [("a", "2"), ("b", "1")] {
            facts.learn(fact(label, "iam_user_arn"), "arn:aws:iam::123456789012:user/snow");
            facts.learn(fact(label, "external_id"), external_id);
        }
        let live = Document::parse(early.to_val().resolve(&facts).as_known().unwrap()).unwrap();
        let known = |label| {
            let (user, ids) = pair(label);
            (user.resolve(&facts), ids.iter().map(|id| id.resolve(&facts)).collect())
        };
        assert_eq!(trust([known("a"), known("b")], &[]), live);
        assert_eq!(early.resolve(&facts), live);
    }

    #[test]
    fn partitions_are_kept() {
        let account: AccountId = "123456789012".parse().unwrap();
        let key = key(Partition::AwsCn, &account, []);
        assert!(key.to_val().to_string().contains("arn:aws-cn:iam::123456789012:root"));
        let tls = tls_only(Partition::AwsUsGov, &"abc".parse().unwrap());
        assert!(Document::new([tls]).to_val().to_string().contains("arn:aws-us-gov:s3:::abc/*"));
    }
}
