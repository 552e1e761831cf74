//! Opens the clouds a stack uses and asks who we are on both sides. Pins are checked before anything else is read.

use std::sync::Arc;
use std::time::Duration;

use super::args::CloudArgs;
use super::failure::{Exit, Failure};
use super::out::Out;
use crate::cloud::aws::{AssumeRole, AwsOptions};
use crate::cloud::snowflake::SessionOptions;
use crate::cloud::snowflake::transport::Transport;
use crate::cloud::{Aws, Cloud, Session, Stats};
use crate::kind::Side;
use crate::model::context::Sight;
use crate::model::{Address, Context};
use crate::spec::{Model, Unseen};
use crate::view::stats;

/// Open clouds.
pub(super) struct Opened {
    /// The clouds.
    pub(super) cloud: Arc<Cloud>,
    /// Who we are.
    pub(super) context: Context,
    aws: Arc<Stats>,
    snowflake: Arc<Stats>,
    /// The embedded clouds stay open, and closed to others, as long as anything may ask them.
    _embedded: Option<Embedded>,
}

impl Opened {
    /// Ends the Snowflake session; best effort.
    pub(super) async fn close(&self) {
        if let Some(session) = &self.cloud.snowflake {
            session.close().await;
        }
    }

    /// The table of `--stats`.
    pub(super) fn stats(&self, wall: Duration) -> String {
        let sides = [
            stats::Side { name: "AWS", counts: self.aws.counts() },
            stats::Side { name: "Snowflake", counts: self.snowflake.counts() },
        ];
        stats::text(&sides, wall)
    }
}

/// Which clouds to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sides {
    /// AWS.
    pub(super) aws: bool,
    /// Snowflake.
    pub(super) snowflake: bool,
}

/// The sides that the stack's kinds live on.
pub(super) fn used(model: &Model) -> Sides {
    let uses = |side: Side| {
        let all = model.batches.iter().chain(&model.lookups);
        let kinds = all.filter(|batch| !batch.addresses().is_empty()).map(|batch| batch.kind());
        // What is moved or given up lives on its side, too, though nothing there may be declared any more. A module may be on both.
        let former = model.moves.moved.iter().map(|(from, _)| from).chain(&model.moves.removed);
        let given_up = |at: &Address| crate::kind::by_name(at.kind()).is_none_or(|kind| kind.side() == side);
        kinds.filter_map(crate::kind::by_name).any(|kind| kind.side() == side) || former.into_iter().any(given_up)
    };
    Sides { aws: uses(Side::Aws), snowflake: uses(Side::Snowflake) }
}

/// Opens the sides that the stack's kinds live on.
pub(super) async fn open(model: &Model, args: &CloudArgs, out: &Out) -> Result<Opened, Failure> {
    sides(model, &used(model), args, out).await
}

/// Opens these sides.
pub(super) async fn sides(model: &Model, sides: &Sides, args: &CloudArgs, out: &Out) -> Result<Opened, Failure> {
    let (aws_stats, snowflake_stats) = (Arc::new(Stats::default()), Arc::new(Stats::default()));
    let embedded = embedded(args, out)?;
    let mut cloud = Cloud { aws: None, snowflake: None };
    if sides.aws {
        cloud.aws = Some(open_aws(model, args, embedded.as_ref(), Arc::clone(&aws_stats), out).await?);
    }
    if sides.snowflake {
        cloud.snowflake = Some(open_snowflake(model, embedded.as_ref(), Arc::clone(&snowflake_stats))?);
    }
    let context = who(model, &cloud).await?;
    Ok(Opened { cloud: Arc::new(cloud), context, aws: aws_stats, snowflake: snowflake_stats, _embedded: embedded })
}

#[cfg(feature = "sandbox")]
type Embedded = crate::sandbox::Embedded;
#[cfg(not(feature = "sandbox"))]
type Embedded = std::convert::Infallible;

#[cfg(feature = "sandbox")]
fn embedded(args: &CloudArgs, out: &Out) -> Result<Option<Embedded>, Failure> {
    let Some(dir) = &args.sandbox else { return Ok(None) };
    let faults = super::fault::load(args.fault.as_deref(), out)?;
    let opened = Embedded::open(dir).map_err(|error| {
        let failure = Failure::new(Exit::Error, format!("cannot open the sandbox in {}: {error}", dir.display()));
        match crate::sandbox::Serving::read(dir) {
            Some(_) if error.kind() == std::io::ErrorKind::ResourceBusy => failure.hint(
                "stop `snowssi sandbox serve`, or work over the network: leave --sandbox out and use the settings that it printed",
            ),
            _ => failure,
        }
    })?;
    opened.set_faults(faults);
    Ok(Some(opened))
}

#[cfg(not(feature = "sandbox"))]
#[expect(clippy::unnecessary_wraps, reason = "the same form as with the sandbox")]
fn embedded(_: &CloudArgs, _: &Out) -> Result<Option<Embedded>, Failure> {
    Ok(None)
}

