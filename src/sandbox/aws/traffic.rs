//! Every call on its way in and out: who makes it and what it is about, what goes wrong with it, and how it ended.

use std::io::ErrorKind;

use serde_json::Value;

use super::history::Lens;
use super::store::World;
use super::wire::{self, Answer, Asked, Refused, Reply, refused};
use super::{AwsSandbox, Unanswered, changes, lock, s3, sts};
use crate::sandbox::calls::{Call, Outcome, SNOWFLAKE};
use crate::sandbox::door::Refusal;
use crate::sandbox::fault::{Kind, Passing, aws_refusal};

impl AwsSandbox {
    /// Answers a request, unless something is to go wrong with it.
    pub(super) async fn pass(&self, asked: &Asked, operation: Option<&str>, id: &str) -> Result<Reply, Unanswered> {
        let call = call(&lock(&self.world), asked, operation);
        let passing = self.traffic.enter(call);
        passing.struck.delay().await;
        let answer = self.meet(asked, operation, &passing);
        let after = passing.struck.after();
        let answer = match (answer, after) {
            (Ok(answer), Some(Kind::DropAnswer)) => {
                drop(answer);
                Err(Unanswered::new(ErrorKind::ConnectionAborted, "the connection was closed before the answer came"))
            }
            (Ok(_), Some(kind @ Kind::Failure { .. })) => Ok(injected(&asked.service, kind)),
            (answer, _) => answer,
        };
        let outcome = match &answer {
            Ok(Ok(reply)) => Outcome::new(reply.status, ""),
            Ok(Err(refusal)) => Outcome::new(refusal.status, refusal.code.as_str()),
            Err(unanswered) => Outcome::lost(unanswered.word()),
        };
        let reply = answer.map(|answer| {
            let mut reply = answer.unwrap_or_else(|refusal| wire::render(&refusal, asked, id));
            match after {
                Some(Kind::HalfAnswer) => reply.body.truncate(reply.body.len() / 2),
                Some(Kind::CutBody) => reply.cut = true,
                _ => {}
            }
            reply
        });
        self.traffic.leave(passing, outcome);
        reply
    }

    fn meet(&self, asked: &Asked, operation: Option<&str>, passing: &Passing) -> Result<Answer, Unanswered> {
        match passing.struck.before() {
            Some(Kind::Unreachable) => {
                return Err(Unanswered::new(ErrorKind::ConnectionRefused, "the connection was refused"));
            }
            Some(Kind::Reset) => {
                return Err(Unanswered::new(ErrorKind::ConnectionReset, "the connection was reset"));
            }
            Some(kind) => return Ok(injected(&asked.service, kind)),
            None if passing.struck.hides(Some(&passing.call().resource)) => {
                return Ok(injected(&asked.service, &Kind::Hidden));
            }
            None => {}
        }
        if let Some(refusal) = &asked.refused {
            return Ok(Err(refusal.clone()));
        }
        Ok(match operation {
            Some(operation) => self.serve(asked, operation, passing),
            None => Err(refused(501, "NotImplemented", "the sandbox does not know this operation")),
        })
    }

    /// Does something for Snowflake's own side, unless something is to go wrong with it.
    pub(super) async fn for_snowflake<T>(
        &self,
        asking: Asking<'_>,
        work: impl FnOnce(&mut World) -> Result<T, Refused> + Send,
    ) -> Result<T, Refusal> {
        let Asking { service, operation, resource } = asking;
        let region = lock(&self.world)
            .buckets
            .get(resource.split('/').next().unwrap_or_default())
            .map_or_else(|| super::REGION.to_owned(), |bucket| bucket.region.clone());
        let mutating = changes(operation);
        let call = Call { who: SNOWFLAKE.into(), resource, region, mutating, ..Call::aws(service, operation) };
        let passing = self.traffic.enter(call);
        passing.struck.delay().await;
        let result = match passing.struck.before() {
            Some(kind) => Err(lost_or_refused(service, kind)),
            None if passing.struck.hides(Some(&passing.call().resource)) => {
                Err(lost_or_refused(service, &Kind::Hidden))
            }
            None => self.change(&passing, work),
        };
        let result = match passing.struck.after() {
            Some(kind) => Err(lost_or_refused(service, kind)),
            None => result,
        };
        let outcome = match &result {
            Ok(_) => Outcome::new(200, ""),
            Err(refusal) => Outcome::new(refusal.status, refusal.code.as_str()),
        };
        self.traffic.leave(passing, outcome);
        result.map_err(Refusal::from)
    }

