//! The gauges of a run for an OpenTelemetry collector: OTLP over HTTP, in its JSON form.
//!
//! # Source
//! The OpenTelemetry protocol specification 1.5 (OTLP/HTTP, JSON encoding) and its page on exporter
//! variables, `OTEL_EXPORTER_OTLP_*`.
use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::{Value, json};

use super::metrics::Gauge;
use crate::events::Timestamp;

/// How long a collector may take where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where gauges are sent, from the variables that every exporter of OTLP takes.
#[derive(Clone)]
pub struct Collector {
    endpoint: reqwest::Url,
    headers: reqwest::header::HeaderMap,
    timeout: Duration,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values of headers are secrets.
        let names: Vec<&str> =
            self.headers.keys().map(reqwest::header::HeaderName::as_str).collect();
        f.debug_tuple("Collector").field(&self.endpoint.as_str()).field(&names).finish()
    }
}

/// Why a collector was not told.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// It cannot be reached.
    #[error(
        "cannot send gauges to the collector: {why}\nhint: is it what OTEL_EXPORTER_OTLP_ENDPOINT says, and up?"
    )]
    Unreachable {
        /// What the network says.
        why: String,
    },
    /// It said no.
    #[error(
        "the collector took no gauges, it says {status}\nhint: it must take OTLP over HTTP in JSON; OTEL_EXPORTER_OTLP_HEADERS holds what it asks for"
    )]
    Refused {
        /// Number and name of the status.
        status: String,
    },
}

impl Collector {
    /// The collector that variables of the environment name; `None` where they name none.
    ///
    /// # Errors
    /// What is wrong with a variable, in words that hold no secret.
    pub fn named(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Option<Self>, String> {
        let variables: BTreeMap<String, String> = variables
            .into_iter()
            .filter(|(name, value)| name.starts_with("OTEL_EXPORTER_OTLP_") && !value.is_empty())
            .collect();
        let get = |name: &str| {
            let own = format!("OTEL_EXPORTER_OTLP_METRICS_{name}");
            let shared = format!("OTEL_EXPORTER_OTLP_{name}");
            let found = [own, shared].into_iter().find(|it| variables.contains_key(it))?;
            let value = variables.get(&found)?.clone();
            Some((found, value))
        };
        let Some((name, text)) = get("ENDPOINT") else { return Ok(None) };
        let mut endpoint = reqwest::Url::parse(&text)
            .ok()
            .filter(|it| matches!(it.scheme(), "http" | "https") && it.has_host())
            .ok_or_else(|| format!("{name} is no URL such as `https://collector.example:4318`"))?;
        if !endpoint.username().is_empty() || endpoint.password().is_some() {
            return Err(format!(
                "{name} holds a user; credentials belong into OTEL_EXPORTER_OTLP_HEADERS"
            ));
        }
        if name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
            let path = format!("{}/v1/metrics", endpoint.path().trim_end_matches('/'));
            endpoint.set_path(&path);
        }
        if let Some((name, protocol)) = get("PROTOCOL").filter(|it| it.1 == "grpc") {
            return Err(format!("{name} is `{protocol}`; gauges are sent over HTTP, port 4318"));
        }
        let mut headers = reqwest::header::HeaderMap::new();
        if let Some((name, pairs)) = get("HEADERS") {
            for pair in pairs.split(',').filter(|it| !it.trim().is_empty()) {
                let (key, value) = header(pair)
                    .ok_or_else(|| format!("{name} is not a list such as `key=value,key=value`"))?;
                headers.insert(key, value);
            }
        }
        let timeout = match get("TIMEOUT") {
            Some((name, text)) => text
                .parse()
                .map(Duration::from_millis)
                .map_err(|_| format!("{name} is not a number of milliseconds"))?,
            None => TIMEOUT,
        };
        Ok(Some(Self { endpoint, headers, timeout }))
    }

