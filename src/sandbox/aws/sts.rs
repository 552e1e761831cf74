//! STS: who asks, and sessions of roles.

use super::access::{self, By};
use super::decision::Assuming;
use super::grammar::{self, Purpose};
use super::iam::reply;
use super::store::World;
use super::time::iso;
use super::wire::{Answer, Asked, Refused, refused};
use super::xml::Node;
use super::{ACCESS_KEY_ID, ACCOUNT, CALLER, SECRET_ACCESS_KEY};

/// A session of a role.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// `arn:aws:sts::…:assumed-role/role/session`.
    pub(super) arn: String,
    /// The role.
    pub(super) role_arn: String,
    /// The unique ID of the role: a role that takes the place of a deleted one is another.
    role_id: String,
    /// When it was given out.
    pub(super) issued: i64,
    /// The policies it was narrowed with.
    pub(super) policies: Option<Vec<String>>,
    expires: i64,
    secret: String,
    token: String,
}

/// Who signed a request.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    /// [`CALLER`].
    User,
    /// Another user of the account, by its ARN.
    Keyed(String),
    /// A session of a role.
    Session(Session),
}

impl Caller {
    /// Its ARN.
    pub(super) fn arn(&self) -> &str {
        match self {
            Self::User => CALLER,
            Self::Keyed(arn) => arn,
            Self::Session(session) => &session.arn,
        }
    }

    /// Of whoever needs permissions: how they are found.
    pub(super) fn by(&self) -> Option<By<'_>> {
        match self {
            Self::User => None,
            Self::Keyed(arn) => Some(By { session: arn, role: arn, issued: None, policies: None }),
            Self::Session(session) => Some(session.into()),
        }
    }

    /// The role of a session.
    pub(super) fn role(&self) -> Option<&str> {
        match self {
            Self::User | Self::Keyed(_) => None,
            Self::Session(session) => Some(&session.role_arn),
        }
    }
}

/// What S3 says to a key that it does not know, or that is not active.
pub(super) const UNKNOWN_KEY: &str = "The AWS Access Key Id you provided does not exist in our records.";

const GONE: &str = "The role of the security token included in the request is gone";

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Finds out who signed; refuses unknown and expired keys as each service does.
pub(super) fn caller(world: &World, asked: &Asked) -> Result<Caller, Refused> {
    let s3 = asked.service == "s3";
    if asked.key_id == ACCESS_KEY_ID {
        return Ok(Caller::User);
    }
    if let Some((arn, _)) = world.access_key(&asked.key_id).filter(|(_, key)| key.active) {
        return Ok(Caller::Keyed(arn.to_owned()));
    }
    match world.sessions.get(&asked.key_id) {
        Some(session) if world.unique_id_of(&session.role_arn) != Some(&session.role_id) => {
            Err(refused(403, if s3 { "InvalidAccessKeyId" } else { "InvalidClientTokenId" }, GONE))
        }
        Some(session) if session.expires > world.now() => Ok(Caller::Session(session.clone())),
        Some(_) => Err(refused(
            if s3 { 400 } else { 403 },
            if s3 { "ExpiredToken" } else { "ExpiredTokenException" },
            "The security token included in the request is expired",
        )),
        None if s3 => Err(refused(403, "InvalidAccessKeyId", UNKNOWN_KEY)),
        None if matches!(asked.service.as_str(), "kms" | "secretsmanager" | "tagging") => {
            let message = "The security token included in the request is invalid.";
            Err(refused(400, "UnrecognizedClientException", message))
        }
        None => Err(refused(403, "InvalidClientTokenId", "The security token included in the request is invalid.")),
    }
}

/// The secret of an access key, and the token that goes with it.
pub(super) fn secret<'a>(world: &'a World, key_id: &str) -> Option<(&'a str, Option<&'a str>)> {
    if key_id == ACCESS_KEY_ID {
        return Some((SECRET_ACCESS_KEY, None));
    }
    if let Some((_, key)) = world.access_key(key_id) {
        return Some((&key.secret, None));
    }
    world.sessions.get(key_id).map(|session| (session.secret.as_str(), Some(session.token.as_str())))
}

