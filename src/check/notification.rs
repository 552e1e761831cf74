//! An auto-refreshed stage on a bucket of somebody else: this stack cannot wire the notification, so the bucket's owner must.

use super::{Finding, Severity, World, text};
use crate::kind::Gift;
use crate::model::{LiveId, S3Url};

pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for gift in &world.gifts {
        let Gift::Notify { bucket, queue, .. } = gift else { continue };
        if world.entry(&LiveId::new("bucket", bucket)).is_some() {
            continue;
        }
        for fact in queue.facts() {
            let on_it = world.fields.get(&fact.of).and_then(|fields| text(fields, "url"));
            if on_it.and_then(|url| url.parse::<S3Url>().ok()).is_none_or(|url| url.bucket() != bucket) {
                continue;
            }
            findings.push(Finding {
                code: "notification-not-ours",
                severity: Severity::Warning,
                at: fact.of.clone(),
                field: "directory",
                message: format!(
                    "the bucket {bucket} is not part of the stack `{}`, so its notification is not written: new files go unseen",
                    world.context.stack
                ),
                hint: format!(
                    "ask its owner to send s3:ObjectCreated:* and s3:ObjectRemoved:* to the queue that `{{{{ {fact} }}}}` gives"
                ),
            });
        }
    }
    findings
}
