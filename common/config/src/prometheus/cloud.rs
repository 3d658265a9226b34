//! `sigv4`, `azuread` and `google_iam`: how clouds want requests to be signed.

use crate::yaml::{FromNode, MapOut, Node, Out, Section, Value};
use crate::{Error, Secret};

/// Amazon's request signature.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SigV4 {
    /// `region`.
    pub region: String,
    /// `access_key`.
    pub access_key: String,
    /// `secret_key`.
    pub secret_key: Secret,
    /// `profile`.
    pub profile: String,
    /// `role_arn`.
    pub role_arn: String,
    /// `external_id`.
    pub external_id: String,
    /// `use_fips_sts_endpoint`.
    pub use_fips_sts_endpoint: bool,
    /// `service_name`.
    pub service_name: String,
}

impl FromNode for SigV4 {
    fn from_node(node: &Node) -> Result<SigV4, Error> {
        let mut section = Section::open(node, "sigv4.SigV4Config")?;
        let sigv4 = SigV4 {
            region: section.or_default("region")?,
            access_key: section.or_default("access_key")?,
            secret_key: section.or_default("secret_key")?,
            profile: section.or_default("profile")?,
            role_arn: section.or_default("role_arn")?,
            external_id: section.or_default("external_id")?,
            use_fips_sts_endpoint: section.or_default("use_fips_sts_endpoint")?,
            service_name: section.or_default("service_name")?,
        };
        section.finish()?;
        if sigv4.access_key.is_empty() != sigv4.secret_key.is_empty() {
            let message = "must provide a AWS SigV4 Access key and Secret Key if credentials are \
                           specified in the SigV4 config";
            return Err(Error::at(node.at, message));
        }
        if sigv4.role_arn.is_empty() && !sigv4.external_id.is_empty() {
            let message = "external_id can only be used with role_arn";
            return Err(Error::at(node.at, message));
        }
        Ok(sigv4)
    }
}

impl SigV4 {
    pub(super) fn render(&self) -> MapOut {
        let mut out = MapOut::default();
        out.text("region", &self.region).text("access_key", &self.access_key);
        out.secret("secret_key", &self.secret_key);
        out.text("profile", &self.profile).text("role_arn", &self.role_arn);
        out.text("external_id", &self.external_id);
        out.flag_if("use_fips_sts_endpoint", self.use_fips_sts_endpoint);
        out.text("service_name", &self.service_name);
        out
    }
}

/// Azure's tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AzureAd {
    /// `cloud`: its name.
    pub cloud: String,
    /// `cloud.aad_endpoint`, for AzureCustom.
    pub aad_endpoint: String,
    /// `cloud.token_audience`, for AzureCustom.
    pub token_audience: String,
    /// How to identify.
    pub identity: AzureIdentity,
}

/// The ways to identify to Azure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AzureIdentity {
    /// `managed_identity.client_id`.
    pub managed_identity: Option<String>,
    /// `oauth`: client, secret and tenant.
    pub oauth: Option<(String, Secret, String)>,
    /// `sdk.tenant_id`.
    pub sdk: Option<String>,
    /// `workload_identity`: client, tenant and token file.
    pub workload_identity: Option<(String, String, String)>,
}

const AZURE_CLOUDS: [&str; 4] = ["AzureChina", "AzureGovernment", "AzurePublic", "AzureCustom"];

impl FromNode for AzureAd {
    fn from_node(node: &Node) -> Result<AzureAd, Error> {
        let mut section = Section::open(node, "azuread.AzureADConfig")?;
        let mut config = AzureAd { cloud: "AzurePublic".to_owned(), ..AzureAd::default() };
        match section.take("cloud") {
            None => {}
            Some(node) if matches!(node.value, Value::Map(_)) => config.read_cloud(node)?,
            Some(node) => config.cloud = FromNode::from_node(node)?,
        }
        config.identity = AzureIdentity {
            managed_identity: inner(&mut section, "managed_identity", |s| {
                s.or_default("client_id")
            })?,
            oauth: inner(&mut section, "oauth", |s| {
                Ok((
                    s.or_default("client_id")?,
                    s.or_default("client_secret")?,
                    s.or_default("tenant_id")?,
                ))
            })?,
            sdk: inner(&mut section, "sdk", |s| s.or_default("tenant_id"))?,
            workload_identity: inner(&mut section, "workload_identity", |s| {
                Ok((
                    s.or_default("client_id")?,
                    s.or_default("tenant_id")?,
                    s.or_default("token_file_path")?,
                ))
            })?,
        };
        section.finish()?;
        config.check().map_err(|message| Error::at(node.at, message))?;
        Ok(config)
    }
}

