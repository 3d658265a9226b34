//! The mechanisms of the other clouds and hosters.

use super::settings::Settings;
use super::table::{HTTP, Key, Kind, Mechanism, Shown, always, anything, key};
use crate::url::Url;

/// Azure to Vultr.
pub(super) const MECHANISMS: [Mechanism; 14] = [
    Mechanism { name: "azure", list: "azure_sd_configs", keys: AZURE, check: check_azure },
    Mechanism {
        name: "digitalocean",
        list: "digitalocean_sd_configs",
        keys: PLAIN,
        check: anything,
    },
    Mechanism { name: "gce", list: "gce_sd_configs", keys: GCE, check: check_gce },
    Mechanism { name: "hetzner", list: "hetzner_sd_configs", keys: HETZNER, check: check_hetzner },
    Mechanism { name: "ionos", list: "ionos_sd_configs", keys: IONOS, check: check_ionos },
    Mechanism { name: "linode", list: "linode_sd_configs", keys: LINODE, check: anything },
    Mechanism { name: "oci", list: "oci_sd_configs", keys: OCI, check: check_oci },
    Mechanism {
        name: "openstack",
        list: "openstack_sd_configs",
        keys: OPENSTACK,
        check: check_openstack,
    },
    Mechanism {
        name: "outscale",
        list: "outscale_sd_configs",
        keys: OUTSCALE,
        check: check_outscale,
    },
    Mechanism {
        name: "ovhcloud",
        list: "ovhcloud_sd_configs",
        keys: OVHCLOUD,
        check: check_ovhcloud,
    },
    Mechanism {
        name: "scaleway",
        list: "scaleway_sd_configs",
        keys: SCALEWAY,
        check: check_scaleway,
    },
    Mechanism { name: "stackit", list: "stackit_sd_configs", keys: STACKIT, check: check_stackit },
    Mechanism { name: "triton", list: "triton_sd_configs", keys: TRITON, check: check_triton },
    Mechanism { name: "vultr", list: "vultr_sd_configs", keys: PLAIN, check: anything },
];

const REFRESH: Key = Key { name: "refresh_interval", kind: Kind::Span(60), shown: Shown::Always };
const PORT: Key = Key { name: "port", kind: Kind::Number(80), shown: Shown::Always };

const PLAIN: &[Key] = &[HTTP, REFRESH, PORT];

const AZURE: &[Key] = &[
    key("environment", Kind::Text("AzurePublicCloud")),
    PORT,
    always("subscription_id", Kind::Text("")),
    key("tenant_id", Kind::Text("")),
    key("client_id", Kind::Text("")),
    key("client_secret", Kind::Secret),
    key("refresh_interval", Kind::Span(300)),
    key("authentication_method", Kind::Text("OAuth")),
    key("resource_group", Kind::Text("")),
    HTTP,
];

const GCE: &[Key] = &[
    always("project", Kind::Text("")),
    always("zone", Kind::Text("")),
    key("filter", Kind::Text("")),
    key("refresh_interval", Kind::Span(60)),
    PORT,
    key("tag_separator", Kind::Text(",")),
];

const HETZNER: &[Key] =
    &[HTTP, REFRESH, PORT, always("role", Kind::Text("")), key("label_selector", Kind::Text(""))];

const IONOS: &[Key] = &[always("datacenter_id", Kind::Text("")), HTTP, REFRESH, PORT];

const LINODE: &[Key] =
    &[HTTP, REFRESH, PORT, key("tag_separator", Kind::Text(",")), key("region", Kind::Text(""))];

const OCI: &[Key] = &[
    key("auth", Kind::Text("")),
    always("region", Kind::Text("")),
    key("tenancy", Kind::Text("")),
    key("user", Kind::Text("")),
    key("fingerprint", Kind::Text("")),
    key("key_file", Kind::Path),
    key("key_passphrase", Kind::Secret),
    key("compartments", Kind::Texts(&[])),
    PORT,
    key("refresh_interval", Kind::Span(60)),
    HTTP,
];

