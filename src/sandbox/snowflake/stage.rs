//! Stages: where files are, how they are reached, and the directory of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::ResultSet;
use super::context::{Claim, Context, Create, created, executed};
use super::fail::{self, Fallible};
use super::file_format::FileFormat;
use super::parse::{Name, Parser};
use super::props::{Props, Value};
use super::state::{Body, Id, Kind};
use super::work::{Job, Outcome};
use crate::sandbox::door::digest;

/// A stage. One without a URL is internal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Stage {
    /// As written.
    pub(super) url: Option<String>,
    /// The region of the bucket, as far as it could be found out.
    pub(super) region: Option<String>,
    pub(super) integration: Option<Link>,
    pub(super) credentials: Option<Credentials>,
    pub(super) encryption: Option<Encryption>,
    pub(super) privatelink: bool,
    pub(super) access_point: Option<String>,
    pub(super) directory: Option<Directory>,
    pub(super) format: Format,
    pub(super) copy_options: BTreeMap<String, String>,
    pub(super) temporary: bool,
}

/// The hidden number behind the name of an integration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) id: Id,
    /// As it was called; printed even when the number leads nowhere any more.
    pub(super) name: String,
}

/// Direct credentials. Of a secret only what lets AWS recognise it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Credentials {
    Key {
        id: String,
        #[serde(default)]
        digest: String,
    },
    Role {
        arn: String,
        external_id: String,
    },
}

/// Encryption on the client's or the server's side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Encryption {
    pub(super) kind: String,
    pub(super) has_key: bool,
}

/// The directory of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Directory {
    /// Its own hidden number: streams follow it, so switching it off and on breaks them.
    pub(super) id: Id,
    pub(super) auto_refresh: bool,
    pub(super) sns_topic: Option<String>,
    /// The files it knows, by path relative to the stage.
    pub(super) files: BTreeMap<String, File>,
    pub(super) refreshed: Option<i64>,
}

/// A file in a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) modified: i64,
}

/// The file format of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Format {
    /// The full name of a file format, as parts.
    Named(Vec<String>),
    Inline(FileFormat),
}

impl Default for Format {
    fn default() -> Self {
        Self::Inline(FileFormat::default())
    }
}

const SCHEMES: [&str; 3] = ["s3://", "s3china://", "s3gov://"];

impl Stage {
    /// Bucket and key prefix of an external stage.
    pub(super) fn bucket(&self) -> Option<(&str, &str)> {
        let url = self.url.as_deref()?;
        let rest = SCHEMES.iter().find_map(|scheme| url.strip_prefix(scheme))?;
        Some(rest.split_once('/').unwrap_or((rest, "")))
    }

    /// The type column of SHOW STAGES.
    pub(super) fn kind(&self) -> String {
        let side = match (&self.url, &self.encryption) {
            (Some(_), _) => "EXTERNAL",
            (None, Some(encryption)) if encryption.kind == "SNOWFLAKE_SSE" => "INTERNAL NO CSE",
            (None, _) => "INTERNAL",
        };
        if self.temporary { format!("{side} TEMPORARY") } else { side.to_owned() }
    }
}

/// The options that name where the files are and how they are reached.
const LOCATION_KEYS: [&str; 6] =
    ["URL", "STORAGE_INTEGRATION", "CREDENTIALS", "ENCRYPTION", "AWS_ACCESS_POINT_ARN", "USE_PRIVATELINK_ENDPOINT"];

