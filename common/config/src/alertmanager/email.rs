//! `email_configs`: alerts by mail over SMTP.

use std::collections::BTreeMap;

use super::{GlobalConfig, not_run};
use crate::http::TlsConfig;
use crate::yaml::{Node, Section};
use crate::{Error, Secret, paths};

/// Where TLS begins with the connection rather than by STARTTLS.
const PORT_IMPLICIT_TLS: &str = "465";

/// A host and a port, both as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// The host, an IPv6 address without brackets.
    pub host: String,
    /// The port: digits or the name of a service.
    pub port: String,
}

/// One entry of `email_configs`; what it does not say is the global section's.
#[derive(Clone, Debug, PartialEq)]
pub struct EmailConfig {
    /// `send_resolved`, off by default.
    pub send_resolved: bool,
    /// `to`: addresses separated by commas; a template.
    pub to: String,
    /// `from`; a template.
    pub from: String,
    /// `hello`.
    pub hello: String,
    /// `smarthost`.
    pub smarthost: HostPort,
    /// `auth_username`; empty for no authentication.
    pub auth_username: String,
    /// `auth_password`.
    pub auth_password: Secret,
    /// `auth_password_file`, read for every message.
    pub auth_password_file: Option<String>,
    /// `auth_identity`.
    pub auth_identity: String,
    /// `headers`, by name in the usual case; templates.
    pub headers: BTreeMap<String, String>,
    /// `html`; a template. Empty for no such part.
    pub html: String,
    /// `text`; a template. Empty for no such part.
    pub text: String,
    /// `require_tls`: refuse servers without STARTTLS.
    pub require_tls: bool,
    /// Whether TLS begins with the connection: `force_implicit_tls`, or port 465.
    pub implicit_tls: bool,
    /// `tls_config`.
    pub tls_config: TlsConfig,
}

impl HostPort {
    /// Takes `host:port`; an empty text is none.
    pub(super) fn take(section: &mut Section<'_>, key: &str) -> Result<Option<HostPort>, Error> {
        let Some(text) = section.filled(key)? else {
            return Ok(None);
        };
        HostPort::parse(&text).map(Some).map_err(|problem| section.complain(key, problem))
    }

    fn parse(text: &str) -> Result<HostPort, String> {
        let missing = || format!("address {text}: missing port in address");
        let (host, port) = match text.strip_prefix('[') {
            Some(inner) => {
                let (host, rest) = inner
                    .split_once(']')
                    .ok_or_else(|| format!("address {text}: missing ']' in address"))?;
                (host, rest.strip_prefix(':').ok_or_else(missing)?)
            }
            None => text.rsplit_once(':').ok_or_else(missing)?,
        };
        if !text.starts_with('[') && host.contains(':') {
            return Err(format!("address {text}: too many colons in address"));
        }
        if port.is_empty() {
            return Err(format!("address {text:?}: port cannot be empty"));
        }
        Ok(HostPort { host: host.to_owned(), port: port.to_owned() })
    }
}

