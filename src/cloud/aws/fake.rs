//! A fake of AWS below the SDK: a function from requests to answers, which remembers what was asked.

use std::fmt;
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::body::SdkBody;

use super::{Aws, AwsOptions, Embedded};
use crate::cloud::Stats;

/// A request, as it would go over the wire.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// `Action=X` of IAM and STS, `X-Amz-Target` of KMS and tagging.
    pub(super) fn action(&self) -> &str {
        let form = self.body.split('&').find_map(|pair| pair.strip_prefix("Action="));
        form.unwrap_or_else(|| self.header("x-amz-target").rsplit('.').next().unwrap_or_default())
    }

    /// Whether it is about this S3 sub-resource.
    pub(super) fn about(&self, sub: &str) -> bool {
        self.query.split('&').any(|part| part.split('=').next() == Some(sub))
    }
}

/// An answer.
pub(super) enum Told {
    Http { status: u16, headers: Vec<(&'static str, String)>, body: String },
    Lost,
    Refused,
}

pub(super) fn ok(body: impl Into<String>) -> Told {
    told(200, body)
}

pub(super) fn told(status: u16, body: impl Into<String>) -> Told {
    Told::Http { status, headers: Vec::new(), body: body.into() }
}

/// A refusal in S3's form.
pub(super) fn s3_error(status: u16, code: &str) -> Told {
    told(status, format!("<Error><Code>{code}</Code><Message>told {code}</Message></Error>"))
}

/// A refusal in IAM's form.
pub(super) fn iam_error(status: u16, code: &str, message: &str) -> Told {
    told(
        status,
        format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"),
    )
}

/// A refusal in KMS's form.
pub(super) fn kms_error(code: &str) -> Told {
    told(400, format!(r#"{{"__type":"{code}","message":"told {code}"}}"#))
}

type Answering = Arc<dyn Fn(&Asked) -> Told + Send + Sync>;

/// The fake and what it was asked.
#[derive(Clone)]
pub(super) struct Fake {
    answer: Answering,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fake")
    }
}

impl Fake {
    /// What was asked, without the question who we are.
    pub(super) fn asked(&self) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.action() != "GetCallerIdentity").cloned().collect()
    }

    /// Everything that was asked.
    pub(super) fn all(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/me</Arn>\
    <UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

impl HttpConnector for Fake {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let uri: http::Uri = request.uri().parse().unwrap();
        let asked = Asked {
            method: request.method().to_owned(),
            host: uri.host().unwrap_or_default().to_owned(),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            headers: request.headers().iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            body: request.body().bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default(),
        };
        let told = if asked.action() == "GetCallerIdentity" { ok(IDENTITY) } else { (self.answer)(&asked) };
        self.asked.lock().unwrap().push(asked);
        HttpConnectorFuture::new(async move {
            // Long enough that what is said to run at once overlaps.
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            match told {
                Told::Lost => Err(ConnectorError::io("connection reset".into())),
                Told::Refused => {
                    Err(ConnectorError::io(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into()))
                }
                Told::Http { status, headers, body } => {
                    let mut response = Response::new(status.try_into().unwrap(), SdkBody::from(body));
                    for (key, value) in headers {
                        response.headers_mut().insert(key, value);
                    }
                    Ok(response)
                }
            }
        })
    }
}

/// AWS as the function answers, in `eu-central-1`.
pub(super) async fn aws(answer: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> (Aws, Fake) {
    aws_in("eu-central-1", answer).await
}

/// AWS as the function answers, in a region.
pub(super) async fn aws_in(region: &str, answer: impl Fn(&Asked) -> Told + Send + Sync + 'static) -> (Aws, Fake) {
    let fake = Fake { answer: Arc::new(answer), asked: Arc::default() };
    let connector = SharedHttpConnector::new(fake.clone());
    let options = AwsOptions {
        region: Some(region.parse().unwrap()),
        stats: Arc::new(Stats::default()),
        embedded: Some(Embedded {
            http_client: http_client_fn(move |_, _| connector.clone()),
            credentials: Credentials::new("AKIDFAKE", "fake", None, None, "fake"),
        }),
        ..AwsOptions::default()
    };
    (Aws::open(options).await.unwrap(), fake)
}