/// Sets what a property list says of the location; shared by CREATE and ALTER.
fn apply_location(cx: &Context<'_>, stage: &mut Stage, props: &mut Props, altering: bool) -> Fallible<()> {
    let touched = LOCATION_KEYS.iter().any(|key| props.has(key));
    if let Some(url) = props.text("URL")? {
        check_scheme(&url)?;
        if altering && stage.url.is_none() {
            return Err(fail::bad_property(&url, "URL"));
        }
        stage.url = Some(url);
    }
    if let Some(name) = props.name("STORAGE_INTEGRATION")? {
        let id = cx.object_with(Kind::Integration, &name, &["USAGE"], "CREATE STAGE")?;
        stage.integration = Some(Link { id, name: name.last().to_owned() });
        if altering {
            stage.credentials = None;
        }
    }
    if let Some(mut credentials) = props.nested("CREDENTIALS")? {
        if stage.integration.is_some() {
            let text = "SQL compilation error:\nCREDENTIALS property is not allowed on stages that use a storage integration or within \
                        COPY commands that use a storage integration.";
            return Err(fail::error("001425", "22023", text));
        }
        let (key, secret, _token, role) = (
            credentials.text("AWS_KEY_ID")?,
            credentials.text("AWS_SECRET_KEY")?,
            credentials.text("AWS_TOKEN")?,
            credentials.text("AWS_ROLE")?,
        );
        credentials.finish()?;
        stage.credentials = match (key, role) {
            (Some(id), None) => Some(Credentials::Key { id, digest: digest(&secret.unwrap_or_default()) }),
            (None, Some(arn)) => Some(Credentials::Role { arn, external_id: cx.see().new_external_id() }),
            (None, None) => None,
            (Some(_), Some(arn)) => return Err(fail::bad_combination(("AWS_KEY_ID", "…"), ("AWS_ROLE", &arn))),
        };
    }
    if let Some(encryption) = props.nested("ENCRYPTION")? {
        stage.encryption = read_encryption(stage, encryption)?;
    }
    if let Some(arn) = props.text("AWS_ACCESS_POINT_ARN")? {
        stage.access_point = Some(arn);
    }
    if let Some(on) = props.boolean("USE_PRIVATELINK_ENDPOINT")? {
        if stage.integration.is_some() {
            let text = "Integration based stages are not allowed to be altered to use privatelink endpoint. Please alter the storage \
                        integration instead";
            return Err(fail::error("001422", "22023", text));
        }
        stage.privatelink = on;
    }
    if stage.url.is_none() && (stage.integration.is_some() || stage.credentials.is_some()) {
        return Err(fail::missing_options(&["URL"]));
    }
    if touched { check_location(cx, stage) } else { Ok(()) }
}

/// A URL names a bucket under one of the known schemes.
fn check_scheme(url: &str) -> Fallible<()> {
    let good = |scheme: &&str| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    if SCHEMES.iter().any(good) { Ok(()) } else { Err(fail::bad_url(url)) }
}

/// A location that a COPY names itself: `'s3://…' STORAGE_INTEGRATION = …`.
pub(super) fn unnamed(cx: &Context<'_>, url: String, props: &mut Props) -> Fallible<Stage> {
    check_scheme(&url)?;
    let mut stage = Stage { url: Some(url), ..Stage::default() };
    apply_location(cx, &mut stage, props, false)?;
    Ok(stage)
}

fn read_encryption(stage: &Stage, mut props: Props) -> Fallible<Option<Encryption>> {
    let kinds: &[&str] = match stage.url {
        Some(_) => &["AWS_CSE", "AWS_SSE_S3", "AWS_SSE_KMS", "NONE"],
        None => &["SNOWFLAKE_FULL", "SNOWFLAKE_SSE"],
    };
    let kind = props.choice("TYPE", kinds)?;
    let (master, kms) = (props.text("MASTER_KEY")?, props.text("KMS_KEY_ID")?);
    props.finish()?;
    let kind = match (kind, &master) {
        (Some(kind), _) => kind,
        (None, Some(_)) => "AWS_CSE".to_owned(),
        (None, None) => return Err(fail::missing_options(&["TYPE"])),
    };
    match (kind.as_str(), master.is_some(), kms.is_some()) {
        ("AWS_CSE", false, _) => Err(fail::missing_options(&["MASTER_KEY"])),
        (kind, true, _) if kind != "AWS_CSE" => Err(fail::bad_combination(("TYPE", kind), ("MASTER_KEY", "…"))),
        (kind, _, true) if kind != "AWS_SSE_KMS" => Err(fail::bad_combination(("TYPE", kind), ("KMS_KEY_ID", "…"))),
        ("NONE", ..) => Ok(None),
        _ => Ok(Some(Encryption { kind, has_key: master.is_some() || kms.is_some() })),
    }
}

/// The URL must be one that the integration allows, and the integration must be on.
fn check_location(cx: &Context<'_>, stage: &Stage) -> Fallible<()> {
    let (Some(url), Some(link)) = (&stage.url, &stage.integration) else { return Ok(()) };
    let Some(integration) = cx.see().integration(link.id) else { return Err(fail::link_broken(url)) };
    if !integration.enabled {
        return Err(disabled(&link.name));
    }
    if !integration.allows(url) {
        return Err(fail::location_refused(url, &link.name));
    }
    Ok(())
}

