//! Would Fuchsia's devices get along with the service? The state machine of
//! their update client, with a device around it that only exists here.
//!
//! Each word on standard input is something that happens to the device:
//! `check`, a periodic check and all that follows from it, or `fail`, the same
//! where installing fails. Before each the device boots, with what it has
//! stored and the version that it has installed. It writes lines of JSON: each
//! request and its answer ("exchange"), each wait ("wait"), what is to be
//! installed ("plan"), what the client makes of it all ("result"), and "done"
//! when the device rests. It ends with standard input.

mod device;
mod lines;
mod transport;

use device::Device;
use omaha_client::cup_ecdsa::PublicKeys;
use std::collections::HashMap;
use std::io::BufRead;

/// `--name=value` for everything; `--app=<appid>=<version>` as often as there are applications.
fn main() -> anyhow::Result<()> {
    let mut options = HashMap::new();
    let mut apps = Vec::new();
    for argument in std::env::args().skip(1) {
        let (name, value) = argument
            .split_once('=')
            .ok_or_else(|| anyhow::anyhow!("{argument} is no --name=value"))?;
        if name == "--app" {
            let (appid, version) = value
                .split_once('=')
                .ok_or_else(|| anyhow::anyhow!("{value} has no version"))?;
            apps.push((appid.to_string(), version.parse()?));
        } else {
            options.insert(name.to_string(), value.to_string());
        }
    }
    let url = options
        .get("--url")
        .ok_or_else(|| anyhow::anyhow!("--url is missing"))?;
    let track = options
        .get("--track")
        .ok_or_else(|| anyhow::anyhow!("--track is missing"))?;
    let keys: Option<PublicKeys> = match options.get("--keys") {
        Some(file) => Some(serde_json::from_str(&std::fs::read_to_string(file)?)?),
        None => None,
    };
    let mut device = Device::new(url, track, apps, keys);
    for line in std::io::stdin().lock().lines() {
        match line?.as_str() {
            "check" => device.check(false),
            "fail" => device.check(true),
            other => anyhow::bail!("{other} never happens to a device"),
        }
        lines::write(serde_json::json!({"line": "done"}));
    }
    Ok(())
}
