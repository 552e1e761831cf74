//! What a request says about its signature: whose it is, over what, and when it was made.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Request;
use jiff::civil::DateTime;

use super::super::wire::{Refused, form, refused};
use super::words;

/// Where the signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the `Authorization` header.
    Header,
    /// In the query of a presigned URL.
    Query {
        /// Seconds that the URL is valid, if it says so.
        expires: Option<u64>,
    },
}

/// What a request says about its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) place: Place,
    pub(super) key_id: String,
    /// `20260102`.
    pub(super) date: String,
    pub(super) region: String,
    pub(super) service: String,
    /// Names of the signed headers, in order.
    pub(super) headers: Vec<String>,
    pub(super) signature: String,
    /// `20260102T030405Z`.
    pub(super) time: String,
    /// The same.
    pub(super) moment: SystemTime,
    /// The token of temporary credentials.
    pub(super) token: Option<String>,
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far clocks may differ.
const SKEW: Duration = Duration::from_mins(15);
/// The longest that a presigned URL is valid.
const WEEK: u64 = 604_800;

/// The scope of a signature, in the header or in the query: `KEY/DATE/REGION/SERVICE/aws4_request`.
pub(in crate::sandbox::aws) fn scope(request: &Request<Bytes>) -> Option<String> {
    let header = request.headers().get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Some(scope) = header.and_then(|header| header.split("Credential=").nth(1)?.split([',', ' ']).next()) {
        return Some(scope.to_owned());
    }
    let query = form(request.uri().query().unwrap_or_default());
    query.into_iter().find(|(name, _)| name == "X-Amz-Credential").map(|(_, scope)| scope)
}

/// The service that is probably meant; a refusal has to be in somebody's words.
pub(super) fn service(request: &Request<Bytes>) -> String {
    if let Some(service) = scope(request).as_deref().and_then(|scope| scope.split('/').nth(3)) {
        return service.to_owned();
    }
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let target = header("x-amz-target");
    let service = if target.starts_with("TrentService.") {
        "kms"
    } else if target.starts_with("ResourceGroupsTagging") {
        "tagging"
    } else if header("content-type").starts_with("application/x-www-form-urlencoded") && request.uri().path() == "/" {
        "sts"
    } else {
        "s3"
    };
    service.to_owned()
}

impl Claim {
    /// Reads what a request says; `service` is the one whose words are used as long as it is not known.
    pub(super) fn read(request: &Request<Bytes>, service: &str) -> Result<Self, Refused> {
        let query = form(request.uri().query().unwrap_or_default());
        let in_query = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let old = in_query("Signature").is_some() && in_query("AWSAccessKeyId").is_some();
        match (header("authorization"), in_query("X-Amz-Algorithm")) {
            (Some(_), Some(_)) if service == "s3" => {
                let message = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query \
                               string parameter or the Authorization header should be specified";
                Err(refused(400, "InvalidArgument", message))
            }
            (Some(text), _) => {
                let fields = fields(text).ok_or_else(|| words::unsupported(service))?;
                let field = |name: &str| {
                    let found = fields.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
                    found.ok_or_else(|| words::malformed(service, &format!("missing {name}.")))
                };
                Self::new(
                    service,
                    Place::Header,
                    field("Credential")?,
                    field("SignedHeaders")?,
                    field("Signature")?,
                    header("x-amz-date"),
                    header("x-amz-security-token"),
                )
            }
            (None, Some(ALGORITHM)) => {
                let field = |name: &str| {
                    in_query(name).ok_or_else(|| {
                        words::query(
                            service,
                            &format!("Query-string authentication version 4 requires the {name} parameter."),
                        )
                    })
                };
                let expires = match in_query("X-Amz-Expires") {
                    Some(text) => match text.parse::<u64>() {
                        Ok(seconds @ 1..=WEEK) => Some(seconds),
                        _ => {
                            return Err(words::query(
                                service,
                                "X-Amz-Expires must be a number of seconds between 1 and 604800",
                            ));
                        }
                    },
                    None if service == "s3" => {
                        return Err(words::query(
                            service,
                            "Query-string authentication version 4 requires the X-Amz-Expires parameter.",
                        ));
                    }
                    None => None,
                };
                Self::new(
                    service,
                    Place::Query { expires },
                    field("X-Amz-Credential")?,
                    field("X-Amz-SignedHeaders")?,
                    field("X-Amz-Signature")?,
                    in_query("X-Amz-Date"),
                    in_query("X-Amz-Security-Token").or_else(|| header("x-amz-security-token")),
                )
            }
            (None, Some(_)) => Err(words::unsupported(service)),
            (None, None) if old => Err(words::unsupported(service)),
            (None, None) => Err(words::missing(service)),
        }
    }

    fn new(
        service: &str,
        place: Place,
        credential: &str,
        headers: &str,
        signature: &str,
        time: Option<&str>,
        token: Option<&str>,
    ) -> Result<Self, Refused> {
        let malformed = |why: &str| words::malformed(service, why);
        let [key_id, date, region, named, "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..] else {
            return Err(malformed("the Credential is not of the form KEY/DATE/REGION/SERVICE/aws4_request."));
        };
        let time = time.ok_or_else(|| words::no_date(service))?;
        let parsed = DateTime::strptime("%Y%m%dT%H%M%SZ", time).ok();
        let moment = parsed
            .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC).ok())
            .map(|zoned| SystemTime::from(zoned.timestamp()))
            .ok_or_else(|| words::no_date(service))?;
        if !time.starts_with(date) || date.len() != 8 {
            return Err(malformed(&format!(
                "Date in Credential scope does not match the time of the request, {time}."
            )));
        }
        let headers: Vec<String> = headers.split(';').map(str::to_ascii_lowercase).collect();
        if !headers.iter().any(|name| name == "host") {
            return Err(malformed("'Host' must be a 'SignedHeader' in the AWS Authorization."));
        }
        Ok(Self {
            place,
            key_id: key_id.into(),
            date: date.into(),
            region: region.into(),
            service: named.into(),
            headers,
            signature: signature.into(),
            time: time.into(),
            moment,
            token: token.map(str::to_owned),
        })
    }

    /// Date, region and service, as they are signed.
    pub(super) fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }

    /// Refuses a request that is not of this time.
    pub(super) fn in_time(&self, now: SystemTime) -> Result<(), Refused> {
        let valid = match self.place {
            Place::Query { expires: Some(seconds) } => Duration::from_secs(seconds),
            Place::Header | Place::Query { expires: None } => SKEW,
        };
        let (early, late) = (self.moment > now + SKEW, self.moment + valid < now);
        match self.place {
            Place::Query { .. } if self.service == "s3" && early => {
                Err(refused(403, "AccessDenied", "Request is not yet valid"))
            }
            Place::Query { .. } if self.service == "s3" && late => {
                Err(refused(403, "AccessDenied", "Request has expired"))
            }
            _ if early || late => Err(words::skewed(&self.service, &self.time)),
            _ => Ok(()),
        }
    }
}

/// The fields of an `Authorization` header of the algorithm that is known here.
fn fields(text: &str) -> Option<Vec<(&str, &str)>> {
    let rest = text.trim().strip_prefix(ALGORITHM)?;
    let rest = rest.strip_prefix([' ', '\t'])?;
    Some(rest.split(',').filter_map(|field| field.trim().split_once('=')).collect())
}
