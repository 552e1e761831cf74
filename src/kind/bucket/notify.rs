//! What a bucket tells to queues, put together from the wishes of all stages.
//!
//! S3 refuses two entries for one event whose prefixes overlap, and all auto-refreshed stages of a Snowflake account hear of a bucket
//! through one queue. So overlapping wishes become one entry, for the shorter prefix; Snowflake itself ignores keys that no stage holds.

use std::collections::{BTreeMap, BTreeSet};

use crate::cloud::aws::state::ForeignNotification;
use crate::kind::Gift;
use crate::model::call::{NOTIFICATION_PREFIX, QueueEntry};
use crate::model::{BucketName, Facts, Val};

/// The entries that serve all wishes about a bucket. Their IDs follow from stack and prefix alone, so they are known before the queue is.
pub(super) fn entries<'a>(
    stack: &str,
    bucket: &BucketName,
    gifts: impl Iterator<Item = &'a Gift>,
    facts: &Facts,
) -> BTreeSet<QueueEntry> {
    let mut wishes: Vec<(String, String, Val)> = Vec::new();
    for gift in gifts {
        if let Gift::Notify { bucket: of, prefix, queue, events } = gift
            && of == bucket
        {
            wishes.extend(events.iter().map(|event| (prefix.clone(), event.clone(), queue.resolve(facts))));
        }
    }
    let known: BTreeSet<Val> =
        wishes.iter().map(|(.., queue)| queue).filter(|q| q.as_known().is_some()).cloned().collect();
    // One queue is the rule. A queue that is known stands for those that are not known yet: it is the same one.
    let Some(usual) = known.first().or_else(|| wishes.iter().map(|(.., queue)| queue).min()).cloned() else {
        return BTreeSet::new();
    };
    let mut by_queue: BTreeMap<Val, BTreeSet<(String, String)>> = BTreeMap::new();
    for (prefix, event, queue) in wishes {
        let queue = if known.contains(&queue) { queue } else { usual.clone() };
        by_queue.entry(queue).or_default().insert((prefix, event));
    }
    let several = by_queue.len() > 1;
    let mut entries = BTreeSet::new();
    for (queue, wishes) in by_queue {
        let mut by_prefix: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (prefix, event) in without_overlaps(wishes) {
            by_prefix.entry(prefix).or_default().push(event);
        }
        entries.extend(by_prefix.into_iter().map(|(prefix, events)| {
            let salt = if several { queue.to_string() } else { String::new() };
            let hash = hash(&[stack, &prefix, &salt]);
            QueueEntry { id: format!("{NOTIFICATION_PREFIX}{stack}-{hash:016x}"), queue: queue.clone(), events, prefix }
        }));
    }
    entries
}

/// Widens overlapping wishes until none overlap.
fn without_overlaps(mut wishes: BTreeSet<(String, String)>) -> BTreeSet<(String, String)> {
    loop {
        let mut kept: Vec<(String, String)> = Vec::new();
        let before = wishes.clone();
        for (prefix, event) in wishes {
            // Shorter prefixes come first, so what is kept covers the prefix, if anything does.
            match kept.iter_mut().find(|one| prefix.starts_with(&one.0) && related(&one.1, &event)) {
                Some(one) if covers(&event, &one.1) => one.1 = event,
                Some(_) => {}
                None => kept.push((prefix, event)),
            }
        }
        wishes = kept.into_iter().collect();
        if wishes == before {
            return wishes;
        }
    }
}

/// Whether one event is the other, or a group it belongs to: `s3:ObjectCreated:*`.
fn covers(wide: &str, narrow: &str) -> bool {
    wide == narrow || wide.strip_suffix('*').is_some_and(|group| narrow.starts_with(group))
}

fn related(one: &str, other: &str) -> bool {
    covers(one, other) || covers(other, one)
}

