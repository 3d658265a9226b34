//! Probers: the table of them, and what each is handed.
//!
//! A prober is one folder here and one line in [`PROBERS`]. It gets a module that was checked when
//! the configuration was read, resolves its target with [`resolve::resolve`] (which also applies
//! the module's list of targets), keeps to [`ProbeContext::deadline`], puts what it measures into
//! [`Results`] and what it does into [`ProbeLog`], and says whether the probe succeeded.

mod asked;
mod dialogue;
mod dns;
mod failure;
mod grpc;
mod guard;
mod http;
mod icmp;
mod log;
mod random;
pub mod resolve;
mod results;
mod run;
pub mod stream;
mod tcp;
pub mod text;
pub mod tls;
mod unix;
mod websocket;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use common_client::ProxyEnv;
use common_service::clock::Clock;
use tokio::time::Instant;

use crate::config::Module;

pub use failure::{Phase, Reason, reason_of};
pub use guard::{Refusal, check_address, check_host};
pub use log::{Level, ProbeLog};
pub use resolve::{Resolve, Resolved, SystemResolver};
pub use results::Results;
pub use run::{Outcome, run};

/// What every prober is handed beside its module and target.
#[derive(Clone)]
pub struct ProbeContext {
    /// When everything must be done. Every wait ends here; [`run`] gives up soon after it.
    pub deadline: Instant,
    /// What time it is: for certificates and log lines.
    pub clock: Arc<dyn Clock>,
    /// Names to addresses.
    pub resolver: Arc<dyn Resolve>,
    /// `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
    pub proxies: Arc<ProxyEnv>,
}

/// A running probe; the answer is whether it succeeded.
pub type Probing<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// What a prober is: `async fn(&ProbeContext, &Module, target, &mut Results, &mut ProbeLog) -> bool`.
pub type Probe = for<'a> fn(
    &'a ProbeContext,
    &'a Module,
    &'a str,
    &'a mut Results,
    &'a mut ProbeLog,
) -> Probing<'a>;

/// One prober.
pub struct Prober {
    /// What `prober:` calls it.
    pub name: &'static str,
    /// Runs it.
    pub probe: Probe,
}

/// All probers. A module may name one that is not here; asking for it is an error then.
pub const PROBERS: &[Prober] = &[
    Prober { name: "http", probe: |c, m, t, r, l| Box::pin(http::probe(c, m, t, r, l)) },
    Prober { name: "tcp", probe: |c, m, t, r, l| Box::pin(tcp::probe(c, m, t, r, l)) },
    Prober { name: "icmp", probe: |c, m, t, r, l| Box::pin(icmp::probe(c, m, t, r, l)) },
    Prober { name: "dns", probe: |c, m, t, r, l| Box::pin(dns::probe(c, m, t, r, l)) },
    Prober { name: "grpc", probe: |c, m, t, r, l| Box::pin(grpc::probe(c, m, t, r, l)) },
    Prober { name: "unix", probe: |c, m, t, r, l| Box::pin(unix::probe(c, m, t, r, l)) },
    Prober { name: "websocket", probe: |c, m, t, r, l| Box::pin(websocket::probe(c, m, t, r, l)) },
];

/// The prober of a name.
#[must_use]
pub fn prober(name: &str) -> Option<&'static Prober> {
    PROBERS.iter().find(|prober| prober.name == name)
}
