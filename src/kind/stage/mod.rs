//! External stages: places in S3 under a name, with a directory table that lists their files.
//!
//! A stage is altered wherever Snowflake can, because much hangs on it: the content of its directory, streams, pipes, external tables.
//! It is created without a look at S3; filling the directory is a part of its own (`refresh`) that runs when the trust between Snowflake
//! and AWS, the bucket's notification, and the streams that shall see the files are there.
//!
//! Source: Snowflake documentation, "CREATE STAGE", "ALTER STAGE", "DESCRIBE STAGE", "Directory tables".

mod export;
mod format;
mod read;
mod spec;

pub use format::FileFormat;
pub use spec::{Credentials, Directory, Encryption, Spec};

use self::format::Format;
use super::{
    Attribute, Class, Cx, Dep, Entry, Field, Fields, Gift, Kind, MAIN, OnReplace, Part, Problem, Ref, Side, Source,
    qualified,
};
use crate::cloud::{Cloud, CloudError};
use crate::model::op::From;
use crate::model::{
    Address, Context, Diff, Fact, Ident, LiveId, Mark, ObjectName, Observed, Op, S3Url, Shown, Text, Val,
};

/// The kind `stage`.
#[derive(Debug)]
pub struct Stage;

/// The fact that names the queue whose events refresh the directory.
const CHANNEL: &str = "notification_channel";
/// The part that fills the directory.
const REFRESH: &str = "refresh";

/// The properties of a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: ObjectName,
    mark: Option<Mark>,
    comment: String,
    place: Place,
    storage_integration: Option<Ident>,
    /// Of a live stage: its integration was dropped, and the one that has the name now is another.
    dangles: bool,
    directory: Listing,
    format: Format,
    /// Only meaningful for creation.
    encryption: Option<Encryption>,
    access_point: Option<String>,
    privatelink: Option<bool>,
    keys: Keys,
    /// Why it may be reached by an access key.
    acknowledged: Option<String>,
    /// Streams that must be there before the directory is filled.
    watchers: Vec<LiveId>,
}

/// Where a stage points to.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    S3(S3Url),
    /// A live stage that points to another cloud, by its URL.
    Elsewhere(String),
    /// A live stage that holds its files itself.
    Internal,
}

/// The access key a stage is reached by.
#[derive(Clone, Debug, PartialEq)]
enum Keys {
    /// None.
    None,
    /// Of a live stage: one that nothing tells.
    Hidden,
    /// That of the spec.
    Given(Credentials),
    /// That of a user, which brings it.
    Delivered(LiveId),
}

/// The directory table.
#[derive(Clone, Debug, Default, PartialEq)]
struct Listing {
    enable: bool,
    auto_refresh: bool,
    sns: Option<String>,
    /// Wanted: fill it. Live: it was filled at least once.
    refresh: bool,
}

