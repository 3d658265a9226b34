//! `email`: the message as mail over SMTP, with STARTTLS unless that is switched off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use common_config::alertmanager::EmailConfig;
use common_config::{TlsConfig, TlsVersion};
use common_template::{Set, Value};
use lettre::address::Envelope;
use lettre::message::header::{Date, Header as _, HeaderName, HeaderValue};
use lettre::message::{Mailboxes, MultiPart, SinglePart};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client as smtp;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Identity, Tls};
use lettre::transport::smtp::client::{TlsParameters, TlsParametersBuilder};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use tokio::time::Instant;

use super::{Channel, Sending};
use crate::message::Message;
use crate::retry::{Blame, Failure};
use crate::templates;

/// Names that stand for ports.
const SERVICES: [(&str, u16); 4] =
    [("smtp", 25), ("submission", 587), ("smtps", 465), ("submissions", 465)];
/// Longest wait for one answer of the server.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
/// Bytes of a file of the configuration.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Headers that a configuration need not name, with their templates.
const SUBJECT: (&str, &str) = ("Subject", "{{ template \"email.default.subject\" . }}");

/// One entry of `email_configs`.
pub(super) struct Email {
    config: EmailConfig,
    port: u16,
    templates: Arc<Set>,
    /// Makes names of mails different.
    sent: AtomicU64,
}

impl Email {
    pub(super) fn boxed(
        config: &EmailConfig,
        templates: &Arc<Set>,
    ) -> Result<Box<dyn Channel>, String> {
        let text = &config.smarthost.port;
        let service = SERVICES.iter().find(|(name, _)| name == text).map(|(_, port)| *port);
        let port = service.or_else(|| text.parse().ok());
        let port = port.ok_or_else(|| format!("smarthost: unknown port {text:?}"))?;
        if config.tls_config.max_version.is_some_and(|version| version < TlsVersion::Tls13) {
            return Err("tls_config: this version cannot limit max_version for mail".to_owned());
        }
        let templates = Arc::clone(templates);
        Ok(Box::new(Email { config: config.clone(), port, templates, sent: AtomicU64::new(0) }))
    }

    async fn try_once(&self, message: Message, deadline: Instant) -> Result<(), Failure> {
        let (envelope, mail) = self.compose(&message)?;
        let left = deadline.saturating_duration_since(Instant::now());
        let transport = self.transport(left.min(ANSWER_TIME_MAX)).await?;
        transport.send_raw(&envelope, &mail).await.map_err(|error| Failure {
            problem: told(&error),
            blame: match (error.is_permanent(), error.is_transient(), error.is_timeout()) {
                (true, _, _) => Blame::Client,
                (_, true, _) => Blame::Server,
                (_, _, true) => Blame::Deadline,
                _ => Blame::Other,
            },
            may_retry: !error.is_permanent(),
        })?;
        Ok(())
    }

    /// The mail with who sends it to whom.
    fn compose(&self, message: &Message) -> Result<(Envelope, Vec<u8>), Failure> {
        let config = &self.config;
        let value = message.to_value();
        let render = |what: &str, text: &str, value: &Value| {
            templates::execute(&self.templates, text, value, message.now_ms)
                .map_err(|error| Failure::lasting(format!("execute {what:?} template: {error}")))
        };
        let addresses = |what: &str, text: &str| {
            let text = render(what, text, &value)?;
            text.parse::<Mailboxes>()
                .map_err(|error| Failure::lasting(format!("parse {what:?} addresses: {error}")))
        };
        let (from, to) = (addresses("from", &config.from)?, addresses("to", &config.to)?);
        let sender = from.iter().next().map(|mailbox| mailbox.email.clone());
        if from.iter().count() != 1 {
            let problem =
                format!("must be exactly one 'from' address (got: {})", from.iter().count());
            return Err(Failure::lasting(problem));
        }
        let recipients = to.iter().map(|mailbox| mailbox.email.clone()).collect();
        let envelope = Envelope::new(sender, recipients);
        let envelope = envelope.map_err(|error| Failure::lasting(error.to_string()))?;
        let mut mail = MultiPart::alternative().build();
        if !config.text.is_empty() {
            mail = mail.singlepart(SinglePart::plain(render("text", &config.text, &value)?));
        }
        if !config.html.is_empty() {
            let html = render("html", &config.html, &message.to_html_value())?;
            mail = mail.singlepart(SinglePart::html(html));
        }
        let defaults =
            [SUBJECT, ("From", config.from.as_str()), ("To", config.to.as_str())].into_iter();
        let defaults = defaults.filter(|(name, _)| !config.headers.contains_key(*name));
        let own = config.headers.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        for (name, text) in own.chain(defaults) {
            let text = render(&format!("{name} header"), text, &value)?;
            mail.headers_mut().insert_raw(header(name, &text)?);
        }
        self.sign(&mut mail, message)?;
        Ok((envelope, mail.formatted()))
    }