const OPENSTACK: &[Key] = &[
    always("identity_endpoint", Kind::Text("")),
    always("username", Kind::Text("")),
    always("userid", Kind::Text("")),
    always("password", Kind::Secret),
    always("project_name", Kind::Text("")),
    always("project_id", Kind::Text("")),
    always("application_credential_name", Kind::Text("")),
    always("application_credential_id", Kind::Text("")),
    always("application_credential_secret", Kind::Secret),
    always("domain_name", Kind::Text("")),
    always("domain_id", Kind::Text("")),
    always("role", Kind::Text("")),
    always("region", Kind::Text("")),
    key("refresh_interval", Kind::Span(60)),
    PORT,
    key("all_tenants", Kind::Flag(false)),
    key("tls_config", Kind::Tls),
    key("availability", Kind::Text("public")),
];

const OUTSCALE: &[Key] = &[
    key("endpoint", Kind::Text("")),
    always("region", Kind::Text("eu-west-2")),
    always("access_key", Kind::Text("")),
    always("secret_key", Kind::Secret),
    key("secret_key_file", Kind::Path),
    key("refresh_interval", Kind::Span(60)),
    PORT,
    HTTP,
];

const OVHCLOUD: &[Key] = &[
    always("endpoint", Kind::Text("ovh-eu")),
    always("application_key", Kind::Text("")),
    always("application_secret", Kind::Secret),
    always("consumer_key", Kind::Secret),
    REFRESH,
    always("service", Kind::Text("")),
];

const SCALEWAY: &[Key] = &[
    always("project_id", Kind::Text("")),
    key("api_url", Kind::Text("https://api.scaleway.com")),
    always("zone", Kind::Text("fr-par-1")),
    always("access_key", Kind::Text("")),
    key("secret_key", Kind::Secret),
    always("secret_key_file", Kind::Path),
    key("name_filter", Kind::Text("")),
    key("tags_filter", Kind::Texts(&[])),
    HTTP,
    REFRESH,
    PORT,
    always("role", Kind::Text("")),
];

const STACKIT: &[Key] = &[
    HTTP,
    always("project", Kind::Text("")),
    key("refresh_interval", Kind::Span(60)),
    key("port", Kind::Number(80)),
    key("region", Kind::Text("eu01")),
    key("endpoint", Kind::Text("")),
    key("service_account_key", Kind::Secret),
    key("private_key", Kind::Secret),
    key("service_account_key_path", Kind::Path),
    key("private_key_path", Kind::Path),
    key("credentials_file_path", Kind::Path),
];

const TRITON: &[Key] = &[
    always("account", Kind::Text("")),
    always("role", Kind::Text("container")),
    always("dns_suffix", Kind::Text("")),
    always("endpoint", Kind::Text("")),
    key("groups", Kind::Texts(&[])),
    always("port", Kind::Number(9163)),
    key("refresh_interval", Kind::Span(60)),
    key("tls_config", Kind::Tls),
    always("version", Kind::Number(1)),
];

fn check_azure(settings: &Settings) -> Result<(), String> {
    let needs = |key: &str| match settings.text(key) {
        "" => Err(format!("azure SD configuration requires a {key}")),
        _ => Ok(()),
    };
    needs("subscription_id")?;
    match settings.text("authentication_method") {
        "OAuth" => {
            needs("tenant_id")?;
            needs("client_id")?;
            needs("client_secret")
        }
        "ManagedIdentity" | "SDK" | "WorkloadIdentity" => Ok(()),
        other => Err(format!(
            "unknown authentication_type {other:?}. Supported types are \"OAuth\", \
             \"ManagedIdentity\", \"SDK\" or \"WorkloadIdentity\""
        )),
    }
}

fn check_gce(settings: &Settings) -> Result<(), String> {
    filled(settings, "project", "GCE SD configuration requires a project")?;
    filled(settings, "zone", "GCE SD configuration requires a zone")
}