async fn open_aws(
    model: &Model,
    args: &CloudArgs,
    embedded: Option<&Embedded>,
    stats: Arc<Stats>,
    out: &Out,
) -> Result<Aws, Failure> {
    let settings = model.aws.clone().unwrap_or_default();
    let endpoint = [
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL_IAM",
        "AWS_ENDPOINT_URL_KMS",
        "AWS_ENDPOINT_URL_STS",
    ]
    .into_iter()
    .find_map(|name| super::env(name).filter(|value| !value.is_empty()).map(|value| (name, value)));
    if let (None, Some((name, url))) = (embedded, &endpoint) {
        if !args.allow_endpoint_override {
            let text = format!("{name} sends AWS requests to {url} instead of AWS");
            return Err(Failure::new(Exit::Error, text)
                .hint("unset it, or give --allow-endpoint-override if that is what you want"));
        }
        out.warning(&format!("AWS requests go to {url} ({name})"));
    }
    let options = AwsOptions {
        region: settings.region,
        profile: settings.profile,
        assume_role: settings.assume_role.map(|role| AssumeRole {
            role_arn: role.role_arn,
            external_id: role.external_id,
            session_name: role.session_name,
        }),
        endpoint_url: None,
        concurrency: 64,
        stats,
        embedded: embedded_aws(embedded),
    };
    Ok(Aws::open(options).await?)
}

#[cfg(feature = "sandbox")]
fn embedded_aws(embedded: Option<&Embedded>) -> Option<crate::cloud::aws::Embedded> {
    embedded.map(Embedded::aws)
}

#[cfg(not(feature = "sandbox"))]
fn embedded_aws(_: Option<&Embedded>) -> Option<crate::cloud::aws::Embedded> {
    None
}

fn open_snowflake(model: &Model, embedded: Option<&Embedded>, stats: Arc<Stats>) -> Result<Session, Failure> {
    let settings = model.snowflake.clone().unwrap_or_default();
    let options = SessionOptions {
        query_tag: Some(format!("snowssi:{}", model.stack)),
        role: settings.role.clone(),
        stats,
        secrets: crate::cloud::secret_resolver(),
        ..SessionOptions::default()
    };
    let (mut connection, transport) = connection(settings.connection.as_deref(), embedded)?;
    connection.warehouse = settings.warehouse.or(connection.warehouse);
    Ok(Session::open(connection, &transport, options)?)
}

fn connection(
    name: Option<&str>,
    embedded: Option<&Embedded>,
) -> Result<(crate::cloud::snowflake::Connection, Transport), Failure> {
    #[cfg(feature = "sandbox")]
    if let Some(embedded) = embedded {
        return Ok((embedded.connection(), Transport::InProcess(embedded.wire())));
    }
    #[cfg(not(feature = "sandbox"))]
    let _ = embedded;
    let connection = crate::cloud::snowflake::resolve(name, &super::env, &crate::cloud::snowflake::connection::Disk)
        .map_err(|error| Failure::new(Exit::Unreachable, format!("cannot connect to Snowflake: {error}")))?;
    Ok((connection, Transport::Network))
}

/// Asks both sides at once who we are, and compares with the spec's pins.
async fn who(model: &Model, cloud: &Cloud) -> Result<Context, Failure> {
    let aws = async {
        match &cloud.aws {
            Some(aws) => aws.caller().await.map(Some),
            None => Ok(None),
        }
    };
    let snowflake = async {
        match &cloud.snowflake {
            Some(session) => session.who().await.map(Some),
            None => Ok(None),
        }
    };
    let (caller, session) = match futures::join!(aws, snowflake) {
        (Ok(caller), Ok(session)) => (caller, session),
        (aws, snowflake) => return Err(Failure::clouds(aws.err().into_iter().chain(snowflake.err()).collect())),
    };
    let mut context = model.offline_context();
    if let (Some(caller), Some(aws)) = (caller, &cloud.aws) {
        let pin = model.aws.as_ref().and_then(|aws| aws.account.clone());
        if let Some(pin) = pin.filter(|pin| *pin != caller.account) {
            let text =
                format!("the spec is for AWS account {pin}, but {} calls from account {}", caller.arn, caller.account);
            return Err(Failure::new(Exit::Error, text)
                .hint("use credentials of the pinned account, or change `account` in [aws]"));
        }
        context.account = caller.account;
        context.partition = caller.partition;
        context.region = aws.region().clone();
    }
    if let Some(session) = session {
        let pin = model.snowflake.as_ref().and_then(|snowflake| snowflake.account.clone());
        if let Some(pin) = pin.filter(|pin| !is_account(pin, &session)) {
            let text =
                format!("the spec is for Snowflake account {pin}, but the connection leads to {}", session.account);
            return Err(Failure::new(Exit::Error, text)
                .hint("use a connection to the pinned account, or change `account` in [snowflake]"));
        }
        let unseen = model.snowflake.as_ref().map(|snowflake| snowflake.unseen).unwrap_or_default();
        context.sight = match (session.sees_all, unseen) {
            (true, _) | (_, Unseen::Absent) => Sight::Full,
            (false, Unseen::Error) => Sight::Partial(session.role.clone()),
        };
        context.snowflake_role = session.role;
    }
    Ok(context)
}

/// Whether a pin names the account: as `ORG-ACCOUNT`, or by its locator with or without region.
fn is_account(pin: &str, session: &crate::cloud::snowflake::Who) -> bool {
    let pin = pin.to_ascii_uppercase().replace('_', "-");
    let first = pin.split('.').next().unwrap_or_default();
    session.account.to_ascii_uppercase().replace('_', "-") == pin || session.locator.eq_ignore_ascii_case(first)
}
