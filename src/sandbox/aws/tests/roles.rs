//! Roles: the rows about documents, names, limits and what a read shows.

use aws_sdk_iam::types::Tag;

use super::super::AwsSandbox;
use super::{Clients, answers, clients, clients_in};
use crate::sandbox::door::Door as _;

pub(super) const OUTSIDER: &str = "arn:aws:iam::999999999999:user/k8nd-s-abcd1234";

pub(super) fn trust(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"sts:ExternalId":"A+b/c=d"}}}}}}]}}"#
    )
}

pub(super) const SERVICE_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
pub(super) const ALLOW_LIST: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}"#;

pub(super) fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

pub(super) async fn role(aws: &Clients, name: &str, trust: &str) {
    aws.iam.create_role().role_name(name).assume_role_policy_document(trust).send().await.unwrap();
}

#[tokio::test]
async fn a_read_shows_all_that_was_written() {
    let sandbox = AwsSandbox::in_memory();
    sandbox.register_principal(OUTSIDER).await;
    let aws = clients(&sandbox);
    let policy = aws.iam.create_policy().policy_name("edge").policy_document(ALLOW_LIST).send().await.unwrap();
    let edge = policy.policy.unwrap().arn.unwrap();
    let create = || {
        aws.iam
            .create_role()
            .role_name("snow-role")
            .path("/snowssi/")
            .description("what für & why <x>")
            .max_session_duration(7200)
            .permissions_boundary(&edge)
            .tags(tag("snowssi:id", "x"))
            .assume_role_policy_document(trust(OUTSIDER))
    };
    create().send().await.unwrap();
    let read = clients_in(&sandbox, "eu-west-1").iam.get_role().role_name("snow-role").send().await.unwrap();
    let read = read.role.unwrap();
    assert_eq!((read.path.as_str(), read.max_session_duration), ("/snowssi/", Some(7200)));
    assert_eq!(read.arn, "arn:aws:iam::123456789012:role/snowssi/snow-role");
    assert_eq!(read.role_id.get(..4), Some("AROA"));
    assert_eq!(read.description.as_deref(), Some("what für & why <x>"));
    assert_eq!(read.tags.as_ref().map(Vec::len), Some(1));
    let boundary = read.permissions_boundary.unwrap();
    assert_eq!(boundary.permissions_boundary_arn.as_deref(), Some(edge.as_str()));
    assert!(read.role_last_used.is_some());
    let document = read.assume_role_policy_document.unwrap();
    assert!(document.contains("A%2Bb%2Fc%3Dd") && !document.contains(['{', '+', '"']), "{document}");
    assert_eq!(decode(&document), trust(OUTSIDER));

    answers!(create(), "EntityAlreadyExists/409");
    answers!(create().path("/"), "EntityAlreadyExists/409");
    answers!(create().role_name("SNOW-ROLE"), "EntityAlreadyExists/409");
    answers!(aws.iam.get_role().role_name("none"), "NoSuchEntity/404");
    answers!(aws.iam.get_role().role_name("SNOW-ROLE"), "NoSuchEntity/404");

    let listed = aws.iam.list_roles().path_prefix("/snowssi/").send().await.unwrap();
    assert_eq!(listed.roles.len(), 1);
    assert!(listed.roles[0].tags.is_none() && listed.roles[0].permissions_boundary.is_none());
    assert_eq!(listed.roles[0].description.as_deref(), Some("what für & why <x>"));

    // An update resets what it leaves out.
    aws.iam.update_role().role_name("snow-role").description("new").send().await.unwrap();
    let read = aws.iam.get_role().role_name("snow-role").send().await.unwrap().role.unwrap();
    assert_eq!((read.description.as_deref(), read.max_session_duration), (Some("new"), Some(3600)));
    answers!(aws.iam.update_role().role_name("snow-role").max_session_duration(43201), "ValidationError/400");
}

