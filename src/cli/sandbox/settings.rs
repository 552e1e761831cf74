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
    aws: SocketAddr,
    snowflake: SocketAddr,
}

impl Settings {
    /// Writes the file of connections into the sandbox, for all programs that can be told where it is.
    pub(super) fn write(dir: &Path, served: &Served) -> io::Result<Self> {
        let dir = std::path::absolute(dir)?;
        let home = dir.join("clients");
        let settings = Self { dir, home, aws: served.aws(), snowflake: served.snowflake() };
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
        let value = json!({
            "pid": std::process::id(),
            "directory": self.dir,
            "aws": {
                "endpoint_url": self.aws_url(),
                "host": self.aws.ip(),
                "port": self.aws.port(),
                "region": REGION,
                "account": ACCOUNT,
                "access_key_id": ACCESS_KEY_ID,
                "secret_access_key": SECRET_ACCESS_KEY,
                "environment": object(self.aws_environment()),
                "profile": self.profile(),
                "boto3": {
                    "endpoint_url": self.aws_url(),
                    "region_name": REGION,
                    "aws_access_key_id": ACCESS_KEY_ID,
                    "aws_secret_access_key": SECRET_ACCESS_KEY,
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
            variables.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect()
        };
        let python = |call: &str, settings: &[(&str, Value)]| {
            let arguments: Vec<String> =
                settings.iter().map(|(name, value)| format!("    {name}={value},\n")).collect();
            format!("{call}\n{})\n", arguments.concat())
        };
        let boto3 = python(
            "import boto3\nsession = boto3.Session(",
            &[
                ("aws_access_key_id", json!(ACCESS_KEY_ID)),
                ("aws_secret_access_key", json!(SECRET_ACCESS_KEY)),
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
                format!("AWS        {}\nSnowflake  http://{}\n", self.aws_url(), self.snowflake),
            ),
            ("AWS CLI, and all SDKs of AWS: environment".to_owned(), exports(self.aws_environment())),
            ("AWS CLI: profile, for ~/.aws/config".to_owned(), self.profile()),
            (
                "boto3".to_owned(),
                format!("{boto3}s3 = session.client(\"s3\", endpoint_url={})\n", json!(self.aws_url())),
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

    fn aws_url(&self) -> String {
        format!("http://{}", self.aws)
    }

    fn aws_environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.aws_url()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
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
            "[profile snowssi-sandbox]\nendpoint_url = {}\nregion = {REGION}\naws_access_key_id = {ACCESS_KEY_ID}\n\
             aws_secret_access_key = {SECRET_ACCESS_KEY}\n",
            self.aws_url()
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
