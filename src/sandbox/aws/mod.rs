//! The embedded AWS: S3, KMS, IAM, STS, Secrets Manager, SNS and the tagging API behind the real SDK, in this process.
//!
//! Everything is written from what AWS documents and does; where an answer of AWS depends on a policy document, the live document decides.
//! One account, all regions. A request is handled whole while the world is locked, so operations are atomic, and what a change made is on
//! disk before its answer leaves. What is missing answers `NotImplemented`, never with a guess.

mod access;
mod connector;
pub(in crate::sandbox) mod decision;
mod directory;
mod document;
mod door;
mod grammar;
mod history;
mod iam;
mod kms;
mod s3;
mod secrets;
mod session;
mod signed;
mod sns;
mod store;
mod sts;
mod tagging;
mod time;
mod traffic;
mod wire;
mod xml;

#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use bytes::Bytes;

use super::calls::Log;
use super::clock::Clock;
use super::fault::{Passing, Traffic};
pub use connector::Unanswered;
use history::{History, Lens};
pub use s3::event::Notification;
use store::{Store, World};
use wire::{Answer, Asked, refused};

/// The account.
pub const ACCOUNT: &str = "123456789012";
/// Who asks when the sandbox's own credentials sign.
pub const CALLER: &str = "arn:aws:iam::123456789012:user/snowssi-sandbox";
/// The region if nothing else is said.
pub const REGION: &str = "us-east-1";

/// The access key of [`CALLER`]. It opens nothing but the sandbox.
pub const ACCESS_KEY_ID: &str = "AKIASNOWSSISANDBOX00";
/// The secret of [`ACCESS_KEY_ID`].
pub const SECRET_ACCESS_KEY: &str = "snowssi/sandbox/this/is/not/a/secret/000";

/// The embedded AWS.
pub struct AwsSandbox {
    world: Mutex<World>,
    store: Store,
    traffic: Arc<Traffic>,
    /// What the world was, for reads that lag behind.
    history: Mutex<History>,
}

impl AwsSandbox {
    /// Opens the world kept in a directory; an empty or missing directory is a new account.
    pub fn open(dir: &Path) -> io::Result<Arc<Self>> {
        Self::open_with(dir, Arc::default())
    }

    /// The same, on another clock than the machine's.
    pub fn open_with(dir: &Path, clock: Arc<Clock>) -> io::Result<Arc<Self>> {
        Self::open_watched(dir, Arc::new(Traffic::new(clock, Log::default())))
    }

    /// The same, with the faults, the log and the clock of this traffic.
    pub fn open_watched(dir: &Path, traffic: Arc<Traffic>) -> io::Result<Arc<Self>> {
        let (store, world) = Store::open(dir, traffic.shared_clock())?;
        Ok(Self::new(store, world, traffic))
    }

    /// A new account that is gone with the process.
    pub fn in_memory() -> Arc<Self> {
        Self::in_memory_with(Arc::default())
    }

    /// The same, on another clock than the machine's.
    pub fn in_memory_with(clock: Arc<Clock>) -> Arc<Self> {
        let (store, world) = Store::in_memory(Arc::clone(&clock));
        Self::new(store, world, Arc::new(Traffic::new(clock, Log::default())))
    }

    fn new(store: Store, world: World, traffic: Arc<Traffic>) -> Arc<Self> {
        Arc::new(Self { world: Mutex::new(world), store, traffic, history: Mutex::default() })
    }

    /// What SDK clients send their requests through.
    pub fn http_client(self: &Arc<Self>) -> SharedHttpClient {
        SharedHttpClient::new(connector::InProcess::new(Arc::clone(self)))
    }