/// The simulator's own words: no public source tells those of Snowflake.
pub(super) fn disabled(integration: &str) -> super::answer::SqlError {
    fail::stage_failure(&format!("Integration {integration} is disabled"))
}

/// What DIRECTORY = (…) says.
#[derive(Default)]
struct DirectoryOptions {
    enable: Option<bool>,
    auto_refresh: Option<bool>,
    refresh_on_create: Option<bool>,
    sns_topic: Option<String>,
}

fn read_directory(mut props: Props) -> Fallible<DirectoryOptions> {
    let options = DirectoryOptions {
        enable: props.boolean("ENABLE")?,
        auto_refresh: props.boolean("AUTO_REFRESH")?,
        refresh_on_create: props.boolean("REFRESH_ON_CREATE")?,
        sns_topic: props.text("AWS_SNS_TOPIC")?,
    };
    props.finish()?;
    Ok(options)
}

fn read_format(cx: &Context<'_>, stage: &mut Stage, props: &mut Props) -> Fallible<()> {
    let named = |name: Name| -> Fallible<Format> {
        let id = cx.object_with(Kind::FileFormat, &name, &["USAGE"], "CREATE STAGE")?;
        Ok(Format::Named(cx.see().path(id).into_iter().map(str::to_owned).collect()))
    };
    match props.any("FILE_FORMAT") {
        None => {}
        Some(Value::Name(name, _)) => stage.format = named(name)?,
        Some(Value::Text(text)) => stage.format = named(Name::read(&text)?)?,
        Some(Value::Props(mut inner)) => {
            if let Some(name) = inner.name("FORMAT_NAME")? {
                inner.finish()?;
                stage.format = named(name)?;
            } else {
                stage.format = Format::Inline(FileFormat::read(&mut inner)?);
                inner.finish()?;
            }
        }
        Some(Value::List(values)) if values.is_empty() => stage.format = Format::default(),
        Some(_) => return Err(fail::bad_value("(", "FILE_FORMAT")),
    }
    if let Some(mut copy) = props.nested("COPY_OPTIONS")? {
        for key in
            ["ON_ERROR", "SIZE_LIMIT", "PURGE", "RETURN_FAILED_ONLY", "ENFORCE_LENGTH", "TRUNCATECOLUMNS", "FORCE"]
        {
            if let Some(value) = copy.loose(key)? {
                let value = value.to_uppercase();
                let stored = if key == "ON_ERROR" { value } else { value.to_lowercase() };
                stage.copy_options.insert(key.to_owned(), stored);
            }
        }
        copy.finish()?;
    }
    Ok(())
}

/// `CREATE [OR REPLACE] [TEMPORARY] STAGE …`. With a directory that is refreshed on creation, S3 is asked before anything is made.
pub(super) fn create(cx: &mut Context<'_>, p: &mut Parser<'_>, create: Create, temporary: bool) -> Fallible<Outcome> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let mut props = Props::read(p)?;
    p.end()?;
    let comment = props.text("COMMENT")?;
    let mut stage = Stage { temporary, ..Stage::default() };
    let directory = props.nested("DIRECTORY")?.map(read_directory).transpose()?.unwrap_or_default();
    // Only the bare check of the words comes before the check of the name.
    read_format(cx, &mut stage, &mut props)?;
    let slot = match cx.claim(Kind::Stage, &name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(Outcome::Done(answer)),
    };
    apply_location(cx, &mut stage, &mut props, false)?;
    props.finish()?;
    if directory.enable == Some(true) {
        let id = cx.edit().new_id();
        stage.directory = Some(Directory {
            id,
            auto_refresh: directory.auto_refresh.unwrap_or(false),
            sns_topic: directory.sns_topic,
            files: BTreeMap::new(),
            refreshed: None,
        });
    } else if directory.auto_refresh == Some(true) || directory.refresh_on_create == Some(true) {
        return Err(fail::bad_combination(("ENABLE", "false"), ("AUTO_REFRESH", "true")));
    }
    let refresh = stage.directory.is_some() && stage.url.is_some() && directory.refresh_on_create.unwrap_or(true);
    if stage.url.is_some() {
        return Ok(Outcome::Outside(Box::new(Job::CreateStage { slot, stage: Box::new(stage), comment, refresh })));
    }
    Ok(Outcome::Done(finish_create(cx, &slot, stage, comment)))
}

