//! Those who carry messages out, one file each.

mod email;
mod webhook;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use common_config::alertmanager::AlertmanagerFile;
use common_template::Set;
use tokio::time::Instant;

use crate::Error;
use crate::dispatch::ReceiverId;
use crate::message::Message;
use crate::retry::Failure;

/// The names of all kinds, as metrics have them.
pub(crate) const KINDS: [&str; 2] = ["email", "webhook"];

/// What a try comes to.
pub(crate) type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

/// One way to one receiver.
pub(crate) trait Channel: Send + Sync {
    /// Tries once to deliver a message.
    fn send(&self, message: Message, deadline: Instant) -> Sending<'_>;
}

/// One entry of a receiver's lists.
pub(crate) struct Integration {
    /// Which one.
    pub(crate) id: ReceiverId,
    /// Whether it wants to hear of alerts that ended.
    pub(crate) sends_resolved: bool,
    /// How.
    pub(crate) channel: Box<dyn Channel>,
}

/// All integrations by the names of their receivers.
pub(crate) type Receivers = HashMap<String, Vec<Arc<Integration>>>;

/// Sets up all receivers of a configuration.
pub(crate) fn build(config: &AlertmanagerFile, templates: &Arc<Set>) -> Result<Receivers, Error> {
    let mut receivers = Receivers::new();
    for receiver in &config.receivers {
        let mut all = Vec::new();
        let mut add = |kind, index, sends_resolved, made: Result<Box<dyn Channel>, String>| {
            let name = receiver.name.clone();
            let channel = made.map_err(|problem| Error::Receiver {
                receiver: name.clone(),
                integration: kind,
                index,
                problem,
            })?;
            let id = ReceiverId { receiver: name, integration: kind, index };
            all.push(Arc::new(Integration { id, sends_resolved, channel }));
            Ok::<(), Error>(())
        };
        for (index, entry) in receiver.webhook_configs.iter().enumerate() {
            add("webhook", index, entry.send_resolved, webhook::Webhook::boxed(entry, templates))?;
        }
        for (index, entry) in receiver.email_configs.iter().enumerate() {
            add("email", index, entry.send_resolved, email::Email::boxed(entry, templates))?;
        }
        receivers.insert(receiver.name.clone(), all);
    }
    Ok(receivers)
}
