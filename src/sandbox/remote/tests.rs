//! The same steps through the door of the embedded AWS and through its API: what Snowflake may do, and what it is told, is the same.

use std::fmt::Debug;
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};
use aws_smithy_types::retry::RetryConfig;

use super::RemoteAws;
use crate::sandbox::aws::AwsSandbox;
use crate::sandbox::door::{Assumed, Door, Refusal};

const USER: &str = "arn:aws:iam::999999999999:user/k8nd-s-abcd1234";
const STRANGER: &str = "arn:aws:iam::999999999999:user/somebody-else";
const ROLE: &str = "arn:aws:iam::123456789012:role/snow/r";
const ID: &str = "A+b/c=d";
const BUCKET: &str = "snow-remote";

struct Both {
    embedded: Arc<AwsSandbox>,
    remote: RemoteAws,
    s3: aws_sdk_s3::Client,
    iam: aws_sdk_iam::Client,
    kms: aws_sdk_kms::Client,
}

/// A bucket in another region than the usual one, and a role that trusts Snowflake's user.
async fn world() -> Both {
    let embedded = AwsSandbox::in_memory();
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(AwsSandbox::credentials()))
        .http_client(embedded.http_client())
        .retry_config(RetryConfig::disabled())
        .build();
    let remote = RemoteAws::with(&config.to_builder().region(Region::from_static("us-east-1")).build());
    let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
    let (s3, iam, kms) =
        (aws_sdk_s3::Client::from_conf(s3), aws_sdk_iam::Client::new(&config), aws_sdk_kms::Client::new(&config));
    for door in [&*embedded as &dyn Door, &remote] {
        door.register_principal(USER).await;
    }
    embedded.register_principal(STRANGER).await;
    let place = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest1).build();
    s3.create_bucket().bucket(BUCKET).create_bucket_configuration(place).send().await.unwrap();
    let trust = trust(USER);
    iam.create_role().role_name("r").path("/snow/").assume_role_policy_document(trust).send().await.unwrap();
    Both { embedded, remote, s3, iam, kms }
}

fn trust(user: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{user}"}},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"sts:ExternalId":"{ID}"}}}}}}}}"#
    )
}

fn policy(effect: &str, actions: &[&str], principal: &str) -> String {
    let actions = actions.iter().map(|action| format!("\"{action}\"")).collect::<Vec<_>>().join(",");
    let resource = if actions.contains("kms:") { "*".to_owned() } else { format!("arn:aws:s3:::{BUCKET}/in/*") };
    let whole = if actions.contains("kms:") { String::new() } else { format!(r#","arn:aws:s3:::{BUCKET}""#) };
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}"{principal},"Action":[{actions}],"Resource":["{resource}"{whole}]}}]}}"#
    )
}

impl Both {
    /// Asks both doors; they must say the same. Gives what they say.
    async fn ask<T: PartialEq + Debug>(&self, what: &str, ask: impl AsyncFn(&dyn Door) -> T) -> T {
        let here = ask(&*self.embedded).await;
        let there = ask(&self.remote).await;
        assert_eq!(there, here, "{what}");
        here
    }

    async fn assume(&self, user: &str, role: &str, id: &str) -> Result<Assumed, Refusal> {
        self.ask(&format!("{user} {role} {id}"), async |door| door.assume(user, role, id).await).await
    }

    /// Reads, writes, lists and deletes, in and outside of the prefix. Gives which of these went well.
    async fn steps(&self, by: &Assumed) -> String {
        let mut went = String::new();
        let mut note = |letter: char, well: bool| went.push(if well { letter } else { '-' });
        for key in ["in/a", "out/a"] {
            let put = self.ask(key, async |door| door.put(by, BUCKET, key, b"1,2".to_vec()).await).await;
            note('P', put.is_ok());
            note(
                'G',
                self.ask(key, async |door| door.get(by, BUCKET, key).await).await.is_ok_and(|body| body == b"1,2"),
            );
            let missing = format!("{key}-missing");
            let answer = self.ask(&missing, async |door| door.get(by, BUCKET, &missing).await).await;
            note('M', answer.unwrap_err().code == "NoSuchKey");
        }
        for prefix in ["in/", ""] {
            note('L', self.ask(prefix, async |door| door.list(by, BUCKET, prefix).await).await.is_ok());
        }
        note('D', self.ask("delete", async |door| door.delete(by, BUCKET, "in/a").await).await.is_ok());
        went
    }

    async fn inline(&self, document: &str) {
        self.iam.put_role_policy().role_name("r").policy_name("p").policy_document(document).send().await.unwrap();
    }

