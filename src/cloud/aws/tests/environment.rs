//! What the environment decides, and that it decides nothing for the embedded cloud.

use super::super::fake::aws;
use super::super::{Aws, AwsOptions, Embedded};
use super::{full, listed, name};
use crate::cloud::{Class, CloudError};
use crate::model::Call;

#[tokio::test]
async fn without_a_region_it_says_so() {
    let (http, _) = aws(full).await;
    drop(http);
    let options = AwsOptions {
        embedded: Some(Embedded {
            http_client: aws_smithy_runtime_api::client::http::http_client_fn(|_, _| unreachable!()),
            credentials: aws_credential_types::Credentials::new("a", "b", None, None, "fake"),
        }),
        ..AwsOptions::default()
    };
    let error: CloudError = Aws::open(options).await.unwrap_err();
    assert_eq!(error.class, Class::Authentication);
    assert!(error.message.contains("AWS_REGION"), "{error}");
}

/// Runs one test of this binary in a process with another environment.
fn in_environment(test: &str, variables: &[(&str, &str)]) {
    let home = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--include-ignored", "--test-threads=1"])
        .env_clear()
        .env("HOME", home.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{told}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn nothing_of_the_environment_reaches_the_embedded_cloud() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config");
    let settings = "[default]\nendpoint_url = http://127.0.0.1:9/\nregion = ap-south-1\nretry_mode = legacy\n";
    std::fs::write(&config, settings).unwrap();
    let hostile = [
        ("AWS_CONFIG_FILE", config.to_str().unwrap()),
        ("AWS_ACCESS_KEY_ID", "AKIDREAL"),
        ("AWS_SECRET_ACCESS_KEY", "real"),
        ("AWS_SESSION_TOKEN", "real"),
        ("AWS_REGION", "ap-south-1"),
        ("AWS_PROFILE", "absent"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"),
        ("AWS_RETRY_MODE", "legacy"),
        ("AWS_MAX_ATTEMPTS", "0"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
    ];
    in_environment("cloud::aws::tests::environment::embedded_in_a_hostile_environment", &hostile);
}

#[tokio::test]
#[ignore = "run by nothing_of_the_environment_reaches_the_embedded_cloud"]
async fn embedded_in_a_hostile_environment() {
    let (aws, fake) = aws(full).await;
    aws.bucket(&name(), listed()).await.unwrap().unwrap();
    assert_eq!(fake.all().len(), 9);
    for asked in fake.all() {
        assert!(asked.header("authorization").contains("Credential=AKIDFAKE/"), "{asked:?}");
        assert_eq!(asked.header("x-amz-security-token"), "");
        assert!(asked.host.ends_with("eu-central-1.amazonaws.com") && !asked.host.contains("fips"), "{}", asked.host);
    }
    assert!(aws.endpoint_overrides().is_empty());
}

#[test]
fn a_real_run_without_credentials_says_so() {
    let settings = [("AWS_REGION", "eu-central-1"), ("AWS_RETRY_MODE", "legacy"), ("AWS_MAX_ATTEMPTS", "0")];
    in_environment("cloud::aws::tests::environment::real_without_credentials", &settings);
}

#[tokio::test]
#[ignore = "run by a_real_run_without_credentials_says_so"]
async fn real_without_credentials() {
    let aws = Aws::open(AwsOptions::default()).await.unwrap();
    assert_eq!(aws.region().to_string(), "eu-central-1");
    let error = aws.caller().await.unwrap_err();
    assert_eq!(error.class, Class::Authentication, "{error}");
    assert!(error.message.contains("no usable credentials") && error.message.contains("AWS_PROFILE"), "{error}");
}

#[test]
fn a_real_run_without_a_region_says_so() {
    in_environment("cloud::aws::tests::environment::real_without_region", &[]);
}

#[tokio::test]
#[ignore = "run by a_real_run_without_a_region_says_so"]
async fn real_without_region() {
    let error = Aws::open(AwsOptions::default()).await.unwrap_err();
    assert_eq!(error.class, Class::Authentication);
    assert!(error.message.contains("AWS_REGION"), "{error}");
}

#[test]
fn an_unreachable_aws_is_told_from_a_lost_answer() {
    let settings = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_MAX_ATTEMPTS", "1")];
    in_environment("cloud::aws::tests::environment::real_with_nobody_listening", &settings);
}

#[tokio::test]
#[ignore = "run by an_unreachable_aws_is_told_from_a_lost_answer"]
async fn real_with_nobody_listening() {
    let region = Some("eu-central-1".parse().unwrap());
    let options =
        |url: &str| AwsOptions { region: region.clone(), endpoint_url: Some(url.to_owned()), ..AwsOptions::default() };
    let delete = Call::DeleteRole { role: "r".into() };
    let aws = Aws::open(options("http://127.0.0.1:9")).await.unwrap();
    assert_eq!(aws.endpoint_overrides(), ["http://127.0.0.1:9"]);
    assert_eq!(aws.call(&delete).await.unwrap_err().class, Class::Unreachable);
    let create = Call::CreateAlias { alias: "alias/a".into(), key: "1".into() };
    assert_eq!(aws.call(&create).await.unwrap_err().class, Class::Unreachable);

    // Somebody who takes the request and hangs up: it may have had its effect.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut some = [0; 64];
            let _ = tokio::io::AsyncReadExt::read(&mut socket, &mut some).await;
        }
    });
    let aws = Aws::open(options(&url)).await.unwrap();
    assert_eq!(aws.call(&create).await.unwrap_err().class, Class::Unknown);
}