fn inner<T>(
    section: &mut Section<'_>,
    key: &str,
    read: impl Fn(&mut Section<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let Some(node) = section.take(key).filter(|node| !node.is_null()) else {
        return Ok(None);
    };
    let mut section = Section::open(node, "azuread.AzureADConfig")?;
    let value = read(&mut section)?;
    section.finish()?;
    Ok(Some(value))
}

impl AzureAd {
    fn read_cloud(&mut self, node: &Node) -> Result<(), Error> {
        let mut section = Section::open(node, "azuread.AzureADCloudConfig")?;
        self.cloud = section.or_default("name")?;
        self.aad_endpoint = section.or_default("aad_endpoint")?;
        self.token_audience = section.or_default("token_audience")?;
        section.finish()?;
        if self.cloud != "AzureCustom" {
            let message =
                "cannot provide cloud name other than AzureCustom in the Azure AD cloud config";
            return Err(Error::at(node.at, message));
        }
        if self.aad_endpoint.is_empty() != self.token_audience.is_empty() {
            let message = "must provide both AAD Endpoint and Token Audience when either are \
                           provided in the Azure AD cloud config";
            return Err(Error::at(node.at, message));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), &'static str> {
        if !AZURE_CLOUDS.contains(&self.cloud.as_str()) {
            return Err("must provide a cloud in the Azure AD config");
        }
        let AzureIdentity { managed_identity, oauth, sdk, workload_identity } = &self.identity;
        let ways = [
            managed_identity.is_some(),
            oauth.is_some(),
            sdk.is_some(),
            workload_identity.is_some(),
        ];
        match ways.into_iter().filter(|used| *used).count() {
            0 => {
                return Err(
                    "must provide an Azure Managed Identity, Azure OAuth or Azure SDK in the \
                     Azure AD config",
                );
            }
            1 => {}
            _ => return Err("cannot provide several identities in the Azure AD config"),
        }
        if managed_identity.as_ref().is_some_and(|id| !id.is_empty() && !is_uuid(id)) {
            return Err("the provided Azure Managed Identity client_id is invalid");
        }
        let Some((client, secret, tenant)) = oauth else {
            return Ok(());
        };
        if client.is_empty() {
            return Err("must provide an Azure OAuth client_id in the Azure AD config");
        }
        if secret.is_empty() {
            return Err("must provide an Azure OAuth client_secret in the Azure AD config");
        }
        if tenant.is_empty() {
            return Err("must provide an Azure OAuth tenant_id in the Azure AD config");
        }
        if is_uuid(client) { Ok(()) } else { Err("the provided Azure OAuth client_id is invalid") }
    }

    pub(super) fn render(&self) -> MapOut {
        let mut out = MapOut::default();
        let one = |key: &str, value: &str| {
            let mut map = MapOut::default();
            map.text(key, value);
            Out::Map(map)
        };
        if let Some(client) = &self.identity.managed_identity {
            out.put("managed_identity", one("client_id", client));
        }
        if let Some((client, secret, tenant)) = &self.identity.oauth {
            let mut map = MapOut::default();
            map.text("client_id", client).secret("client_secret", secret).text("tenant_id", tenant);
            out.put("oauth", Out::Map(map));
        }
        if let Some(tenant) = &self.identity.sdk {
            out.put("sdk", one("tenant_id", tenant));
        }
        if let Some((client, tenant, file)) = &self.identity.workload_identity {
            let mut map = MapOut::default();
            map.text("client_id", client).text("tenant_id", tenant).text("token_file_path", file);
            out.put("workload_identity", Out::Map(map));
        }
        let mut cloud = MapOut::default();
        cloud.text("name", &self.cloud).text("aad_endpoint", &self.aad_endpoint);
        cloud.text("token_audience", &self.token_audience);
        out.put("cloud", Out::Map(cloud));
        out
    }
}

/// Whether a text is a UUID with dashes.
fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Google's tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GoogleIam {
    /// `credentials_file`; the environment's when empty.
    pub credentials_file: String,
}

impl FromNode for GoogleIam {
    fn from_node(node: &Node) -> Result<GoogleIam, Error> {
        let mut section = Section::open(node, "googleiam.Config")?;
        let config = GoogleIam { credentials_file: section.or_default("credentials_file")? };
        section.finish()?;
        Ok(config)
    }
}

impl GoogleIam {
    pub(super) fn render(&self) -> MapOut {
        let mut out = MapOut::default();
        out.text("credentials_file", &self.credentials_file);
        out
    }
}
