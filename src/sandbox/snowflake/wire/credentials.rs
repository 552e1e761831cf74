//! Who may log in, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_lc_rs::{digest, signature};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::Value;

use super::envelope::Refused;

/// Who may log in, and how. By default the user `SANDBOX` may, with anything.
#[derive(Clone)]
pub struct Credentials {
    users: BTreeMap<String, User>,
}

#[derive(Clone, Default)]
struct User {
    anything: bool,
    passwords: BTreeSet<String>,
    passcode: Option<String>,
    access_tokens: BTreeSet<String>,
    oauth_tokens: BTreeSet<String>,
    public_key: Option<Vec<u8>>,
}

/// What a login gives to prove who it is.
pub(super) struct Proof<'a> {
    pub(super) account: &'a str,
    pub(super) user: &'a str,
    pub(super) authenticator: &'a str,
    pub(super) password: &'a str,
    pub(super) passcode: &'a str,
    pub(super) token: &'a str,
    /// Seconds since the epoch.
    pub(super) now: u64,
}

/// The user of the sandbox.
const SANDBOX: &str = "SANDBOX";

impl Default for Credentials {
    fn default() -> Self {
        Self { users: BTreeMap::from([(SANDBOX.to_owned(), User { anything: true, ..User::default() })]) }
    }
}

impl Credentials {
    /// Nobody may log in yet.
    pub fn none() -> Self {
        Self { users: BTreeMap::new() }
    }

    /// A user may log in with a password.
    #[must_use]
    pub fn with_password(mut self, user: &str, password: &str) -> Self {
        self.user(user).passwords.insert(password.to_owned());
        self
    }

    /// A user's password needs this passcode beside it.
    #[must_use]
    pub fn with_passcode(mut self, user: &str, passcode: &str) -> Self {
        self.user(user).passcode = Some(passcode.to_owned());
        self
    }

    /// A user may log in with a programmatic access token.
    #[must_use]
    pub fn with_access_token(mut self, user: &str, token: &str) -> Self {
        self.user(user).access_tokens.insert(token.to_owned());
        self
    }

    /// A user may log in with an OAuth token.
    #[must_use]
    pub fn with_oauth_token(mut self, user: &str, token: &str) -> Self {
        self.user(user).oauth_tokens.insert(token.to_owned());
        self
    }

    /// A user may log in with tokens signed by the private half of this RSA key (in DER).
    #[must_use]
    pub fn with_public_key(mut self, user: &str, der: &[u8]) -> Self {
        self.user(user).public_key = Some(der.to_vec());
        self
    }

    fn user(&mut self, name: &str) -> &mut User {
        self.users.entry(name.to_uppercase()).or_default()
    }

    /// The user who logs in, as stored.
    pub(super) fn check(&self, proof: &Proof<'_>) -> Result<String, Refused> {
        let name = proof.user.to_uppercase();
        if self.users.get(if name.is_empty() { SANDBOX } else { &name }).is_some_and(|user| user.anything) {
            return Ok(if name.is_empty() { SANDBOX.to_owned() } else { name });
        }
        let known = self.users.get(&name);
        match proof.authenticator.to_ascii_uppercase().as_str() {
            "" | "SNOWFLAKE" | "USERNAME_PASSWORD_MFA" => {
                let wrong =
                    || Refused::login("390100", "Incorrect username or password was specified.", "USERNAME_PASSWORD");
                let user = known.filter(|user| user.passwords.contains(proof.password)).ok_or_else(wrong)?;
                if user.passcode.as_deref().is_some_and(|passcode| passcode != proof.passcode) {
                    return Err(Refused::login("390127", "The passcode is missing or wrong.", "USERNAME_PASSWORD"));
                }
                Ok(name)
            }
            "PROGRAMMATIC_ACCESS_TOKEN" => self
                .owner(&name, |user| user.access_tokens.contains(proof.token))
                .ok_or_else(|| Refused::login("394400", "Programmatic access token is invalid.", "PAT")),
            "OAUTH" => self
                .owner(&name, |user| user.oauth_tokens.contains(proof.token))
                .ok_or_else(|| Refused::login("390303", "Invalid OAuth access token.", "OAUTH")),
            "SNOWFLAKE_JWT" => {
                let key = known.and_then(|user| user.public_key.as_deref());
                let key = key.ok_or_else(|| Refused::login("390144", "JWT token is invalid.", "KEYPAIR"))?;
                signed(proof, &name, key).map_err(|(code, why)| Refused::login(code, why, "KEYPAIR"))?;
                Ok(name)
            }
            other => Err(Refused::new("390190", format!("There is no authenticator {other} in the sandbox."))),
        }
    }

    /// The user of a token; a login need not name it.
    fn owner(&self, name: &str, has: impl Fn(&User) -> bool) -> Option<String> {
        let mut owners = self.users.iter().filter(|(owner, user)| (name.is_empty() || *owner == name) && has(user));
        owners.next().map(|(owner, _)| owner.clone())
    }
}

/// Checks a signed token as Snowflake does: names, times, the key's fingerprint, the signature.
fn signed(proof: &Proof<'_>, user: &str, public_key: &[u8]) -> Result<(), (&'static str, &'static str)> {
    const INVALID: (&str, &str) = ("390144", "JWT token is invalid.");
    let mut parts = proof.token.split('.');
    let (Some(header), Some(claims), Some(seal), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(("394306", "JWT token is malformed."));
    };
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| ("394306", "JWT token is malformed."));
    let json = |part: &str| serde_json::from_slice::<Value>(&decode(part)?).map_err(|_| INVALID);
    if json(header)?.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err(("394305", "JWT token has an invalid algorithm."));
    }
    let claims_json = json(claims)?;
    let text = |key: &str| claims_json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let time = |key: &str| claims_json.get(key).and_then(Value::as_u64).unwrap_or_default();
    let subject = format!("{}.{user}", proof.account.to_uppercase());
    if text("sub") != subject {
        return Err(INVALID);
    }
    match (time("iat"), time("exp")) {
        (_, exp) if exp <= proof.now => return Err(("394301", "JWT token has expired.")),
        (iat, _) if iat > proof.now + 60 => return Err(("394302", "JWT token is not valid yet.")),
        (iat, exp) if exp > iat + 3600 => return Err(("394303", "JWT token is valid for too long.")),
        _ => {}
    }
    let fingerprint = BASE64_STANDARD.encode(digest::digest(&digest::SHA256, public_key));
    if text("iss") != format!("{subject}.SHA256:{fingerprint}") {
        return Err(("394304", "JWT token public key fingerprint mismatch."));
    }
    let key = signature::UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, public_key);
    key.verify(format!("{header}.{claims}").as_bytes(), &decode(seal)?).map_err(|_| INVALID)
}

/// The users; never what they prove themselves with.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.users.keys()).finish()
    }
}