    /// Adds when and under which name the mail is sent.
    fn sign(&self, mail: &mut MultiPart, message: &Message) -> Result<(), Failure> {
        let headers = mail.headers_mut();
        headers.insert_raw(header("Mime-Version", "1.0")?);
        if headers.get_raw("Message-Id").is_none() {
            let count = self.sent.fetch_add(1, Ordering::Relaxed);
            let hash = crate::fingerprint(&message.group_labels);
            let id = format!("<{}.{hash:016x}.{count}@{}>", message.now_ms, self.config.hello);
            headers.insert_raw(header("Message-Id", &id)?);
        }
        let millis = u64::try_from(message.now_ms).unwrap_or(0);
        if headers.get_raw("Date").is_none() {
            let date = Date::from(UNIX_EPOCH + Duration::from_millis(millis));
            headers.insert_raw(date.display());
        }
        Ok(())
    }

    async fn transport(
        &self,
        answer_time: Duration,
    ) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failure> {
        let config = &self.config;
        let host = &config.smarthost.host;
        let host = if host.is_empty() { "localhost" } else { host.as_str() };
        let tls = self.tls(host).await?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(self.port)
            .hello_name(ClientId::Domain(config.hello.clone()))
            .timeout(Some(answer_time))
            .tls(tls);
        if !config.auth_username.is_empty() {
            let password = match &config.auth_password_file {
                Some(file) => read(file).await?.trim().to_owned(),
                None => config.auth_password.expose().to_owned(),
            };
            builder = builder
                .credentials(Credentials::new(config.auth_username.clone(), password))
                .authentication(vec![Mechanism::Plain, Mechanism::Login]);
        }
        Ok(builder.build())
    }

    async fn tls(&self, host: &str) -> Result<Tls, Failure> {
        let config = &self.config;
        let parameters = tls_parameters(&config.tls_config, host).await?;
        if config.implicit_tls {
            return Ok(Tls::Wrapper(parameters));
        }
        // As in Go, a password does not leave this host in the clear.
        let is_local = matches!(host, "localhost" | "127.0.0.1" | "::1");
        let shows_password = !config.auth_username.is_empty() && !is_local;
        if config.require_tls || shows_password {
            return Ok(Tls::Required(parameters));
        }
        Ok(Tls::Opportunistic(parameters))
    }
}

impl Channel for Email {
    fn send(&self, message: Message, deadline: Instant) -> Sending<'_> {
        Box::pin(self.try_once(message, deadline))
    }
}

/// A header whose text cannot begin another one.
fn header(name: &str, text: &str) -> Result<HeaderValue, Failure> {
    let named = HeaderName::new_from_ascii(name.to_owned());
    let named = named.map_err(|_| Failure::lasting(format!("invalid header name {name:?}")))?;
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Ok(HeaderValue::new(named, text.trim().to_owned()))
}

async fn tls_parameters(config: &TlsConfig, host: &str) -> Result<TlsParameters, Failure> {
    let fail = |error: SmtpError| Failure::lasting(format!("tls_config: {}", told(&error)));
    let name = config.server_name.clone().unwrap_or_else(|| host.to_owned());
    let mut builder: TlsParametersBuilder = TlsParameters::builder(name)
        .dangerous_accept_invalid_certs(config.insecure_skip_verify)
        .dangerous_accept_invalid_hostnames(config.insecure_skip_verify);
    if config.min_version == Some(TlsVersion::Tls13) {
        builder = builder.set_min_tls_version(smtp::TlsVersion::Tlsv13);
    }
    if let Some(ca) = text_or_file(config.ca.as_deref(), config.ca_file.as_deref()).await? {
        let certificate = Certificate::from_pem(ca.as_bytes()).map_err(fail)?;
        builder =
            builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    let cert = text_or_file(config.cert.as_deref(), config.cert_file.as_deref()).await?;
    let key = config.key.as_ref().map(|key| key.expose());
    let key = text_or_file(key, config.key_file.as_deref()).await?;
    if let (Some(cert), Some(key)) = (cert, key) {
        let identity = Identity::from_pem(cert.as_bytes(), key.as_bytes()).map_err(fail)?;
        builder = builder.identify_with(identity);
    }
    builder.build().map_err(fail)
}

async fn text_or_file(text: Option<&str>, file: Option<&str>) -> Result<Option<String>, Failure> {
    match (text, file) {
        (Some(text), _) => Ok(Some(text.to_owned())),
        (None, Some(file)) => read(file).await.map(Some),
        (None, None) => Ok(None),
    }
}

async fn read(file: &str) -> Result<String, Failure> {
    let fail = |problem: String| Failure::lasting(format!("{file}: {problem}"));
    let size = tokio::fs::metadata(file).await.map_err(|error| fail(error.to_string()))?.len();
    if size > FILE_BYTES_MAX {
        return Err(fail(format!("longer than {FILE_BYTES_MAX} bytes")));
    }
    tokio::fs::read_to_string(file).await.map_err(|error| fail(error.to_string()))
}

/// An error with its causes.
fn told(error: &SmtpError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = inner.source();
    }
    text
}
