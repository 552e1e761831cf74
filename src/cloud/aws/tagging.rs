//! The Resource Groups Tagging API: what carries a stack's tag, asked once per run.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_resourcegroupstagging::types::TagFilter;
use tokio::sync::OnceCell;

use super::request::parse;
use super::{Aws, ReadTags, Tagged};
use crate::cloud::{CloudError, Which};
use crate::model::Tags;
use crate::model::mark::{ADDRESS_TAG, PROTECT_TAG, STACK_TAG};

/// What was asked and answered, by stack. A refusal is an answer too: it is not asked again for each resource.
pub(super) type Memo = Mutex<BTreeMap<String, Arc<OnceCell<Result<Arc<Vec<Tagged>>, CloudError>>>>>;

/// The most resources of one page.
const PAGE: i32 = 100;
/// More pages than any account can fill; a guard against a token that never ends.
const MOST_PAGES: usize = 10_000;

/// Everything with the stack's tag.
pub(super) async fn tagged(aws: &Aws, stack: &str) -> Result<Arc<Vec<Tagged>>, CloudError> {
    let cell =
        Arc::clone(aws.tagged.lock().unwrap_or_else(PoisonError::into_inner).entry(stack.to_owned()).or_default());
    cell.get_or_init(|| async { list(aws, stack).await.map(Arc::new) }).await.clone()
}

async fn list(aws: &Aws, stack: &str) -> Result<Vec<Tagged>, CloudError> {
    let operation = "tag:GetResources";
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let filter = TagFilter::builder().key(STACK_TAG).values(stack).build();
        let request =
            aws.tagging.get_resources().tag_filters(filter).resources_per_page(PAGE).set_pagination_token(token);
        let page = aws.send(operation, stack, request.send()).await?;
        for resource in page.resource_tag_mapping_list.unwrap_or_default() {
            let tags = resource.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect();
            found.push(Tagged { arn: parse(operation, resource.resource_arn.as_deref())?, tags });
        }
        token = page.pagination_token.filter(|token| !token.is_empty());
        if token.is_none() {
            found.sort_by(|a, b| a.arn.as_str().cmp(b.arn.as_str()));
            return Ok(found);
        }
    }
    Err(CloudError::unexpected(Which::Aws, operation, "the list of resources does not end"))
}

/// The tags of a resource as the tagging API lists them; `None` if they must be asked for, which includes every difference from what is
/// wanted. A refusal of the tagging API is no obstacle here, because the resource itself can be asked.
pub(super) async fn listed(aws: &Aws, reads: ReadTags<'_>, arn: &str) -> Option<Tags> {
    let ReadTags::Listed { stack, wanted } = reads else { return None };
    if aws.exact() {
        return None;
    }
    let all = tagged(aws, stack).await.ok()?;
    let at = all.binary_search_by(|resource| resource.arn.as_str().cmp(arn)).ok()?;
    all.get(at).map(|resource| &resource.tags).filter(|listed| agree(listed, wanted)).cloned()
}

/// Whether the tags are there as wanted, with no other mark. Tags of others are not looked at.
fn agree(listed: &Tags, wanted: &Tags) -> bool {
    let marks = [STACK_TAG, ADDRESS_TAG, PROTECT_TAG];
    wanted.iter().all(|(key, value)| listed.get(key) == Some(value))
        && marks.into_iter().all(|key| listed.get(key) == wanted.get(key))
}

/// Notes that lists from before are not enough from now on: what was listed is forgotten, and each resource is asked itself.
pub(super) fn forget(aws: &Aws) {
    aws.exact.store(true, Ordering::Relaxed);
    aws.tagged.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_believed_only_if_it_shows_what_is_wanted() {
        let tags = |text: &str| -> Tags {
            text.split_whitespace().filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
        };
        let wanted = tags("snowssi:stack=s snowssi:address=bucket.a team=x");
        for (listed, believed) in [
            ("snowssi:stack=s snowssi:address=bucket.a team=x", true),
            ("snowssi:stack=s snowssi:address=bucket.a team=x cost=1", true),
            ("snowssi:stack=s snowssi:address=bucket.a team=y", false),
            ("snowssi:stack=s snowssi:address=bucket.a", false),
            ("snowssi:stack=s snowssi:address=bucket.b team=x", false),
            ("snowssi:stack=s snowssi:address=bucket.a snowssi:protect=true team=x", false),
        ] {
            assert_eq!(agree(&tags(listed), &wanted), believed, "{listed}");
        }
    }
}