    async fn bucket_policy(&self, document: &str) {
        self.s3.put_bucket_policy().bucket(BUCKET).policy(document).send().await.unwrap();
    }

    async fn encrypt(&self, key: &str, bucket_key: bool) {
        let default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::AwsKms);
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(default.kms_master_key_id(key).build().unwrap())
            .bucket_key_enabled(bucket_key);
        let config = ServerSideEncryptionConfiguration::builder().rules(rule.build()).build().unwrap();
        let request = self.s3.put_bucket_encryption().bucket(BUCKET);
        request.server_side_encryption_configuration(config).send().await.unwrap();
    }
}

const ALL: &[&str] = &["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"];
/// What goes well with [`ALL`] under `in/`.
const INSIDE: &str = "PGM---LLD";

#[tokio::test]
async fn trust_decides_who_may_be_the_role() {
    let both = world().await;
    let assumed = both.assume(USER, ROLE, ID).await.unwrap();
    assert_eq!(assumed.session_arn, "arn:aws:sts::123456789012:assumed-role/r/snowflake");
    for (user, role, id, code) in [
        (USER, ROLE, "another", "AccessDenied"),
        (USER, ROLE, "", "ValidationError"),
        (USER, "arn:aws:iam::123456789012:role/r", ID, "AccessDenied"),
        (USER, "arn:aws:iam::999999999999:role/snow/r", ID, "AccessDenied"),
        ("arn:aws:iam::999999999999:user/nobody", ROLE, ID, "InvalidClientTokenId"),
    ] {
        assert_eq!(both.assume(user, role, id).await.unwrap_err().code, code, "{user} {role} {id}");
    }
    both.iam.update_assume_role_policy().role_name("r").policy_document(trust(STRANGER)).send().await.unwrap();
    assert_eq!(both.assume(USER, ROLE, ID).await.unwrap_err().code, "AccessDenied");
    both.iam.delete_role().role_name("r").send().await.unwrap();
    assert_eq!(both.assume(USER, ROLE, ID).await.unwrap_err().code, "AccessDenied");
    assert_eq!(both.steps(&assumed).await, "---------", "a session outlives its role, but not its policies");
}

