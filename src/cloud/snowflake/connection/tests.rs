//! Connections from files and variables that exist in these tests only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;
use crate::cloud::snowflake::key_pair::KeyError;
use crate::model::Secret;

/// A home directory.
#[derive(Default)]
struct World {
    files: BTreeMap<PathBuf, Kept>,
    env: BTreeMap<String, String>,
}

impl Files for World {
    fn read(&self, path: &Path) -> Result<Option<Kept>, String> {
        Ok(self.files.get(path).cloned())
    }

    fn is_directory(&self, path: &Path) -> bool {
        self.files.keys().any(|file| file.starts_with(path))
    }
}

impl World {
    fn new() -> Self {
        Self::default().env("HOME", "/home/u")
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    fn file(self, path: &str, text: &str) -> Self {
        self.file_with(path, text, 0o600, false)
    }

    fn file_with(mut self, path: &str, text: &str, mode: u32, foreign: bool) -> Self {
        self.files.insert(path.into(), Kept { text: Secret::new(text), mode: Some(mode), foreign });
        self
    }

    fn resolve(&self, name: Option<&str>) -> Result<Connection, ConnectionError> {
        resolve(name, &|name| self.env.get(name).cloned(), self)
    }

    fn fails(&self, name: Option<&str>) -> String {
        let error = self.resolve(name).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("s3cr3t"), "{text}");
        error.to_string()
    }
}

const CONNECTIONS: &str = "/home/u/.snowflake/connections.toml";
const CONFIG: &str = "/home/u/.snowflake/config.toml";
const BASIC: &str = "[default]\naccount = 'org-acct'\nuser = 'u'\npassword = 's3cr3t'\n";