impl Kind for Stage {
    const NAME: &'static str = "stage";
    const SIDE: Side = Side::Snowflake;
    const ABOUT: &'static str =
        "An external stage: a place in S3 under a name, with a directory table that lists its files.";
    const EXAMPLE: &'static str = r#"
[database.events]
name = "EVENTS"

[stage.inbound]
schema = "EVENTS.PUBLIC"
name = "INBOUND"
url = "s3://inbound-events-example/"
"#;
    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "The stage's name.", from: Source::Field("name") },
            Attribute { name: "schema", about: "The schema it is in.", from: Source::Field("schema") },
            qualified::FQN,
            Attribute { name: "url", about: "The place it points to.", from: Source::Field("url") },
            Attribute {
                name: CHANNEL,
                about: "With `directory.auto_refresh`: the ARN of the queue that wants to hear of the bucket's events.",
                from: Source::Fact,
            },
        ]
    }

    fn id(spec: &Spec, _: &Context) -> LiveId {
        LiveId::new(Self::NAME, spec.full_name())
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        spec::check(spec)
    }

    fn gifts(entry: &Entry<Spec>, _: &Context) -> Vec<Gift> {
        let (bucket, prefix) = (entry.spec.url.bucket().clone(), entry.spec.url.prefix().to_owned());
        let stage = LiveId::new(Self::NAME, entry.spec.full_name());
        let located = Gift::Located { stage, bucket: bucket.clone(), prefix: prefix.clone() };
        let Some(Directory { enable: true, auto_refresh: true, aws_sns_topic: None, refresh: _ }) =
            entry.spec.directory
        else {
            return vec![located];
        };
        let wish = Gift::Notify {
            bucket,
            prefix,
            queue: Val::later(Fact::new(&entry.at, CHANNEL)),
            events: vec!["s3:ObjectCreated:*".into(), "s3:ObjectRemoved:*".into()],
        };
        vec![located, wish]
    }

    fn want(entry: &Entry<Spec>, cx: Cx<'_>) -> Props {
        let own = Self::id(&entry.spec, cx.context);
        let watcher = |gift: &Gift| match gift {
            Gift::Watches { stage, by } if *stage == own => Some(by.clone()),
            _ => None,
        };
        let bringer = |gift: &Gift| match gift {
            Gift::Delivers { stage, by } if *stage == own => Some(Keys::Delivered(by.clone())),
            _ => None,
        };
        let wanted = wanted(entry);
        let keys = cx.gifts.about(&own.name).find_map(bringer).filter(|_| wanted.keys == Keys::None);
        Props {
            watchers: cx.gifts.about(&own.name).filter_map(watcher).collect(),
            keys: keys.unwrap_or_else(|| wanted.keys.clone()),
            ..wanted
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props {
            name,
            mark: _,
            comment,
            place,
            storage_integration,
            dangles,
            directory,
            format,
            encryption,
            access_point,
            privatelink,
            keys,
            acknowledged,
            watchers: _,
        } = props;
        let Listing { enable, auto_refresh, sns, refresh } = directory;
        let url = match place {
            Place::S3(url) => Some(url.to_string()),
            Place::Elsewhere(url) => Some(url.clone()),
            Place::Internal => None,
        };
        // An integration can be set but not taken away.
        let integration = Field {
            name: "storage_integration".into(),
            value: storage_integration.as_ref().map(|name| match dangles {
                false => Shown::from(name.to_string()),
                true => Shown::from(format!("the former {}", name.as_str())),
            }),
            class: if storage_integration.is_some() { Class::InPlace } else { Class::Replaces },
        };
        let credentials = Field {
            name: "credentials".into(),
            value: match keys {
                Keys::None => None,
                Keys::Hidden | Keys::Given(_) => Some(Shown::Sensitive),
                Keys::Delivered(by) => Some(Shown::from(format!("the access key of {by}"))),
            },
            class: match keys {
                // A key can be set but not taken away.
                Keys::None | Keys::Hidden => Class::Replaces,
                Keys::Given(_) => Class::InPlace,
                // Whoever brings it knows whether it is there.
                Keys::Delivered(_) => Class::CreateOnly,
            },
        };
        // Without a directory nobody cares what refreshes it, so that taking the directory away needs no new stage.
        let auto_refresh = Field {
            name: "directory.auto_refresh".into(),
            value: auto_refresh.then_some(Shown::Bool(true)),
            class: if *enable { Class::Replaces } else { Class::ReplacesIfSet },
        };
        // Moving a stage switches its directory off, and `ALTER` can switch on the directory but not what refreshes it.
        let url = Field {
            name: "url".into(),
            value: url.map(Shown::from),
            class: if directory.auto_refresh { Class::Replaces } else { Class::InPlace },
        };
        let mut fields = vec![
            Field::replaces("schema", Some(name.schema.to_string())),
            Field::replaces("name", Some(name.name.to_string())),
            url,
            integration,
            credentials,
            Field::create_only("acknowledge_risk", acknowledged.clone()),
            Field::in_place("directory.enable", enable.then_some(true)),
            auto_refresh,
            Field::replaces_if_set("directory.aws_sns_topic", sns.clone()),
            Field::in_place_if_set("directory.refresh", (*enable && *refresh).then_some(true)),
        ];
        fields.extend(format.fields());
        fields.push(Field::create_only("encryption.type", encryption.as_ref().map(Encryption::word)));
        fields.push(Field::create_only("encryption.kms_key", encryption.as_ref().and_then(kms_key)));
        fields.push(Field::create_only("encryption.master_key", encryption.as_ref().and_then(master_key)));
        fields.push(Field::replaces("aws_access_point_arn", access_point.clone()));
        fields.push(Field::in_place_if_set("use_privatelink_endpoint", *privatelink));
        fields.push(Field::in_place("comment", (!comment.is_empty()).then(|| comment.clone())));
        fields
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    fn refs(props: &Props) -> Vec<Ref> {
        let mut refs = qualified::home(&props.name.schema);
        refs.extend(props.storage_integration.iter().map(|name| Ref {
            to: integration(name),
            why: "the integration through which it reaches S3",
            on_replace: OnReplace::Relink,
        }));
        refs.extend(props.format.name().map(|name| Ref {
            to: LiveId::new("file_format", name),
            why: "the format of its files",
            on_replace: OnReplace::Nothing,
        }));
        refs
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        read::observe(entries, cloud, context).await
    }

    fn create(at: &Address, want: &Props) -> Vec<Part> {
        let mut text = Text::new("CREATE STAGE").name(&want.name).then(location(want));
        if let Some(arn) = &want.access_point {
            text = text.word("AWS_ACCESS_POINT_ARN =").literal(arn.as_str());
        }
        if let Some(private) = want.privatelink {
            text = text.word("USE_PRIVATELINK_ENDPOINT =").bool(private);
        }
        let Listing { enable, auto_refresh, sns, refresh: _ } = &want.directory;
        if *enable {
            // A refresh at creation would fail while the trust between the clouds is not complete.
            text = text.word("DIRECTORY = ( ENABLE = TRUE REFRESH_ON_CREATE = FALSE");
            text = if *auto_refresh { text.word("AUTO_REFRESH = TRUE") } else { text };
            text = sns.iter().fold(text, |text, topic| text.word("AWS_SNS_TOPIC =").literal(topic.as_str())).word(")");
        }
        if !want.format.is_default() {
            text = text.then(want.format.clause());
        }
        let mut ops = vec![Op::sql(text.then(comment(want)))];
        if *auto_refresh {
            let channel = From::Property("DIRECTORY_NOTIFICATION_CHANNEL".into());
            ops.push(Op::sql(Text::new("DESC STAGE").name(&want.name)).learns(Fact::new(at, CHANNEL), channel));
        }
        // The queue is the one of the bucket's region, which a bucket that is not there does not have.
        let listened = bucket(want).filter(|_| *auto_refresh).map(|bucket| Dep::new(bucket, MAIN));
        std::iter::once(Part::main(ops).after(listened)).chain(refresh(want)).collect()
    }

    fn alter(_: &Address, want: &Props, _: &Props, changed: &Diff) -> Vec<Part> {
        let stage = || Text::new("ALTER STAGE").name(&want.name);
        let moved = changed.has("url");
        let mut set = Text::default();
        if moved {
            // The place and the integration that allows it go together, or each alone would be refused.
            set = set.then(location(want));
        } else if changed.has("storage_integration") || changed.has("credentials") {
            set = set.then(via(want));
        }
        if let Some(private) = want.privatelink.filter(|_| changed.has("use_privatelink_endpoint")) {
            set = set.word("USE_PRIVATELINK_ENDPOINT =").bool(private);
        }
        if changed.has("file_format") {
            set = set.then(want.format.clause());
        }
        if changed.has("comment") || changed.has("mark") {
            set = set.then(comment(want));
        }
        let mut ops = Vec::new();
        if !set.is_empty() {
            ops.push(Op::sql(stage().word("SET").then(set)));
        }
        let enable = want.directory.enable;
        // Snowflake may switch the directory off when the stage moves.
        if changed.has("directory.enable") || (moved && enable) {
            ops.push(Op::sql(stage().word("SET DIRECTORY = ( ENABLE =").bool(enable).word(")")));
        }
        let mut parts = Vec::new();
        if !ops.is_empty() {
            parts.push(Part::main(ops));
        }
        if moved || changed.has("directory") {
            parts.extend(refresh(want));
        }
        parts
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(Text::new("DROP STAGE IF EXISTS").name(&have.name))])]
    }

    fn follow_ups(_: &Address, want: &Props) -> Vec<Part> {
        let notification = bucket(want).map(|bucket| Dep::new(bucket, "notification"));
        let triggered = |part: Part| Some(part.triggered_by([notification.clone()?]));
        refresh(want).into_iter().filter_map(triggered).collect()
    }

    fn relink(_: &Address, want: &Props, to: &LiveId) -> Vec<Op> {
        let name = want.storage_integration.iter().filter(|name| integration(name) == *to);
        name.map(|_| Op::sql(Text::new("ALTER STAGE").name(&want.name).word("SET").then(via(want)))).collect()
    }

    fn breaks(have: &Props) -> Vec<String> {
        let name = &have.name;
        let mut breaks = Vec::new();
        if have.directory.enable {
            breaks.push(format!("the directory table of {name} is lost, and the streams on it are cut off"));
        }
        if have.place == Place::Internal {
            breaks.push(format!("the files in {name} are lost"));
        }
        breaks.push(format!("pipes and external tables that read from {name} must be created again"));
        breaks.push(format!("the privileges that were granted on {name} are lost"));
        breaks
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        export::named(name)
    }

    fn export(have: &Props, _: &Context) -> Fields {
        export::fields(have, false)
    }

    fn export_among(have: &Props, cx: Cx<'_>) -> Result<Fields, String> {
        let own = have.name.to_string();
        let brought =
            cx.gifts.about(&own).any(|gift| matches!(gift, Gift::Delivers { stage, .. } if stage.name == own));
        export::foreign(have).map_or_else(|| Ok(export::fields(have, brought)), Err)
    }

    fn broken(have: &Props) -> Option<String> {
        match &have.place {
            Place::Internal => Some("it is an internal stage, and no internal stage becomes an external one".into()),
            Place::Elsewhere(url) => Some(format!("it points to another cloud ({url}), which cannot be altered")),
            Place::S3(_) => None,
        }
    }
}

