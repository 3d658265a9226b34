//! The mechanisms of schedulers and registries: Consul, Docker, Kubernetes and their like.

use super::amazon::FILTER;
use super::settings::Settings;
use super::table::{HTTP, Key, Kind, Mechanism, Shown, always, key};
use crate::http::HttpClientConfig;
use crate::url::Url;

/// Consul to Uyuni.
pub(super) const MECHANISMS: [Mechanism; 12] = [
    Mechanism { name: "consul", list: "consul_sd_configs", keys: CONSUL, check: check_consul },
    Mechanism { name: "docker", list: "docker_sd_configs", keys: DOCKER, check: check_docker },
    Mechanism {
        name: "dockerswarm",
        list: "dockerswarm_sd_configs",
        keys: SWARM,
        check: check_swarm,
    },
    Mechanism { name: "eureka", list: "eureka_sd_configs", keys: EUREKA, check: check_eureka },
    Mechanism {
        name: "kubernetes",
        list: "kubernetes_sd_configs",
        keys: KUBERNETES,
        check: check_kubernetes,
    },
    Mechanism { name: "kuma", list: "kuma_sd_configs", keys: KUMA, check: check_kuma },
    Mechanism {
        name: "marathon",
        list: "marathon_sd_configs",
        keys: MARATHON,
        check: check_marathon,
    },
    Mechanism { name: "nerve", list: "nerve_sd_configs", keys: ZOOKEEPER, check: check_nerve },
    Mechanism { name: "nomad", list: "nomad_sd_configs", keys: NOMAD, check: check_nomad },
    Mechanism {
        name: "puppetdb",
        list: "puppetdb_sd_configs",
        keys: PUPPETDB,
        check: check_puppetdb,
    },
    Mechanism {
        name: "serverset",
        list: "serverset_sd_configs",
        keys: ZOOKEEPER,
        check: check_serverset,
    },
    Mechanism { name: "uyuni", list: "uyuni_sd_configs", keys: UYUNI, check: check_uyuni },
];

const REFRESH: Key = Key { name: "refresh_interval", kind: Kind::Span(60), shown: Shown::Always };
const PORT: Key = Key { name: "port", kind: Kind::Number(80), shown: Shown::Always };

const CONSUL: &[Key] = &[
    key("server", Kind::Text("localhost:8500")),
    key("path_prefix", Kind::Text("")),
    key("token", Kind::Secret),
    key("datacenter", Kind::Text("")),
    key("namespace", Kind::Text("")),
    key("partition", Kind::Text("")),
    key("tag_separator", Kind::Text(",")),
    key("scheme", Kind::Text("http")),
    key("username", Kind::Text("")),
    key("password", Kind::Secret),
    always("allow_stale", Kind::Flag(true)),
    key("refresh_interval", Kind::Span(30)),
    key("services", Kind::Texts(&[])),
    key("tags", Kind::Texts(&[])),
    key("node_meta", Kind::TextMap),
    key("filter", Kind::Text("")),
    key("health_filter", Kind::Text("")),
    HTTP,
];

const DOCKER: &[Key] = &[
    HTTP,
    always("host", Kind::Text("")),
    PORT,
    always("filters", Kind::Sections(FILTER)),
    always("host_networking_host", Kind::Text("localhost")),
    REFRESH,
    always("match_first_network", Kind::Flag(true)),
];

const SWARM: &[Key] = &[
    HTTP,
    always("host", Kind::Text("")),
    always("role", Kind::Text("")),
    PORT,
    always("filters", Kind::Sections(FILTER)),
    REFRESH,
];

const EUREKA: &[Key] =
    &[key("server", Kind::Text("")), HTTP, key("refresh_interval", Kind::Span(30))];

const NAMESPACES: &[Key] =
    &[always("own_namespace", Kind::Flag(false)), always("names", Kind::Texts(&[]))];
const SELECTOR: &[Key] =
    &[key("role", Kind::Lower("")), key("label", Kind::Text("")), key("field", Kind::Text(""))];
const ATTACH: &[Key] = &[always("node", Kind::Flag(false)), key("namespace", Kind::Flag(false))];

const KUBERNETES: &[Key] = &[
    key("api_server", Kind::Url),
    always("role", Kind::Lower("")),
    always("kubeconfig_file", Kind::Path),
    HTTP,
    key("namespaces", Kind::Inner(NAMESPACES)),
    key("selectors", Kind::Sections(SELECTOR)),
    key("attach_metadata", Kind::Inner(ATTACH)),
];

