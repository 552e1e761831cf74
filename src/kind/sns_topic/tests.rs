//! Topics, in a loop over what SNS would hold.

use super::*;
use crate::kind::aws_trial::{self as trial, Live, altered, context, created, example, names, problems};

const BASE: &str = "name = \"t\"";
const ARN: &str = "arn:aws:sns:us-east-1:111122223333:t";

/// A topic that does what SNS does.
#[derive(Clone)]
struct Sns(Option<TopicState>, bool);

impl Sns {
    fn state(&mut self) -> &mut TopicState {
        self.0.as_mut().unwrap()
    }
}

impl Live<SnsTopic> for Sns {
    fn nothing() -> Self {
        Self(None, true)
    }

    fn make(&mut self, call: &Call) {
        let text = |val: &Val| val.as_known().unwrap().to_owned();
        match call.clone() {
            Call::CreateTopic { topic, display_name, kms_key, policy, tags } => {
                self.0 = Some(TopicState {
                    arn: topic.parse().unwrap(),
                    display_name,
                    kms_key: Some(text(&kms_key)),
                    policy: text(&policy),
                    subscriptions: Vec::new(),
                    tags,
                });
            }
            Call::SetTopicAttributes { attribute, value, .. } => match attribute.as_str() {
                "DisplayName" => self.state().display_name = text(&value),
                "KmsMasterKeyId" => self.state().kms_key = Some(text(&value)),
                "Policy" => self.state().policy = text(&value),
                other => panic!("{other}"),
            },
            Call::Subscribe { protocol, endpoint, .. } => {
                let endpoint = text(&endpoint);
                let arn = (protocol == "sqs").then(|| format!("{ARN}:{endpoint}"));
                self.state().subscriptions.push(SubscriptionState { protocol, endpoint, arn });
            }
            Call::Unsubscribe { subscription_arn, .. } => {
                self.state().subscriptions.retain(|one| one.arn.as_ref() != Some(&subscription_arn));
            }
            Call::TagTopic { tags, .. } => self.state().tags.extend(tags),
            Call::UntagTopic { keys, .. } => self.state().tags.retain(|key, _| !keys.contains(key)),
            other => panic!("not about a topic: {other:?}"),
        }
    }

    fn read(&self) -> Props {
        found(self.0.clone().unwrap(), self.1).unwrap().props
    }
}

fn want(toml: &str) -> Props {
    trial::want::<SnsTopic>(&format!("{BASE}\n{toml}"), &[])
}

#[test]
fn the_example_is_sound() {
    assert_eq!(problems::<SnsTopic>(&example::<SnsTopic>()), [""; 0]);
}

#[test]
fn every_field_is_found_and_made() {
    let key = "kms_key = \"arn:aws:kms:us-east-1:111122223333:key/k\"";
    for toml in ["display_name = \"d\"", key] {
        let mut live: Sns = created::<SnsTopic, _>(&want(""));
        assert_eq!(altered(&mut live, &want(toml)), ["SetTopicAttributes"], "{toml}");
        assert_eq!(altered(&mut live, &want("")), ["SetTopicAttributes"], "back from {toml}");
        created::<SnsTopic, Sns>(&want(toml));
    }
    let mut live: Sns = created::<SnsTopic, _>(&want(""));
    assert_eq!(altered(&mut live, &want("tags = { a = \"b\" }")), ["TagTopic"]);
    live.state().kms_key = None;
    assert_eq!(altered(&mut live, &want("")), ["SetTopicAttributes"], "a topic that is not encrypted");
    let other = trial::want::<SnsTopic>("name = \"u\"", &[]);
    assert!(trial::diff::<SnsTopic>(&other, &live.read()).replaces_object());
}

