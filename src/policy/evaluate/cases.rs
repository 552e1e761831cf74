//! The cases of the evaluator, with what AWS decides.

use super::*;

const ACCOUNT: &str = "123456789012";
const USER: &str = "arn:aws:iam::123456789012:user/ann";
const ROLE: &str = "arn:aws:iam::123456789012:role/app";
const OBJECT: &str = "arn:aws:s3:::b/raw/x";

/// Where the documents of a case stand.
#[derive(Clone, Copy)]
enum On {
    /// All of them are the user's.
    User,
    /// The one document is the resource's, and the principal has no policy.
    Target(Kind),
}

#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    on: On,
    who: &'static str,
    documents: &'static [&'static str],
    action: &'static str,
    resource: &'static str,
    context: &'static [(&'static str, &'static [&'static str])],
    decision: Decision,
}

fn who(text: &str) -> Principal {
    match text {
        "session" => Principal::Session {
            session: "arn:aws:sts::123456789012:assumed-role/app/s".parse().unwrap(),
            role: ROLE.parse().unwrap(),
        },
        service if service.ends_with(".amazonaws.com") => Principal::Service(service.into()),
        arn => Principal::User(arn.parse().unwrap()),
    }
}

fn decide(case: &Case, identity: &[Document]) -> Verdict {
    let owner: AccountId = ACCOUNT.parse().unwrap();
    let documents: Vec<Document> =
        case.documents.iter().map(|text| Document::parse(&text.replace('\'', "\"")).unwrap()).collect();
    let context = case.context.iter();
    let request = context.fold(Request::new(who(case.who), case.action, case.resource), |request, (key, values)| {
        request.with(key, values)
    });
    let (identity, target) = match case.on {
        On::User => (&documents[..], Target { owner: &owner, kind: Kind::Resource, policy: None }),
        On::Target(kind) => (identity, Target { owner: &owner, kind, policy: Some(&documents[0]) }),
    };
    evaluate(&request, &Policies { identity: Identity::Policies(identity), boundary: None, target })
}

use Decision::{Allow, ExplicitDeny, ImplicitDeny};

const fn user(
    name: &'static str,
    documents: &'static [&'static str],
    context: &'static [(&'static str, &'static [&'static str])],
    decision: Decision,
) -> Case {
    Case { name, on: On::User, who: USER, documents, action: "s3:GetObject", resource: OBJECT, context, decision }
}

const fn asks(case: Case, action: &'static str, resource: &'static str) -> Case {
    Case { action, resource, ..case }
}

const fn target(
    name: &'static str,
    kind: Kind,
    who: &'static str,
    documents: &'static [&'static str],
    decision: Decision,
) -> Case {
    let (action, resource) = match kind {
        Kind::Resource => ("s3:GetObject", OBJECT),
        Kind::Key => ("kms:Decrypt", "arn:aws:kms:eu-central-1:123456789012:key/k"),
        Kind::Role => ("sts:AssumeRole", ROLE),
    };
    Case { name, on: On::Target(kind), who, documents, action, resource, context: &[], decision }
}

const fn given(case: Case, context: &'static [(&'static str, &'static [&'static str])]) -> Case {
    Case { context, ..case }
}

const READ: &str =
    "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'s3:GetObject','Resource':'arn:aws:s3:::b/*'}]}";
const DENY: &str = "{'Version':'2012-10-17','Statement':[{'Effect':'Deny','Action':'s3:*','Resource':'*'}]}";
const TLS: &str = "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'s3:*','Resource':'*'},
    {'Effect':'Deny','Action':'s3:*','Resource':'*','Condition':{'Bool':{'aws:SecureTransport':'false'}}}]}";
const PREFIX: &str =
    "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'s3:ListBucket','Resource':'arn:aws:s3:::b',
    'Condition':{'StringLike':{'s3:prefix':['raw/*','in/*']}}}]}";
const NOT_KMS: &str =
    "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'s3:*','Resource':'*'},{'Effect':'Deny',
    'Action':'s3:*','Resource':'*','Condition':{'StringNotEquals':{'s3:x-amz-server-side-encryption':'aws:kms'}}}]}";
