//! A configuration as text, in the original's order and layouts, secrets hidden.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common_config::TlsConfig;
use common_config::byte_size;
use common_config::yaml::{MapOut, Out, write, write_indented};
use common_re2::Regex;

use super::names;
use super::{
    Config, Dialogue, DnsModule, Expect, GoDuration, GrpcModule, HeaderMatch, HttpModule,
    IcmpModule, IpChoice, Module, RrRules, Step, TcpModule, UnixModule, WebsocketModule,
};

impl Config {
    /// The text of `/config`.
    #[must_use]
    pub fn show(&self) -> String {
        let mut modules = MapOut::default();
        let mut named: Vec<_> = self.modules.iter().collect();
        named.sort_by(|(one, _), (other, _)| names::compare(one, other));
        for (name, module) in named {
            modules.put(name, Out::Map(module.render()));
        }
        let mut out = MapOut::default();
        out.put("modules", Out::Map(modules));
        write_indented(&out)
    }
}

impl Module {
    /// The text below a probe that was made with `debug=true`.
    #[must_use]
    pub fn show(&self) -> String {
        write(&self.render())
    }

    fn render(&self) -> MapOut {
        let mut out = MapOut::default();
        out.text("prober", &self.prober);
        if self.timeout.0 != 0 {
            out.text("timeout", &go_text(self.timeout));
        }
        out.map("http", http(&self.http));
        out.map("tcp", tcp(&self.tcp));
        out.map("icmp", icmp(&self.icmp));
        out.map("dns", dns(&self.dns));
        out.map("grpc", grpc(&self.grpc));
        out.map("unix", unix(&self.unix));
        out.map("websocket", websocket(&self.websocket));
        if !self.hearth.is_default() {
            let mut hearth = MapOut::default();
            hearth.texts("allow_targets", &self.hearth.allow_targets.texts());
            hearth.flag_if("failure_info", self.hearth.failure_info);
            let resolver = self.hearth.resolver.map(|address| address.to_string());
            hearth.option("resolver", resolver.as_ref());
            hearth.flag_if("unverified_tls_metrics", self.hearth.unverified_tls_metrics);
            out.map("hearth", hearth);
        }
        out
    }
}

fn http(http: &HttpModule) -> MapOut {
    let mut out = MapOut::default();
    let codes = http.valid_status_codes.iter().map(|code| Out::Bare(code.to_string()));
    out.list("valid_status_codes", codes.collect());
    out.texts("valid_http_versions", &http.valid_http_versions);
    ip(&mut out, &http.ip);
    out.flag_if("skip_resolve_phase_with_proxy", http.skip_resolve_phase_with_proxy);
    out.flag_if("fail_if_ssl", http.fail_if_ssl);
    out.flag_if("fail_if_not_ssl", http.fail_if_not_ssl);
    out.text("method", &http.method);
    out.text_map("headers", &http.headers);
    patterns(&mut out, "fail_if_body_matches_regexp", &http.fail_if_body_matches);
    patterns(&mut out, "fail_if_body_not_matches_regexp", &http.fail_if_body_not_matches);
    if let Some(cel) = &http.fail_if_body_json_matches {
        out.text("fail_if_body_json_matches_cel", cel.as_str());
    }
    if let Some(cel) = &http.fail_if_body_json_not_matches {
        out.text("fail_if_body_json_not_matches_cel", cel.as_str());
    }
    out.list("fail_if_header_matches", header_matches(&http.fail_if_header_matches));
    out.list("fail_if_header_not_matches", header_matches(&http.fail_if_header_not_matches));
    out.text("body", &http.body);
    out.text("body_file", &http.body_file);
    // A client of which nothing is said shows its two switches only where they are on.
    let mut client = http.client.render();
    let is_zero = *http == HttpModule::zero();
    client.0.retain(|(key, value)| {
        !is_zero
            || !matches!(key.as_str(), "follow_redirects" | "enable_http2")
            || *value != Out::Bare("false".to_owned())
    });
    let is_h3 = http.enable_http3;
    for (key, value) in client.0 {
        let is_place = key == "enable_http2";
        out.put(&key, value);
        if is_place {
            out.flag_if("enable_http3", is_h3);
        }
    }
    out.text("compression", &http.compression);
    if http.body_size_limit > 0 {
        out.text("body_size_limit", &byte_size::format(http.body_size_limit));
    }
    out
}

fn ip(out: &mut MapOut, choice: &IpChoice) {
    out.text("preferred_ip_protocol", &choice.preferred);
    out.flag_if("ip_protocol_fallback", choice.fallback);
}

fn tls(out: &mut MapOut, config: &TlsConfig) {
    if *config != TlsConfig::default() {
        out.map("tls_config", config.render());
    }
}

fn patterns(out: &mut MapOut, key: &str, list: &[Regex]) {
    let texts: Vec<&str> = list.iter().map(Regex::as_str).collect();
    out.texts(key, &texts);
}

fn header_matches(list: &[HeaderMatch]) -> Vec<Out> {
    let one = |matcher: &HeaderMatch| {
        let mut out = MapOut::default();
        out.text("header", &matcher.header).text("regexp", matcher.regexp.as_str());
        out.flag_if("allow_missing", matcher.allow_missing);
        Out::Map(out)
    };
    list.iter().map(one).collect()
}

fn tcp(tcp: &TcpModule) -> MapOut {
    let mut out = MapOut::default();
    ip(&mut out, &tcp.ip);
    out.text("source_ip_address", &tcp.source_ip_address);
    out.list("query_response", dialogue(&tcp.query_response));
    out.flag_if("tls", tcp.tls);
    tls(&mut out, &tcp.tls_config);
    out
}

