//! `snowssi sandbox serve`: until it is asked to stop.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use super::super::args::ServeArgs;
use super::super::failure::{Exit, Failure};
use super::super::out::Out;
use super::super::signal::Signals;
use super::cannot;
use super::settings::Settings;
use crate::sandbox::Embedded;
use crate::sandbox::serve::{Options, Served};

/// Snowflake's port if nothing else is said.
const SNOWFLAKE_PORT: u16 = 4578;

pub(super) async fn run(dir: &Path, args: &ServeArgs, out: &Out) -> Result<Exit, Failure> {
    let aws_port = args.port;
    let snowflake_port = args.snowflake_port.unwrap_or(if aws_port == 0 { 0 } else { SNOWFLAKE_PORT });
    let options = Options { host: loopback(&args.host)?, aws_port, snowflake_port };
    let faults = super::super::fault::load(args.fault.as_deref(), out)?;
    let mut signals =
        Signals::listen().map_err(|error| Failure::new(Exit::Error, format!("cannot listen for signals: {error}")))?;
    let clouds = Embedded::open(dir).map_err(|error| cannot("open", dir, &error))?;
    clouds.set_faults(faults);
    let served = Served::start(Arc::new(clouds), options).map_err(|error| {
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
    signals.next().await;
    out.status("Stopping: what is under way is finished.");
    tokio::select! {
        stopped = served.stop() => stopped.map_err(|error| cannot("stop serving", dir, &error)).map(|()| Exit::Success),
        () = signals.next() => Ok(Exit::Interrupted),
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
