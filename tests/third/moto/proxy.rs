//! A proxy in front of the emulator that mends what the emulator is known to do otherwise than AWS. Each excuse is named, says what AWS
//! does, and is counted: one that nothing needs any more fails the test.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;

/// One thing that the emulator does otherwise than AWS.
pub(super) struct Excuse {
    /// Which call, and what the emulator does with it.
    pub(super) wrong: &'static str,
    /// What AWS does, by its documentation.
    pub(super) aws: &'static str,
    /// Mends it; says whether there was something to mend.
    pub(super) mend: Mend,
}

/// What to do about a request, if anything.
type About<T> = Box<dyn Fn(&Asked) -> Option<T> + Send + Sync>;
/// Changes an answer; says whether there was something to change.
type Change = Box<dyn Fn(&Asked, &mut Answered) -> bool + Send + Sync>;

pub(super) enum Mend {
    /// The emulator's answer.
    Answered(Change),
    /// A request that the emulator fails at, in another form.
    Again(About<String>),
    /// A request that the emulator refuses because of a document of the bucket that it misreads: it is taken away for that request. Gives
    /// the document's path and query.
    Without(About<String>),
    /// What the emulator keeps: after the request it is asked whether it did all of it, and if not, told again in another way.
    Kept(About<Repair>),
}

/// How to find out whether the emulator left something out, and what to send then.
pub(super) struct Repair {
    /// Path and query of a GET.
    pub(super) look: String,
    /// Stands in the answer to `look` if nothing was left out.
    pub(super) fine: &'static str,
    /// Path and query of a PUT.
    pub(super) put: String,
    pub(super) body: String,
}

/// A request.
pub(super) struct Asked {
    /// Such as `GetBucketVersioning`, or for S3 the method, such as `GET`.
    pub(super) operation: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) body: String,
}

impl Asked {
    /// The text of the first XML element of this name.
    pub(super) fn element(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
    }
}

/// An answer.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answered {
    /// Gives the document another root element; says whether it had the wrong one.
    pub(super) fn rename_root(&mut self, from: &str, to: &str) -> bool {
        let wrong = self.body.contains(&format!("<{from} ")) || self.body.contains(&format!("<{from}>"));
        if wrong {
            self.body = self.body.replace(&format!("<{from}"), &format!("<{to}"));
            self.body = self.body.replace(&format!("</{from}>"), &format!("</{to}>"));
        }
        wrong
    }
}

/// A running proxy; it ends with the runtime it was started on.
pub(super) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    client: reqwest::Client,
    excuses: Vec<Excuse>,
    needed: Vec<AtomicUsize>,
    /// Held while a document is taken away.
    alone: tokio::sync::Mutex<()>,
    /// What was asked and answered, newest last.
    log: Mutex<Vec<String>>,
}

