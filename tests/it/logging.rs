//! What a log holds, and what it must never hold: the real binary at its most talkative, against a server that gives tokens away.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

const CANARIES: [&str; 5] = [
    "canary-password",
    "canary-session-token",
    "canary-master-token",
    "Y2FuYXJ5LW1hc3Rlci1rZXk",
    "canary-statement-text",
];

fn is_clean(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary} is told:\n{text}");
    }
    text
}

#[test]
fn a_login_leaves_no_secret_in_the_log() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(String::new()));
    let keep = Arc::clone(&heard);
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(serve(stream, &keep))));
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join(".snowflake");
    fs::create_dir(&config).unwrap();
    let connection = format!(
        "[default]\naccount = \"org-account\"\nuser = \"someone\"\npassword = \"canary-password\"\nhost = \"127.0.0.1\"\n\
         protocol = \"http\"\nport = {port}\n"
    );
    let connections = config.join("connections.toml");
    fs::write(&connections, connection).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&connections, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fs::write(home.path().join("snowssi.toml"), "[stack]\nname = \"a\"\n\n[warehouse.a]\nname = \"A\"\n").unwrap();

    let output = Command::new(env!("CARGO_BIN_EXE_snowssi"))
        .args(["plan", "--log-level=trace"])
        .current_dir(home.path())
        .env_clear()
        .env("HOME", home.path())
        .env("RUST_LOG", "trace")
        .output()
        .unwrap();

    let text = is_clean(&output);
    let heard = heard.lock().unwrap();
    assert!(heard.contains("canary-password"), "the password was never in play:\n{heard}\n{text}");
    assert!(heard.contains("canary-session-token"), "the token was never in play:\n{heard}\n{text}");
    assert!(text.contains("logged in to Snowflake"), "nothing was logged:\n{text}");
}

#[test]
fn an_apply_leaves_no_secret_in_the_log() {
    let home = tempfile::tempdir().unwrap();
    let spec = r#"
[stack]
name = "a"
[database.a]
name = "A"
comment = "canary-statement-text"
[schema.a]
database = "{{ database.a.name }}"
name = "S"
[stage.a]
schema = "{{ schema.a.fqn }}"
name = "IN"
url = "s3://canary-bucket/"
encryption = { type = "AWS_CSE", master_key = { env = "MASTER_KEY" } }
"#;
    fs::write(home.path().join("snowssi.toml"), spec).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_snowssi"))
        .args(["apply", "--sandbox=sandbox", "--auto-approve", "--log-level=trace"])
        .current_dir(home.path())
        .env_clear()
        .env("HOME", home.path())
        .env("MASTER_KEY", "Y2FuYXJ5LW1hc3Rlci1rZXk=")
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    assert!(!log.contains("canary-statement-text"), "the log holds statements:\n{log}");
    // A comment is no secret: the plan shows it, the log does not.
    let output = Output {
        stdout: String::from_utf8_lossy(&output.stdout).replace("canary-statement-text", "").into(),
        ..output
    };
    is_clean(&output);
    assert!(log.contains("statement"), "nothing was logged:\n{log}");
}

#[test]
fn nothing_is_logged_unless_it_is_asked_for() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("snowssi.toml"), "[stack]\nname = \"a\"\n\n[warehouse.a]\nname = \"A\"\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_snowssi"))
        .args(["plan", "--sandbox=sandbox"])
        .current_dir(home.path())
        .env_clear()
        .env("RUST_LOG", "trace")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// Lets everybody in with tokens to look out for, and refuses every statement. Keeps what it hears.
fn serve(stream: TcpStream, heard: &Mutex<String>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut request, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        request.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    heard.lock().unwrap().push_str(&format!("{request}{}\n", String::from_utf8_lossy(&body)));
    let answer = if request.contains("/login-request") {
        r#"{"success":true,"code":null,"message":null,"data":{"token":"canary-session-token","masterToken":"canary-master-token",
           "validityInSeconds":3600,"masterValidityInSeconds":14400,"sessionId":1,"displayUserName":"SOMEONE",
           "parameters":[],"sessionInfo":{"databaseName":null,"schemaName":null,"warehouseName":null,"roleName":"R"}}}"#
    } else {
        r#"{"success":false,"code":"003001","message":"SQL access control error: insufficient privileges","data":{"sqlState":"42501"}}"#
    };
    let mut stream = reader.into_inner();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    )
}
