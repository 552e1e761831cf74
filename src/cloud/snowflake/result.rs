//! The rows of an answer: those inside it, then those that lie in storage, in order, counted.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};

use super::call::Caller;
use super::protocol::{Answer, Cell, Chunk};
use super::{Endpoint, Rows};

/// Parts of a result that are fetched at one time.
const PARALLEL: usize = 8;
/// Statement types from here to the end are DML, whose `total` counts something else. Source: the Go driver.
const DML: std::ops::Range<u64> = 0x3000..0x4000;

/// Why there are no rows.
pub(super) enum Short {
    /// Some are missing: another try may have them.
    Incomplete(String),
    /// The answer cannot be read.
    Wrong(String),
}

/// All rows of an answer, or an error. `must_count` demands the number of rows the server promises.
pub(super) async fn collect(
    caller: &Caller,
    endpoint: &Endpoint,
    answer: Answer,
    must_count: bool,
) -> Result<Rows, Short> {
    if answer.query_result_format.as_deref().is_some_and(|format| !format.eq_ignore_ascii_case("json"))
        || answer.rowset_base64.as_deref().is_some_and(|text| !text.is_empty())
    {
        return Err(Short::Wrong(
            "the server answered in Arrow though JSON was asked for; an account parameter may force it".into(),
        ));
    }
    let columns: Vec<String> = answer.rowtype.unwrap_or_default().into_iter().map(|column| column.name).collect();
    let mut cells: Vec<Vec<Option<String>>> = answer.rowset.unwrap_or_default().into_iter().map(plain).collect();
    let headers = headers(answer.chunk_headers, answer.qrmk);
    let chunks = answer.chunks.unwrap_or_default();
    let mut fetching = Vec::with_capacity(chunks.len());
    for chunk in &chunks {
        fetching.push(fetched(caller, endpoint, chunk, &headers));
    }
    let parts: Vec<_> = futures::stream::iter(fetching).buffered(PARALLEL).try_collect().await?;
    cells.extend(parts.into_iter().flatten());
    if let Some(row) = cells.iter().find(|row| row.len() != columns.len()) {
        return Err(Short::Wrong(format!("a row has {} cells where there are {} columns", row.len(), columns.len())));
    }
    let counted = !answer.statement_type_id.is_some_and(|id| DML.contains(&id));
    match answer.total {
        Some(total) if counted && total != cells.len() as u64 => {
            Err(Short::Incomplete(format!("{} rows arrived where the server promised {total}", cells.len())))
        }
        None if must_count => Err(Short::Incomplete("the server did not say how many rows there are".into())),
        _ => Ok(Rows { columns, cells, query_id: answer.query_id.unwrap_or_default() }),
    }
}

/// What storage wants to see: what the server says, else the key the objects are encrypted with.
fn headers(given: Option<BTreeMap<String, String>>, key: Option<String>) -> BTreeMap<String, String> {
    match (given.filter(|headers| !headers.is_empty()), key.filter(|key| !key.is_empty())) {
        (Some(headers), _) => headers,
        (None, Some(key)) => BTreeMap::from([
            ("x-amz-server-side-encryption-customer-algorithm".to_owned(), "AES256".to_owned()),
            ("x-amz-server-side-encryption-customer-key".to_owned(), key),
        ]),
        (None, None) => BTreeMap::new(),
    }
}

async fn fetched(
    caller: &Caller,
    endpoint: &Endpoint,
    chunk: &Chunk,
    headers: &BTreeMap<String, String>,
) -> Result<Vec<Vec<Option<String>>>, Short> {
    if endpoint.tls && !chunk.url.starts_with("https://") {
        return Err(Short::Wrong("a part of the result lies at an address that is not encrypted".into()));
    }
    let body = caller
        .fetch(&chunk.url, headers)
        .await
        .map_err(|failure| Short::Incomplete(format!("a part of the result could not be fetched: {failure}")))?;
    let rows = rows_of(&body)
        .map_err(|error| Short::Incomplete(format!("a part of the result is not JSON at its line {}", error.line())))?;
    if rows.len() as u64 != chunk.row_count {
        let why = format!("a part of the result has {} rows where {} were promised", rows.len(), chunk.row_count);
        return Err(Short::Incomplete(why));
    }
    Ok(rows)
}

/// A part has its rows without the brackets around them.
fn rows_of(body: &Bytes) -> Result<Vec<Vec<Option<String>>>, serde_json::Error> {
    let mut json = Vec::with_capacity(body.len() + 2);
    json.push(b'[');
    json.extend_from_slice(body);
    json.push(b']');
    let rows: Vec<Vec<Cell>> = serde_json::from_slice(&json)?;
    Ok(rows.into_iter().map(plain).collect())
}

fn plain(row: Vec<Cell>) -> Vec<Option<String>> {
    row.into_iter().map(|cell| cell.0).collect()
}
