//! What entries tell about themselves for others, found by what it is about.

use std::collections::HashMap;

use super::Gift;
use crate::model::{BucketName, Facts};

/// All gifts of a run. Each kind asks only for those about its own object, so that the work does not grow with the square of the spec.
#[derive(Clone, Debug, Default)]
pub struct Gifts {
    all: Vec<Gift>,
    /// By the name of what they are about: indexes into `all`.
    about: HashMap<String, Vec<usize>>,
    /// Those of which it is not known before the apply what they are about.
    unknown: Vec<usize>,
}

impl Gifts {
    /// Sorts gifts by what they are about, as far as these facts tell it.
    pub fn new(mut all: Vec<Gift>, known: &Facts) -> Self {
        all.extend(ingested(&all));
        let mut about: HashMap<String, Vec<usize>> = HashMap::new();
        let mut unknown = Vec::new();
        for (index, gift) in all.iter().enumerate() {
            match topic(gift, known) {
                Some(name) => about.entry(name).or_default().push(index),
                None => unknown.push(index),
            }
        }
        Self { all, about, unknown }
    }

    /// All of them, in the order they were told.
    pub fn iter(&self) -> std::slice::Iter<'_, Gift> {
        self.all.iter()
    }

    /// Those about an object, and those of which it is not known: `name` is the name of a bucket or stage, or the ARN of a role or topic.
    pub fn about(&self, name: &str) -> impl Iterator<Item = &Gift> {
        let mine = self.about.get(name).into_iter().flatten();
        mine.chain(&self.unknown).filter_map(|index| self.all.get(*index))
    }
}

impl<'a> IntoIterator for &'a Gifts {
    type Item = &'a Gift;
    type IntoIter = std::slice::Iter<'a, Gift>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What pipes wish of the buckets of their stages.
fn ingested(all: &[Gift]) -> Vec<Gift> {
    let located: HashMap<&str, (&BucketName, &str)> = all
        .iter()
        .filter_map(|gift| match gift {
            Gift::Located { stage, bucket, prefix } => Some((stage.name.as_str(), (bucket, prefix.as_str()))),
            _ => None,
        })
        .collect();
    let wish = |gift: &Gift| match gift {
        Gift::Ingests { stage, path, queue } => {
            let (bucket, prefix) = located.get(stage.name.as_str())?;
            let joint = if path.is_empty() || prefix.is_empty() || prefix.ends_with('/') { "" } else { "/" };
            Some(Gift::Notify {
                bucket: (*bucket).clone(),
                prefix: format!("{prefix}{joint}{path}"),
                queue: queue.clone(),
                events: vec!["s3:ObjectCreated:*".into()],
            })
        }
        _ => None,
    };
    all.iter().filter_map(wish).collect()
}

fn topic(gift: &Gift, known: &Facts) -> Option<String> {
    match gift {
        Gift::Trust { role, .. } => role.resolve(known).as_known().map(str::to_owned),
        Gift::Publishes { topic, .. } => topic.resolve(known).as_known().map(str::to_owned),
        Gift::EncryptedTopic { arn, .. } => Some(arn.clone()),
        Gift::Notify { bucket, .. } | Gift::Encrypted { bucket, .. } | Gift::Logs { bucket, .. } => {
            Some(bucket.to_string())
        }
        Gift::Declared { id } => Some(id.to_string()),
        Gift::Located { stage, .. }
        | Gift::Ingests { stage, .. }
        | Gift::Watches { stage, .. }
        | Gift::Delivers { stage, .. } => Some(stage.name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Fact, Val};

    #[test]
    fn gifts_are_found_by_what_they_are_about() {
        let role: Address = "iam_role.r".parse().unwrap();
        let fact = Fact::new(&role, "arn");
        let gift =
            Gift::Trust { role: Val::later(fact.clone()), principal: Val::known("p"), external_id: Val::known("e") };
        let key = Gift::Encrypted { bucket: "data".parse().unwrap(), key: Val::known("k") };
        let unknown = Gifts::new(vec![gift.clone(), key.clone()], &Facts::default());
        assert_eq!(unknown.about("arn:r").count(), 1, "what may be about it is not lost");
        assert_eq!(unknown.about("data").cloned().collect::<Vec<_>>(), [key.clone(), gift.clone()]);
        let mut known = Facts::default();
        known.learn(fact, "arn:r");
        let gifts = Gifts::new(vec![gift.clone(), key.clone()], &known);
        assert_eq!(gifts.about("arn:r").cloned().collect::<Vec<_>>(), [gift]);
        assert_eq!(gifts.about("data").cloned().collect::<Vec<_>>(), [key]);
        assert_eq!(gifts.about("other").count(), 0);
    }
}