#[tokio::test]
async fn every_document_has_its_say() {
    let both = world().await;
    let by = both.assume(USER, ROLE, ID).await.unwrap();
    assert_eq!(both.steps(&by).await, "---------", "no policy");
    both.inline(&policy("Allow", ALL, "")).await;
    assert_eq!(both.steps(&by).await, INSIDE, "inline");

    let me = format!(r#","Principal":{{"AWS":"{ROLE}"}}"#);
    both.bucket_policy(&policy("Deny", &["s3:GetObject"], &me)).await;
    assert_eq!(both.steps(&by).await, "P-----LLD", "denied by the bucket");
    let tls = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::{BUCKET}","arn:aws:s3:::{BUCKET}/*"],"Condition":{{"Bool":{{"aws:SecureTransport":"false"}}}}}}]}}"#
    );
    both.bucket_policy(&tls).await;
    assert_eq!(both.steps(&by).await, INSIDE, "Snowflake always comes encrypted");

    both.inline(&policy("Allow", &["s3:ListBucket"], "")).await;
    assert_eq!(both.steps(&by).await, "------LL-", "less inline");
    let made = both.iam.create_policy().policy_name("more").policy_document(policy("Allow", ALL, "")).send().await;
    let more = made.unwrap().policy.unwrap().arn.unwrap();
    both.iam.attach_role_policy().role_name("r").policy_arn(&more).send().await.unwrap();
    assert_eq!(both.steps(&by).await, INSIDE, "attached");
    let next = policy("Allow", &["s3:PutObject"], "");
    both.iam.create_policy_version().policy_arn(&more).policy_document(next).set_as_default(true).send().await.unwrap();
    assert_eq!(both.steps(&by).await, "P-----LL-", "another version is the default");

    let edge = both.iam.create_policy().policy_name("edge").policy_document(policy("Allow", &["s3:PutObject"], ""));
    let edge = edge.send().await.unwrap().policy.unwrap().arn.unwrap();
    both.iam.put_role_permissions_boundary().role_name("r").permissions_boundary(edge).send().await.unwrap();
    assert_eq!(both.steps(&by).await, "P--------", "limited by the boundary");

    for bucket in ["no-such-bucket-of-ours", "somebody-elses"] {
        both.embedded.own_elsewhere(["somebody-elses".to_owned()]).unwrap();
        let refusal = both.ask(bucket, async |door| door.list(&by, bucket, "").await).await.unwrap_err();
        assert!(["NoSuchBucket", "AccessDenied"].contains(&refusal.code.as_str()), "{refusal:?}");
    }
    let home = both.ask("home", async |door| door.bucket_region(BUCKET).await).await;
    assert_eq!(home.as_deref(), Some("eu-west-1"));
    assert_eq!(both.ask("none", async |door| door.bucket_region("no-such-bucket-of-ours").await).await, None);
}

#[tokio::test]
async fn the_key_has_its_say() {
    let both = world().await;
    let by = both.assume(USER, ROLE, ID).await.unwrap();
    let made = both.kms.create_key().send().await.unwrap().key_metadata.unwrap();
    let (id, arn) = (made.key_id, made.arn.unwrap());
    both.encrypt(&arn, false).await;
    both.inline(&policy("Allow", ALL, "")).await;
    assert_eq!(both.steps(&by).await, "--M---LLD", "nothing about the key");
    let use_key = |actions: &[&str]| {
        let both = [policy("Allow", ALL, ""), policy("Allow", actions, "")];
        let [one, two] = both.map(|text| serde_json::from_str::<serde_json::Value>(&text).unwrap());
        let statements = [&one["Statement"][0], &two["Statement"][0]];
        serde_json::json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
    };
    both.inline(&use_key(&["kms:GenerateDataKey"])).await;
    assert_eq!(both.steps(&by).await, "P-M---LLD", "only writing");
    both.inline(&use_key(&["kms:GenerateDataKey", "kms:Decrypt"])).await;
    assert_eq!(both.steps(&by).await, INSIDE, "all");

    let by_context = |about: &str| {
        let text = use_key(&["kms:GenerateDataKey", "kms:Decrypt"]);
        let condition = format!(
            r#""Condition":{{"StringEquals":{{"kms:ViaService":"s3.eu-west-1.amazonaws.com","kms:EncryptionContext:aws:s3:arn":"{about}"}}}},"Effect":"Allow","Resource":["*"]"#
        );
        let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let statement: serde_json::Value =
            serde_json::from_str(&format!(r#"{{"Action":["kms:GenerateDataKey","kms:Decrypt"],{condition}}}"#))
                .unwrap();
        document["Statement"][1] = statement;
        document.to_string()
    };
    both.inline(&by_context(&format!("arn:aws:s3:::{BUCKET}"))).await;
    assert_eq!(both.steps(&by).await, "--M---LLD", "the context is the object");
    both.encrypt(&arn, true).await;
    assert_eq!(both.steps(&by).await, INSIDE, "with a bucket key it is the bucket");

    let root = r#","Principal":{"AWS":"arn:aws:iam::123456789012:root"}"#;
    let mut alone: serde_json::Value = serde_json::from_str(&policy("Allow", &["kms:*"], root)).unwrap();
    alone["Statement"][0]["Principal"]["AWS"] = serde_json::json!(crate::sandbox::aws::CALLER);
    both.kms.put_key_policy().key_id(&id).policy(alone.to_string()).send().await.unwrap();
    assert_eq!(both.steps(&by).await, "--M---LLD", "the key's policy does not leave it to the account");
    both.kms.put_key_policy().key_id(&id).policy(policy("Allow", &["kms:*"], root)).send().await.unwrap();
    assert_eq!(both.steps(&by).await, INSIDE);
    both.kms.disable_key().key_id(&id).send().await.unwrap();
    let refusal = both.ask("disabled", async |door| door.put(&by, BUCKET, "in/a", Vec::new()).await).await.unwrap_err();
    assert_eq!(refusal.code, "KMS.DisabledException");
    both.kms.schedule_key_deletion().key_id(&id).send().await.unwrap();
    let refusal = both.ask("pending", async |door| door.put(&by, BUCKET, "in/a", Vec::new()).await).await.unwrap_err();
    assert_eq!(refusal.code, "KMS.KMSInvalidStateException");
}

#[test]
fn only_this_machine_is_asked() {
    for url in ["http://127.0.0.1:5000", "http://localhost:5000/", "https://[::1]:4566", "http://127.9.9.9"] {
        assert!(RemoteAws::open(url).is_ok(), "{url}");
    }
    for url in [
        "https://s3.us-east-1.amazonaws.com",
        "http://localhost.amazonaws.com:5000",
        "http://10.0.0.7:5000",
        "http://localhost@amazonaws.com",
        "http://0.0.0.0:5000",
        "ftp://127.0.0.1",
        "127.0.0.1:5000",
        "",
    ] {
        assert!(RemoteAws::open(url).is_err(), "{url}");
    }
}
