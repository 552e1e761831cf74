//! SNS topics: where failures are told, and who hears of them.
//!
//! A topic is always encrypted. Without a `kms_key` it is AWS's own key for SNS, which costs no monthly fee and serves every identity of the
//! account that may publish, but no AWS service: `CloudWatch` cannot publish under it. Its policy is derived and exclusive: nobody publishes
//! without TLS, and the alarms that name the topic may publish. Who else may is said by their own policies, such as `access` of a role.
//!
//! A subscription waits for its owner to confirm it. Until then it is there and cannot be taken away, so waiting is no difference.
//!
//! Calls: `GetTopicAttributes`, `ListSubscriptionsByTopic` where the spec lists some, `ListTagsForResource` where the tagging API does not list
//! the tags as wanted; `CreateTopic` with everything but subscriptions, `SetTopicAttributes`, `Subscribe`, `Unsubscribe`, `DeleteTopic`.

mod spec;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join_all, try_join_all};

pub use self::spec::Spec;
use super::{Attribute, Cx, Entry, Field, Fields, Gift, Kind, Part, Problem, Ref, Side, Source, tags};
use crate::cloud::aws::{ReadTags, SubscriptionState, TopicState};
use crate::cloud::{Aws, Cloud, CloudError, Which};
use crate::model::{
    Address, Arn, Call, Change, Context, Diff, Effect, Fact, Found, LiveId, Mark, Observed, Op, Seen, Shown, Tags, Val,
};
use crate::policy::{Document, build};

/// AWS's own key for SNS.
pub(crate) const AWS_KEY: &str = "alias/aws/sns";

/// The kind.
pub struct SnsTopic;

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    mark: Option<Mark>,
    arn: Arn,
    name: String,
    display_name: String,
    /// Absent for a live topic that is not encrypted.
    kms_key: Option<Val>,
    policy: Document,
    /// Absent where the spec leaves them alone.
    subscriptions: Option<BTreeSet<Subscription>>,
    /// Of a live topic: the ARNs of those that are confirmed.
    confirmed: BTreeMap<Subscription, String>,
    tags: Tags,
}

/// Who gets what is published, and how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Subscription {
    protocol: String,
    endpoint: Val,
}

impl Subscription {
    fn shown(&self) -> Val {
        self.endpoint.wrapped(&format!("{} ", self.protocol), "")
    }
}

