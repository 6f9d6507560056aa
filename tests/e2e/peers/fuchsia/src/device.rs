//! What is a device, to the update client? Storage, a clock, something that installs, and applications.

use crate::lines;
use crate::transport::Transport;
use futures::executor::block_on;
use futures::future::{BoxFuture, LocalBoxFuture, ready};
use futures::lock::Mutex;
use futures::{FutureExt as _, StreamExt as _, pin_mut};
use omaha_client::app_set::VecAppSet;
use omaha_client::common::App;
use omaha_client::configuration::{Config, Updater};
use omaha_client::cup_ecdsa::{
    Cupv2Verifier as _, PublicKeys, RequestMetadata, StandardCupv2Handler,
};
use omaha_client::installer::{AppInstallResult, Installer, Plan, ProgressObserver};
use omaha_client::metrics::StubMetricsReporter;
use omaha_client::policy::StubPolicyEngine;
use omaha_client::protocol::Cohort;
use omaha_client::protocol::request::OS;
use omaha_client::protocol::response::{OmahaStatus, Response};
use omaha_client::request_builder::RequestParams;
use omaha_client::state_machine::{StateMachineBuilder, StateMachineEvent};
use omaha_client::storage::MemStorage;
use omaha_client::time::{PartialComplexTime, StandardTimeSource, Timer};
use omaha_client::version::Version;
use serde_json::json;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

type Versions = Rc<RefCell<HashMap<String, Version>>>;

/// A device of which only its storage and what it has installed outlive a boot.
pub struct Device {
    config: Config,
    track: String,
    appids: Vec<String>,
    installed: Versions,
    storage: Rc<Mutex<MemStorage>>,
}

impl Device {
    /// One that has these versions of these applications, and has never asked.
    pub fn new(
        url: &str,
        track: &str,
        apps: Vec<(String, Version)>,
        keys: Option<PublicKeys>,
    ) -> Self {
        let config = Config {
            updater: Updater {
                name: "Fuchsia".to_string(),
                version: [0, 0, 1, 0].into(),
            },
            os: OS {
                platform: "Fuchsia".to_string(),
                version: "14.20230831.4.72".to_string(),
                service_pack: String::new(),
                arch: "x86_64".to_string(),
            },
            service_url: url.to_string(),
            omaha_public_keys: keys,
        };
        Self {
            config,
            track: track.to_string(),
            appids: apps.iter().map(|(appid, _)| appid.clone()).collect(),
            installed: Rc::new(RefCell::new(apps.into_iter().collect())),
            storage: Rc::new(Mutex::new(MemStorage::new())),
        }
    }

    /// Boot, and run one check to its end. The client loads from storage what it was told before.
    pub fn check(&mut self, fails: bool) {
        let apps = self.appids.iter().map(|appid| {
            App::builder()
                .id(appid)
                .version(self.installed.borrow()[appid])
                .cohort(Cohort::from_hint(&self.track))
                .build()
        });
        let handler = || {
            self.config
                .omaha_public_keys
                .as_ref()
                .map(StandardCupv2Handler::new)
        };
        let builder = StateMachineBuilder::new(
            StubPolicyEngine::new(StandardTimeSource),
            Transport,
            Slot {
                fails,
                verifier: handler(),
                installed: Rc::clone(&self.installed),
            },
            Patience,
            StubMetricsReporter,
            Rc::clone(&self.storage),
            self.config.clone(),
            Rc::new(Mutex::new(VecAppSet::new(apps.collect()))),
            handler(),
        );
        block_on(async {
            let events = builder.oneshot_check().await;
            pin_mut!(events);
            while let Some(event) = events.next().await {
                tell(event);
            }
        });
    }
}

fn tell(event: StateMachineEvent) {
    match event {
        StateMachineEvent::StateChange(state) => {
            lines::write(json!({"line": "state", "state": format!("{state:?}")}));
        }
        StateMachineEvent::ProtocolStateChange(state) => {
            let seconds = state
                .server_dictated_poll_interval
                .map(|interval| interval.as_secs());
            lines::write(json!({"line": "protocol", "poll_interval_seconds": seconds}));
        }
        StateMachineEvent::UpdateCheckResult(Ok(response)) => {
            let apps = response.app_responses.into_iter().map(|app| {
                json!({
                    "appid": app.app_id, "action": format!("{:?}", app.result),
                    "cohort": app.cohort.id, "cohorthint": app.cohort.hint, "cohortname": app.cohort.name,
                })
            });
            lines::write(json!({"line": "result", "apps": apps.collect::<Vec<_>>()}));
        }
        StateMachineEvent::UpdateCheckResult(Err(error)) => {
            let error = format!("{:#}", anyhow::Error::from(error));
            lines::write(json!({"line": "result", "error": error}));
        }
        _ => {}
    }
}

