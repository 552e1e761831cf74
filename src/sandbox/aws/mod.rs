//! The embedded AWS: S3, KMS, IAM, STS and the tagging API behind the real SDK, in this process.
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
mod iam;
mod kms;
mod s3;
mod session;
mod store;
mod sts;
mod tagging;
mod time;
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

use super::clock::Clock;
pub use connector::Unanswered;
use store::{Store, World};
use wire::{Answer, Asked, refused};

/// The account.
pub const ACCOUNT: &str = "123456789012";
/// Who asks when the sandbox's own credentials sign.
pub const CALLER: &str = "arn:aws:iam::123456789012:user/snowssi-sandbox";
/// The region if nothing else is said.
pub const REGION: &str = "us-east-1";

const KEY_ID: &str = "AKIASNOWSSISANDBOX00";

/// One call, as it reached the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallInfo {
    /// `s3`, `kms`, `iam`, `sts` or `tagging`.
    pub service: String,
    /// AWS's name of the operation.
    pub operation: String,
    /// The region it was signed for.
    pub region: String,
    /// Whether it changes something.
    pub mutating: bool,
}

/// What can go wrong on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call takes this much longer.
    Delay(std::time::Duration),
    /// The call is refused and has no effect.
    Refuse {
        /// HTTP status.
        status: u16,
        /// AWS's code, such as `Throttling`.
        code: String,
        /// AWS's message.
        message: String,
    },
    /// The call has its effect, but the answer is lost.
    LoseAnswer,
    /// The call does not reach AWS.
    Unreachable,
}

/// Decides which calls go wrong.
pub type FaultPlan = Box<dyn Fn(&CallInfo) -> Option<Fault> + Send + Sync>;

/// The embedded AWS.
pub struct AwsSandbox {
    world: Mutex<World>,
    store: Store,
    calls: Mutex<Vec<CallInfo>>,
    faults: Mutex<Option<FaultPlan>>,
}

impl AwsSandbox {
    /// Opens the world kept in a directory; an empty or missing directory is a new account.
    pub fn open(dir: &Path) -> io::Result<Arc<Self>> {
        Self::open_with(dir, Arc::default())
    }

    /// The same, on another clock than the machine's.
    pub fn open_with(dir: &Path, clock: Arc<Clock>) -> io::Result<Arc<Self>> {
        let (store, world) = Store::open(dir, clock)?;
        Ok(Self::new(store, world))
    }

    /// A new account that is gone with the process.
    pub fn in_memory() -> Arc<Self> {
        Self::in_memory_with(Arc::default())
    }

    /// The same, on another clock than the machine's.
    pub fn in_memory_with(clock: Arc<Clock>) -> Arc<Self> {
        let (store, world) = Store::in_memory(clock);
        Self::new(store, world)
    }

    fn new(store: Store, world: World) -> Arc<Self> {
        Arc::new(Self { world: Mutex::new(world), store, calls: Mutex::new(Vec::new()), faults: Mutex::new(None) })
    }

    /// What SDK clients send their requests through.
    pub fn http_client(self: &Arc<Self>) -> SharedHttpClient {
        SharedHttpClient::new(connector::InProcess::new(Arc::clone(self)))
    }

    /// Credentials of [`CALLER`].
    pub fn credentials() -> Credentials {
        Credentials::new(KEY_ID, "the-sandbox-checks-no-signatures", None, None, "snowssi-sandbox")
    }

    /// Every call so far, refused ones included.
    pub fn call_log(&self) -> Vec<CallInfo> {
        lock(&self.calls).clone()
    }

    /// Lets calls go wrong; `None` stops it.
    pub fn set_faults(&self, plan: Option<FaultPlan>) {
        *lock(&self.faults) = plan;
    }

    /// Makes bucket names belong to another account, in [`REGION`].
    pub fn own_elsewhere(&self, names: impl IntoIterator<Item = String>) -> io::Result<()> {
        let mut world = lock(&self.world);
        world.foreign_buckets.extend(names);
        self.store.save(&world)
    }

    /// Deletes an IAM user of another account that [`super::door::Door::register_principal`] made known. Registering the same ARN again makes
    /// another user.
    pub fn forget_principal(&self, arn: &str) -> io::Result<()> {
        let mut world = lock(&self.world);
        world.directory.outside.remove(arn);
        self.store.save(&world)
    }

    /// Makes a queue, a topic or a function known that notifications can be sent to. Snowflake's own queues are known already.
    pub fn add_destination(&self, arn: &str) -> io::Result<()> {
        let mut world = lock(&self.world);
        world.destinations.insert(arn.into());
        self.store.save(&world)
    }

    /// Answers a request, as the endpoints of AWS do. The host, or for loopback hosts the signature's scope, says which service is meant.
    pub async fn answer(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Unanswered> {
        let asked = Asked::read(&request).map_err(Unanswered)?;
        let request_id = uuid::Uuid::new_v4().to_string();
        let answer = match operation(&asked) {
            Some(operation) => self.run(&asked, &operation).await?,
            None => Err(refused(501, "NotImplemented", "the sandbox does not know this operation")),
        };
        let reply = answer.unwrap_or_else(|refusal| wire::render(&refusal, &asked, &request_id));
        connector::response(reply, &request_id).map_err(|error| Unanswered(error.to_string()))
    }

    async fn run(&self, asked: &Asked, operation: &str) -> Result<Answer, Unanswered> {
        let call = CallInfo {
            service: asked.service.clone(),
            operation: operation.into(),
            region: asked.region.clone(),
            mutating: changes(operation),
        };
        lock(&self.calls).push(call.clone());
        let fault = lock(&self.faults).as_ref().and_then(|plan| plan(&call));
        match fault {
            Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
            Some(Fault::Refuse { status, code, message }) => return Ok(Err(refused(status, &code, message))),
            Some(Fault::Unreachable) => return Err(Unanswered("the connection was refused".into())),
            Some(Fault::LoseAnswer) | None => {}
        }
        let answer = self.serve(asked, operation, call.mutating);
        match fault {
            Some(Fault::LoseAnswer) => Err(Unanswered("the connection was closed before the answer came".into())),
            _ => Ok(answer),
        }
    }

    fn serve(&self, asked: &Asked, operation: &str, mutating: bool) -> Answer {
        let mut world = lock(&self.world);
        let caller = sts::caller(&world, asked)?;
        if let sts::Caller::Session(session) = &caller {
            session::authorize(&world, session, asked, operation)?;
        }
        let reply = match asked.service.as_str() {
            "iam" => iam::answer(&mut world, asked, operation),
            "sts" => sts::answer(&mut world, asked, operation, &caller),
            "kms" => kms::answer(&mut world, asked, operation),
            "tagging" => tagging::answer(&world, asked),
            _ => s3::answer(&mut world, &self.store, asked, operation),
        }?;
        if mutating {
            self.save(&world)?;
        }
        Ok(reply)
    }

    fn save(&self, world: &World) -> Result<(), wire::Refused> {
        self.store.save(world).map_err(|error| {
            refused(500, "InternalError", format!("the sandbox could not write its state to its directory: {error}"))
        })
    }
}

fn operation(asked: &Asked) -> Option<String> {
    match asked.service.as_str() {
        "iam" | "sts" => wire::form(std::str::from_utf8(&asked.body).ok()?)
            .into_iter()
            .find(|(name, _)| name == "Action")
            .map(|(_, action)| action),
        "kms" | "tagging" => Some(asked.header("x-amz-target")?.rsplit('.').next()?.to_owned()),
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