impl EmailConfig {
    pub(super) fn read(node: &Node, global: &GlobalConfig) -> Result<EmailConfig, Error> {
        let mut section = Section::open(node, "email.plain")?;
        let complain = |message: &str| Err(Error::at(node.at, message));
        let smtp = &global.smtp;
        let to: String = section.or_default("to")?;
        if to.is_empty() {
            return complain("missing to address in email config");
        }
        let headers = headers(&mut section)?;
        refuse_not_run(&mut section, global)?;
        let smarthost = HostPort::take(&mut section, "smarthost")?;
        let Some(smarthost) = smarthost.or_else(|| smtp.smarthost.clone()) else {
            return complain("no global SMTP smarthost set");
        };
        let Some(from) =
            section.filled("from")?.or_else(|| Some(smtp.from.clone()).filter(|f| !f.is_empty()))
        else {
            return complain("no global SMTP from set");
        };
        let or_global =
            |own: Option<String>, global: &String| own.unwrap_or_else(|| global.clone());
        let (auth_password, auth_password_file) = password(&mut section, global)?;
        let forced: Option<bool> = section.get("force_implicit_tls")?.or(smtp.force_implicit_tls);
        let config = EmailConfig {
            send_resolved: section.or_default("send_resolved")?,
            to,
            from,
            hello: or_global(section.filled("hello")?, &smtp.hello),
            implicit_tls: forced.unwrap_or(smarthost.port == PORT_IMPLICIT_TLS),
            smarthost,
            auth_username: or_global(section.filled("auth_username")?, &smtp.auth_username),
            auth_password,
            auth_password_file,
            auth_identity: or_global(section.filled("auth_identity")?, &smtp.auth_identity),
            headers,
            html: section.or("html", "{{ template \"email.default.html\" . }}".to_owned())?,
            text: section.or_default("text")?,
            require_tls: section.or("require_tls", smtp.require_tls)?,
            tls_config: section.get("tls_config")?.unwrap_or_else(|| smtp.tls_config.clone()),
        };
        if !config.auth_identity.is_empty() && config.auth_identity != config.auth_username {
            return complain(&not_run("auth_identity other than auth_username"));
        }
        section.finish()?;
        Ok(config)
    }

    pub(super) fn set_directory(&mut self, dir: &str) {
        if let Some(file) = &mut self.auth_password_file {
            paths::join(dir, file);
        }
        self.tls_config.set_directory(dir);
    }
}

/// The receiver's own password, in either form, or else the global one. A file wins over a text
/// beside it, as upstream has it.
fn password(
    section: &mut Section<'_>,
    global: &GlobalConfig,
) -> Result<(Secret, Option<String>), Error> {
    let own: Secret = section.or_default("auth_password")?;
    let own_file = section.filled("auth_password_file")?;
    if own.is_empty() && own_file.is_none() {
        return Ok((global.smtp.auth_password.clone(), global.smtp.auth_password_file.clone()));
    }
    Ok((own, own_file))
}

/// CRAM-MD5 and threads of mails.
fn refuse_not_run(section: &mut Section<'_>, global: &GlobalConfig) -> Result<(), Error> {
    let own: Secret = section.or_default("auth_secret")?;
    let own_file = section.filled("auth_secret_file")?;
    let has_own = !own.is_empty() || own_file.is_some();
    let smtp = &global.smtp;
    let has_password = !smtp.auth_password.is_empty()
        || smtp.auth_password_file.is_some()
        || section.take("auth_password").is_some()
        || section.take("auth_password_file").is_some();
    let has_global = !smtp.auth_secret.is_empty() || smtp.auth_secret_file.is_some();
    // Beside a password a secret is only for servers that offer nothing but CRAM-MD5.
    if (has_own || has_global) && !has_password {
        return Err(section.complain("auth_secret", not_run("auth_secret (CRAM-MD5)")));
    }
    match section.take("threading") {
        Some(node) if !node.is_null() => Err(Error::at(node.at, not_run("threading"))),
        _ => Ok(()),
    }
}

/// Header names in the usual case; two that are then equal are refused.
fn headers(section: &mut Section<'_>) -> Result<BTreeMap<String, String>, Error> {
    let written: BTreeMap<String, String> = section.or_default("headers")?;
    let mut headers = BTreeMap::new();
    for (name, value) in written {
        let usual = usual_case(&name);
        if headers.contains_key(&usual) {
            let message = format!("duplicate header {usual:?} in email config");
            return Err(section.complain("headers", message));
        }
        headers.insert(usual, value);
    }
    Ok(headers)
}

/// `reply-to` to `Reply-To`.
fn usual_case(name: &str) -> String {
    let mut starts = true;
    let one = |c: char| {
        let c = if starts { c.to_ascii_uppercase() } else { c };
        starts = !c.is_alphanumeric() && c != '_' && c != '\'';
        c
    };
    name.chars().map(one).collect()
}