impl Kind for SnsTopic {
    const NAME: &'static str = "sns_topic";
    const SIDE: Side = Side::Aws;
    const ABOUT: &'static str = "An encrypted SNS topic: where failures are told, and who hears of them.";
    const EXAMPLE: &'static str = "[sns_topic.failures]\nname = \"events-failures\"\n\
        subscriptions = [{ protocol = \"email\", endpoint = \"data-team@example.com\" }]\n";

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "Its name", from: Source::Field("name") },
            Attribute { name: "arn", about: "Its ARN", from: Source::Fact },
        ]
    }

    fn id(spec: &Spec, context: &Context) -> LiveId {
        LiveId::new(Self::NAME, spec.arn(context))
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        spec.check()
    }

    fn known(spec: &Spec, context: &Context) -> Vec<(&'static str, String)> {
        vec![("arn", spec.arn(context).to_string())]
    }

    fn gifts(entry: &Entry<Spec>, context: &Context) -> Vec<Gift> {
        let key = entry.spec.kms_key.clone();
        let told = key.map(|key| Gift::EncryptedTopic {
            topic: Val::later(Fact::new(&entry.at, "arn")),
            arn: entry.spec.arn(context).to_string(),
            key,
        });
        told.into_iter().collect()
    }

    fn want(entry: &Entry<Spec>, cx: Cx<'_>) -> Props {
        let Spec { name, display_name, kms_key, subscriptions, tags } = entry.spec.clone();
        let arn = entry.spec.arn(cx.context);
        let subscription = |one: spec::SubscriptionSpec| Subscription {
            protocol: one.protocol.word().to_owned(),
            endpoint: one.endpoint.resolve(cx.facts),
        };
        Props {
            mark: Some(entry.mark.clone()),
            policy: build::topic(&arn, &cx.context.account, publishers(&arn, cx)),
            arn,
            name,
            display_name,
            kms_key: Some(kms_key.map_or_else(|| Val::known(AWS_KEY), |key| key.resolve(cx.facts))),
            subscriptions: subscriptions.map(|all| all.into_iter().map(subscription).collect()),
            confirmed: BTreeMap::new(),
            tags,
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props { mark: _, arn: _, name, display_name, kms_key, policy, subscriptions, confirmed: _, tags } = props;
        let subscriptions = subscriptions.as_ref();
        let subscriptions = subscriptions.map(|all| Shown::List(all.iter().map(Subscription::shown).collect()));
        let mut fields = vec![
            Field::replaces("name", Some(name.as_str())),
            Field::in_place("display_name", (!display_name.is_empty()).then_some(display_name.as_str())),
            Field::in_place("kms_key", kms_key.clone()),
            Field::in_place("policy", Some(Shown::Lines(policy.pretty()))),
            Field::in_place_if_set("subscriptions", subscriptions),
        ];
        fields.extend(tags::fields(tags));
        fields
    }

    /// One that waits for its confirmation and is not wanted cannot be taken away: it goes by itself.
    fn effect(want: &Props, have: &Props, change: &Change) -> Option<Effect> {
        let (Some(wanted), Some(there)) = (&want.subscriptions, &have.subscriptions) else {
            return Some(change.effect);
        };
        if change.field != "subscriptions" {
            return Some(change.effect);
        }
        let counts = |one: &&Subscription| wanted.contains(*one) || have.confirmed.contains_key(*one);
        let there: BTreeSet<&Subscription> = there.iter().filter(counts).collect();
        (there != wanted.iter().collect()).then_some(change.effect)
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    /// SNS looks at neither the key nor a queue when it is told of them; a key of this spec goes before because its ARN does.
    fn refs(_: &Props) -> Vec<Ref> {
        Vec::new()
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let aws = cloud.aws()?;
        let declared = try_join_all(entries.iter().map(|entry| async move {
            let wanted = tags::all(&entry.spec.tags, Some(&entry.mark));
            let tags = ReadTags::Listed { stack: &context.stack, wanted: &wanted };
            let listed = entry.spec.subscriptions.is_some();
            let seen = match Box::pin(aws.topic(&entry.spec.arn(context), listed, tags)).await? {
                Some(state) => found(state, listed).map_or_else(Seen::Hidden, Seen::Present),
                None => Seen::Absent,
            };
            Ok::<_, CloudError>((entry.at.clone(), seen))
        }));
        let (declared, others) = futures::try_join!(declared, orphans(entries, aws, context))?;
        Ok(Observed { declared: declared.into_iter().collect(), others })
    }

    fn create(_at: &Address, want: &Props) -> Vec<Part> {
        let mut calls = vec![Call::CreateTopic {
            topic: want.topic(),
            display_name: want.display_name.clone(),
            kms_key: want.kms_key.clone().unwrap_or_else(|| Val::known(AWS_KEY)),
            policy: want.policy.to_val(),
            tags: tags::all(&want.tags, want.mark.as_ref()),
        }];
        calls.extend(want.subscriptions.iter().flatten().map(|one| subscribe(want, one)));
        vec![main(calls)]
    }

    fn alter(_at: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        let mut calls = Vec::new();
        let mut set = |attribute: &str, value: Val| {
            calls.push(Call::SetTopicAttributes { topic: want.topic(), attribute: attribute.into(), value });
        };
        if changed.has("display_name") {
            set("DisplayName", Val::known(want.display_name.as_str()));
        }
        if let Some(key) = want.kms_key.as_ref().filter(|_| changed.has("kms_key")) {
            set("KmsMasterKeyId", key.clone());
        }
        if changed.has("policy") {
            set("Policy", want.policy.to_val());
        }
        if let Some(wanted) = want.subscriptions.as_ref().filter(|_| changed.has("subscriptions")) {
            let there = have.subscriptions.clone().unwrap_or_default();
            calls.extend(wanted.difference(&there).map(|one| subscribe(want, one)));
            let extra = have.confirmed.iter().filter(|(one, _)| !wanted.contains(*one));
            calls
                .extend(extra.map(|(_, arn)| Call::Unsubscribe { topic: want.topic(), subscription_arn: arn.clone() }));
        }
        let tags::Retag { set, remove } =
            tags::retag((&want.tags, want.mark.as_ref()), (&have.tags, have.mark.as_ref()));
        if !set.is_empty() {
            calls.push(Call::TagTopic { topic: want.topic(), tags: set });
        }
        if !remove.is_empty() {
            calls.push(Call::UntagTopic { topic: want.topic(), keys: remove });
        }
        if calls.is_empty() { Vec::new() } else { vec![main(calls)] }
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![main(vec![Call::DeleteTopic { topic: have.topic() }])]
    }

    fn breaks(have: &Props) -> Vec<String> {
        vec![
            "what is published to it is lost, and whoever publishes to it is refused".to_owned(),
            format!("every subscription to {} goes, and those of mail and https must be confirmed again", have.name),
        ]
    }

    fn named(name: &str, context: &Context) -> Result<Fields, String> {
        let own = match name.parse::<Arn>() {
            Ok(arn) if arn.service() != "sns" => return Err(format!("`{name}` is not the ARN of a topic")),
            Ok(arn) => {
                let own = arn.resource().to_owned();
                if arn != Arn::topic(context.partition, &context.region, &context.account, &own) {
                    return Err(format!("`{name}` is a topic of another account or region"));
                }
                own
            }
            Err(_) => name.to_owned(),
        };
        match spec::name(&own) {
            Some(problem) => Err(problem.message),
            // Their list is asked for, so that it is told.
            None => Ok(Fields::from([("name", own.into()), ("subscriptions", serde_json::json!([]))])),
        }
    }

    fn export(have: &Props, _context: &Context) -> Fields {
        let Props { mark: _, arn: _, name, display_name, kms_key, policy: _, subscriptions, confirmed: _, tags } = have;
        let mut fields = Fields::from([("name", name.as_str().into())]);
        if !display_name.is_empty() {
            fields.push(("display_name", display_name.as_str().into()));
        }
        let key = kms_key.as_ref().and_then(Val::as_known).filter(|key| spec::is_key(key));
        fields.extend(key.map(|key| ("kms_key", key.into())));
        // A protocol that is not offered here is left to whoever set it up, so the list is left out as a whole.
        let all = subscriptions.iter().flatten();
        let written: Option<Vec<_>> = all
            .map(|one| {
                spec::Protocol::read(&one.protocol)?;
                Some(serde_json::json!({ "protocol": one.protocol, "endpoint": one.endpoint.as_known()? }))
            })
            .collect();
        if let Some(written) = written.filter(|written| !written.is_empty()) {
            fields.push(("subscriptions", written.into()));
        }
        if !tags.is_empty() {
            fields.push(("tags", serde_json::json!(tags)));
        }
        fields
    }
}

impl Props {
    fn topic(&self) -> String {
        self.arn.to_string()
    }
}

fn subscribe(want: &Props, one: &Subscription) -> Call {
    Call::Subscribe { topic: want.topic(), protocol: one.protocol.clone(), endpoint: one.endpoint.clone() }
}

/// The alarms that say they publish to it.
fn publishers(arn: &Arn, cx: Cx<'_>) -> BTreeSet<Val> {
    let told = cx.gifts.about(arn.as_str()).filter_map(|gift| match gift {
        Gift::Publishes { topic, alarm } if topic.resolve(cx.facts).as_known() == Some(arn.as_str()) => {
            Some(Val::known(alarm.as_str()))
        }
        _ => None,
    });
    told.collect()
}

/// Topics with this stack's mark that are not declared.
async fn orphans(
    entries: &[Entry<Spec>],
    aws: &Aws,
    context: &Context,
) -> Result<BTreeMap<LiveId, Found<Props>>, CloudError> {
    let tagged = aws.tagged(&context.stack).await?;
    let declared: BTreeSet<Arn> = entries.iter().map(|entry| entry.spec.arn(context)).collect();
    let topics = tagged.iter().map(|one| &one.arn).filter(|arn| arn.service() == "sns" && !declared.contains(arn));
    let states = join_all(topics.map(|arn| Box::pin(aws.topic(arn, true, ReadTags::Current)))).await;
    let mut others = BTreeMap::new();
    for state in states {
        // The list of tags is old at times: a topic may be gone, or another's by now.
        let Some(state) = state? else { continue };
        let id = LiveId::new(SnsTopic::NAME, &state.arn);
        let found =
            found(state, true).map_err(|why| CloudError::unexpected(Which::Aws, "sns:GetTopicAttributes", why))?;
        if found.props.mark.as_ref().is_some_and(|mark| mark.stack == context.stack) {
            others.insert(id, found);
        }
    }
    Ok(others)
}

/// # Errors
/// A policy that cannot be read.
fn found(state: TopicState, listed: bool) -> Result<Found<Props>, String> {
    let TopicState { arn, display_name, kms_key, policy, subscriptions, mut tags } = state;
    let document = match policy.as_str() {
        "" => Document::default(),
        text => Document::parse(text).map_err(|error| format!("the policy of {arn} cannot be read: {error}"))?,
    };
    let mark = Mark::take(&mut tags);
    let one = |state: &SubscriptionState| Subscription {
        protocol: state.protocol.clone(),
        endpoint: Val::known(state.endpoint.as_str()),
    };
    let confirmed = subscriptions.iter().filter_map(|state| Some((one(state), state.arn.clone()?))).collect();
    let props = Props {
        mark,
        name: arn.resource().to_owned(),
        arn,
        display_name,
        kms_key: kms_key.map(Val::from),
        policy: document,
        subscriptions: listed.then(|| subscriptions.iter().map(one).collect()),
        confirmed,
        tags,
    };
    Ok(Found { props, facts: BTreeMap::new() })
}

fn main(calls: Vec<Call>) -> Part {
    Part::main(calls.into_iter().map(Op::aws).collect())
}
