//! The bodies of Snowflake's answers, as far as we read them. Everything is optional that the server has been seen to leave out.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::model::Secret;

/// Every answer.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    #[serde(default)]
    pub data: Value,
    #[serde(default, deserialize_with = "text_or_number")]
    pub code: Option<String>,
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub success: bool,
}

/// What an answer says about a token or a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Done, or refused for a reason of the statement itself.
    Final,
    /// The session token has to be renewed; the statement was not run.
    Renew,
    /// There is no session any more; the statement was not run.
    LogIn,
    /// The statement is running.
    Running,
}

impl Envelope {
    /// The code, or nothing.
    pub(super) fn code(&self) -> &str {
        self.code.as_deref().unwrap_or_default()
    }

    /// What to do next. Codes as in Snowflake's drivers for Python and Go.
    pub(super) fn turn(&self) -> Turn {
        match self.code() {
            "390112" => Turn::Renew,
            "390103" | "390104" | "390111" | "390113" | "390114" | "390115" => Turn::LogIn,
            "333333" | "333334" => Turn::Running,
            // A refusal may carry the URL of a result too; only a success without rows is still running.
            _ if self.success && self.text("getResultUrl").is_some() && self.data.get("rowset").is_none() => {
                Turn::Running
            }
            _ => Turn::Final,
        }
    }

    /// The message, and what `data.errorMessage` adds to it.
    pub(super) fn said(&self) -> String {
        let mut said = self.message.clone().unwrap_or_default();
        if let Some(more) = self.text("errorMessage")
            && !said.contains(more)
        {
            said.push_str(": ");
            said.push_str(more);
        }
        if said.is_empty() { "no reason was given".to_owned() } else { said }
    }

    /// A text in `data`.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.data.get(key)?.as_str().filter(|text| !text.is_empty())
    }
}

/// What a login or a renewal gives.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Granted {
    #[serde(alias = "sessionToken", deserialize_with = "secret")]
    pub token: Secret,
    #[serde(deserialize_with = "secret")]
    pub master_token: Secret,
    #[serde(alias = "validityInSecondsST")]
    pub validity_in_seconds: Option<u64>,
}

/// The result of a statement.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    #[serde(default)]
    pub rowtype: Option<Vec<RowType>>,
    #[serde(default)]
    pub rowset: Option<Vec<Vec<Cell>>>,
    #[serde(default)]
    pub rowset_base64: Option<String>,
    #[serde(default)]
    pub total: Option<u64>,
    #[serde(default)]
    pub query_id: Option<String>,
    #[serde(default)]
    pub statement_type_id: Option<u64>,
    #[serde(default)]
    pub query_result_format: Option<String>,
    #[serde(default)]
    pub chunks: Option<Vec<Chunk>>,
    #[serde(default)]
    pub chunk_headers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub qrmk: Option<String>,
}

/// A column.
#[derive(Deserialize)]
pub(super) struct RowType {
    pub name: String,
}

/// A part of a result that lies elsewhere.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chunk {
    pub url: String,
    pub row_count: u64,
}

/// A cell: a text or NULL. Snowflake sends nothing else; a bare number or a flag is taken as its text.
pub(super) struct Cell(pub Option<String>);

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(deserializer)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }))
    }
}

fn text_or_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::<Value>::deserialize(deserializer)? {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        Some(Value::Number(number)) => Some(format!("{:0>6}", number.to_string())),
        _ => None,
    })
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() { Err(serde::de::Error::custom("an empty token")) } else { Ok(Secret::new(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(json: &str) -> Envelope {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn sparse_answers_are_read() {
        let sparse = envelope(r#"{"code": 2003, "success": false}"#);
        assert_eq!(
            (sparse.code(), sparse.turn(), sparse.said().as_str()),
            ("002003", Turn::Final, "no reason was given")
        );
        let answer: Answer = serde_json::from_str(r#"{"rowset": [["1", null, 5]]}"#).unwrap();
        let row: Vec<_> = answer.rowset.unwrap().remove(0).into_iter().map(|cell| cell.0).collect();
        assert_eq!(row, [Some("1".to_owned()), None, Some("5".to_owned())]);
    }

    #[test]
    fn turns() {
        assert_eq!(envelope(r#"{"code": "333334", "success": true}"#).turn(), Turn::Running);
        assert_eq!(
            envelope(r#"{"data": {"getResultUrl": "/queries/x/result"}, "success": true}"#).turn(),
            Turn::Running
        );
        assert_eq!(envelope(r#"{"data": {"getResultUrl": "/x", "rowset": []}, "success": true}"#).turn(), Turn::Final);
        assert_eq!(envelope(r#"{"code": "390112", "success": false, "data": null}"#).turn(), Turn::Renew);
        assert_eq!(envelope(r#"{"code": "390111", "success": false}"#).turn(), Turn::LogIn);
    }

    #[test]
    fn tokens_do_not_print() {
        let granted: Granted = serde_json::from_str(r#"{"sessionToken": "s3cr3t", "masterToken": "m"}"#).unwrap();
        assert_eq!(granted.token.expose(), "s3cr3t");
        assert!(!format!("{:?}", granted.token).contains("s3cr3t"));
        assert!(serde_json::from_str::<Granted>(r#"{"token": "", "masterToken": "m"}"#).is_err());
    }
}