/// What is wanted of an entry, but for what others tell.
fn wanted(entry: &Entry<Spec>) -> Props {
    let Entry { at: _, mark, spec } = entry;
    let directory = spec.directory.as_ref().filter(|directory| directory.enable);
    let directory = directory.map_or_else(Listing::default, |directory| Listing {
        enable: true,
        auto_refresh: directory.auto_refresh,
        sns: directory.aws_sns_topic.as_ref().map(ToString::to_string),
        refresh: directory.refresh,
    });
    Props {
        name: spec.full_name(),
        mark: Some(mark.clone()),
        comment: spec.comment.clone(),
        place: Place::S3(spec.url.clone()),
        storage_integration: spec.storage_integration.clone(),
        dangles: false,
        directory,
        format: Format::wanted(spec.file_format.as_ref()),
        encryption: spec.encryption.clone(),
        access_point: spec.aws_access_point_arn.as_ref().map(ToString::to_string),
        privatelink: spec.use_privatelink_endpoint,
        keys: spec.credentials.clone().map_or(Keys::None, Keys::Given),
        acknowledged: spec.acknowledge_risk.clone(),
        watchers: Vec::new(),
    }
}

/// The part that fills the directory, if it shall be filled.
fn refresh(want: &Props) -> Option<Part> {
    if !(want.directory.enable && want.directory.refresh) {
        return None;
    }
    let part = Part::named(REFRESH, vec![Op::sql(Text::new("ALTER STAGE").name(&want.name).word("REFRESH"))]);
    let own = Dep::new(LiveId::new(Stage::NAME, &want.name), MAIN);
    let ready = want.storage_integration.as_ref().map(|name| Dep::new(integration(name), "ready"));
    let notification = bucket(want).map(|bucket| Dep::new(bucket, "notification"));
    let watchers = want.watchers.iter().map(|stream| Dep::new(stream.clone(), MAIN));
    let keys = match &want.keys {
        Keys::Delivered(by) => Some(Dep::new(by.clone(), MAIN)),
        Keys::None | Keys::Hidden | Keys::Given(_) => None,
    };
    Some(part.after([own]).after(ready).after(keys).after(notification).after(watchers))
}