/// A timer that doesn't keep anybody waiting, and says for how long it should have.
struct Patience;

impl Timer for Patience {
    fn wait_until(&mut self, _time: impl Into<PartialComplexTime>) -> BoxFuture<'static, ()> {
        ready(()).boxed()
    }

    fn wait_for(&mut self, duration: Duration) -> BoxFuture<'static, ()> {
        lines::write(json!({"line": "wait", "seconds": duration.as_secs_f64()}));
        ready(()).boxed()
    }
}

/// What is to be installed, by application.
struct Versioned(Vec<(String, Version)>);

impl Plan for Versioned {
    fn id(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// Where the update goes: the device has it when it boots next.
struct Slot {
    fails: bool,
    verifier: Option<StandardCupv2Handler>,
    installed: Versions,
}

impl Slot {
    /// The plan that a response makes. Devices keep the signed response and look at it again before they install.
    fn plan(
        &self,
        metadata: Option<&RequestMetadata>,
        response: &Response,
        bytes: &[u8],
        signature: Option<&[u8]>,
    ) -> anyhow::Result<Versioned> {
        if let Some(verifier) = &self.verifier {
            let (Some(metadata), Some(signature)) = (metadata, signature) else {
                anyhow::bail!("there are keys, but no signature");
            };
            verifier.verify_response_with_signature(
                &signature.try_into()?,
                &metadata.request_body,
                bytes,
                metadata.public_key_id,
                &metadata.nonce,
            )?;
        }
        let mut plan = Vec::new();
        for app in &response.apps {
            let Some(check) = app
                .update_check
                .as_ref()
                .filter(|c| c.status == OmahaStatus::Ok)
            else {
                continue;
            };
            let version = app
                .get_manifest_version()
                .ok_or_else(|| anyhow::anyhow!("no version"))?;
            let packages = check.get_all_packages().map(|package| {
                json!({
                    "name": package.name, "required": package.required, "size": package.size,
                    "hash": package.hash, "hash_sha256": package.hash_sha256, "fp": package.fingerprint,
                })
            });
            lines::write(json!({
                "line": "plan",
                "appid": app.id,
                "version": version,
                "urls": check.get_all_full_urls().collect::<Vec<_>>(),
                "packages": packages.collect::<Vec<_>>(),
                "signed": signature.is_some(),
            }));
            plan.push((app.id.clone(), version.parse()?));
        }
        Ok(Versioned(plan))
    }
}

impl Installer for Slot {
    type InstallPlan = Versioned;
    type InstallResult = ();
    type Error = std::io::Error;

    fn perform_install<'a>(
        &'a mut self,
        plan: &'a Versioned,
        _observer: Option<&'a dyn ProgressObserver>,
    ) -> LocalBoxFuture<'a, ((), Vec<AppInstallResult<Self::Error>>)> {
        let results = plan.0.iter().map(|(appid, version)| {
            if self.fails {
                return AppInstallResult::Failed(std::io::Error::other("the slot is broken"));
            }
            self.installed.borrow_mut().insert(appid.clone(), *version);
            AppInstallResult::Installed
        });
        ready(((), results.collect())).boxed_local()
    }

    fn perform_reboot(&mut self) -> LocalBoxFuture<'_, Result<(), anyhow::Error>> {
        ready(Ok(())).boxed_local()
    }

    fn try_create_install_plan<'a>(
        &'a self,
        _params: &'a RequestParams,
        metadata: Option<&'a RequestMetadata>,
        response: &'a Response,
        bytes: Vec<u8>,
        signature: Option<Vec<u8>>,
    ) -> LocalBoxFuture<'a, Result<Versioned, Self::Error>> {
        let plan = self.plan(metadata, response, &bytes, signature.as_deref());
        ready(plan.map_err(std::io::Error::other)).boxed_local()
    }
}