#[test]
fn subscriptions_are_as_listed_or_left_alone() {
    let queue =
        |name: &str| format!("{{ protocol = \"sqs\", endpoint = \"arn:aws:sqs:us-east-1:111122223333:{name}\" }}");
    let list =
        |of: &[&str]| want(&format!("subscriptions = [{}]", of.iter().map(|n| queue(n)).collect::<Vec<_>>().join(",")));
    let mut live: Sns = created::<SnsTopic, _>(&list(&["a"]));
    assert_eq!(altered(&mut live, &list(&["a", "b"])), ["Subscribe"]);
    assert_eq!(altered(&mut live, &list(&["c"])), ["Subscribe", "Unsubscribe", "Unsubscribe"]);
    assert!(trial::diff::<SnsTopic>(&want(""), &live.read()).is_empty(), "without a list they are left alone");
}

#[test]
fn waiting_for_a_confirmation_is_no_difference() {
    let mail = want("subscriptions = [{ protocol = \"email\", endpoint = \"a@b.example\" }]");
    let live: Sns = created::<SnsTopic, _>(&mail);
    let none = want("subscriptions = []");
    let have = live.read();
    let changed = trial::diff::<SnsTopic>(&none, &have);
    let change = changed.changes().iter().find(|change| change.field == "subscriptions").unwrap();
    assert_eq!(SnsTopic::effect(&none, &have, change), None, "nobody can take it away");
    let other = want("subscriptions = [{ protocol = \"email\", endpoint = \"c@b.example\" }]");
    assert!(SnsTopic::effect(&other, &have, change).is_some());
}

#[test]
fn its_policy_demands_tls_and_lets_alarms_publish() {
    let alarm = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:stuck";
    let tell = |topic: &str| Gift::Publishes { topic: topic.into(), alarm: alarm.into() };
    let policy = |gifts: &[Gift]| trial::want::<SnsTopic>(BASE, gifts).policy.pretty().to_string();
    insta::assert_snapshot!(policy(&[tell(ARN), tell("arn:aws:sns:us-east-1:111122223333:other")]));
    assert!(!policy(&[]).contains("Allow"));
}

#[test]
fn a_topic_is_imported_as_it_is() {
    let mut live: Sns = created::<SnsTopic, _>(&want("display_name = \"d\""));
    live.make(&Call::Subscribe { topic: ARN.into(), protocol: "email".into(), endpoint: "a@b".into() });
    let fields = SnsTopic::export(&live.read(), &context());
    let text = serde_json::json!(fields).to_string();
    assert_eq!(
        text,
        r#"[["name","t"],["display_name","d"],["subscriptions",[{"endpoint":"a@b","protocol":"email"}]]]"#
    );
    assert!(SnsTopic::named(ARN, &context()).is_ok() && SnsTopic::named("t", &context()).is_ok());
    for bad in ["a b", "t.fifo", "arn:aws:sns:us-east-1:999999999999:t", "arn:aws:sqs:us-east-1:111122223333:t"] {
        assert!(SnsTopic::named(bad, &context()).is_err(), "{bad}");
    }
    assert_eq!(names(&trial::calls(&SnsTopic::delete(&live.read()))), ["DeleteTopic"]);
}

#[test]
fn says_what_is_wrong() {
    let one = |protocol: &str, endpoint: &str| {
        format!("subscriptions = [{{ protocol = \"{protocol}\", endpoint = \"{endpoint}\" }}]")
    };
    let table = [
        ("name = \"a.fifo\"".to_owned(), "name"),
        ("name = \"a b\"".to_owned(), "name"),
        (format!("{BASE}\nkms_key = \"alias/aws/sns\""), "kms_key"),
        (format!("{BASE}\n{}", one("email", "nobody")), "subscriptions[0].endpoint"),
        (format!("{BASE}\n{}", one("https", "http://x.example")), "subscriptions[0].endpoint"),
        (format!("{BASE}\n{}", one("https", "https://u:p@x.example/y")), "subscriptions[0].endpoint"),
        (format!("{BASE}\n{}", one("sqs", "arn:aws:sns:us-east-1:1:q")), "subscriptions[0].endpoint"),
        (format!("{BASE}\ndisplay_name = \"{}\"", "x".repeat(101)), "display_name"),
    ];
    for (toml, start) in table {
        let found = problems::<SnsTopic>(&toml);
        assert!(found.len() == 1 && found[0].starts_with(start), "{toml}: {found:?}");
    }
}