impl Proxy {
    pub(super) async fn start(upstream: String, excuses: Vec<Excuse>) -> Self {
        let needed = excuses.iter().map(|_| AtomicUsize::new(0)).collect();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let shared = Arc::new(Shared {
            upstream,
            client,
            excuses,
            needed,
            alone: tokio::sync::Mutex::default(),
            log: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(forward).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, shared }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The last requests and how they were answered, for a test that fails.
    pub(super) fn tail(&self) -> String {
        let log = self.shared.log.lock().unwrap();
        log[log.len().saturating_sub(30)..].join("\n")
    }

    /// Fails if an excuse was never needed.
    pub(super) fn all_needed(&self) {
        let Shared { excuses, needed, .. } = &*self.shared;
        let counts = excuses.iter().zip(needed).map(|(excuse, count)| (excuse, count.load(Ordering::Relaxed)));
        let idle: Vec<_> = counts.filter(|(_, count)| *count == 0).map(|(it, _)| (it.wrong, it.aws)).collect();
        assert!(idle.is_empty(), "excuses that nothing needs any more; take them out: {idle:#?}");
    }
}

/// The emulator's answer, whole.
struct Told {
    status: u16,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Told {
    async fn read(answer: reqwest::Response) -> Self {
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Self { status, headers, body: answer.bytes().await.unwrap() }
    }

    /// Whether all or a part of it was refused.
    fn is_denied(&self) -> bool {
        self.status == 403 || String::from_utf8_lossy(&self.body).contains("<Code>AccessDenied</Code>")
    }
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let text = String::from_utf8(body.to_vec()).unwrap_or_default();
    let named = head.headers.get("x-amz-target").and_then(|name| name.to_str().ok()).unwrap_or_default();
    let action = text.split('&').find_map(|pair| pair.strip_prefix("Action="));
    let operation = action.or(named.rsplit_once('.').map(|(_, name)| name)).unwrap_or(head.method.as_str()).to_owned();
    let asked = Asked { operation, target, body: text };
    let mut headers = head.headers;
    for name in ["host", "content-length", "transfer-encoding"] {
        headers.remove(name);
    }
    let send = |method: http::Method, target: &str, body: Bytes| {
        let url = format!("{}{target}", shared.upstream);
        let request = shared.client.request(method, url).headers(headers.clone()).body(body);
        async move { request.send().await.unwrap() }
    };
    let mut answer = Told::read(send(head.method.clone(), &asked.target, body.clone()).await).await;
    for (excuse, needed) in shared.excuses.iter().zip(&shared.needed) {
        match &excuse.mend {
            Mend::Again(mend) if answer.status >= 500 => {
                let Some(other) = mend(&asked) else { continue };
                answer = Told::read(send(head.method.clone(), &asked.target, Bytes::from(other)).await).await;
            }
            Mend::Without(mend) if answer.is_denied() => {
                let Some(document) = mend(&asked) else { continue };
                let _alone = shared.alone.lock().await;
                let text = send(http::Method::GET, &document, Bytes::new()).await.bytes().await.unwrap();
                send(http::Method::DELETE, &document, Bytes::new()).await;
                answer = Told::read(send(head.method.clone(), &asked.target, body.clone()).await).await;
                send(http::Method::PUT, &document, text).await;
            }
            _ => continue,
        }
        needed.fetch_add(1, Ordering::Relaxed);
    }
    for (excuse, needed) in shared.excuses.iter().zip(&shared.needed) {
        let Mend::Kept(mend) = &excuse.mend else { continue };
        let Some(Repair { look, fine, put, body }) = mend(&asked).filter(|_| answer.status < 300) else {
            continue;
        };
        if !send(http::Method::GET, &look, Bytes::new()).await.text().await.unwrap().contains(fine) {
            needed.fetch_add(1, Ordering::Relaxed);
            let repaired = send(http::Method::PUT, &put, Bytes::from(body)).await;
            assert!(repaired.status().is_success(), "{put}: {}", repaired.status());
        }
    }
    let Told { status, headers: told, body: bytes } = answer;
    let mut answered = Answered { status, body: String::from_utf8(bytes.to_vec()).unwrap_or_default() };
    let mut mended = false;
    for (excuse, needed) in shared.excuses.iter().zip(&shared.needed) {
        if let Mend::Answered(mend) = &excuse.mend
            && mend(&asked, &mut answered)
        {
            needed.fetch_add(1, Ordering::Relaxed);
            mended = true;
        }
    }
    let shown: String = if answered.status < 400 { String::new() } else { answered.body.chars().take(400).collect() };
    let line = format!("{} {} {} {shown}", answered.status, asked.operation, asked.target);
    shared.log.lock().unwrap().push(line);
    let mut response = Response::new(if mended { Body::from(answered.body) } else { Body::from(bytes) });
    *response.status_mut() = answered.status.try_into().unwrap();
    for (name, value) in &told {
        // How long a body is that was mended, the server finds out itself; a HEAD's length is told.
        if !["connection", "transfer-encoding"].contains(&name.as_str()) && (name != "content-length" || !mended) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}