fn unix(unix: &UnixModule) -> MapOut {
    let mut out = MapOut::default();
    out.list("query_response", dialogue(&unix.query_response));
    out.flag_if("tls", unix.tls);
    tls(&mut out, &unix.tls_config);
    out
}

fn dialogue(dialogue: &Dialogue) -> Vec<Out> {
    dialogue.0.iter().map(|step| Out::Map(step_out(step))).collect()
}

fn step_out(step: &Step) -> MapOut {
    let mut out = MapOut::default();
    match &step.expect {
        Some(Expect::Pattern(pattern)) => {
            out.text("expect", pattern.as_str());
        }
        Some(Expect::Bytes(bytes)) => bytes_out(&mut out, "expect_bytes", bytes),
        None => {}
    }
    let labels = step.labels.iter().map(|label| {
        let mut out = MapOut::default();
        out.text("name", &label.name).text("value", &label.value);
        Out::Map(out)
    });
    out.list("labels", labels.collect());
    bytes_out(&mut out, "send", &step.send);
    out.flag_if("starttls", step.starttls);
    out
}

fn bytes_out(out: &mut MapOut, key: &str, bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        out.text(key, text);
    } else {
        out.put(key, Out::Bare(format!("!!binary {}", BASE64_STANDARD.encode(bytes))));
    }
}

fn icmp(icmp: &IcmpModule) -> MapOut {
    let mut out = MapOut::default();
    ip(&mut out, &icmp.ip);
    out.text("source_ip_address", &icmp.source_ip_address);
    out.number("payload_size", icmp.payload_size as u64);
    out.flag_if("dont_fragment", icmp.dont_fragment);
    out.number("ttl", icmp.ttl);
    out
}

fn dns(dns: &DnsModule) -> MapOut {
    let mut out = MapOut::default();
    ip(&mut out, &dns.ip);
    out.flag_if("dns_over_tls", dns.dns_over_tls);
    tls(&mut out, &dns.tls_config);
    out.text("source_ip_address", &dns.source_ip_address);
    out.text("transport_protocol", &dns.transport_protocol);
    out.text("query_class", &dns.query_class);
    out.text("query_name", &dns.query_name);
    out.text("query_type", &dns.query_type);
    out.flag_if("recursion_desired", dns.recursion_desired);
    out.texts("valid_rcodes", &dns.valid_rcodes);
    out.map("validate_answer_rrs", rules(&dns.validate_answer));
    out.map("validate_authority_rrs", rules(&dns.validate_authority));
    out.map("validate_additional_rrs", rules(&dns.validate_additional));
    out
}

fn rules(rules: &RrRules) -> MapOut {
    let mut out = MapOut::default();
    out.texts("fail_if_matches_regexp", &rules.fail_if_matches);
    out.texts("fail_if_all_match_regexp", &rules.fail_if_all_match);
    out.texts("fail_if_not_matches_regexp", &rules.fail_if_not_matches);
    out.texts("fail_if_none_matches_regexp", &rules.fail_if_none_matches);
    out
}

fn grpc(grpc: &GrpcModule) -> MapOut {
    let mut out = MapOut::default();
    out.text("service", &grpc.service);
    out.flag_if("tls", grpc.tls);
    tls(&mut out, &grpc.tls_config);
    out.flag_if("ip_protocol_fallback", grpc.ip.fallback);
    out.text("preferred_ip_protocol", &grpc.ip.preferred);
    let metadata = grpc.metadata.iter().map(|(name, values)| {
        (name.clone(), Out::List(values.iter().map(|value| Out::Text(value.clone())).collect()))
    });
    out.map("metadata", MapOut(metadata.collect()));
    out
}

fn websocket(websocket: &WebsocketModule) -> MapOut {
    let mut out = MapOut::default();
    if *websocket == WebsocketModule::default() {
        return out;
    }
    out.map("http_config", websocket.http_config.render());
    ip(&mut out, &websocket.ip);
    let headers = websocket.headers.iter().map(|(name, header)| (name.clone(), header.render()));
    out.map("headers", MapOut(headers.map(|(name, map)| (name, Out::Map(map))).collect()));
    out.list("query_response", dialogue(&websocket.query_response));
    out
}

/// A duration as Go prints it: `1m30.5s`, `1ms`, `1h0m0s`.
fn go_text(duration: GoDuration) -> String {
    let nanos = duration.0.unsigned_abs();
    let sign = if duration.0 < 0 { "-" } else { "" };
    let fraction = |count: u64, unit: u64| {
        let (whole, rest) = (count / unit, count % unit);
        let digits = unit.ilog10() as usize;
        let text = format!("{rest:0digits$}");
        let text = text.trim_end_matches('0');
        if text.is_empty() || rest == 0 { whole.to_string() } else { format!("{whole}.{text}") }
    };
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{nanos}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", fraction(nanos, 1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", fraction(nanos, 1_000_000)),
        _ => {
            let minutes = nanos / 60_000_000_000;
            let seconds = fraction(nanos % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_printed_as_go_prints_them() {
        let check = |nanos: i64, expected: &str| assert_eq!(go_text(GoDuration(nanos)), expected);
        check(5_000_000_000, "5s");
        check(90_500_000_000, "1m30.5s");
        check(3_600_000_000_000, "1h0m0s");
        check(1_500_000, "1.5ms");
        check(10_000_000, "10ms");
        check(1_050, "1.05µs");
        check(7, "7ns");
        check(-2_000_000_000, "-2s");
    }
}
