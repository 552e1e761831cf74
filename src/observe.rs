//! Reads everything that is live, all kinds in one wave.

use futures::future::join_all;

use crate::cloud::{Cloud, CloudError};
use crate::kind::{Batch, LiveBatch, Side};
use crate::model::Context;

/// What is live, beside what the spec says of it. One batch for each kind.
pub struct Live {
    /// The batches, in the order of the kinds.
    pub batches: Vec<Box<dyn LiveBatch>>,
}

/// Reads all batches at once, and the kinds of which the spec declares nothing: an object of this stack whose entry was the last
/// of its kind must be found too, or it would go on for ever unseen.
///
/// # Errors
/// Every read that failed: a result is complete, or there is none.
pub async fn observe(batches: &[Box<dyn Batch>], cloud: &Cloud, context: &Context) -> Result<Live, Vec<CloudError>> {
    let undeclared = undeclared(batches, cloud);
    let all = batches.iter().chain(&undeclared);
    Ok(Live { batches: read(all, cloud, context).await? })
}

async fn read(
    batches: impl Iterator<Item = &Box<dyn Batch>>,
    cloud: &Cloud,
    context: &Context,
) -> Result<Vec<Box<dyn LiveBatch>>, Vec<CloudError>> {
    let results = join_all(batches.map(|batch| batch.observe(cloud, context))).await;
    let mut live = Vec::with_capacity(results.len());
    let mut errors: Vec<CloudError> = Vec::new();
    for result in results {
        match result {
            Ok(batch) => live.push(batch),
            Err(error) if errors.contains(&error) => {}
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(live) } else { Err(errors) }
}

/// Reads what is only looked up, and nothing else.
///
/// # Errors
/// As [`observe`].
pub async fn look_up(
    lookups: &[Box<dyn Batch>],
    cloud: &Cloud,
    context: &Context,
) -> Result<Vec<Box<dyn LiveBatch>>, Vec<CloudError>> {
    read(lookups.iter(), cloud, context).await
}

/// Empty batches of the other kinds that live in the clouds of this run.
fn undeclared(batches: &[Box<dyn Batch>], cloud: &Cloud) -> Vec<Box<dyn Batch>> {
    let open = |side: Side| match side {
        Side::Aws => cloud.aws.is_some(),
        Side::Snowflake => cloud.snowflake.is_some(),
    };
    let declared = |name: &str| batches.iter().any(|batch| batch.kind() == name);
    let missing = crate::kind::all().iter().filter(|kind| open(kind.side()) && !declared(kind.name()));
    missing.map(|kind| kind.batch()).collect()
}

/// As if nothing existed: for plans that look at the spec alone.
pub fn nothing(batches: &[Box<dyn Batch>]) -> Live {
    Live { batches: batches.iter().map(|batch| batch.absent()).collect() }
}
