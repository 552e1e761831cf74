//! Results: rows inside the answer, and for tests in parts that lie elsewhere.

use std::io::Write;
use std::sync::PoisonError;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::envelope::respond;
use super::fault;
use super::login::parameters;
use super::statement::Statement;
use super::{Wire, envelope};
use crate::sandbox::fault::{Kind, Struck};
use crate::sandbox::snowflake::answer::{Column, ResultSet, SEVERAL, SessionState};

/// A part of a result.
pub(super) struct Stored {
    body: Bytes,
    key: String,
}

/// Where parts lie: not where the server is, so that a client cannot mix the two up.
const STORAGE: &str = "https://results.sandbox.invalid/chunks/";
const ALGORITHM_HEADER: &str = "x-amz-server-side-encryption-customer-algorithm";
/// The type of a statement that inserts rows.
const INSERT: u32 = 0x3100;
const KEY_HEADER: &str = "x-amz-server-side-encryption-customer-key";

impl Wire {
    /// The `data` of a result.
    pub(super) fn data(
        &self,
        struck: &Struck,
        statement: &Statement,
        state: &SessionState,
        result: &ResultSet,
    ) -> Value {
        let arriving = (!struck.is_nothing()).then(|| fault::arriving(struck, result));
        let (result, total) = arriving.as_ref().map_or((result, result.rows.len()), |(shaped, total)| (shaped, *total));
        let mut rows = result.rows.as_slice();
        let mut data = Map::new();
        let chunked = struck.kinds().find_map(|kind| match kind {
            Kind::Chunked { inline, rows, key_only } => Some((*inline, *rows, *key_only)),
            _ => None,
        });
        if let Some((inline, size, key_only)) = chunked {
            let (inside, outside) = rows.split_at(inline.min(rows.len()));
            rows = inside;
            let key = Uuid::new_v4().simple().to_string();
            let chunks: Vec<Value> = outside.chunks(size.max(1)).map(|part| self.store(part, &key)).collect();
            data.insert("chunks".into(), json!(chunks));
            if key_only {
                data.insert("qrmk".into(), json!(key));
            } else {
                data.insert("chunkHeaders".into(), json!({ ALGORITHM_HEADER: "AES256", KEY_HEADER: key }));
            }
        }
        for (key, value) in [
            ("parameters", parameters(state)),
            ("rowtype", result.columns.iter().map(row_type).collect()),
            ("rowset", json!(rows)),
            ("total", json!(total)),
            ("returned", json!(total)),
            ("queryId", json!(statement.query_id)),
            ("databaseProvider", Value::Null),
            ("finalDatabaseName", json!(state.database)),
            ("finalSchemaName", json!(state.schema)),
            ("finalWarehouseName", json!(state.warehouse)),
            ("finalRoleName", json!(state.role)),
            ("numberOfBinds", json!(statement.binds)),
            ("arrayBindSupported", json!(result.statement_type == INSERT)),
            ("statementTypeId", json!(result.statement_type)),
            ("version", json!(1)),
            ("sendResultTime", json!(self.engine.now_ms())),
            ("queryResultFormat", json!("json")),
            ("queryContext", json!({ "entries": [] })),
        ] {
            data.insert(key.into(), value);
        }
        if let Some(stats) = stats(result) {
            data.insert("stats".into(), stats);
        }
        let children = statement.children();
        if result.statement_type == SEVERAL && !children.is_empty() {
            let ids: Vec<&str> = children.iter().map(|child| child.query_id.as_str()).collect();
            data.insert("resultIds".into(), json!(ids.join(",")));
            let types =
                children.iter().filter_map(|child| child.ended()?.result.as_ref().ok().map(|one| one.statement_type));
            let types: Vec<String> = types.map(|kind| kind.to_string()).collect();
            data.insert("resultTypes".into(), json!(types.join(",")));
        }
        Value::Object(data)
    }

    /// Keeps rows as a part: without the brackets around them, and compressed without saying so.
    fn store(&self, rows: &[Vec<Option<String>>], key: &str) -> Value {
        let json = json!(rows).to_string();
        let inner = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let gzip = packer.write_all(inner.as_bytes()).and_then(|()| packer.finish()).unwrap_or_default();
        let id = Uuid::new_v4().simple().to_string();
        let (size, packed_size) = (inner.len(), gzip.len());
        let stored = Stored { body: gzip.into(), key: key.to_owned() };
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), stored);
        json!({
            "url": format!("{STORAGE}{id}"),
            "rowCount": rows.len(),
            "uncompressedSize": size,
            "compressedSize": packed_size,
        })
    }

    /// A part, as storage gives it out: to whoever has the key, and to nobody who shows a token of Snowflake's.
    pub(super) fn chunk(&self, request: &Request<Bytes>, id: &str) -> Response<Bytes> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let refuse = |status: StatusCode, why: &str| respond(status, &envelope::failure("390000", why, Value::Null));
        if request.headers().contains_key(http::header::AUTHORIZATION) {
            return refuse(StatusCode::BAD_REQUEST, "Only one auth mechanism allowed.");
        }
        let chunks = self.chunks.lock().unwrap_or_else(PoisonError::into_inner);
        match chunks.get(id) {
            None => refuse(StatusCode::NOT_FOUND, "The part does not exist."),
            Some(stored) if header(KEY_HEADER) == Some(&stored.key) && header(ALGORITHM_HEADER) == Some("AES256") => {
                Response::new(stored.body.clone())
            }
            Some(_) => refuse(StatusCode::FORBIDDEN, "Access Denied"),
        }
    }
}

/// What the counts of a statement that writes rows say, by name; `None` for others.
fn stats(result: &ResultSet) -> Option<Value> {
    (0x3000..0x4000).contains(&result.statement_type).then_some(())?;
    let count = |name: &str| -> u64 {
        let at = result.columns.iter().position(|column| column.name == name);
        at.and_then(|at| result.rows.first()?.get(at)?.as_deref()?.parse().ok()).unwrap_or_default()
    };
    Some(json!({
        "numRowsInserted": count("number of rows inserted"),
        "numRowsUpdated": count("number of rows updated"),
        "numRowsDeleted": count("number of rows deleted"),
        "numDmlDuplicates": 0,
    }))
}

fn row_type(column: &Column) -> Value {
    // A character may take four bytes, up to what a cell can hold.
    let bytes = if column.kind == "text" {
        column.length.map(|length| length.saturating_mul(4).min(16_777_216).max(length))
    } else {
        column.length
    };
    // Drivers refuse a number without these.
    let digits = |given: Option<u32>, usual: u32| if column.kind == "fixed" { given.or(Some(usual)) } else { given };
    json!({
        "name": column.name,
        "database": "",
        "schema": "",
        "table": "",
        "byteLength": bytes,
        "length": column.length,
        "type": column.kind,
        "scale": digits(column.scale, 0),
        "precision": digits(column.precision, 38),
        "nullable": column.nullable,
        "collation": null,
    })
}
