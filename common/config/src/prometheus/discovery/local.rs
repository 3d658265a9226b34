//! The mechanisms that need nothing but this host and its network: file, HTTP and DNS.

use super::settings::Settings;
use super::table::{HTTP, Key, Kind, Mechanism, always, key};

/// `file`, `http` and `dns`.
pub(super) const MECHANISMS: [Mechanism; 3] = [
    Mechanism { name: "file", list: "file_sd_configs", keys: FILE, check: check_file },
    Mechanism { name: "http", list: "http_sd_configs", keys: HTTP_SD, check: check_http },
    Mechanism { name: "dns", list: "dns_sd_configs", keys: DNS, check: check_dns },
];

const FILE: &[Key] = &[always("files", Kind::Paths), key("refresh_interval", Kind::Span(300))];

const HTTP_SD: &[Key] =
    &[HTTP, key("refresh_interval", Kind::Span(60)), always("url", Kind::Text(""))];

const DNS: &[Key] = &[
    always("names", Kind::Texts(&[])),
    key("refresh_interval", Kind::Span(30)),
    always("type", Kind::Text("SRV")),
    always("port", Kind::Number(0)),
];

fn check_file(settings: &Settings) -> Result<(), String> {
    let files = settings.texts("files");
    if files.is_empty() {
        return Err("file service discovery config must contain at least one path name".to_owned());
    }
    match files.iter().find(|file| !is_file_pattern(file)) {
        Some(file) => Err(format!("path name {file:?} is not valid for file discovery")),
        None => Ok(()),
    }
}

/// A YAML or JSON file, with at most one `*` in its last part.
fn is_file_pattern(pattern: &str) -> bool {
    let lower = pattern.to_lowercase();
    let has_suffix = [".json", ".yml", ".yaml"].iter().any(|suffix| lower.ends_with(suffix));
    let folder_end = pattern.rfind('/').map_or(0, |at| at + 1);
    has_suffix && pattern.matches('*').count() <= 1 && !pattern[..folder_end].contains('*')
}

fn check_http(settings: &Settings) -> Result<(), String> {
    check_http_url(settings.text("url"))
}

/// A URL that HTTP can ask.
pub(super) fn check_http_url(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("URL is missing".to_owned());
    }
    let url = crate::url::Url::parse(text)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("URL scheme must be 'http' or 'https'".to_owned());
    }
    if url.host().is_empty() {
        return Err("host is missing in URL".to_owned());
    }
    Ok(())
}

fn check_dns(settings: &Settings) -> Result<(), String> {
    if settings.texts("names").is_empty() {
        return Err("DNS-SD config must contain at least one SRV record name".to_owned());
    }
    match settings.text("type").to_uppercase().as_str() {
        "SRV" => Ok(()),
        "A" | "AAAA" | "MX" | "NS" if settings.number("port") == 0 => {
            Err("a port is required in DNS-SD configs for all record types except SRV".to_owned())
        }
        "A" | "AAAA" | "MX" | "NS" => Ok(()),
        other => Err(format!("invalid DNS-SD records type {other}")),
    }
}
