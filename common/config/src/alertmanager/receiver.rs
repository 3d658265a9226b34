//! Receivers: who is told.

use super::{EmailConfig, GlobalConfig, WebhookConfig, not_run};
use crate::yaml::{self, Node, Section};
use crate::{Error, Position};

/// Kinds that upstream runs and this version does not.
const KINDS_NOT_RUN: [&str; 16] = [
    "discord_configs",
    "incidentio_configs",
    "jira_configs",
    "mattermost_configs",
    "msteams_configs",
    "msteamsv2_configs",
    "opsgenie_configs",
    "pagerduty_configs",
    "pushover_configs",
    "rocketchat_configs",
    "slack_configs",
    "sns_configs",
    "telegram_configs",
    "victorops_configs",
    "webex_configs",
    "wechat_configs",
];

/// One entry of `receivers`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Receiver {
    /// `name`.
    pub name: String,
    /// `webhook_configs`.
    pub webhook_configs: Vec<WebhookConfig>,
    /// `email_configs`.
    pub email_configs: Vec<EmailConfig>,
    /// Where it stands.
    pub position: Position,
}

impl Receiver {
    /// One that tells nobody.
    pub(super) fn named(name: &str) -> Receiver {
        Receiver { name: name.to_owned(), ..Receiver::default() }
    }

    pub(super) fn read(node: &Node, global: &GlobalConfig) -> Result<Receiver, Error> {
        let mut section = Section::open(node, "config.plain")?;
        let name: String = section.or_default("name")?;
        for kind in KINDS_NOT_RUN {
            let list = section.take(kind);
            if list.is_some_and(|node| node.elements("list").map_or(true, |all| !all.is_empty())) {
                return Err(section.complain(kind, not_run(kind)));
            }
        }
        let webhooks = section.take("webhook_configs");
        let emails = section.take("email_configs");
        if section.take("labels").is_some_and(|node| !node.is_null()) {
            return Err(section.complain("labels", not_run("labels of a receiver")));
        }
        let receiver = Receiver {
            webhook_configs: yaml::list_of(webhooks, "missing webhook config", |node| {
                WebhookConfig::read(node, &global.http_config)
            })?,
            email_configs: yaml::list_of(emails, "missing email config", |node| {
                EmailConfig::read(node, global)
            })?,
            position: node.at,
            name,
        };
        section.finish()?;
        if receiver.name.is_empty() {
            return Err(Error::at(node.at, "missing name in receiver"));
        }
        Ok(receiver)
    }

    pub(super) fn set_directory(&mut self, dir: &str) {
        self.webhook_configs.iter_mut().for_each(|config| config.set_directory(dir));
        self.email_configs.iter_mut().for_each(|config| config.set_directory(dir));
    }
}
