//! The embedded clouds through real sockets.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::super::{Reach, Rows};
use super::*;
use crate::sandbox::fault::{Kind, Plan, Rule, Span};

fn clouds() -> (tempfile::TempDir, Arc<Embedded>) {
    let dir = tempfile::tempdir().unwrap();
    let clouds = Arc::new(Embedded::open(dir.path()).unwrap());
    (dir, clouds)
}

/// Sends bytes and reads until the connection is closed.
async fn raw(to: SocketAddr, request: String) -> String {
    let read = move || {
        let mut connection = TcpStream::connect(to).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

fn s3(served: &Served) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_s3::config::Region::from_static("us-east-1"))
        .credentials_provider(crate::sandbox::aws::AwsSandbox::credentials())
        .endpoint_url(served.aws_url())
        .force_path_style(true)
        .retry_config(aws_smithy_types::retry::RetryConfig::disabled())
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_talks_to_it_over_a_socket() {
    let (_dir, clouds) = clouds();
    let served = Served::start(Arc::clone(&clouds), Options::default()).unwrap();
    let s3 = s3(&served);
    s3.create_bucket().bucket("events").send().await.unwrap();
    let body: Vec<u8> = (0..200_000u32).map(|n| n.to_le_bytes()[0]).collect();
    s3.put_object().bucket("events").key("a b/ü+%.txt").body(body.clone().into()).send().await.unwrap();
    let read = s3.get_object().bucket("events").key("a b/ü+%.txt").send().await.unwrap();
    assert_eq!(read.body.collect().await.unwrap().to_vec(), body);
    let part = s3.get_object().bucket("events").key("a b/ü+%.txt").range("bytes=3-4").send().await.unwrap();
    assert_eq!(part.content_range(), Some("bytes 3-4/200000"));
    assert_eq!(part.body.collect().await.unwrap().to_vec(), [3, 4]);
    let head = s3.head_object().bucket("events").key("a b/ü+%.txt").send().await.unwrap();
    assert_eq!(head.content_length(), Some(200_000));
    served.stop().await.unwrap();
    // The same object is there in the process.
    assert_eq!(clouds.aws.traffic().calls().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_closes_the_connection_without_a_byte() {
    let (_dir, clouds) = clouds();
    let served = Served::start(Arc::clone(&clouds), Options::default()).unwrap();
    clouds.aws.traffic().set_faults(Rule::new(Kind::DropAnswer));
    s3(&served).create_bucket().bucket("events").send().await.unwrap_err();
    clouds.aws.traffic().set_faults(Plan::default());
    s3(&served).head_bucket().bucket("events").send().await.unwrap();

    clouds.wire.traffic().add_fault(Rule::new(Kind::DropAnswer).path("*login-request*").times(1));
    let login = "POST /session/v1/login-request HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(raw(served.snowflake(), login.to_owned()).await, "");
    let login = login.replace("\r\ncontent", "\r\nconnection: close\r\ncontent");
    let answer = raw(served.snowflake(), login).await;
    assert!(answer.starts_with("HTTP/1.1 ") && answer.contains("\"success\":"), "{answer}");
    served.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_foreign_names_are_turned_away() {
    let (_dir, clouds) = clouds();
    let served = Served::start(clouds, Options::default()).unwrap();
    for (to, header, status) in [
        (served.aws(), "host: evil.example", "421"),
        (served.snowflake(), "host: evil.example", "421"),
        (served.aws(), "host: 127.0.0.1\r\norigin: http://evil.example", "403"),
        (served.snowflake(), "host: 127.0.0.1\r\norigin: null", "403"),
    ] {
        let answer = raw(to, format!("GET / HTTP/1.1\r\n{header}\r\nconnection: close\r\n\r\n")).await;
        assert_eq!(answer.get(9..12), Some(status), "{header}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_on_loopback_and_only_on_free_ports() {
    let (_dir, clouds) = clouds();
    let served = Served::start(Arc::clone(&clouds), Options { host: "::1".parse().unwrap(), ..Options::default() });
    let served = served.unwrap();
    assert!(served.aws_url().starts_with("http://[::1]:"), "{}", served.aws_url());
    let taken = Options { host: "::1".parse().unwrap(), aws_port: served.aws().port(), ..Options::default() };
    assert_eq!(Served::start(Arc::clone(&clouds), taken).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    let everywhere = Options { host: "0.0.0.0".parse().unwrap(), ..Options::default() };
    assert_eq!(Served::start(clouds, everywhere).unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_processes_of_ours_are_answered_if_they_know_the_token() {
    let (dir, clouds) = clouds();
    let served = Served::start(clouds, Options::default()).unwrap();
    s3(&served).create_bucket().bucket("events").send().await.unwrap();
    let reach = Reach::find(dir.path()).await.unwrap();
    assert!(matches!(reach, Reach::There(_)));
    let rows = reach.sql("SHOW DATABASES", "ACCOUNTADMIN").await.unwrap();
    assert!(rows.columns.contains(&"name".to_owned()), "{rows:?}");
    let refused = reach.sql("DROP DATABASE NONE", "ACCOUNTADMIN").await.unwrap_err();
    assert!(refused.starts_with("002003 (02000): "), "{refused}");
    reach.put("events", "ü/a b+%", b"hello".to_vec()).await.unwrap();
    let read = s3(&served).get_object().bucket("events").key("ü/a b+%").send().await.unwrap();
    assert_eq!(read.body.collect().await.unwrap().to_vec(), b"hello");
    assert!(reach.put("none", "k", Vec::new()).await.unwrap_err().starts_with("NoSuchBucket: "));

    let guess = "POST /_snowssi/sql HTTP/1.1\r\nhost: 127.0.0.1\r\nx-snowssi-token: guess\r\nconnection: close\r\n\r\n";
    assert!(raw(served.aws(), guess.to_owned()).await.starts_with("HTTP/1.1 403 "));
    // Who opens the directory meanwhile is told who has it; afterwards it can be opened, and everything is there.
    let error = Embedded::open(dir.path()).err().unwrap().to_string();
    assert!(error.contains(&format!("process {}, AWS on {}", std::process::id(), served.aws())), "{error}");
    served.stop().await.unwrap();
    assert_eq!(Serving::read(dir.path()), None);
    let reach = Reach::find(dir.path()).await.unwrap();
    assert!(matches!(reach, Reach::Here(_)));
    reach.put("events", "k", Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_under_way_are_answered_before_it_stops() {
    let (_dir, clouds) = clouds();
    let served = Served::start(Arc::clone(&clouds), Options::default()).unwrap();
    let length = Duration::from_millis(300);
    clouds.aws.traffic().set_faults(Rule::new(Kind::Delay(Span::between(length, length))).times(1));
    let s3 = s3(&served);
    let asked = tokio::spawn(async move { s3.create_bucket().bucket("events").send().await });
    while clouds.aws.traffic().waiting() > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let at = served.aws();
    served.stop().await.unwrap();
    asked.await.unwrap().unwrap();
    assert!(TcpStream::connect(at).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_has_not_happened() {
    let (dir, clouds) = clouds();
    let served = Served::start(Arc::clone(&clouds), Options::default()).unwrap();
    let s3 = s3(&served);
    let put = async |key: &str, body: &str| {
        s3.put_object().bucket("events").key(key).body(body.as_bytes().to_vec().into()).send().await.map(drop)
    };
    let text = async |key: &str| {
        let read = s3.get_object().bucket("events").key(key).send().await.ok()?;
        String::from_utf8(read.body.collect().await.unwrap().to_vec()).ok()
    };
    s3.create_bucket().bucket("events").send().await.unwrap();
    put("k", "old").await.unwrap();
    clouds.sql("CREATE DATABASE OLD", "ACCOUNTADMIN").await.unwrap();
    // Something stands where the next states are to be written.
    let obstacles = [dir.path().join("aws/state.json.new"), dir.path().join("snowflake/snowflake.json.new")];
    obstacles.iter().for_each(|obstacle| std::fs::create_dir(obstacle).unwrap());
    for refused in [put("k", "new").await, put("other", "new").await] {
        let error = refused.unwrap_err();
        assert_eq!(error.raw_response().unwrap().status().as_u16(), 500);
        assert_eq!(aws_smithy_types::error::metadata::ProvideErrorMetadata::code(&error), Some("InternalError"));
    }
    s3.delete_object().bucket("events").key("k").send().await.unwrap_err();
    let refused = clouds.sql("CREATE DATABASE NEW", "ACCOUNTADMIN").await.unwrap_err();
    assert!(refused.message.contains("could not be written"), "{refused:?}");
    let databases = async || {
        let rows = Rows::from(clouds.sql("SHOW DATABASES", "ACCOUNTADMIN").await.unwrap());
        let name = rows.columns.iter().position(|column| column == "name").unwrap();
        rows.rows.into_iter().filter_map(|mut row| row.swap_remove(name)).collect::<Vec<_>>()
    };
    assert_eq!((text("k").await.as_deref(), text("other").await), (Some("old"), None));
    assert!(databases().await.contains(&"OLD".to_owned()) && !databases().await.contains(&"NEW".to_owned()));
    // And the next change that can be written writes nothing of it.
    obstacles.iter().for_each(|obstacle| std::fs::remove_dir(obstacle).unwrap());
    put("last", "x").await.unwrap();
    clouds.sql("CREATE DATABASE LAST", "ACCOUNTADMIN").await.unwrap();
    assert!(!databases().await.contains(&"NEW".to_owned()));
    served.stop().await.unwrap();
    drop((s3, clouds));
    let clouds = Embedded::open(dir.path()).unwrap();
    let rows = Rows::from(clouds.sql("SHOW DATABASES", "ACCOUNTADMIN").await.unwrap());
    assert!(format!("{rows:?}").contains("LAST") && !format!("{rows:?}").contains("NEW"), "{rows:?}");
    let bodies = std::fs::read_dir(dir.path().join("aws/objects")).unwrap().count();
    assert_eq!(bodies, 2, "`k` and `last`");
}
