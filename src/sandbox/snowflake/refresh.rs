//! Directories of stages: what a refresh and the messages of S3 register in them, and the history of that.
//!
//! A message only says where to look: what is registered is what the role then finds in the bucket. So it does not matter in which order
//! messages come, or how often.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::access::Access;
use super::answer::{Column, ResultSet, SessionState, SqlError};
use super::context::Context;
use super::fail::{self, Fallible};
use super::history;
use super::simulator::Simulator;
use super::stage::{self, File};
use super::stage_read;
use super::state::{Id, Kind};
use super::stream;
use super::work::Worker;
use crate::sandbox::door::ObjectInfo;

/// What a refresh did with a file of a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// Full name of the stage.
    pub stage: String,
    /// Path under the stage.
    pub file: String,
    /// `REGISTERED_NEW`, `REGISTERED_UPDATE`, `REGISTER_FAILED`, `UNREGISTERED`, …
    pub status: String,
    /// What Snowflake says about it.
    pub message: String,
    /// Milliseconds since the epoch.
    pub at: i64,
    /// Bytes.
    pub size: Option<u64>,
    /// Milliseconds since the epoch.
    pub modified: Option<i64>,
}

impl Worker<'_> {
    /// `ALTER STAGE … REFRESH`.
    pub(super) async fn refresh(&mut self, id: Id, subpath: &str) -> Fallible<ResultSet> {
        let _turn = self.simulator.refreshing.lock().await;
        let access = self.locked(|cx| reach(cx, id))?;
        let (_, found) = self.objects(&access, subpath).await.map_err(fail::while_refreshing)?;
        // A bucket made after its stage shows its region only now.
        let region = self.simulator.door().bucket_region(&access.bucket).await;
        let done = self.locked(|cx| {
            stage::learn_region(cx, id, region);
            Ok(register(cx, id, &found, &access, |path| path.starts_with(subpath)))
        })?;
        let rows = done.into_iter().map(|one| vec![Some(one.file), Some(one.status), Some(one.message)]).collect();
        let columns = ["file", "status", "description"].map(|name| Column::new(name, "text")).into();
        Ok(ResultSet { columns, rows, statement_type: 0x6000 })
    }

    /// Brings one path of a directory up to date; what goes wrong is in its history.
    async fn observe(&mut self, id: Id, path: &str) -> Fallible<Vec<Registered>> {
        let _turn = self.simulator.refreshing.lock().await;
        let looked = match self.locked(|cx| reach(cx, id)) {
            Ok(access) => self.objects(&access, path).await.map(|(_, found)| (access, found)),
            Err(error) => Err(error),
        };
        self.locked(|cx| match looked {
            Ok((access, found)) => Ok(register(cx, id, &found, &access, |known| known == path)),
            Err(error) => {
                let known =
                    cx.see().stage(id).and_then(|s| s.directory.as_ref()).is_some_and(|d| d.files.contains_key(path));
                let failed = Registered {
                    stage: cx.see().full_name(id),
                    file: path.to_owned(),
                    // Whether the object has come or gone, nobody could see.
                    status: if known { "UNREGISTER_FAILED" } else { "REGISTER_FAILED" }.to_owned(),
                    message: error.message,
                    at: cx.now,
                    size: None,
                    modified: None,
                };
                history::remember_files(cx, id, std::slice::from_ref(&failed));
                Ok(vec![failed])
            }
        })
    }
}

fn reach(cx: &Context<'_>, id: Id) -> Fallible<Access> {
    let Some(stage) = cx.see().stage(id) else { return Err(fail::nowhere()) };
    if stage.directory.is_none() {
        return Err(stream::no_directory(&cx.see().bare_name(id)));
    }
    stage.access(cx, id).map_err(fail::while_refreshing)
}

/// A file of a directory, by its path under the stage.
pub(super) fn file(access: &Access, object: &ObjectInfo) -> Option<(String, File)> {
    let path = object.key.strip_prefix(access.prefix.as_str())?;
    Some((path.to_owned(), File { size: object.size, etag: object.etag.clone(), modified: object.modified_ms }))
}

/// Brings the paths that are meant up to date with what was found in S3.
fn register(
    cx: &mut Context<'_>,
    id: Id,
    found: &[ObjectInfo],
    access: &Access,
    meant: impl Fn(&str) -> bool,
) -> Vec<Registered> {
    let (at, stage) = (cx.now, cx.see().full_name(id));
    let mut done = Vec::new();
    let mut note = |file: &str, status: &str, message: &str, of: &File| {
        done.push(Registered {
            stage: stage.clone(),
            file: file.to_owned(),
            status: status.to_owned(),
            message: message.to_owned(),
            at,
            size: Some(of.size),
            modified: Some(of.modified),
        });
    };
    let live: BTreeMap<String, File> =
        found.iter().filter_map(|object| file(access, object)).filter(|(path, _)| meant(path)).collect();
    if let Some(directory) = cx.edit().stage_mut(id).and_then(|stage| stage.directory.as_mut()) {
        for (path, file) in &live {
            match directory.files.get(path) {
                None => note(path, "REGISTERED_NEW", "File registered successfully.", file),
                Some(old) if old.etag != file.etag || old.size != file.size => {
                    note(path, "REGISTERED_UPDATE", "File registration updated successfully.", file);
                }
                // The same bytes, whatever their date: nothing changed.
                Some(_) => continue,
            }
            directory.files.insert(path.clone(), file.clone());
        }
        directory.files.retain(|path, old| {
            let stays = !meant(path) || live.contains_key(path);
            if !stays {
                note(path, "UNREGISTERED", "File unregistered successfully.", old);
            }
            stays
        });
        directory.refreshed = Some(at);
    }
    history::remember_files(cx, id, &done);
    done
}