fn bucket(props: &Props) -> Option<LiveId> {
    match &props.place {
        Place::S3(url) => Some(LiveId::new("bucket", url.bucket())),
        Place::Elsewhere(_) | Place::Internal => None,
    }
}

fn integration(name: &Ident) -> LiveId {
    LiveId::new("storage_integration", name)
}

/// `URL = …`, and everything that says how to get there.
fn location(want: &Props) -> Text {
    let text = match &want.place {
        Place::S3(url) => Text::new("URL =").literal(url.to_string()),
        Place::Elsewhere(url) => Text::new("URL =").literal(url.as_str()),
        Place::Internal => Text::default(),
    };
    let text = text.then(via(want));
    want.encryption.iter().fold(text, |text, encryption| text.then(encryption.clause()))
}

fn via(want: &Props) -> Text {
    let name = want.storage_integration.iter();
    let text = name.fold(Text::default(), |text, name| text.word("STORAGE_INTEGRATION =").name(name));
    match &want.keys {
        Keys::Given(Credentials { aws_key_id, aws_secret_key }) => text
            .word("CREDENTIALS = ( AWS_KEY_ID =")
            .secret(aws_key_id)
            .word("AWS_SECRET_KEY =")
            .secret(aws_secret_key)
            .word(")"),
        Keys::None | Keys::Hidden | Keys::Delivered(_) => text,
    }
}

fn comment(want: &Props) -> Text {
    let text = want.mark.as_ref().map_or_else(|| want.comment.clone(), |mark| mark.comment(&want.comment));
    Text::new("COMMENT =").literal(text)
}

fn kms_key(encryption: &Encryption) -> Option<Val> {
    match encryption {
        Encryption::AwsSseKms { kms_key } => kms_key.clone(),
        Encryption::AwsSseS3 {} | Encryption::AwsCse { .. } | Encryption::None {} => None,
    }
}

fn master_key(encryption: &Encryption) -> Option<Shown> {
    matches!(encryption, Encryption::AwsCse { .. }).then_some(Shown::Sensitive)
}

#[cfg(test)]
mod tests;
