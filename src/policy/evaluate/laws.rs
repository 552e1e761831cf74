//! Laws of the evaluator and of the canonical form, for documents nobody wrote.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::model::{Facts, Val};
use crate::policy::{Name, Principals, Scope, Statement, Who};

const USER: &str = "arn:aws:iam::123456789012:user/ann";

fn some(of: &'static [&'static str]) -> impl Strategy<Value = BTreeSet<Val>> {
    subsequence(of, 1..=of.len()).prop_map(|texts| texts.into_iter().map(Val::from).collect())
}

fn statement() -> impl Strategy<Value = Statement> {
    let actions = some(&["s3:Get*", "S3:PutObject", "*", "kms:Decrypt", "s3:GetObject"])
        .prop_map(|set| set.iter().map(|val| Name::new(val.to_string())).collect::<BTreeSet<_>>());
    let resources =
        some(&["*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::c", "arn:*:b/x\"\\"]);
    let principals = proptest::option::of(prop_oneof![
        Just(Principals::Anyone),
        some(&["*", USER, "123456789012", "arn:aws-cn:iam::123456789012:root", "AROAABCDEFGH"])
            .prop_map(|set| Principals::aws(set.into_iter().map(Who::new))),
    ]);
    let operators = &["StringLike", "StringNotEquals", "ForAllValues:StringEquals", "Null", "Odd", "BoolIfExists"][..];
    let condition = proptest::option::of((
        select(operators),
        select(&["s3:prefix", "AWS:SecureTransport"][..]),
        some(&["true", "a*", "${x}"]),
    ));
    let sid = proptest::option::of(select(&["A", "B"][..]));
    (any::<bool>(), sid, actions, any::<bool>(), proptest::option::of(resources), any::<bool>(), principals, condition)
        .prop_map(|(allow, sid, actions, only_actions, resources, only_resources, principals, condition)| {
            let effect = if allow { Effect::Allow } else { Effect::Deny };
            let mut statement = Statement::new(effect, sid.unwrap_or_default(), &[]);
            statement.actions = Some(if only_actions { Scope::Only(actions) } else { Scope::AllBut(actions) });
            statement.resources =
                resources.map(|set| if only_resources { Scope::Only(set) } else { Scope::AllBut(set) });
            statement.principals = principals.map(Scope::Only);
            match condition {
                Some((operator, key, values)) => statement.when(operator, key, values),
                None => statement,
            }
        })
}

fn document() -> impl Strategy<Value = Document> {
    proptest::collection::vec(statement(), 0..5).prop_map(Document::new)
}

fn request() -> impl Strategy<Value = Request> {
    let principal = select(vec![
        Principal::User(USER.parse().unwrap()),
        Principal::Account("123456789012".parse().unwrap()),
        Principal::User("arn:aws:iam::999999999999:user/eve".parse().unwrap()),
        Principal::Service("s3.amazonaws.com".into()),
    ]);
    let actions = select(&["s3:GetObject", "kms:Decrypt"][..]);
    let resources = select(&["arn:aws:s3:::b/ann/x", "arn:aws:s3:::c"][..]);
    (principal, actions, resources, proptest::option::of(select(&["abc", "true"][..]))).prop_map(
        |(principal, action, resource, prefix)| {
            let request = Request::new(principal, action, resource);
            match prefix {
                Some(prefix) => request.with("s3:prefix", &[prefix]),
                None => request,
            }
        },
    )
}

fn decide(request: &Request, identity: &Document, resource: &Document, kind: Kind) -> Verdict {
    let owner = "123456789012".parse().unwrap();
    let target = Target { owner: &owner, kind, policy: Some(resource) };
    let identity = Identity::Policies(std::slice::from_ref(identity));
    evaluate(request, &Policies { identity, boundary: None, session: None, target })
}

fn kind() -> impl Strategy<Value = Kind> {
    select(vec![Kind::Resource, Kind::Key, Kind::Role])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_deny_more_never_allows(
        request in request(), identity in document(), resource in document(), more in statement(), kind in kind(),
    ) {
        let deny = || [Statement { effect: Effect::Deny, ..more.clone() }];
        let before = decide(&request, &identity, &resource, kind).is_allowed();
        prop_assert!(before || !decide(&request, &identity.clone().with(deny()), &resource, kind).is_allowed());
        prop_assert!(before || !decide(&request, &identity, &resource.with(deny()), kind).is_allowed());
    }

    #[test]
    fn an_allow_less_never_allows(request in request(), identity in document(), resource in document(), kind in kind()) {
        let before = decide(&request, &identity, &resource, kind).is_allowed();
        for at in 0..resource.statements().len() {
            let rest = resource.statements().iter().enumerate();
            let rest = rest.filter(|(one, kept)| *one != at || kept.effect == Effect::Deny).map(|(_, kept)| kept.clone());
            prop_assert!(before || !decide(&request, &identity, &Document::new(rest), kind).is_allowed());
        }
        let denials = identity.statements().iter().filter(|kept| kept.effect == Effect::Deny).cloned();
        prop_assert!(before || !decide(&request, &Document::new(denials), &resource, kind).is_allowed());
    }

    #[test]
    fn what_is_allowed_is_allowed_by_a_statement(request in request(), identity in document(), kind in kind()) {
        prop_assert!(!decide(&request, &Document::new([]), &Document::new([]), kind).is_allowed());
        let denied = Document::new([Statement::new(Effect::Deny, "No", &["*"]).resources(["*".into()])]);
        prop_assert!(!decide(&request, &denied, &identity, kind).is_allowed());
    }

    #[test]
    fn a_document_survives_its_text(document in document()) {
        for text in [document.to_val(), document.pretty()] {
            let again = Document::parse_val(&text).unwrap();
            prop_assert_eq!(&again, &document);
            prop_assert_eq!(again.pretty(), document.pretty());
        }
        prop_assert_eq!(document.resolve(&Facts::default()), document.clone());
        prop_assert_eq!(Document::new(document.statements().iter().cloned()), document);
    }
}
