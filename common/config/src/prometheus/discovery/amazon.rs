//! Amazon's mechanisms; `aws` is all the others behind a role.

use super::settings::Settings;
use super::table::{HTTP, Key, Kind, Mechanism, always, anything, key};

/// `aws` and its services.
pub(super) const MECHANISMS: [Mechanism; 7] = [
    Mechanism { name: "aws", list: "aws_sd_configs", keys: AWS, check: check_aws },
    Mechanism { name: "ec2", list: "ec2_sd_configs", keys: EC2, check: check_filters },
    Mechanism { name: "lightsail", list: "lightsail_sd_configs", keys: LIGHTSAIL, check: anything },
    Mechanism { name: "ecs", list: "ecs_sd_configs", keys: CLUSTERS, check: anything },
    Mechanism { name: "msk", list: "msk_sd_configs", keys: CLUSTERS, check: anything },
    Mechanism { name: "rds", list: "rds_sd_configs", keys: CLUSTERS, check: anything },
    Mechanism {
        name: "elasticache",
        list: "elasticache_sd_configs",
        keys: CLUSTERS,
        check: anything,
    },
];

const ROLES: [&str; 6] = ["ec2", "ecs", "lightsail", "msk", "rds", "elasticache"];

/// A filter of an API: a name and values.
pub(super) const FILTER: &[Key] =
    &[always("name", Kind::Text("")), always("values", Kind::Texts(&[]))];

const AWS: &[Key] = &[
    always("role", Kind::Text("")),
    key("region", Kind::Text("")),
    key("endpoint", Kind::Text("")),
    key("access_key", Kind::Text("")),
    key("secret_key", Kind::Secret),
    key("profile", Kind::Text("")),
    key("role_arn", Kind::Text("")),
    key("external_id", Kind::Text("")),
    key("refresh_interval", Kind::Span(60)),
    key("port", Kind::Number(80)),
    HTTP,
    key("filters", Kind::Sections(FILTER)),
    key("clusters", Kind::Texts(&[])),
    key("request_concurrency", Kind::Number(0)),
];

const EC2: &[Key] = &[
    always("endpoint", Kind::Text("")),
    always("region", Kind::Text("")),
    key("access_key", Kind::Text("")),
    key("secret_key", Kind::Secret),
    key("profile", Kind::Text("")),
    key("role_arn", Kind::Text("")),
    key("external_id", Kind::Text("")),
    key("refresh_interval", Kind::Span(60)),
    always("port", Kind::Number(80)),
    key("filters", Kind::Sections(FILTER)),
    HTTP,
];

const LIGHTSAIL: &[Key] = &[
    always("endpoint", Kind::Text("")),
    always("region", Kind::Text("")),
    key("access_key", Kind::Text("")),
    key("secret_key", Kind::Secret),
    key("profile", Kind::Text("")),
    key("role_arn", Kind::Text("")),
    key("external_id", Kind::Text("")),
    key("refresh_interval", Kind::Span(60)),
    always("port", Kind::Number(80)),
    HTTP,
];

const CLUSTERS: &[Key] = &[
    always("region", Kind::Text("")),
    key("endpoint", Kind::Text("")),
    key("access_key", Kind::Text("")),
    key("secret_key", Kind::Secret),
    key("profile", Kind::Text("")),
    key("role_arn", Kind::Text("")),
    key("external_id", Kind::Text("")),
    key("clusters", Kind::Texts(&[])),
    always("port", Kind::Number(80)),
    key("refresh_interval", Kind::Span(60)),
    key("request_concurrency", Kind::Number(10)),
    HTTP,
];

fn check_aws(settings: &Settings) -> Result<(), String> {
    let role = settings.text("role");
    if ROLES.contains(&role) {
        return check_filters(settings);
    }
    Err(format!("unknown AWS SD role {role:?}"))
}

fn check_filters(settings: &Settings) -> Result<(), String> {
    let is_empty = |filter: &Settings| filter.texts("values").is_empty();
    if settings.sections("filters").iter().any(is_empty) {
        return Err("EC2 SD configuration filter values cannot be empty".to_owned());
    }
    Ok(())
}
