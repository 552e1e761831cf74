//! What others put into the notifications of a bucket stays there, whatever becomes of ours.

use std::collections::BTreeSet;

use aws_sdk_s3::types::{Event, NotificationConfiguration, QueueConfiguration};
use aws_sdk_s3::types::{FilterRule, FilterRuleName, NotificationConfigurationFilter, S3KeyFilter};
use snowssi::plan::Mode;

use crate::world::World;

const BUCKET: &str = "acme-notified";
/// The ID of somebody else's entry.
const THEIRS: &str = "theirs";

/// A bucket, and an auto-refreshed stage on each prefix.
fn spec(prefixes: &[&str]) -> String {
    let mut text = r#"
[stack]
name = "notified"

[aws]
region = "us-east-1"

[bucket.data]
name = "acme-notified"

[iam_role.data]
name = "notified"
access = [{ bucket = "acme-notified", allow = ["list", "read"] }]

[storage_integration.data]
name = "NOTIFIED"
role = "{{ iam_role.data.arn }}"
allowed_locations = ["{{ bucket.data.url }}"]

[database.data]
name = "NOTIFIED"
"#
    .to_owned();
    for prefix in prefixes {
        text.push_str(&format!(
            r#"
[stage.{prefix}]
schema = "{{{{ database.data.name }}}}.PUBLIC"
name = "{prefix}"
url = "{{{{ bucket.data.url }}}}{prefix}/"
storage_integration = "{{{{ storage_integration.data.name }}}}"
directory = {{ enable = true, auto_refresh = true }}
"#
        ));
    }
    text
}

/// The queue of our live entry: one that S3 can send to.
fn queue(world: &World) -> String {
    let config = world.wait(world.s3().get_bucket_notification_configuration().bucket(BUCKET).send()).unwrap();
    config.queue_configurations()[0].queue_arn().to_owned()
}

/// Adds an entry of somebody else's to what is there.
fn add_theirs(world: &World, queue: &str, prefix: &str) {
    let s3 = world.s3();
    world.wait(async {
        let live = s3.get_bucket_notification_configuration().bucket(BUCKET).send().await.unwrap();
        let rule = FilterRule::builder().name(FilterRuleName::Prefix).value(prefix).build();
        let filter = NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(rule).build());
        let theirs = QueueConfiguration::builder()
            .id(THEIRS)
            .queue_arn(queue)
            .events(Event::from("s3:ObjectCreated:*"))
            .filter(filter.build())
            .build()
            .unwrap();
        let entries = live.queue_configurations().iter().cloned().chain([theirs]).collect();
        let config = NotificationConfiguration::builder().set_queue_configurations(Some(entries)).build();
        let put = s3.put_bucket_notification_configuration().bucket(BUCKET).notification_configuration(config);
        put.send().await.unwrap();
    });
}

/// The prefixes of the live entries: theirs, and ours.
fn live(world: &World) -> (BTreeSet<String>, BTreeSet<String>) {
    let s3 = world.s3();
    let config = world.wait(s3.get_bucket_notification_configuration().bucket(BUCKET).send()).unwrap();
    let prefix = |entry: &QueueConfiguration| {
        let rules = entry.filter().and_then(|filter| filter.key()).map(S3KeyFilter::filter_rules).unwrap_or_default();
        rules.iter().filter_map(|rule| rule.value()).collect::<String>()
    };
    let (theirs, ours): (Vec<_>, Vec<_>) =
        config.queue_configurations().iter().partition(|entry| entry.id() == Some(THEIRS));
    (theirs.into_iter().map(prefix).collect(), ours.into_iter().map(prefix).collect())
}

fn set(prefixes: &[&str]) -> BTreeSet<String> {
    prefixes.iter().map(|prefix| (*prefix).to_owned()).collect()
}

#[test]
fn entries_of_others_stay() {
    let world = World::new();
    let one = world.read(&spec(&["in"])).unwrap();
    world.apply(&one, Mode::Apply);
    assert_eq!(live(&world), (set(&[]), set(&["in/"])));

    add_theirs(&world, &queue(&world), "other/");
    assert!(world.plan(&one, Mode::Apply).is_empty(), "an entry of others is no drift");

    let two = world.read(&spec(&["in", "more"])).unwrap();
    world.apply(&two, Mode::Apply);
    assert_eq!(live(&world), (set(&["other/"]), set(&["in/", "more/"])));
    assert!(world.plan(&two, Mode::Apply).is_empty());

    let none = world.read(&spec(&[])).unwrap();
    world.apply(&none, Mode::Apply);
    assert_eq!(live(&world), (set(&["other/"]), set(&[])));
    assert!(world.plan(&none, Mode::Apply).is_empty());
}

#[test]
fn an_entry_of_others_in_the_way_is_told_before_anything_runs() {
    let world = World::new();
    let one = world.read(&spec(&["in"])).unwrap();
    let none = world.read(&spec(&[])).unwrap();
    world.apply(&one, Mode::Apply);
    let queue = queue(&world);
    world.apply(&none, Mode::Apply);
    add_theirs(&world, &queue, "in/now/");

    let plan = world.plan(&one, Mode::Apply);
    let bucket = plan.resources.iter().find(|change| change.address.to_string() == "bucket.data").unwrap();
    assert!(bucket.breaks.iter().any(|text| text.contains("theirs")), "{:?}", bucket.breaks);
    let refused = world.try_apply(&one, Mode::Apply).unwrap_err();
    assert!(refused.contains("overlap"), "S3 refuses two entries for the same keys: {refused}");
    assert_eq!(live(&world), (set(&["in/now/"]), set(&[])), "theirs is as it was");
}