const TRUST: &str =
    "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::123456789012:user/ann'},
    'Action':'sts:AssumeRole','Condition':{'StringEquals':{'sts:ExternalId':'x+/='}}}]}";
const SPARE: &str = "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Principal':'*','Action':'*','Resource':'*'},
    {'Effect':'Deny','NotPrincipal':{'AWS':['arn:aws:iam::123456789012:user/ann','123456789012']},'Action':'*','Resource':'*'}]}";
const HOME: &str = "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'s3:GetObject',
    'Resource':'arn:aws:s3:::b/${aws:username}/*'}]}";
const HOME_2008: &str = "{'Version':'2008-10-17','Statement':[{'Effect':'Allow','Action':'s3:GetObject',
    'Resource':'arn:aws:s3:::b/${aws:username}/*'}]}";
const TEAM: &str = "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'s3:GetObject',
    'Resource':'arn:aws:s3:::b/${aws:PrincipalTag/team}/*'}]}";

fn cases() -> Vec<Case> {
    vec![
        user("01 plain allow", &[READ], &[], Allow),
        user(
            "02 statement as single object",
            &["{'Version':'2012-10-17','Statement':{'Effect':'Allow','Action':'s3:GetObject','Resource':'*'}}"],
            &[],
            Allow,
        ),
        user(
            "03 action wildcard and case",
            &["{'Statement':[{'Effect':'Allow','Action':'S3:gET*','Resource':'*'}]}"],
            &[],
            Allow,
        ),
        user("04 resource wildcard spans slashes", &[READ], &[], Allow),
        user(
            "05 question mark is one character",
            &["{'Statement':[{'Effect':'Allow','Action':'s3:GetObject','Resource':'arn:aws:s3:::b/raw/?'}]}"],
            &[],
            Allow,
        ),
        user(
            "06 resource case counts",
            &["{'Statement':[{'Effect':'Allow','Action':'s3:GetObject','Resource':'arn:aws:s3:::b/RAW/*'}]}"],
            &[],
            ImplicitDeny,
        ),
        user(
            "07 explicit deny wins",
            &[
                "{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*'},{'Effect':'Deny','Action':'s3:GetObject','Resource':'*'}]}",
            ],
            &[],
            ExplicitDeny,
        ),
        user("08 deny in a second policy", &[READ, DENY], &[], ExplicitDeny),
        user(
            "09 NotAction allow",
            &["{'Statement':[{'Effect':'Allow','NotAction':'s3:PutObject','Resource':'*'}]}"],
            &[],
            Allow,
        ),
        user(
            "10 NotResource deny",
            &[READ, "{'Statement':[{'Effect':'Deny','Action':'*','NotResource':'arn:aws:s3:::other/*'}]}"],
            &[],
            ExplicitDeny,
        ),
        user("11 TLS only, with TLS", &[TLS], &[("aws:SecureTransport", &["true"])], Allow),
        user("12 TLS only, without", &[TLS], &[("aws:SecureTransport", &["false"])], ExplicitDeny),
        asks(
            user("13 prefix hit", &[PREFIX], &[("s3:prefix", &["raw/2024/"])], Allow),
            "s3:ListBucket",
            "arn:aws:s3:::b",
        ),
        asks(
            user("14 prefix miss", &[PREFIX], &[("s3:prefix", &["secret/"])], ImplicitDeny),
            "s3:ListBucket",
            "arn:aws:s3:::b",
        ),
        asks(user("15 prefix absent", &[PREFIX], &[], ImplicitDeny), "s3:ListBucket", "arn:aws:s3:::b"),
        user("16 StringNotEquals on an absent key", &[NOT_KMS], &[], ExplicitDeny),
        user(
            "17 IfExists on an absent key",
            &[
                "{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'StringEqualsIfExists':{'aws:RequestedRegion':'eu-west-1'}}}]}",
            ],
            &[],
            Allow,
        ),
        user(
            "18 Null on an absent key",
            &[
                READ,
                "{'Statement':[{'Effect':'Deny','Action':'*','Resource':'*','Condition':{'Null':{'aws:MultiFactorAuthAge':'true'}}}]}",
            ],
            &[],
            ExplicitDeny,
        ),
        user(
            "19 condition keys have no case",
            &[
                "{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'StringEquals':{'AWS:sourcevpc':'vpc-1'}}}]}",
            ],
            &[("aws:SourceVpc", &["vpc-1"])],
            Allow,
        ),
        user(
            "20 all operators must hold",
            &[
                "{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'StringEquals':{'aws:SourceVpc':'vpc-1'},'Bool':{'aws:SecureTransport':'true'}}}]}",
            ],
            &[("aws:SourceVpc", &["vpc-1"]), ("aws:SecureTransport", &["false"])],
            ImplicitDeny,
        ),
        given(target("21 right external ID", Kind::Role, USER, &[TRUST], Allow), &[("sts:ExternalId", &["x+/="])]),
        given(
            target("22 wrong external ID", Kind::Role, USER, &[TRUST], ImplicitDeny),
            &[("sts:ExternalId", &["x /="])],
        ),
        given(
            target("23 other principal", Kind::Role, "arn:aws:iam::123456789012:user/bob", &[TRUST], ImplicitDeny),
            &[("sts:ExternalId", &["x+/="])],
        ),
        target(
            "24 account root delegates",
            Kind::Resource,
            USER,
            &[
                "{'Statement':[{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::123456789012:root'},'Action':'s3:*','Resource':'*'}]}",
            ],
            ImplicitDeny,
        ),
        target(
            "25 account ID delegates",
            Kind::Resource,
            USER,
            &["{'Statement':[{'Effect':'Allow','Principal':{'AWS':'123456789012'},'Action':'s3:*','Resource':'*'}]}"],
            ImplicitDeny,
        ),
        target(
            "26 two types of principals",
            Kind::Resource,
            USER,
            &[
                "{'Statement':[{'Effect':'Allow','Principal':{'Service':'s3.amazonaws.com','AWS':'arn:aws:iam::123456789012:user/ann'},'Action':'s3:*','Resource':'*'}]}",
            ],
            Allow,
        ),
        target(
            "27 anyone",
            Kind::Resource,
            USER,
            &["{'Statement':[{'Effect':'Allow','Principal':'*','Action':'s3:*','Resource':'*'}]}"],
            Allow,
        ),
        target("28 NotPrincipal spares the named", Kind::Resource, USER, &[SPARE], Allow),
        target(
            "29 NotPrincipal hits others",
            Kind::Resource,
            "arn:aws:iam::999999999999:user/eve",
            &[SPARE],
            ExplicitDeny,
        ),
        given(
            asks(
                target(
                    "30 service into a queue",
                    Kind::Resource,
                    "s3.amazonaws.com",
                    &[
                        "{'Statement':[{'Effect':'Allow','Principal':{'Service':'s3.amazonaws.com'},'Action':'sqs:SendMessage','Resource':'arn:aws:sqs:eu-central-1:123456789012:q','Condition':{'ArnLike':{'aws:SourceArn':'arn:aws:s3:*:*:b'}}}]}",
                    ],
                    Allow,
                ),
                "sqs:SendMessage",
                "arn:aws:sqs:eu-central-1:123456789012:q",
            ),
            &[("aws:SourceArn", &["arn:aws:s3:::b"])],
        ),
        asks(user("31 variable in Resource", &[HOME], &[], Allow), "s3:GetObject", "arn:aws:s3:::b/ann/x"),
        user(
            "32 variable in a condition",
            &[
                "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'StringLike':{'s3:prefix':'${aws:username}/*'}}}]}",
            ],
            &[("s3:prefix", &["ann/a"])],
            Allow,
        ),
        asks(user("33 variable without value", &[TEAM], &[], ImplicitDeny), "s3:GetObject", "arn:aws:s3:::b//x"),
        asks(
            user("34 old version has no variables", &[HOME_2008], &[], ImplicitDeny),
            "s3:GetObject",
            "arn:aws:s3:::b/ann/x",
        ),
        user(
            "35 escaped star",
            &[
                "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'*','Resource':'arn:aws:s3:::b/raw/${*}'}]}",
            ],
            &[],
            ImplicitDeny,
        ),
        user(
            "36 address range",
            &[
                "{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'IpAddress':{'aws:SourceIp':['10.0.0.0/8','2001:db8::/32']}}}]}",
            ],
            &[("aws:SourceIp", &["10.2.3.4"])],
            Allow,
        ),
        user(
            "37 numbers",
            &[
                "{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'NumericLessThan':{'s3:max-keys':10}}}]}",
            ],
            &[("s3:max-keys", &["9"])],
            Allow,
        ),
        user(
            "38 dates",
            &[
                "{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'DateLessThan':{'aws:CurrentTime':'2030-01-01T00:00:00Z'}}}]}",
            ],
            &[("aws:CurrentTime", &["2025-06-01T00:00:00Z"])],
            Allow,
        ),
        given(
            target(
                "39 key through a service",
                Kind::Key,
                USER,
                &[
                    "{'Statement':[{'Effect':'Allow','Principal':{'AWS':'*'},'Action':'kms:Decrypt','Resource':'*','Condition':{'StringEquals':{'kms:ViaService':'s3.eu-central-1.amazonaws.com','kms:CallerAccount':'123456789012'}}}]}",
                ],
                Allow,
            ),
            &[("kms:ViaService", &["s3.eu-central-1.amazonaws.com"]), ("kms:CallerAccount", &["123456789012"])],
        ),
        user(
            "40 ForAllValues on an absent key",
            &[
                "{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'ForAllValues:StringEquals':{'aws:TagKeys':['a']}}}]}",
            ],
            &[],
            Allow,
        ),
        user(
            "41 ForAnyValue on an absent key",
            &[
                "{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'ForAnyValue:StringEquals':{'aws:TagKeys':['a']}}}]}",
            ],
            &[],
            ImplicitDeny,
        ),
        user(
            "42 ArnLike stays within fields",
            &[
                "{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'ArnLike':{'aws:SourceArn':'arn:aws:s3:*:b'}}}]}",
            ],
            &[("aws:SourceArn", &["arn:aws:s3:eu:123456789012:b"])],
            ImplicitDeny,
        ),
        target(
            "43 session of the role",
            Kind::Resource,
            "session",
            &[
                "{'Statement':[{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::123456789012:role/app'},'Action':'s3:*','Resource':'*'}]}",
            ],
            Allow,
        ),
        user(
            "44 unknown operator (AWS refuses the document)",
            &[
                "{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':{'StringSimilar':{'s3:prefix':'a'}}}]}",
            ],
            &[("s3:prefix", &["a"])],
            ImplicitDeny,
        ),
        user(
            "45 JSON boolean",
            &[
                READ,
                "{'Statement':[{'Effect':'Deny','Action':'*','Resource':'*','Condition':{'Bool':{'aws:SecureTransport':false}}}]}",
            ],
            &[("aws:SecureTransport", &["false"])],
            ExplicitDeny,
        ),
        user(
            "46 wildcard within an action",
            &["{'Statement':[{'Effect':'Allow','Action':'s3:*Object','Resource':'*'}]}"],
            &[],
            Allow,
        ),
    ]
}