const KUMA: &[Key] = &[
    HTTP,
    key("refresh_interval", Kind::Span(15)),
    key("fetch_timeout", Kind::Span(120)),
    always("server", Kind::Text("")),
    key("client_id", Kind::Text("")),
];

const MARATHON: &[Key] = &[
    key("servers", Kind::Texts(&[])),
    key("refresh_interval", Kind::Span(30)),
    key("auth_token", Kind::Secret),
    key("auth_token_file", Kind::Path),
    HTTP,
];

const ZOOKEEPER: &[Key] = &[
    always("servers", Kind::Texts(&[])),
    always("paths", Kind::Texts(&[])),
    key("timeout", Kind::Span(10)),
];

const NOMAD: &[Key] = &[
    always("allow_stale", Kind::Flag(true)),
    HTTP,
    always("namespace", Kind::Text("default")),
    REFRESH,
    always("region", Kind::Text("global")),
    always("server", Kind::Text("")),
    key("tag_separator", Kind::Text(",")),
];

const PUPPETDB: &[Key] = &[
    HTTP,
    key("refresh_interval", Kind::Span(60)),
    always("url", Kind::Text("")),
    always("query", Kind::Text("")),
    always("include_parameters", Kind::Flag(false)),
    PORT,
];

const UYUNI: &[Key] = &[
    always("server", Kind::Text("")),
    always("username", Kind::Text("")),
    always("password", Kind::Secret),
    HTTP,
    key("entitlement", Kind::Text("monitoring_entitled")),
    key("separator", Kind::Text(",")),
    key("refresh_interval", Kind::Span(60)),
];

fn filled(settings: &Settings, key: &str, complaint: &str) -> Result<(), String> {
    if settings.text(key).is_empty() { Err(complaint.to_owned()) } else { Ok(()) }
}

fn check_consul(settings: &Settings) -> Result<(), String> {
    filled(settings, "server", "consul SD configuration requires a server address")?;
    let http = settings.http().cloned().unwrap_or_default();
    let has_user = !settings.text("username").is_empty() || !settings.text("password").is_empty();
    if has_user && http.basic_auth.is_some() {
        return Err("at most one of consul SD configuration username and password and basic auth \
                    can be configured"
            .to_owned());
    }
    let has_token = !settings.text("token").is_empty();
    if has_token && (http.authorization.is_some() || http.oauth2.is_some()) {
        return Err(
            "at most one of consul SD token, authorization, or oauth2 can be configured".to_owned()
        );
    }
    Ok(())
}

fn check_docker(settings: &Settings) -> Result<(), String> {
    filled(settings, "host", "host missing")?;
    Url::parse(settings.text("host")).map(|_| ())
}

fn check_swarm(settings: &Settings) -> Result<(), String> {
    check_docker(settings)?;
    match settings.text("role") {
        "services" | "nodes" | "tasks" => Ok(()),
        "" => Err("role missing (one of: tasks, services, nodes)".to_owned()),
        other => Err(format!("invalid role {other}, expected tasks, services, or nodes")),
    }
}

fn check_eureka(settings: &Settings) -> Result<(), String> {
    filled(settings, "server", "eureka_sd: empty or null eureka server")?;
    let url = Url::parse(settings.text("server"))?;
    if url.scheme().is_empty() || url.host().is_empty() {
        return Err("eureka_sd: invalid eureka server URL".to_owned());
    }
    Ok(())
}

/// The roles of Kubernetes with the selectors that each may have.
const KUBERNETES_ROLES: [(&str, &[&str]); 6] = [
    ("pod", &["pod", "node"]),
    ("service", &["service"]),
    ("endpointslice", &["pod", "service", "endpointslice"]),
    ("endpoints", &["pod", "service", "endpoints"]),
    ("node", &["node"]),
    ("ingress", &["ingress"]),
];

