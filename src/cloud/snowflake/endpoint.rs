//! Where an account's server listens.

use std::fmt;

use reqwest::Url;

/// Scheme, host and port of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether requests are encrypted. They are, except to this very machine.
    pub tls: bool,
    /// Its host name.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Endpoint {
    /// HTTPS at the usual port.
    pub fn https(host: impl Into<String>) -> Self {
        Self { tls: true, host: host.into(), port: 443 }
    }

    /// Gives a URL this scheme, host and port.
    pub(super) fn put_into(&self, url: &mut Url) -> Result<(), String> {
        let scheme = if self.tls { "https" } else { "http" };
        let set = url.set_scheme(scheme).is_ok()
            && url.set_host(Some(&self.host)).is_ok()
            && url.set_port(Some(self.port)).is_ok();
        if set { Ok(()) } else { Err(format!("{self} is not an address")) }
    }

    /// The path of a URL, if the URL is of this server: relative, or with the same scheme, host and port.
    pub(super) fn path_of<'a>(&self, url: &'a str) -> Option<&'a str> {
        let path = match url.strip_prefix(&self.to_string()) {
            Some(rest) => rest,
            None => url.strip_prefix(&self.short()).unwrap_or(url),
        };
        (path.starts_with('/') && !path.starts_with("//") && !path.contains('\\')).then_some(path)
    }

    fn short(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.host)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.short(), self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_urls() {
        let endpoint = Endpoint::https("a.snowflakecomputing.com");
        for (url, path) in [
            ("/queries/1/result", Some("/queries/1/result")),
            ("https://a.snowflakecomputing.com/queries/1/result", Some("/queries/1/result")),
            ("https://a.snowflakecomputing.com:443/queries/1/result", Some("/queries/1/result")),
            ("https://a.snowflakecomputing.com.evil.example/queries/1/result", None),
            ("https://a.snowflakecomputing.com@evil.example/queries/1/result", None),
            ("http://a.snowflakecomputing.com/queries/1/result", None),
            ("//evil.example/queries", None),
            ("/\\evil.example/queries", None),
            ("queries/1/result", None),
        ] {
            assert_eq!(endpoint.path_of(url), path, "{url}");
        }
        let mut url = Url::parse("https://account.snowflakecomputing.com/session?x=1").unwrap();
        Endpoint { tls: false, host: "127.0.0.1".into(), port: 8080 }.put_into(&mut url).unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:8080/session?x=1");
    }
}