    /// Sends gauges, as they were at `at`.
    ///
    /// # Errors
    /// Where the collector cannot be reached in time, or takes none.
    pub async fn send(&self, gauges: &[Gauge], at: Timestamp) -> Result<(), OtlpError> {
        // Errors without the URL: its query may hold a secret.
        let failed = |err: reqwest::Error| {
            let err = err.without_url();
            let causes = std::iter::successors(std::error::Error::source(&err), |it| it.source());
            let why = causes.last().map_or_else(|| err.to_string(), ToString::to_string);
            OtlpError::Unreachable { why }
        };
        let client = reqwest::Client::builder()
            .timeout(self.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(failed)?;
        let sent = client
            .post(self.endpoint.clone())
            .headers(self.headers.clone())
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(document(gauges, at).to_string())
            .send()
            .await
            .map_err(failed)?;
        if sent.status().is_success() {
            return Ok(());
        }
        Err(OtlpError::Refused { status: sent.status().to_string() })
    }
}

/// One header of the list, its value with percent escapes.
fn header(pair: &str) -> Option<(reqwest::header::HeaderName, reqwest::header::HeaderValue)> {
    let (key, value) = pair.split_once('=')?;
    // A query of one pair is decoded as these values are, but for `+`, which stands for itself.
    let query = format!("v={}", value.trim().replace('+', "%2B").replace('&', "%26"));
    let url = reqwest::Url::parse(&format!("http://x/?{query}")).ok()?;
    let value = url.query_pairs().next()?.1.into_owned();
    let mut value: reqwest::header::HeaderValue = value.parse().ok()?;
    value.set_sensitive(true);
    Some((key.trim().parse().ok()?, value))
}

/// Gauges as OTLP has them; whole numbers of 64 bits are texts in its JSON.
fn document(gauges: &[Gauge], at: Timestamp) -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let metrics: Vec<Value> = gauges
        .iter()
        .map(|Gauge { name, help, values }| {
            let points = values.iter().map(|(label, value)| {
                let labels = label.iter().map(|(name, value)| text(name, value));
                json!({
                    "attributes": labels.collect::<Vec<Value>>(),
                    "timeUnixNano": format!("{}000", at.0),
                    "asDouble": value,
                })
            });
            let points: Vec<Value> = points.collect();
            json!({
                "name": format!("advisor_{name}"),
                "description": help,
                "gauge": {"dataPoints": points},
            })
        })
        .collect();
    let version = env!("CARGO_PKG_VERSION");
    json!({"resourceMetrics": [{
        "resource": {"attributes": [
            text("service.name", "policy-advisor"),
            text("service.version", version),
        ]},
        "scopeMetrics": [{
            "scope": {"name": "policy-advisor", "version": version},
            "metrics": metrics,
        }],
    }]})
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        thread::{self, JoinHandle},
    };

    use super::*;

    fn named(variables: &[(&str, &str)]) -> Result<Option<Collector>, String> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Collector::named(variables.iter().map(own))
    }

    /// A collector that answers one request with `status`, and gives what it was told.
    #[expect(clippy::disallowed_methods, reason = "a collector of the test's own")]
    fn listening(status: &'static str) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let told = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut told = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                let n_bytes = stream.read(&mut buffer).unwrap();
                told.extend(buffer.iter().take(n_bytes));
                let text = String::from_utf8_lossy(&told);
                let body = text.split_once("\r\n\r\n").map(|it| it.1.len());
                let length = text.to_lowercase().lines().find_map(|line| {
                    line.strip_prefix("content-length: ").and_then(|it| it.parse::<usize>().ok())
                });
                if n_bytes == 0 || body.is_some() && body >= length {
                    break;
                }
            }
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(told).unwrap()
        });
        (url, told)
    }

    fn send(collector: &Collector) -> Result<(), OtlpError> {
        let values = vec![(Some(("what", "read".to_owned())), 7.0), (None, 1.5)];
        let gauges = [Gauge { name: "last_run_lines", help: "Lines.", values }];
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(collector.send(&gauges, Timestamp(1_772_000_000_000_001)))
    }

    #[test]
    fn gauges_arrive_with_their_labels_and_the_headers_of_the_environment() {
        let (url, told) = listening("200 OK");
        let headers = "authorization=Bearer%20a+b,x-tenant=7";
        let variables =
            [("OTEL_EXPORTER_OTLP_ENDPOINT", &*url), ("OTEL_EXPORTER_OTLP_HEADERS", headers)];
        let collector = named(&variables).unwrap().unwrap();
        assert!(!format!("{collector:?}").contains("a+b"));
        send(&collector).unwrap();
        let told = told.join().unwrap();
        let (head, body) = told.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /v1/metrics HTTP/1.1"), "{head}");
        for line in ["authorization: Bearer a+b", "x-tenant: 7", "content-type: application/json"] {
            assert!(head.contains(line), "{line}: {head}");
        }
        let body: Value = serde_json::from_str(body).unwrap();
        let scope = &body["resourceMetrics"][0]["scopeMetrics"][0];
        let metric = &scope["metrics"][0];
        assert_eq!(metric["name"], "advisor_last_run_lines");
        let point = &metric["gauge"]["dataPoints"][0];
        assert_eq!(point["timeUnixNano"], "1772000000000001000");
        assert_eq!(
            (&point["asDouble"], &metric["gauge"]["dataPoints"][1]["asDouble"]),
            (&json!(7.0), &json!(1.5))
        );
        assert_eq!(
            point["attributes"][0],
            json!({"key": "what", "value": {"stringValue": "read"}})
        );
    }

    #[test]
    fn a_collector_that_says_no_or_is_away_is_told_in_words() {
        let (url, told) = listening("401 Unauthorized");
        let variables = [("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &*url)];
        let err = send(&named(&variables).unwrap().unwrap()).unwrap_err().to_string();
        assert!(err.starts_with("the collector took no gauges, it says 401"), "{err}");
        assert!(told.join().unwrap().starts_with("POST / HTTP/1.1"), "its own endpoint as it is");
        let away = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1/?key=hunter2")];
        let err = send(&named(&away).unwrap().unwrap()).unwrap_err().to_string();
        assert!(err.contains("refused") && !err.contains("hunter2"), "{err}");
    }

    #[test]
    fn variables_that_mean_nothing_are_refused_by_name() {
        assert!(named(&[]).unwrap().is_none());
        assert!(named(&[("OTEL_EXPORTER_OTLP_HEADERS", "a=b")]).unwrap().is_none());
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example:4318");
        for (variable, part) in [
            (("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "collector"), "is no URL"),
            (("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://a:hunter2@c/"), "holds a user"),
            (("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), "over HTTP"),
            (("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"), "not a list"),
            (("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"), "milliseconds"),
        ] {
            let err = named(&[endpoint, variable]).unwrap_err();
            assert!(err.contains(part) && err.contains(variable.0), "{err}");
            assert!(!err.contains("hunter2"), "{err}");
        }
    }
}