/// Answers one request.
pub(super) fn answer(world: &mut World, asked: &Asked, operation: &str, caller: &Caller) -> Answer {
    let result = match operation {
        "GetCallerIdentity" => {
            let arn = caller.arn();
            let id = world.unique_id_of(arn).unwrap_or("AROASNOWSSISANDBOX000").to_owned();
            Node::new("").put("Arn", arn).put("UserId", id).put("Account", ACCOUNT)
        }
        "AssumeRole" => assume(world, asked, caller)?,
        other => return Err(refused(501, "NotImplemented", format!("the sandbox does not know sts:{other}"))),
    };
    Ok(reply(operation, Some(result), NAMESPACE))
}

fn assume(world: &mut World, asked: &Asked, caller: &Caller) -> Result<Node, Refused> {
    let fields = super::iam::Fields::read(asked)?;
    let (role_arn, name) = (fields.need("RoleArn")?, fields.need("RoleSessionName")?);
    let fits = |c: char| c.is_ascii_alphanumeric() || "_=,.@-".contains(c);
    if !(2..=64).contains(&name.len()) || !name.chars().all(fits) {
        let message = format!(
            "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: [\\w+=,.@-]*"
        );
        return Err(refused(400, "ValidationError", message));
    }
    let policies = session_policies(world, &fields)?;
    let longest = world.iam.roles.values().find(|role| role.arn == role_arn).map_or(3600, |role| role.max_session);
    let seconds = match fields.get("DurationSeconds").map(str::parse::<u32>) {
        None => 3600,
        Some(Ok(seconds)) if (900..=longest).contains(&seconds) => seconds,
        Some(_) => {
            let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
            return Err(refused(400, "ValidationError", message));
        }
    };
    let assuming = Assuming { principal: caller.arn(), role_arn, external_id: fields.get("ExternalId"), session: name };
    let narrowed = match caller {
        Caller::User | Caller::Keyed(_) => None,
        Caller::Session(session) => session.policies.as_deref(),
    };
    let arn = access::assume(world, &assuming, narrowed, &asked.region)?;
    let issued = world.now();
    let expires = issued + i64::from(seconds) * 1000;
    let random = || uuid::Uuid::new_v4().simple().to_string();
    let key = format!("ASIA{}", random().to_ascii_uppercase().get(..16).unwrap_or_default());
    let (secret, token) = (random() + &random(), random() + &random());
    let (shown_secret, shown_token) = (secret.clone(), token.clone());
    let role_id = world.unique_id_of(role_arn).unwrap_or_default().to_owned();
    let session = Session {
        arn: arn.clone(),
        role_arn: role_arn.into(),
        role_id: role_id.clone(),
        issued,
        policies,
        expires,
        secret,
        token,
    };
    world.sessions.insert(key.clone(), session);
    let credentials = Node::new("Credentials")
        .put("AccessKeyId", key)
        .put("SecretAccessKey", shown_secret)
        .put("SessionToken", shown_token)
        .put("Expiration", iso(expires));
    let user = Node::new("AssumedRoleUser").put("AssumedRoleId", format!("{role_id}:{name}")).put("Arn", arn);
    Ok(Node::new("").with(credentials).with(user))
}

/// The policies that narrow the session; parameters whose permissions the sandbox does not decide are refused.
fn session_policies(world: &World, fields: &super::iam::Fields) -> Result<Option<Vec<String>>, Refused> {
    let undecided = [
        "Tags.member.1.Key",
        "TransitiveTagKeys.member.1",
        "SourceIdentity",
        "SerialNumber",
        "TokenCode",
        "ProvidedContexts.member.1.ProviderArn",
    ];
    if let Some(name) = undecided.into_iter().find(|name| fields.get(name).is_some()) {
        let name = name.split('.').next().unwrap_or_default();
        return Err(refused(501, "NotImplemented", format!("the sandbox does not know {name} of sts:AssumeRole")));
    }
    let mut policies = Vec::new();
    if let Some(text) = fields.get("Policy") {
        grammar::check(Purpose::Identity, text).map_err(|message| refused(400, "MalformedPolicyDocument", message))?;
        policies.push(text.to_owned());
    }
    for at in 1.. {
        let Some(arn) = fields.get(&format!("PolicyArns.member.{at}.arn")) else { break };
        let text = super::iam::document_of(world, arn);
        policies.push(text.ok_or_else(|| refused(400, "MalformedPolicyDocument", format!("{arn} does not exist")))?);
    }
    Ok((!policies.is_empty()).then_some(policies))
}
