//! Settings with which others' programs find the embedded clouds, ready to be pasted. `docs/sandbox.md` documents the JSON.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::sandbox::aws::{ACCESS_KEY_ID, ACCOUNT, REGION, SECRET_ACCESS_KEY};
use crate::sandbox::serve::Served;
use crate::sandbox::{SNOWFLAKE_ACCOUNT, SNOWFLAKE_PASSWORD, SNOWFLAKE_USER};

/// The role of connections.
const ROLE: &str = "ACCOUNTADMIN";

/// Settings of one sandbox.
pub(super) struct Settings {
    dir: PathBuf,
    /// Where the connections are written, for programs that read `SNOWFLAKE_HOME`.
    home: PathBuf,
    /// AWS's URL.
    aws: String,
    /// ID and secret of AWS's access key.
    keys: (&'static str, &'static str),
    /// AWS's account, as far as it is known.
    account: Option<&'static str>,
    snowflake: SocketAddr,
}

impl Settings {
    /// Writes the file of connections into the sandbox, for all programs that can be told where it is.
    pub(super) fn write(dir: &Path, served: &Served) -> io::Result<Self> {
        let dir = std::path::absolute(dir)?;
        let home = dir.join("clients");
        // An emulator of others has an account of its own, and takes the credentials that emulators take.
        let (keys, account) = if served.is_beside() {
            (("test", "test"), None)
        } else {
            ((ACCESS_KEY_ID, SECRET_ACCESS_KEY), Some(ACCOUNT))
        };
        let settings = Self { dir, home, aws: served.aws_url(), keys, account, snowflake: served.snowflake() };
        std::fs::create_dir_all(&settings.home)?;
        let file = settings.home.join("connections.toml");
        let text = format!("{}\n{}", settings.connection("default"), settings.connection("sandbox"));
        std::fs::write(&file, text)?;
        // Programs refuse a file with a password that others can read, even if the password is no secret.
        #[cfg(unix)]
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Ok(settings)
    }

    /// One JSON object on one line.
    pub(super) fn json(&self) -> String {
        let host = self.host();
        let (id, secret) = self.keys;
        let aws: http::Uri = self.aws.parse().unwrap_or_default();
        let value = json!({
            "pid": std::process::id(),
            "directory": self.dir,
            "aws": {
                "endpoint_url": self.aws,
                "host": aws.host(),
                "port": aws.port_u16(),
                "region": REGION,
                "account": self.account,
                "access_key_id": id,
                "secret_access_key": secret,
                "environment": object(self.aws_environment()),
                "profile": self.profile(),
                "boto3": {
                    "endpoint_url": self.aws,
                    "region_name": REGION,
                    "aws_access_key_id": id,
                    "aws_secret_access_key": secret,
                },
            },
            "snowflake": {
                "host": host,
                "port": self.snowflake.port(),
                "protocol": "http",
                "account": SNOWFLAKE_ACCOUNT,
                "user": SNOWFLAKE_USER,
                "password": SNOWFLAKE_PASSWORD,
                "role": ROLE,
                "environment": object(self.snowflake_environment()),
                "connection": self.connection("sandbox"),
                "python": {
                    "account": SNOWFLAKE_ACCOUNT,
                    "user": SNOWFLAKE_USER,
                    "password": SNOWFLAKE_PASSWORD,
                    "role": ROLE,
                    "host": host,
                    "port": self.snowflake.port(),
                    "protocol": "http",
                },
            },
            "snowssi": {
                "environment": object(self.snowssi_environment()),
                "arguments": ["--allow-endpoint-override"],
            },
        });
        format!("{value}\n")
    }

