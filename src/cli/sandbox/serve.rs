//! `snowssi sandbox serve`: until it is asked to stop.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::super::args::ServeArgs;
use super::super::failure::{Exit, Failure};
use super::super::out::Out;
use super::super::signal::Signals;
use super::cannot;
use super::settings::Settings;
use crate::sandbox::serve::{Options, Served};
use crate::sandbox::{Embedded, lines};
use crate::view::escape::line;

/// Snowflake's port if nothing else is said.
const SNOWFLAKE_PORT: u16 = 4578;

pub(super) async fn run(dir: &Path, args: &ServeArgs, out: &Out) -> Result<Exit, Failure> {
    let aws_port = args.port;
    let snowflake_port = args.snowflake_port.unwrap_or(if aws_port == 0 { 0 } else { SNOWFLAKE_PORT });
    let options = Options { host: loopback(&args.host)?, aws_port, snowflake_port };
    let faults = super::super::fault::load(args.fault.as_deref(), out)?;
    let mut signals =
        Signals::listen().map_err(|error| Failure::new(Exit::Error, format!("cannot listen for signals: {error}")))?;
    let clouds = match &args.aws_endpoint {
        Some(url) => Embedded::open_beside(dir, url),
        None => Embedded::open(dir),
    };
    let clouds = clouds.map_err(|error| cannot("open", dir, &error))?;
    clouds.set_faults(faults);
    let clouds = Arc::new(clouds);
    let served = Served::start(Arc::clone(&clouds), options).map_err(|error| {
        let failure = cannot("serve", dir, &error);
        if error.kind() == std::io::ErrorKind::AddrInUse {
            failure.hint("choose other ports with --port and --snowflake-port, or any free ones with --port 0")
        } else {
            failure
        }
    })?;
    let settings = Settings::write(dir, &served).map_err(|error| cannot("serve", dir, &error))?;
    out.result(&if args.json { settings.json() } else { settings.text() });
    out.status("Serving. Ctrl-C stops it.");
    tokio::select! {
        () = signals.next() => {}
        () = flow(&clouds, args.speed, out) => {}
    }
    // What was let run faster goes on at the machine's pace.
    if let Err(error) = clouds.clock().set_speed(1) {
        out.warning(&format!("the time of the sandbox is not written: {error}"));
    }
    drop(clouds);
    out.status("Stopping: what is under way is finished.");
    tokio::select! {
        stopped = served.stop() => stopped.map_err(|error| cannot("stop serving", dir, &error)).map(|()| Exit::Success),
        () = signals.next() => Ok(Exit::Interrupted),
    }
}

/// What goes on by itself, for as long as it is polled.
async fn flow(clouds: &Embedded, speed: u32, out: &Out) {
    loop {
        let tell = |report| lines(&report).iter().for_each(|what| out.status(&line(what)));
        let error = clouds.run_background(speed, tell).await;
        out.warning(&format!(
            "what goes on by itself stopped, and is tried again in a while: {}",
            line(&error.to_string())
        ));
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

/// The address to listen on; only this machine may reach it.
fn loopback(host: &str) -> Result<IpAddr, Failure> {
    let address = if host == "localhost" { Ok(std::net::Ipv4Addr::LOCALHOST.into()) } else { host.parse::<IpAddr>() };
    match address {
        Ok(address) if address.is_loopback() => Ok(address),
        _ => Err(Failure::new(Exit::Error, format!("--host: {host} is not an address of this machine alone"))
            .hint("the sandbox has fixed credentials that everybody knows: only 127.0.0.1 and ::1 are allowed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback() {
        for good in ["127.0.0.1", "::1", "localhost", "127.0.0.2"] {
            assert!(loopback(good).unwrap().is_loopback(), "{good}");
        }
        for bad in ["0.0.0.0", "::", "192.168.0.1", "example.com", ""] {
            assert!(loopback(bad).unwrap_err().messages[0].text.contains("not an address of this machine"), "{bad}");
        }
    }
}