    /// Credentials of [`CALLER`].
    pub fn credentials() -> Credentials {
        Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "snowssi-sandbox")
    }

    /// The calls so far, refused ones included, and what is to go wrong with the next ones.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Makes bucket names belong to another account, in [`REGION`].
    pub fn own_elsewhere(&self, names: impl IntoIterator<Item = String>) -> io::Result<()> {
        let mut world = lock(&self.world);
        world.foreign_buckets.extend(names);
        self.written(&mut world)
    }

    /// Deletes an IAM user of another account that [`super::door::Door::register_principal`] made known. Registering the same ARN again makes
    /// another user.
    pub fn forget_principal(&self, arn: &str) -> io::Result<()> {
        let mut world = lock(&self.world);
        world.directory.outside.remove(arn);
        self.written(&mut world)
    }

    /// Makes a queue, a topic or a function known that notifications can be sent to. Snowflake's own queues are known already.
    pub fn add_destination(&self, arn: &str) -> io::Result<()> {
        let mut world = lock(&self.world);
        world.destinations.insert(arn.into());
        self.written(&mut world)
    }

    /// Messages of S3 that wait for their queues, in the order they were sent, with their numbers.
    pub fn outbox(&self) -> Vec<(u64, Notification)> {
        lock(&self.world).outbox.waiting.iter().map(|(number, message)| (*number, message.clone())).collect()
    }

    /// Whether any waits.
    pub fn has_mail(&self) -> bool {
        !lock(&self.world).outbox.waiting.is_empty()
    }

    /// Takes a message out of the outbox. One that nobody took is counted, by its queue, and lost.
    ///
    /// # Errors
    /// The state cannot be written; the message will come again after a restart.
    pub fn sent(&self, number: u64, taken: bool) -> io::Result<()> {
        let mut world = lock(&self.world);
        match world.outbox.waiting.remove(&number) {
            Some(message) if !taken => world.outbox.reject(message.queue),
            _ => {}
        }
        self.written(&mut world)
    }

    /// How many messages of S3 were lost because the sandbox has nothing that takes them, by destination.
    pub fn undeliverable(&self) -> std::collections::BTreeMap<String, u64> {
        lock(&self.world).outbox.undeliverable.clone()
    }

    /// Answers a request of this process, as the endpoints of AWS do. The scope of the signature says which service is meant.
    pub async fn answer(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Unanswered> {
        self.answer_asked(&Asked::read(&request).map_err(Unanswered::from)?).await
    }

    async fn answer_asked(&self, asked: &Asked) -> Result<http::Response<Bytes>, Unanswered> {
        let reply = self.pass(asked, operation(asked).as_deref(), &asked.id).await?;
        connector::response(reply, &asked.id).map_err(|error| Unanswered::from(error.to_string()))
    }

    /// Puts an object into a bucket of a region, as [`CALLER`]. The refusal is in S3's words.
    pub(super) async fn put_object(&self, region: &str, bucket: &str, key: &str, body: Bytes) -> Result<(), String> {
        let scope = format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY_ID}/-/{region}/s3/aws4_request");
        let path = key.split('/').map(wire::percent_encode).collect::<Vec<_>>().join("/");
        let request = http::Request::put(format!("https://s3.{region}.amazonaws.com/{bucket}/{path}"))
            .header(http::header::AUTHORIZATION, scope)
            .body(body)
            .map_err(|error| error.to_string())?;
        let answer = self.answer(request).await.map_err(|unanswered| unanswered.to_string())?;
        if answer.status().is_success() {
            return Ok(());
        }
        let error = xml::Node::parse(answer.body()).unwrap_or_default();
        let text = |name| error.text_of(name).unwrap_or_default().to_owned();
        Err(format!("{}: {}", text("Code"), text("Message")))
    }

    fn serve(&self, asked: &Asked, operation: &str, passing: &Passing) -> Answer {
        let mut world = lock(&self.world);
        let caller = sts::caller(&world, asked)?;
        let lens = lock(&self.history).lens(&world, &passing.struck);
        let strangers = lens.as_ref().map(|lens| lens.strangers(&world)).unwrap_or_default();
        let view = lock(&self.history).view(&world, &passing.struck);
        let before = self.before(&world, passing.call().mutating);
        if asked.service == "sts" {
            return Lens::look(lens, &mut world, |world| sts::answer(world, asked, operation, &caller));
        }
        if let Some(by) = caller.by() {
            Lens::look(lens, &mut world, |world| session::authorize(world, &by, asked, operation))?;
        }
        if let Some(mut view) = view {
            return self.respond(&mut view, asked, operation);
        }
        world.strangers = strangers;
        let reply = self.respond(&mut world, asked, operation);
        world.strangers.clear();
        let reply = reply?;
        if let ("s3", (Some(bucket), _)) = (asked.service.as_str(), s3::target(asked)) {
            let origin = s3::event::Origin { arn: caller.arn(), role: caller.role(), request: &asked.id };
            s3::event::publish(&mut world, &bucket, origin);
        }
        if passing.call().mutating {
            self.save(&mut world)?;
            self.remember(before, &world);
        }
        Ok(reply)
    }

    fn respond(&self, world: &mut World, asked: &Asked, operation: &str) -> Answer {
        match asked.service.as_str() {
            "iam" => iam::answer(world, asked, operation),
            "kms" => kms::answer(world, asked, operation),
            "secretsmanager" => secrets::answer(world, asked, operation),
            "sns" => sns::answer(world, asked, operation),
            "tagging" => tagging::answer(world, asked),
            _ => s3::answer(world, &self.store, asked, operation),
        }
    }

    /// Writes the world. If that fails, what was changed has not happened.
    fn save(&self, world: &mut World) -> Result<(), wire::Refused> {
        self.written(world).map_err(|error| {
            refused(500, "InternalError", format!("the sandbox could not write its state to its directory: {error}"))
        })
    }

    fn written(&self, world: &mut World) -> io::Result<()> {
        self.store.save(world).inspect_err(|error| {
            tracing::warn!(%error, "the state is not written: the change is taken back");
            if let Err(error) = self.store.restore(world) {
                tracing::error!(%error, "the change cannot be taken back in this process");
            }
        })
    }
}

fn operation(asked: &Asked) -> Option<String> {
    match asked.service.as_str() {
        "iam" | "sts" | "sns" => wire::form(std::str::from_utf8(&asked.body).ok()?)
            .into_iter()
            .find(|(name, _)| name == "Action")
            .map(|(_, action)| action),
        "kms" | "secretsmanager" | "tagging" => Some(asked.header("x-amz-target")?.rsplit('.').next()?.to_owned()),
        "s3" => s3::operation(asked).map(str::to_owned),
        _ => None,
    }
}

fn changes(operation: &str) -> bool {
    let reading = ["Get", "List", "Head", "Describe", "AssumeRole", "Encrypt", "Decrypt", "Generate"];
    !reading.iter().any(|verb| operation.starts_with(verb))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for AwsSandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsSandbox").finish_non_exhaustive()
    }
}