fn check_kubernetes(settings: &Settings) -> Result<(), String> {
    let role = settings.text("role");
    if role.is_empty() {
        return Err("role missing (one of: pod, service, endpoints, endpointslice, node, ingress)"
            .to_owned());
    }
    let known = KUBERNETES_ROLES.iter().find(|(name, _)| *name == role);
    let Some((_, allowed)) = known else {
        return Err(format!("unknown Kubernetes SD role {role:?}"));
    };
    let has_kubeconfig = !settings.text("kubeconfig_file").is_empty();
    let has_server = settings.url("api_server").is_some();
    if has_kubeconfig && has_server {
        return Err("cannot use 'kubeconfig_file' and 'api_server' simultaneously".to_owned());
    }
    let is_client_default = settings.http().is_none_or(|http| *http == HttpClientConfig::default());
    if has_kubeconfig && !is_client_default {
        return Err(
            "cannot use a custom HTTP client configuration together with 'kubeconfig_file'"
                .to_owned(),
        );
    }
    if !has_server && !is_client_default {
        return Err("to use custom HTTP client configuration please provide the 'api_server' URL \
                    explicitly"
            .to_owned());
    }
    let own = settings.section("namespaces").is_some_and(|section| section.flag("own_namespace"));
    if has_server && own {
        return Err(
            "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously".to_owned()
        );
    }
    if has_kubeconfig && own {
        return Err(
            "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously".to_owned()
        );
    }
    check_selectors(settings, role, allowed)
}

fn check_selectors(settings: &Settings, role: &str, allowed: &[&str]) -> Result<(), String> {
    let mut seen: Vec<&str> = Vec::new();
    for selector in settings.sections("selectors") {
        let target = selector.text("role");
        if seen.contains(&target) {
            return Err(format!("duplicated selector role: {target}"));
        }
        seen.push(target);
        if !allowed.contains(&target) {
            let list = allowed.join(", ");
            return Err(format!("{role} role supports only {list} selectors"));
        }
        let fields = selector.text("field");
        let is_term = |term: &str| term.is_empty() || term.contains('=');
        if let Some(bad) = fields.split(',').find(|term| !is_term(term)) {
            return Err(format!("invalid selector: '{fields}'; can't understand '{bad}'"));
        }
    }
    Ok(())
}

fn check_kuma(settings: &Settings) -> Result<(), String> {
    let text = settings.text("server");
    let url = Url::parse(text)?;
    if url.scheme().is_empty() || url.host().is_empty() {
        return Err(format!("kuma SD server must not be empty and have a scheme: {text}"));
    }
    Ok(())
}

fn check_marathon(settings: &Settings) -> Result<(), String> {
    if settings.texts("servers").is_empty() {
        return Err("marathon_sd: must contain at least one Marathon server".to_owned());
    }
    let has_token = !settings.text("auth_token").is_empty();
    let has_file = !settings.text("auth_token_file").is_empty();
    let complaint = match settings.http() {
        _ if has_token && has_file => "auth_token & auth_token_file",
        _ if !has_token && !has_file => return Ok(()),
        Some(http) if http.basic_auth.is_some() => "basic_auth, auth_token & auth_token_file",
        Some(http) if http.is_bearer_token => {
            "bearer_token, bearer_token_file, auth_token & auth_token_file"
        }
        Some(http) if http.authorization.is_some() => "auth_token, auth_token_file & authorization",
        _ => return Ok(()),
    };
    Err(format!("marathon_sd: at most one of {complaint} must be configured"))
}

fn check_nerve(settings: &Settings) -> Result<(), String> {
    check_zookeeper(settings, "nerve")
}

fn check_serverset(settings: &Settings) -> Result<(), String> {
    check_zookeeper(settings, "serverset")
}

fn check_zookeeper(settings: &Settings, name: &str) -> Result<(), String> {
    if settings.texts("servers").is_empty() {
        return Err(format!("{name} SD config must contain at least one Zookeeper server"));
    }
    let paths = settings.texts("paths");
    if paths.is_empty() {
        return Err(format!("{name} SD config must contain at least one path"));
    }
    match paths.iter().find(|path| !path.starts_with('/')) {
        Some(path) => Err(format!("{name} SD config paths must begin with '/': {path}")),
        None => Ok(()),
    }
}

fn check_nomad(settings: &Settings) -> Result<(), String> {
    let server = settings.text("server").trim();
    if server.is_empty() {
        return Err("nomad SD configuration requires a server address".to_owned());
    }
    Url::parse(server).map(|_| ())
}

fn check_puppetdb(settings: &Settings) -> Result<(), String> {
    super::local::check_http_url(settings.text("url"))?;
    filled(settings, "query", "query missing")
}

fn check_uyuni(settings: &Settings) -> Result<(), String> {
    filled(settings, "server", "Uyuni SD configuration requires server host")?;
    Url::parse(settings.text("server"))?;
    filled(settings, "username", "Uyuni SD configuration requires a username")?;
    filled(settings, "password", "Uyuni SD configuration requires a password")
}