fn filled(settings: &Settings, key: &str, complaint: &str) -> Result<(), String> {
    if settings.text(key).is_empty() { Err(complaint.to_owned()) } else { Ok(()) }
}

fn check_hetzner(settings: &Settings) -> Result<(), String> {
    match settings.text("role") {
        "robot" | "hcloud" => Ok(()),
        "" => Err("role missing (one of: robot, hcloud)".to_owned()),
        other => Err(format!("unknown role {other:?}")),
    }
}

fn check_ionos(settings: &Settings) -> Result<(), String> {
    filled(settings, "datacenter_id", "datacenter id can't be empty")
}

fn check_oci(settings: &Settings) -> Result<(), String> {
    match settings.text("auth") {
        "" | "api_key" | "instance_principal" => Ok(()),
        other => Err(format!("unknown OCI authentication method {other:?}")),
    }
}

fn check_openstack(settings: &Settings) -> Result<(), String> {
    let availability = settings.text("availability");
    if !matches!(availability, "public" | "internal" | "admin") {
        return Err(format!(
            "unknown availability {availability}, must be one of admin, internal or public"
        ));
    }
    match settings.text("role") {
        "" => Err("role missing (one of: instance, hypervisor, loadbalancer)".to_owned()),
        "instance" | "hypervisor" | "loadbalancer" => {
            filled(settings, "region", "openstack SD configuration requires a region")
        }
        other => Err(format!("unknown OpenStack SD role {other:?}")),
    }
}

fn check_outscale(settings: &Settings) -> Result<(), String> {
    filled(settings, "region", "outscale SD configuration requires a region")?;
    one_secret(settings)?;
    let has_secret =
        !settings.text("secret_key").is_empty() || !settings.text("secret_key_file").is_empty();
    if settings.text("access_key").is_empty() || !has_secret {
        return Err("outscale SD configuration requires access_key and secret_key".to_owned());
    }
    Ok(())
}

fn one_secret(settings: &Settings) -> Result<(), String> {
    if !settings.text("secret_key").is_empty() && !settings.text("secret_key_file").is_empty() {
        return Err("at most one of secret_key & secret_key_file must be configured".to_owned());
    }
    Ok(())
}

fn check_ovhcloud(settings: &Settings) -> Result<(), String> {
    filled(settings, "endpoint", "endpoint can not be empty")?;
    filled(settings, "application_key", "application key can not be empty")?;
    filled(settings, "application_secret", "application secret can not be empty")?;
    filled(settings, "consumer_key", "consumer key can not be empty")?;
    match settings.text("service") {
        "vps" | "dedicated_server" => Ok(()),
        other => Err(format!("unknown service: {other}")),
    }
}

fn check_scaleway(settings: &Settings) -> Result<(), String> {
    match settings.text("role") {
        "instance" | "baremetal" => {}
        "" => return Err("role missing (one of: instance, baremetal)".to_owned()),
        other => return Err(format!("unknown role {other:?}")),
    }
    filled(settings, "project_id", "project_id is mandatory")?;
    one_secret(settings)?;
    if settings.text("secret_key").is_empty() && settings.text("secret_key_file").is_empty() {
        return Err("one of secret_key & secret_key_file must be configured".to_owned());
    }
    filled(settings, "access_key", "access_key is mandatory")
}

fn check_stackit(settings: &Settings) -> Result<(), String> {
    let endpoint = settings.text("endpoint");
    if !endpoint.is_empty() {
        Url::parse(endpoint)
            .map_err(|reason| format!("invalid endpoint {endpoint:?}: {reason}"))?;
    }
    filled(settings, "project", "project is required")
}

fn check_triton(settings: &Settings) -> Result<(), String> {
    filled(settings, "account", "triton SD configuration requires an account")?;
    filled(settings, "dns_suffix", "triton SD configuration requires a dns_suffix")?;
    filled(settings, "endpoint", "triton SD configuration requires an endpoint")?;
    match settings.text("role") {
        "container" | "cn" => Ok(()),
        _ => Err("triton SD configuration requires role to be 'container' or 'cn'".to_owned()),
    }
}