#[test]
fn decides_like_aws() {
    let cases = cases();
    assert_eq!(cases.len(), 46);
    for case in &cases {
        let verdict = decide(case, &[]);
        assert_eq!(verdict.decision, case.decision, "{}: {}", case.name, verdict.reason);
    }
}

#[test]
fn a_delegation_needs_a_policy_of_the_principal_too() {
    let all = Document::parse(r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#).unwrap();
    for case in cases().iter().filter(|case| case.name.contains("delegates")) {
        assert!(decide(case, std::slice::from_ref(&all)).is_allowed(), "{}", case.name);
    }
}

#[test]
fn says_what_it_did_not_understand() {
    for (case, needle) in [("44", "StringSimilar"), ("33", "aws:PrincipalTag/team")] {
        let case = cases().into_iter().find(|one| one.name.starts_with(case)).unwrap();
        let verdict = decide(&case, &[]);
        assert!(verdict.reason.contains(needle), "{}", verdict.reason);
    }
}

fn parse(text: &str) -> Document {
    Document::parse(&text.replace('\'', "\"")).unwrap()
}

#[test]
fn a_key_policy_has_the_last_word() {
    let owner: AccountId = ACCOUNT.parse().unwrap();
    let all = [parse("{'Statement':[{'Effect':'Allow','Action':'*','Resource':'*'}]}")];
    let request = Request::new(who(USER), "kms:Decrypt", "arn:aws:kms:eu-central-1:123456789012:key/k");
    let decide = |policy: Option<&Document>, identity| {
        let target = Target { owner: &owner, kind: Kind::Key, policy };
        evaluate(&request, &Policies { identity, boundary: None, target }).is_allowed()
    };
    let root = crate::policy::build::key(crate::model::Partition::Aws, &owner, []);
    assert!(decide(Some(&root), Identity::Policies(&all)));
    assert!(!decide(Some(&root), Identity::Policies(&[])));
    assert!(!decide(None, Identity::Policies(&all)));
    let inert = parse("{'Statement':[{'Effect':'Allow','Principal':'*','Action':'kms:*'}]}");
    assert!(!decide(Some(&inert), Identity::Policies(&all)));
}

#[test]
fn another_account_needs_both_sides() {
    let owner: AccountId = ACCOUNT.parse().unwrap();
    let eve = "arn:aws:iam::999999999999:user/eve";
    let trust = parse(
        "{'Statement':[{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::999999999999:user/eve'},'Action':'sts:AssumeRole'}]}",
    );
    let own = [parse("{'Statement':[{'Effect':'Allow','Action':'sts:AssumeRole','Resource':'*'}]}")];
    let decide = |identity, policy| {
        let target = Target { owner: &owner, kind: Kind::Role, policy };
        evaluate(&Request::new(who(eve), "sts:AssumeRole", ROLE), &Policies { identity, boundary: None, target })
    };
    assert!(decide(Identity::Policies(&own), Some(&trust)).is_allowed());
    assert!(!decide(Identity::Policies(&[]), Some(&trust)).is_allowed());
    assert!(!decide(Identity::Policies(&own), None).is_allowed());
    let presumed = decide(Identity::Presumed, Some(&trust));
    assert!(presumed.is_allowed() && presumed.reason.contains("presuming"));
    assert!(!decide(Identity::Presumed, None).is_allowed());
}

#[test]
fn a_boundary_limits() {
    let owner: AccountId = ACCOUNT.parse().unwrap();
    let (read, deny) = ([parse(READ)], parse(DENY));
    let decide = |boundary| {
        let target = Target { owner: &owner, kind: Kind::Resource, policy: None };
        let policies = Policies { identity: Identity::Policies(&read), boundary, target };
        evaluate(&Request::new(who(USER), "s3:GetObject", OBJECT), &policies).decision
    };
    assert_eq!(decide(None), Allow);
    assert_eq!(decide(Some(&read[0])), Allow);
    assert_eq!(decide(Some(&deny)), ExplicitDeny);
    assert_eq!(decide(Some(&Document::new([]))), ImplicitDeny);
}

#[test]
fn a_hole_never_allows_and_may_deny() {
    let hole = crate::model::Val::later(crate::model::Fact::new(&"bucket.b".parse().unwrap(), "arn"));
    let statement = |effect| crate::policy::Statement::new(effect, "", &["*"]).resources([hole.clone()]);
    let owner: AccountId = ACCOUNT.parse().unwrap();
    let decide = |documents: &[Document]| {
        let target = Target { owner: &owner, kind: Kind::Resource, policy: None };
        let policies = Policies { identity: Identity::Policies(documents), boundary: None, target };
        evaluate(&Request::new(who(USER), "s3:GetObject", OBJECT), &policies)
    };
    let verdict = decide(&[Document::new([statement(Effect::Allow)])]);
    assert!(verdict.decision == ImplicitDeny && verdict.reason.contains("known only after apply"), "{verdict:?}");
    assert_eq!(decide(&[parse(READ), Document::new([statement(Effect::Deny)])]).decision, ExplicitDeny);
}