/// Puts a checked stage into its place.
pub(super) fn finish_create(
    cx: &mut Context<'_>,
    slot: &super::context::Slot,
    stage: Stage,
    comment: Option<String>,
) -> ResultSet {
    if let Some(region) = stage.region.as_deref().filter(|_| stage.directory.as_ref().is_some_and(|d| d.auto_refresh)) {
        queue(cx.edit(), region);
    }
    cx.put(slot, comment, Body::Stage(Box::new(stage)));
    created("Stage area", &slot.name)
}

/// Fills in the region of a bucket that was not there when its stage was made.
pub(super) fn learn_region(cx: &mut Context<'_>, id: Id, region: Option<String>) {
    let Some(found) = region.filter(|_| cx.see().stage(id).is_some_and(|stage| stage.region.is_none())) else { return };
    let account = cx.edit();
    queue(account, &found);
    if let Some(stage) = account.stage_mut(id) {
        stage.region = Some(found);
    }
}

/// The queue that this account listens on for buckets of a region, always the same one.
pub(super) fn queue(state: &mut super::state::State, region: &str) {
    let random = || uuid::Uuid::new_v4().simple().to_string().chars().take(22).collect::<String>();
    state.queues.entry(region.to_owned()).or_insert_with(random);
}

/// The ARN of that queue.
pub(super) fn channel(state: &super::state::State, region: &str) -> Option<String> {
    let suffix = state.queues.get(region)?;
    Some(format!("arn:aws:sqs:{region}:{}:sf-snowpipe-{}-{suffix}", state.aws_account, state.iam_user))
}

/// `ALTER STAGE n …`, after the name.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<Outcome> {
    if p.eat("REFRESH") {
        let mut props = Props::read(p)?;
        p.end()?;
        let subpath = props.text("SUBPATH")?.unwrap_or_default();
        props.finish()?;
        cx.demand(id, &["USAGE", "WRITE"])?;
        return Ok(Outcome::Outside(Box::new(Job::Refresh { stage: id, subpath })));
    }
    p.need("SET")?;
    let mut props = Props::read(p)?;
    if props.is_empty() {
        return Err(p.unexpected());
    }
    p.end()?;
    cx.demand(id, &[])?;
    let Some(mut stage) = cx.see().stage(id).cloned() else { return Err(fail::nowhere()) };
    let comment = props.text("COMMENT")?;
    let old_url = stage.url.clone();
    let directory = props.nested("DIRECTORY")?;
    if let Some(inner) = directory {
        alter_directory(cx, &mut stage, inner)?;
    }
    read_format(cx, &mut stage, &mut props)?;
    apply_location(cx, &mut stage, &mut props, true)?;
    props.finish()?;
    if stage.url != old_url {
        // Moving a stage leaves its directory off.
        stage.directory = None;
        return Ok(Outcome::Outside(Box::new(Job::MoveStage { id, stage: Box::new(stage), comment })));
    }
    Ok(Outcome::Done(finish_alter(cx, id, stage, comment)))
}

pub(super) fn finish_alter(cx: &mut Context<'_>, id: Id, stage: Stage, comment: Option<String>) -> ResultSet {
    let account = cx.edit();
    if let Some(region) = stage.region.as_deref().filter(|_| stage.directory.as_ref().is_some_and(|d| d.auto_refresh)) {
        queue(account, region);
    }
    if let Some(old) = account.stage_mut(id) {
        *old = stage;
    }
    if let (Some(comment), Some(object)) = (comment, account.objects.get_mut(&id)) {
        object.comment = comment;
    }
    executed()
}

/// Only ENABLE can be altered.
fn alter_directory(cx: &mut Context<'_>, stage: &mut Stage, inner: Props) -> Fallible<()> {
    let mut rest = inner.clone();
    let options = read_directory(inner)?;
    rest.boolean("ENABLE")?;
    if cx.switches.alter_directory_takes_auto_refresh {
        rest.boolean("AUTO_REFRESH")?;
    }
    rest.finish()?;
    match (options.enable, &stage.directory) {
        (Some(true), None) => {
            let id = cx.edit().new_id();
            let auto_refresh = options.auto_refresh.unwrap_or(false);
            stage.directory =
                Some(Directory { id, auto_refresh, sns_topic: None, files: BTreeMap::new(), refreshed: None });
        }
        (Some(false), Some(_)) => stage.directory = None,
        _ => {}
    }
    if let (Some(on), Some(directory)) = (options.auto_refresh, &mut stage.directory) {
        directory.auto_refresh = on;
    }
    Ok(())
}
