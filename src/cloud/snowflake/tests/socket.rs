//! The same over a socket: the network's transport, with a small HTTP server in front of the simulator.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use bytes::Bytes;

use super::engine::Fake;
use super::{connection, options, sql};
use crate::cloud::Class;
use crate::cloud::snowflake::transport::{Broken, Handler, Transport};
use crate::cloud::snowflake::{Endpoint, Session};
use crate::sandbox::fault::{Kind, Rule};
use crate::sandbox::snowflake::wire::{Credentials, Wire};

/// Serves one request of a connection.
fn serve(wire: &Wire, runtime: &tokio::runtime::Runtime, stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let mut request = http::Request::builder().method(words.next()?).uri(words.next()?);
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok()?;
        }
        request = request.header(name, value);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let response = runtime.block_on(wire.handle(request.body(Bytes::from(body)).ok()?));
    if response.extensions().get::<Broken>().is_some() {
        return None;
    }
    let (status, body) = (response.status(), response.body());
    let mut stream = reader.into_inner();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len()).ok()?;
    stream.write_all(body).ok()
}

#[tokio::test]
async fn the_network_is_another_way_to_the_same() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let wire = Arc::new(Wire::new(Arc::new(Fake::default()), Credentials::default()));
    let server = Arc::clone(&wire);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        for stream in listener.incoming().flatten() {
            serve(&server, &runtime, stream);
        }
    });
    let mut connection = connection();
    connection.endpoint = Endpoint { tls: false, host: "127.0.0.1".into(), port };
    let session = Session::open(connection.clone(), &Transport::Network, options()).unwrap();
    wire.traffic().add_fault(Rule::new(Kind::InProgress { polls: 1 }).sql("SHOW ROWS*").times(1));
    wire.traffic().add_fault(Rule::status(503).sql("SHOW ROWS*").times(1));
    assert_eq!(session.query(&sql("SHOW ROWS 3")).await.unwrap().cells.len(), 3);
    wire.traffic().add_fault(Rule::new(Kind::DropAnswer).sql("CREATE A*").times(1));
    wire.traffic().add_fault(Rule::new(Kind::HalfAnswer).sql("CREATE A*").times(1));
    session.query(&sql("CREATE A")).await.unwrap();
    wire.expire_tokens();
    session.query(&sql("CREATE B")).await.unwrap();
    session.close().await;
    assert_eq!((wire.open_sessions(), wire.traffic().waiting()), (0, 0));
    // Nothing listens at this port.
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    connection.endpoint.port = unused;
    let session = Session::open(connection, &Transport::Network, options()).unwrap();
    let error = session.query(&sql("CREATE A")).await.unwrap_err();
    assert_eq!(error.class, Class::Unreachable);
    assert!(
        error.message.contains("no connection could be made") && error.message.contains("after 3 attempts"),
        "{error}"
    );
}