/// FNV-1a: a short name for a text, not a secret.
fn hash(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Entries of others that S3 would refuse together with ours: the same event, overlapping keys.
pub(super) fn overlaps(ours: &BTreeSet<QueueEntry>, theirs: &[ForeignNotification]) -> Vec<String> {
    let clash = |theirs: &ForeignNotification| {
        ours.iter().find(|ours| {
            let keys = ours.prefix.starts_with(&theirs.prefix) || theirs.prefix.starts_with(&ours.prefix);
            keys && ours.events.iter().any(|one| theirs.events.iter().any(|other| related(one, other)))
        })
    };
    theirs
        .iter()
        .filter_map(|theirs| {
            let ours = clash(theirs)?;
            Some(format!(
                "S3 refuses two notifications for the same keys and events: `{}` to {} stands in the way of the one for `{}`; \
                 send it to an SNS topic that both subscribe to",
                theirs.id, theirs.destination, ours.prefix
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Fact;

    fn gift(prefix: &str, queue: Val, event: &str) -> Gift {
        Gift::Notify { bucket: "data".parse().unwrap(), prefix: prefix.into(), queue, events: vec![event.into()] }
    }

    fn queue(label: &str) -> Val {
        Val::later(Fact::new(&format!("stage.{label}").parse().unwrap(), "channel"))
    }

    fn of(gifts: &[Gift]) -> Vec<QueueEntry> {
        entries("events", &"data".parse().unwrap(), gifts.iter(), &Facts::default()).into_iter().collect()
    }

    const CREATED: &str = "s3:ObjectCreated:*";

    #[test]
    fn the_id_does_not_depend_on_what_is_known() {
        let unknown = of(&[gift("in/", queue("a"), CREATED)]);
        let known = of(&[gift("in/", "arn:q".into(), CREATED)]);
        assert_eq!(unknown[0].id, known[0].id);
        assert!(known[0].id.starts_with("snowssi-events-"));
        let both = of(&[gift("in/", queue("a"), CREATED), gift("out/", "arn:q".into(), CREATED)]);
        assert!(both.len() == 2 && both.iter().all(|entry| entry.queue == "arn:q".into()));
        assert!(both.contains(&known[0]));
    }

    #[test]
    fn overlapping_wishes_become_one_entry() {
        let merged = of(&[
            gift("in/a/", queue("a"), CREATED),
            gift("in/", queue("b"), CREATED),
            gift("in/", queue("a"), CREATED),
        ]);
        assert_eq!(merged.len(), 1);
        assert_eq!((merged[0].prefix.as_str(), &merged[0].queue), ("in/", &queue("a")));
        let events = of(&[gift("a", queue("a"), "s3:ObjectRemoved:*"), gift("a", queue("a"), CREATED)]);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].events, [CREATED, "s3:ObjectRemoved:*"]);
        let widened = of(&[gift("a", queue("a"), "s3:ObjectCreated:Put"), gift("a/b", queue("a"), CREATED)]);
        assert_eq!((widened.len(), &widened[0].events[..]), (1, &[CREATED.to_owned()][..]));
        assert_eq!(of(&[]), []);
    }

    #[test]
    fn a_foreign_entry_in_the_way_is_found() {
        let ours = entries("s", &"data".parse().unwrap(), [gift("in/", queue("a"), CREATED)].iter(), &Facts::default());
        let theirs = |prefix: &str, event: &str| ForeignNotification {
            id: "x".into(),
            destination: "arn:aws:lambda:f".into(),
            events: vec![event.into()],
            prefix: prefix.into(),
            suffix: String::new(),
        };
        assert_eq!(overlaps(&ours, &[theirs("in/a", "s3:ObjectCreated:Put")]).len(), 1);
        assert_eq!(overlaps(&ours, &[theirs("", CREATED)]).len(), 1);
        assert_eq!(overlaps(&ours, &[theirs("out/", CREATED), theirs("in/", "s3:ObjectRemoved:*")]), [""; 0]);
    }

    proptest! {
        #[test]
        fn no_two_entries_overlap_and_every_wish_is_served(
            wishes in proptest::collection::vec(("[ab]{0,3}", proptest::sample::select(vec![CREATED, "s3:ObjectCreated:Put", "s3:ObjectCreated:Copy", "s3:ObjectRemoved:*"])), 1..9)
        ) {
            let gifts: Vec<Gift> = wishes.iter().map(|(prefix, event)| gift(prefix, "q".into(), event)).collect();
            let entries = of(&gifts);
            let flat: Vec<(&String, &String)> = entries.iter().flat_map(|e| e.events.iter().map(move |event| (&e.prefix, event))).collect();
            for (at, one) in flat.iter().enumerate() {
                for other in &flat[at + 1..] {
                    let keys = one.0.starts_with(other.0) || other.0.starts_with(one.0);
                    prop_assert!(!(keys && related(one.1, other.1)), "{one:?} {other:?}");
                }
            }
            for (prefix, event) in &wishes {
                prop_assert!(flat.iter().any(|one| prefix.starts_with(one.0) && covers(one.1, event)));
            }
        }
    }
}