/// Bucket and key of every event in a message of S3.
fn changes(body: &str) -> Vec<(String, String)> {
    let Ok(message) = serde_json::from_str::<Json>(body) else { return Vec::new() };
    let records = message.get("Records").and_then(Json::as_array).cloned().unwrap_or_default();
    let change = |record: &Json| {
        let name = record.get("eventName")?.as_str()?;
        if !name.starts_with("ObjectCreated:") && !name.starts_with("ObjectRemoved:") {
            return None;
        }
        let bucket = record.pointer("/s3/bucket/name")?.as_str()?;
        let key = record.pointer("/s3/object/key")?.as_str()?.replace('+', " ");
        Some((bucket.to_owned(), percent_decode_str(&key).decode_utf8_lossy().into_owned()))
    };
    records.iter().filter_map(change).collect()
}

impl Simulator {
    /// A message has come to a queue; `None` if it is not one of this account's.
    ///
    /// # Errors
    /// When the account cannot be read or written.
    pub async fn message(&self, queue_arn: &str, body: &str) -> Result<Option<Vec<Registered>>, SqlError> {
        let ours = self.with(&mut system(), "", |cx| {
            Ok(cx.see().queues.keys().any(|region| stage::channel(cx.see(), region).as_deref() == Some(queue_arn)))
        })?;
        if !ours {
            return Ok(None);
        }
        let mut done = Vec::new();
        for (bucket, key) in changes(body) {
            done.extend(self.object_event(queue_arn, &bucket, &key).await?);
        }
        Ok(Some(done))
    }

    /// An event of S3 has come to a queue: directories that refresh themselves from it take the object in (or let it go, if it is not
    /// there any more), once they have been refreshed by hand for the first time. Tells what they did; one whose role may not read the
    /// bucket stays as it was.
    ///
    /// # Errors
    /// When the account cannot be read or written.
    pub async fn object_event(&self, queue_arn: &str, bucket: &str, key: &str) -> Result<Vec<Registered>, SqlError> {
        let mut session = system();
        let listening = self.with(&mut session, "", |cx| {
            super::pipe::notice(cx, queue_arn, bucket, key);
            Ok(directories_on(cx, queue_arn, bucket, key))
        })?;
        let mut done = Vec::new();
        for (stage, path) in listening {
            done.extend(Worker { simulator: self, session: &mut session, query_id: "" }.observe(stage, &path).await?);
        }
        Ok(done)
    }
}

/// Whom Snowflake's own services act as.
pub(super) fn system() -> SessionState {
    SessionState { user: "SYSTEM".into(), role: "ACCOUNTADMIN".into(), ..SessionState::default() }
}

/// The stages whose directories listen on a queue for an object, with its path under each.
fn directories_on(cx: &Context<'_>, queue_arn: &str, bucket: &str, key: &str) -> Vec<(Id, String)> {
    let path_under = |id: Id| {
        let stage = cx.see().stage(id)?;
        stage.directory.as_ref()?.refreshed?;
        let (of, prefix) = stage.bucket()?;
        let listens = of == bucket && stage_read::notification_channel(cx, stage).as_deref() == Some(queue_arn);
        let file = |path: &&str| listens && !path.is_empty() && !path.ends_with('/');
        key.strip_prefix(prefix).filter(file).map(str::to_owned)
    };
    let stages = cx.see().objects.values().filter(|o| o.kind() == Kind::Stage);
    stages.filter_map(|o| path_under(o.id).map(|path| (o.id, path))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_s3_writes_them() {
        let record = |name: &str, key: &str| serde_json::json!({"eventName": name, "s3": {"bucket": {"name": "b"}, "object": {"key": key}}});
        let body = serde_json::json!({"Records": [
            record("ObjectCreated:Put", "in/red+flower%2B1.jpg"),
            record("ObjectRemoved:DeleteMarkerCreated", "caf%C3%A9"),
            record("ObjectRestore:Post", "x"),
        ]});
        let wanted = [("b", "in/red flower+1.jpg"), ("b", "café")].map(|(b, k)| (b.to_owned(), k.to_owned()));
        assert_eq!(changes(&body.to_string()), wanted);
        assert_eq!(changes(r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}"#), []);
        assert_eq!(changes("not JSON"), []);
    }
}