    /// S3 asks KMS about the key of an object, on behalf of Snowflake's side.
    pub(super) async fn key_for_snowflake(&self, operation: &str, key: Option<String>) -> Result<(), Refusal> {
        match key {
            Some(resource) => self.for_snowflake(Asking { service: "kms", operation, resource }, |_| Ok(())).await,
            None => Ok(()),
        }
    }

    /// Runs something in the world as the call's faults let it see it, and remembers what it changed.
    fn change<T>(&self, passing: &Passing, work: impl FnOnce(&mut World) -> Result<T, Refused>) -> Result<T, Refused> {
        let mut world = lock(&self.world);
        let before = self.before(&world, passing.call().mutating);
        let lens = lock(&self.history).lens(&world, &passing.struck);
        let looked = lens.is_some();
        let result = Lens::look(lens, &mut world, work);
        if looked && passing.call().mutating {
            // What was saved meanwhile is what the lens showed.
            self.save(&mut world)?;
        }
        self.remember(before, &world);
        result
    }

    /// The world before a change, if anything has to remember it.
    pub(super) fn before(&self, world: &World, mutating: bool) -> Option<World> {
        (mutating && self.traffic.memory().is_some()).then(|| world.clone())
    }

    /// Remembers a change.
    pub(super) fn remember(&self, before: Option<World>, world: &World) {
        if let (Some(before), Some(memory)) = (before, self.traffic.memory()) {
            lock(&self.history).remember(before, world, memory);
        }
    }
}

/// What Snowflake's side asks.
#[derive(Debug)]
pub(super) struct Asking<'a> {
    pub(super) service: &'a str,
    pub(super) operation: &'a str,
    pub(super) resource: String,
}

/// What a fault makes a service say.
fn injected(service: &str, kind: &Kind) -> Answer {
    let (status, code, message) = aws_refusal(service, kind).unwrap_or_default();
    Err(refused(status, &code, message))
}

/// Snowflake tells of a connection that broke like of a refusal.
fn lost_or_refused(service: &str, kind: &Kind) -> Refused {
    match aws_refusal(service, kind) {
        Some((status, code, message)) => refused(status, &code, message),
        None => refused(503, "ServiceUnavailable", "Unable to execute HTTP request: Connection reset"),
    }
}

/// What a request is, as far as can be told before it is looked at closely.
fn call(world: &World, asked: &Asked, operation: Option<&str>) -> Call {
    let operation = operation.unwrap_or("?");
    Call {
        who: match &asked.refused {
            None => sts::caller(world, asked).map_or_else(|_| "unknown".to_owned(), |caller| caller.arn().to_owned()),
            Some(_) => "unknown".to_owned(),
        },
        resource: resource(asked).unwrap_or_default(),
        region: asked.region.clone(),
        mutating: changes(operation),
        method: asked.method.clone(),
        path: asked.path.clone(),
        ..Call::aws(&asked.service, operation)
    }
}

/// The parameters that name what a call is about, those that say most first.
const NAMES: [&str; 16] = [
    "RoleArn",
    "RoleName",
    "UserName",
    "PolicyArn",
    "PolicyName",
    "KeyId",
    "TargetKeyId",
    "AliasName",
    "QueueUrl",
    "QueueName",
    "TopicArn",
    "ResourceArn",
    "SubscriptionArn",
    "AccessKeyId",
    "SecretId",
    "Name",
];

fn resource(asked: &Asked) -> Option<String> {
    if asked.service == "s3" {
        let (bucket, key) = s3::target(asked);
        return bucket.map(|bucket| key.map_or_else(|| bucket.clone(), |key| format!("{bucket}/{key}")));
    }
    let text = std::str::from_utf8(&asked.body).ok()?;
    if let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(text) {
        return NAMES.iter().find_map(|name| fields.get(*name)?.as_str().map(str::to_owned));
    }
    let fields = wire::form(text);
    NAMES.iter().find_map(|name| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()))
}