#[tokio::test]
async fn malformed_trust_is_refused() {
    let aws = clients(&AwsSandbox::in_memory());
    role(&aws, "r", SERVICE_TRUST).await;
    let statement = |inner: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{{{inner}}}]}}"#);
    let principal = r#""Principal":{"AWS":"*"}"#;
    let action = r#""Action":"sts:AssumeRole""#;
    let allow = r#""Effect":"Allow""#;
    let table = [
        ("not JSON", "{nope".to_owned()),
        ("has Resource", statement(&format!(r#"{allow},{principal},{action},"Resource":"*""#))),
        ("no Principal", statement(&format!("{allow},{action}"))),
        ("nonexistent user, same account", trust("arn:aws:iam::123456789012:user/nobody")),
        ("nonexistent user, other account", trust("arn:aws:iam::999999999999:user/nobody")),
        ("nonexistent role, same account", trust("arn:aws:iam::123456789012:role/nobody")),
        ("unique ID of nobody", trust("AIDAAAAAAAAAAAAAAAAAA")),
        ("principal garbage", trust("garbage")),
        ("unknown kind of principal", statement(&format!(r#"{allow},"Principal":{{"Who":"*"}},{action}"#))),
        ("non-STS action", statement(&format!(r#"{allow},{principal},"Action":"s3:GetObject""#))),
        ("empty Statement", r#"{"Version":"2012-10-17","Statement":[]}"#.to_owned()),
        ("no Statement", r#"{"Version":"2012-10-17"}"#.to_owned()),
        ("bad Version", SERVICE_TRUST.replace("2012-10-17", "2012-10-18")),
        ("bad Effect", SERVICE_TRUST.replace("Allow", "allow")),
        (
            "bad condition operator",
            statement(&format!(r#"{allow},{principal},{action},"Condition":{{"StringIs":{{"a:b":"c"}}}}"#)),
        ),
        ("unknown element", statement(&format!(r#"{allow},{principal},{action},"Actoin":"x""#))),
    ];
    for (case, text) in table {
        let create = aws.iam.create_role().role_name("new").assume_role_policy_document(&text);
        answers!(case, create, "MalformedPolicyDocument/400");
        let update = aws.iam.update_assume_role_policy().role_name("r").policy_document(&text);
        answers!(case, update, "MalformedPolicyDocument/400");
    }
    answers!(aws.iam.get_role().role_name("new"), "NoSuchEntity/404");
    let update = aws.iam.update_assume_role_policy().role_name("none").policy_document(SERVICE_TRUST);
    answers!(update, "NoSuchEntity/404");
}

#[tokio::test]
async fn shapes_and_limits() {
    let aws = clients(&AwsSandbox::in_memory());
    let create = || aws.iam.create_role().role_name("r").assume_role_policy_document(SERVICE_TRUST);
    let tags = |count: usize| (0..count).map(|at| tag(&format!("k{at}"), "v")).collect::<Vec<_>>();
    answers!(create().max_session_duration(3599), "ValidationError/400");
    answers!(create().max_session_duration(43201), "ValidationError/400");
    answers!(create().role_name("r".repeat(65)), "ValidationError/400");
    answers!(create().role_name("bad name"), "ValidationError/400");
    answers!(create().path("no-slash"), "ValidationError/400");
    answers!(create().description("日本"), "ValidationError/400");
    answers!(create().description("d".repeat(1001)), "ValidationError/400");
    answers!(create().permissions_boundary("arn:aws:iam::123456789012:policy/none"), "NoSuchEntity/404");
    answers!(create().set_tags(Some(tags(51))), "ValidationError/400");
    answers!(create().tags(tag("aws:x", "y")), "InvalidInput/400");
    answers!(create().tags(tag("a", "y")).tags(tag("A", "y")), "InvalidInput/400");
    // White space does not count.
    let long = |filler: &str| SERVICE_TRUST.replace(r#""sts:AssumeRole""#, &format!(r#"{filler}["sts:AssumeRole"]"#));
    answers!(create().role_name("spaced").assume_role_policy_document(long(&" ".repeat(2048))), "OK");
    let actions = vec![r#""sts:AssumeRole""#; 120].join(",");
    let long = SERVICE_TRUST.replace(r#""sts:AssumeRole""#, &format!("[{actions}]"));
    answers!(create().assume_role_policy_document(long), "LimitExceeded/409");
    answers!(create().set_tags(Some(tags(50))), "OK");
    answers!(aws.iam.tag_role().role_name("r").tags(tag("k0", "new")), "OK");
    answers!(aws.iam.tag_role().role_name("r").tags(tag("one-more", "")), "LimitExceeded/409");
    answers!(aws.iam.untag_role().role_name("r").tag_keys("k1").tag_keys("k2"), "OK");
    let page = aws.iam.list_role_tags().role_name("r").max_items(40).send().await.unwrap();
    assert_eq!((page.tags.len(), page.is_truncated), (40, true));
    let rest = aws.iam.list_role_tags().role_name("r").set_marker(page.marker).send().await.unwrap();
    assert_eq!((rest.tags.len(), rest.is_truncated), (8, false));
    assert!(page.tags.iter().any(|tag| tag.key == "k0" && tag.value == "new"));
}

#[tokio::test]
async fn principals_are_shown_as_they_live() {
    let sandbox = AwsSandbox::in_memory();
    let aws = clients(&sandbox);
    let shown = async |name: &str| {
        let role = aws.iam.get_role().role_name(name).send().await.unwrap().role.unwrap();
        decode(&role.assume_role_policy_document.unwrap())
    };
    role(&aws, "account", &trust("123456789012")).await;
    assert!(shown("account").await.contains(r#""arn:aws:iam::123456789012:root""#));

    aws.iam.create_user().user_name("victim").send().await.unwrap();
    let victim = "arn:aws:iam::123456789012:user/victim";
    sandbox.register_principal(OUTSIDER).await;
    role(&aws, "user", &trust(victim)).await;
    role(&aws, "outside", &trust(OUTSIDER)).await;
    role(&aws, "nested", &trust("arn:aws:iam::123456789012:role/user")).await;
    assert!(shown("user").await.contains(victim));

    aws.iam.delete_user().user_name("victim").send().await.unwrap();
    sandbox.forget_principal(OUTSIDER).unwrap();
    aws.iam.delete_role().role_name("user").send().await.unwrap();
    assert!(shown("outside").await.contains("\"AIDA"), "{}", shown("outside").await);
    assert!(shown("nested").await.contains("\"AROA"));
    // So it is in the policies of buckets and keys.
    role(&aws, "short", SERVICE_TRUST).await;
    let short = "arn:aws:iam::123456789012:role/short";
    aws.s3.create_bucket().bucket("snow-a").send().await.unwrap();
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{short}"}},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::snow-a"}}]}}"#
    );
    aws.s3.put_bucket_policy().bucket("snow-a").policy(&text).send().await.unwrap();
    let read = async || aws.s3.get_bucket_policy().bucket("snow-a").send().await.unwrap().policy.unwrap();
    assert_eq!(read().await, text);
    aws.iam.delete_role().role_name("short").send().await.unwrap();
    assert!(read().await.contains("\"AROA"));
    // Another principal of the same name is another principal.
    role(&aws, "short", SERVICE_TRUST).await;
    assert!(read().await.contains("\"AROA"));
    sandbox.register_principal(OUTSIDER).await;
    assert!(shown("outside").await.contains("\"AIDA"));
    let fix = aws.iam.update_assume_role_policy().role_name("outside").policy_document(trust(OUTSIDER));
    fix.send().await.unwrap();
    assert_eq!(shown("outside").await, trust(OUTSIDER));
}