    /// Text to paste from.
    pub(super) fn text(&self) -> String {
        let exports = |variables: Vec<(&str, String)>| -> String {
            let lines: Vec<String> =
                variables.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect();
            lines.concat()
        };
        let python = |call: &str, settings: &[(&str, Value)]| {
            let arguments: Vec<String> =
                settings.iter().map(|(name, value)| format!("    {name}={value},\n")).collect();
            format!("{call}\n{})\n", arguments.concat())
        };
        let boto3 = python(
            "import boto3\nimport botocore.config\nsession = boto3.Session(",
            &[
                ("aws_access_key_id", json!(self.keys.0)),
                ("aws_secret_access_key", json!(self.keys.1)),
                ("region_name", json!(REGION)),
            ],
        );
        let connector = python(
            "import snowflake.connector\nconnection = snowflake.connector.connect(",
            &[
                ("account", json!(SNOWFLAKE_ACCOUNT)),
                ("user", json!(SNOWFLAKE_USER)),
                ("password", json!(SNOWFLAKE_PASSWORD)),
                ("role", json!(ROLE)),
                ("host", json!(self.host())),
                ("port", json!(self.snowflake.port())),
                ("protocol", json!("http")),
            ],
        );
        let sections = [
            (
                format!("The sandbox in {} is served.", self.dir.display()),
                format!("AWS        {}\nSnowflake  http://{}\n", self.aws, self.snowflake),
            ),
            ("AWS CLI, and all SDKs of AWS: environment".to_owned(), exports(self.aws_environment())),
            ("AWS CLI: profile, for ~/.aws/config".to_owned(), self.profile()),
            (
                "boto3".to_owned(),
                format!(
                    "{boto3}s3 = session.client(\n    \"s3\",\n    endpoint_url={},\n    config=botocore.config.Config(signature_version=\"s3v4\"),\n)\n",
                    json!(self.aws)
                ),
            ),
            ("Snowflake Python connector".to_owned(), connector),
            ("snow CLI: connection, for connections.toml".to_owned(), self.connection("sandbox")),
            ("Snowflake clients that read variables".to_owned(), exports(self.snowflake_environment())),
            (
                "snowssi over the network".to_owned(),
                format!("{}snowssi plan --allow-endpoint-override\n", exports(self.snowssi_environment())),
            ),
        ];
        sections.map(|(title, text)| format!("# {title}\n\n{text}")).join("\n")
    }

    fn aws_environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.aws.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", self.keys.0.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", self.keys.1.to_owned()),
        ]
    }

    fn snowflake_environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("SNOWFLAKE_ACCOUNT", SNOWFLAKE_ACCOUNT.to_owned()),
            ("SNOWFLAKE_USER", SNOWFLAKE_USER.to_owned()),
            ("SNOWFLAKE_PASSWORD", SNOWFLAKE_PASSWORD.to_owned()),
            ("SNOWFLAKE_ROLE", ROLE.to_owned()),
            ("SNOWFLAKE_HOST", self.host()),
            ("SNOWFLAKE_PORT", self.snowflake.port().to_string()),
            ("SNOWFLAKE_PROTOCOL", "http".to_owned()),
        ]
    }

    /// Specs name a connection, so it has to be in a file.
    fn snowssi_environment(&self) -> Vec<(&'static str, String)> {
        let mut all = self.aws_environment();
        all.push(("SNOWFLAKE_HOME", self.home.display().to_string()));
        all
    }

    fn profile(&self) -> String {
        format!(
            "[profile snowssi-sandbox]\nendpoint_url = {}\nregion = {REGION}\naws_access_key_id = {}\n\
             aws_secret_access_key = {}\ns3 =\n    signature_version = s3v4\n",
            self.aws, self.keys.0, self.keys.1
        )
    }

    fn connection(&self, name: &str) -> String {
        format!(
            "[{name}]\naccount = \"{SNOWFLAKE_ACCOUNT}\"\nuser = \"{SNOWFLAKE_USER}\"\npassword = \"{SNOWFLAKE_PASSWORD}\"\n\
             role = \"{ROLE}\"\nhost = \"{}\"\nport = {}\nprotocol = \"http\"\n",
            self.host(),
            self.snowflake.port()
        )
    }

    /// Snowflake's host as it stands in a URL.
    fn host(&self) -> String {
        match self.snowflake.ip() {
            std::net::IpAddr::V4(address) => address.to_string(),
            std::net::IpAddr::V6(address) => format!("[{address}]"),
        }
    }
}

fn object(pairs: Vec<(&str, String)>) -> Value {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// A value as a shell takes it.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:.-_".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', "'\\''"))
}