fn password(connection: &Connection) -> &str {
    match &connection.auth {
        Auth::Password { password, .. } => password.expose(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_nearest_value_counts() {
    let world = World::new()
        .file(CONNECTIONS, &format!("{BASIC}role = 'FILE_ROLE'\nwarehouse = ''\n"))
        .env("SNOWFLAKE_CONNECTIONS_DEFAULT_USER", "named")
        .env("SNOWFLAKE_USER", "generic")
        .env("SNOWFLAKE_ROLE", "GENERIC_ROLE")
        .env("SNOWFLAKE_WAREHOUSE", "WH")
        .env("SNOWFLAKE_DATABASE", "");
    let connection = world.resolve(None).unwrap();
    assert_eq!(connection.user.as_deref(), Some("named"));
    assert_eq!(connection.role.as_deref(), Some("FILE_ROLE"));
    assert_eq!(connection.warehouse.as_deref(), Some("WH"), "what is empty is not set");
    assert_eq!(connection.database, None);
    assert_eq!(password(&connection), "s3cr3t");
    assert_eq!(connection.settings["user"].source, Source::Variable("SNOWFLAKE_CONNECTIONS_DEFAULT_USER".into()));
    assert_eq!(
        connection.settings["role"].source.to_string(),
        "`role` of connection `default` in /home/u/.snowflake/connections.toml"
    );
    assert_eq!(connection.settings["password"].shown, "(sensitive)");
    assert!(!format!("{connection:?}").contains("s3cr3t"));
}

#[test]
fn connections_are_found_by_name() {
    let config = "default_connection_name = 'b'\n[connections.a]\naccount = 'a'\n[connections.b]\naccount = 'o-b'\nuser = 'u'\npassword = 's3cr3t'\n";
    let world = World::new().file(CONFIG, config);
    assert_eq!(world.resolve(None).unwrap().account, "o-b");
    assert_eq!(world.resolve(Some("b")).unwrap().name, "b");
    let error = world.fails(Some("c"));
    assert!(error.contains("connection `c` is not configured") && error.contains("(there are: a, b)"), "{error}");
    // A file of connections replaces that section, but not the default's name.
    let both = World::new().file(CONFIG, config).file(CONNECTIONS, BASIC);
    assert!(both.fails(None).contains("connection `b` is not configured in /home/u/.snowflake/connections.toml"));
    assert_eq!(both.resolve(Some("default")).unwrap().account, "org-acct");
    let by_variable =
        World::new().file(CONFIG, config).file(CONNECTIONS, BASIC).env("SNOWFLAKE_DEFAULT_CONNECTION_NAME", "default");
    assert_eq!(by_variable.resolve(None).unwrap().account, "org-acct");
}

#[test]
fn directories() {
    for (path, home) in [
        ("/home/u/.config/snowflake/connections.toml", None),
        ("/xdg/snowflake/connections.toml", Some(("XDG_CONFIG_HOME", "/xdg"))),
        ("/home/u/sf/connections.toml", Some(("SNOWFLAKE_HOME", "~/sf"))),
    ] {
        let mut world = World::new().file(path, BASIC);
        if let Some((name, value)) = home {
            world = world.env(name, value);
        }
        assert_eq!(world.resolve(None).unwrap().name, "default", "{path}");
    }
}

#[test]
fn variables_alone_are_enough() {
    let world = World::new()
        .env("SNOWFLAKE_ACCOUNT", "org-acct")
        .env("SNOWFLAKE_USER", "u")
        .env("SNOWFLAKE_PASSWORD", "s3cr3t");
    let connection = world.resolve(None).unwrap();
    assert_eq!((connection.name.as_str(), connection.endpoint.host.as_str()), ("", "org-acct.snowflakecomputing.com"));
    assert!(world.fails(Some("ci")).contains("connection `ci` is not configured"));
    // Variables of a connection do not make one.
    let world = World::new().env("SNOWFLAKE_CONNECTIONS_CI_ACCOUNT", "a");
    assert!(world.fails(Some("ci")).contains("not configured"));
    assert!(World::new().fails(None).contains("SNOWFLAKE_ACCOUNT is not set"));
}

#[test]
fn files_others_can_touch_are_refused() {
    for (mode, foreign, wrong) in [
        (0o600, false, None),
        (0o700, false, None),
        (0o611, false, None),
        (0o640, false, Some("chmod 0600 /home/u/.snowflake/connections.toml")),
        (0o604, false, Some("can be read by other users")),
        (0o620, false, Some("can be changed by other users")),
        (0o602, false, Some("can be changed by other users")),
        (0o600, true, Some("belongs to another user")),
    ] {
        let world = World::new().file_with(CONNECTIONS, BASIC, mode, foreign);
        match wrong {
            None => assert!(world.resolve(None).is_ok(), "{mode:o}"),
            Some(wrong) => assert!(world.fails(None).contains(wrong), "{mode:o}: {}", world.fails(None)),
        }
    }
    let open = |mode| {
        let variable = "SF_SKIP_TOKEN_FILE_PERMISSIONS_VERIFICATION";
        World::new().file_with(CONNECTIONS, BASIC, mode, false).env(variable, "true").resolve(None)
    };
    assert!(open(0o644).is_ok());
    assert!(open(0o666).is_err(), "the escape is about reading");
    let public = "[default]\naccount = 'a-b'\nuser = 'u'\n";
    let world = World::new().file_with(CONNECTIONS, public, 0o644, false).env("SNOWFLAKE_PASSWORD", "s3cr3t");
    assert!(world.resolve(None).is_ok(), "without a secret it may be read");
}

#[test]
fn broken_files_do_not_leak() {
    let world = World::new().file(CONNECTIONS, "[default]\naccount = 'a'\npassword = 's3cr3t\n");
    let error = world.fails(None);
    assert!(error.contains("connections.toml is not valid TOML, line 3"), "{error}");
}

const KEY: &str = include_str!("../tests/keys/aes.p8");

#[test]
fn key_pairs() {
    let base = "[default]\naccount = 'org-acct'\nuser = 'u'\n";
    let with = |more: &str| World::new().file(CONNECTIONS, &format!("{base}{more}")).file("/home/u/k.p8", KEY);
    let passphrase = "private_key_passphrase = 'correct-horse'\n";
    for world in [
        with(&format!("authenticator = 'SNOWFLAKE_JWT'\nprivate_key_file = '~/k.p8'\n{passphrase}")),
        with("private_key_path = '/home/u/k.p8'\nprivate_key_file_pwd = 'correct-horse'\n"),
        with("private_key_file = '~/k.p8'\nprivate_key_passphrase = 'wrong'\n")
            .env("PRIVATE_KEY_PASSPHRASE", "correct-horse"),
        with(passphrase).env("SNOWFLAKE_PRIVATE_KEY", &KEY.replace('\n', "\\n")),
        with(passphrase).env("SNOWFLAKE_PRIVATE_KEY_RAW", KEY),
        // What is set for all does not contradict the file.
        with(&format!("private_key_file = '~/k.p8'\n{passphrase}")).env("SNOWFLAKE_PRIVATE_KEY", "x"),
    ] {
        assert_eq!(world.resolve(None).unwrap().auth.name(), "snowflake_jwt");
    }
    assert!(with("private_key_file = '~/k.p8'\nprivate_key_raw = 's3cr3t'\n").fails(None).contains("are both set"));
    assert!(with("private_key_file = '~/k.p8'\n").fails(None).contains(&KeyError::PassphraseMissing.to_string()));
    assert!(with("private_key_file = '~/none.p8'\n").fails(None).contains("/home/u/none.p8 cannot be read"));
    assert!(with("authenticator = 'snowflake_jwt'\n").fails(None).contains("no `private_key_file`"));
    let shared = World::new().file(CONNECTIONS, &format!("{base}private_key_file = '~/k.p8'\n")).file_with(
        "/home/u/k.p8",
        KEY,
        0o644,
        false,
    );
    assert!(shared.fails(None).contains("chmod 0600 /home/u/k.p8"));
    let near = with("password = 's3cr3t'\n").env("SNOWFLAKE_PRIVATE_KEY", "far");
    assert_eq!(near.resolve(None).unwrap().auth.name(), "snowflake");
}

#[test]
fn tokens_and_other_ways_in() {
    let with = |more: &str| {
        World::new()
            .file(CONNECTIONS, &format!("[default]\naccount = 'org-acct'\n{more}"))
            .file("/t", " s3cr3t-token\n")
    };
    match with("authenticator = 'oauth'\ntoken_file_path = '/t'\n").resolve(None).unwrap().auth {
        Auth::OAuth(token) => {
            assert_eq!((token.text.expose(), token.file.as_deref()), ("s3cr3t-token", Some(Path::new("/t"))));
        }
        other => panic!("{other:?}"),
    }
    let both = with("authenticator = 'PROGRAMMATIC_ACCESS_TOKEN'\ntoken = 'x'\ntoken_file_path = '/t'\n")
        .resolve(None)
        .unwrap();
    assert!(matches!(both.auth, Auth::AccessToken(token) if token.text.expose() == "s3cr3t-token"));
    for (more, wrong) in [
        ("token = 's3cr3t'\n", "has no `authenticator`"),
        ("authenticator = 'oauth'\n", "has no `token`"),
        ("authenticator = 'externalbrowser'\n", "`externalbrowser` is not supported; supported are"),
        ("authenticator = 'workload_identity'\n", "is not supported"),
        ("authenticator = 'https://x.okta.com'\n", "is not supported"),
        ("user = 'u'\n", "has no `password`"),
        ("password = 's3cr3t'\n", "has no `user`"),
    ] {
        let error = with(more).fails(None);
        assert!(error.contains(wrong), "{more}: {error}");
    }
}

#[test]
fn hosts() {
    let with =
        |more: &str| World::new().file(CONNECTIONS, &format!("[default]\nuser = 'u'\npassword = 's3cr3t'\n{more}"));
    for (more, endpoint) in [
        ("account = 'o-a'", "https://o-a.snowflakecomputing.com:443"),
        ("account = 'xy1'\nregion = 'eu-west-1'", "https://xy1.eu-west-1.snowflakecomputing.com:443"),
        ("account = 'o-a'\nhost = 'proxy.corp.example'\nport = 8443", "https://proxy.corp.example:8443"),
        ("account = 'o-a'\nhost = '127.0.0.1'\nprotocol = 'http'\nport = '8080'", "http://127.0.0.1:8080"),
        ("host = 'o-a.snowflakecomputing.com'", "https://o-a.snowflakecomputing.com:443"),
    ] {
        assert_eq!(with(more).resolve(None).unwrap().endpoint.to_string(), endpoint, "{more}");
    }
    for (more, wrong) in [
        ("account = 'https://evil.example'", "not of a Snowflake account"),
        ("account = 'o-a'\nprotocol = 'http'", "unencrypted"),
        ("account = 'o-a'\nhost = 'localhost.evil.example'\nprotocol = 'http'", "unencrypted"),
        ("account = 'o-a'\nprotocol = 'ftp'", "is not `https`"),
        ("account = 'o-a'\nport = 70000", "is not a port"),
        ("account = 'o-a'\nhost = 'https://x'", "is a URL"),
        ("host = 'proxy.corp.example'", "has no `account`"),
        ("", "has no `account`"),
    ] {
        let error = with(more).fails(None);
        assert!(error.contains(wrong), "{more}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn the_disk_tells_owner_and_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("connections.toml");
    std::fs::write(&path, BASIC).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let kept = Disk.read(&path).unwrap().unwrap();
    assert_eq!((kept.mode, kept.foreign, kept.text.expose()), (Some(0o640), false, BASIC));
    assert!(Disk.read(&directory.path().join("none")).unwrap().is_none());
    assert!(Disk.read(directory.path()).is_err());
    assert!(Disk.is_directory(directory.path()) && !Disk.is_directory(&path));
}
