//! Questions to the HTTP API of a program under test.

use std::collections::BTreeMap;
use std::time::Duration;

use common_client::header::{CONTENT_TYPE, HeaderValue};
use common_client::{Client, ClientOptions, HeaderMap, Method, Request};
use common_config::HttpClientConfig;
use serde_json::Value;

use super::{PATIENCE, eventually};

/// Values by time in milliseconds, of each series by its labels as JSON.
pub(crate) type Matrix = BTreeMap<String, BTreeMap<i64, String>>;

/// The API at an address.
#[derive(Clone)]
pub(crate) struct Api {
    address: String,
    client: Client,
}

impl Api {
    pub(crate) fn new(address: String) -> Api {
        let client = Client::new(&HttpClientConfig::default(), ClientOptions::default()).unwrap();
        Api { address, client }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Status and body.
    pub(crate) async fn get(&self, path: &str) -> Result<(u16, String), String> {
        let (status, _, body) = self.get_all(path).await?;
        Ok((status, body))
    }

    /// Status, headers and body.
    pub(crate) async fn get_all(&self, path: &str) -> Result<(u16, HeaderMap, String), String> {
        self.send(Request::get(format!("http://{}{path}", self.address))).await
    }

    /// Status and body of a posted form.
    pub(crate) async fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<(u16, String), String> {
        self.post_form(path, encoded(form)).await
    }

    /// Status and body of a posted form that is encoded already.
    pub(crate) async fn post_form(
        &self,
        path: &str,
        form: String,
    ) -> Result<(u16, String), String> {
        let mut request = Request::new(Method::POST, format!("http://{}{path}", self.address));
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(CONTENT_TYPE, kind);
        request.body = form.into();
        let (status, _, body) = self.send(request).await?;
        Ok((status, body))
    }

    async fn send(&self, request: Request) -> Result<(u16, HeaderMap, String), String> {
        let request = request.timeout(Duration::from_secs(20));
        let answer = self.client.send(request).await.map_err(|error| error.to_string())?;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        Ok((answer.status.as_u16(), answer.headers, body))
    }

    /// The `data` of an answer of `/api/v1`.
    pub(crate) async fn data(&self, path: &str) -> Result<Value, String> {
        let (status, body) = self.get(&format!("/api/v1{path}")).await?;
        let mut answer: Value =
            serde_json::from_str(&body).map_err(|error| format!("{status} {error}: {body}"))?;
        match answer["status"].as_str() {
            Some("success") => Ok(answer["data"].take()),
            _ => Err(body),
        }
    }

    /// The `result` of an instant query.
    pub(crate) async fn query(&self, query: &str) -> Result<Value, String> {
        let mut data = self.data(&format!("/query?query={}", escaped(query))).await?;
        Ok(data["result"].take())
    }

    /// The values of an instant vector, in the order of the answer.
    pub(crate) async fn values(&self, query: &str) -> Result<Vec<f64>, String> {
        let result = self.query(query).await?;
        let value = |sample: &Value| sample["value"][1].as_str()?.parse().ok();
        let samples = result.as_array().ok_or("no list")?;
        samples.iter().map(|sample| value(sample).ok_or_else(|| sample.to_string())).collect()
    }

    /// The only value of an instant vector.
    pub(crate) async fn value(&self, query: &str) -> Result<f64, String> {
        let values = self.values(query).await?;
        match values[..] {
            [value] => Ok(value),
            _ => Err(format!("{query}: {values:?}")),
        }
    }

    /// Waits until the only value of an instant vector is this one.
    pub(crate) async fn becomes(&self, query: &str, expected: f64) {
        eventually(query, PATIENCE, async || match self.value(query).await? {
            value if value == expected => Ok(()),
            value => Err(format!("{value}")),
        })
        .await;
    }

    /// The raw samples of a range selector like `up[1h]`, now or at a time in seconds.
    pub(crate) async fn samples(&self, range: &str, at: Option<f64>) -> Result<Matrix, String> {
        let time = at.map(|at| format!("&time={at}")).unwrap_or_default();
        let data = self.data(&format!("/query?query={}{time}", escaped(range))).await?;
        let mut matrix = Matrix::new();
        for series in data["result"].as_array().ok_or("no list")? {
            let points = series["values"].as_array().ok_or("no values")?.iter().map(|point| {
                let seconds = point[0].as_f64().unwrap_or(f64::NAN);
                ((seconds * 1000.0).round() as i64, point[1].as_str().unwrap_or("").to_owned())
            });
            matrix.insert(series["metric"].to_string(), points.collect());
        }
        Ok(matrix)
    }

    /// Health and error of a job's only target.
    pub(crate) async fn health(&self, job: &str) -> Result<(String, String), String> {
        let data = self.data("/targets?state=active").await?;
        let targets = data["activeTargets"].as_array().ok_or("no list")?;
        let target = targets.iter().find(|target| target["scrapePool"] == job);
        let target = target.ok_or_else(|| format!("no target of {job}"))?;
        let text = |key: &str| target[key].as_str().unwrap_or("").to_owned();
        Ok((text("health"), text("lastError")))
    }
}

/// A form as a browser sends it.
pub(crate) fn encoded(form: &[(&str, &str)]) -> String {
    let pairs = form.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Escapes everything that has a meaning in a query.
pub(crate) fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => {
                escaped.push(byte as char);
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
        escaped
    })
}
