//! Servers as people run them: nginx, Apache, unbound, aiosmtpd, sshd. Each is started here, on a
//! free port with a configuration of its own; one that is not installed is left out with a word.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::tls::{CERTIFICATE, KEY, ROOT};
use crate::support::{LONG, Names, probe_with, say, value};

/// How long a server may take to answer for the first time on a busy machine.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// A server in a folder of its own; it ends with the test.
struct Real {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a program with a configuration in which `@PORT@`, `@DIR@`, `@CERT@` and `@KEY@` are
/// filled in, and waits until somebody listens. Nothing where it is not installed or does not
/// start.
fn start(program: &str, args: &[&str], config: &str) -> Option<Real> {
    let found = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin"]
        .map(|folder| Path::new(folder).join(program));
    let Some(path) = found.into_iter().find(|path| path.exists()) else {
        say(&format!("skipped: {program} is not installed"));
        return None;
    };
    // Another process may take a port between here and there: then the next one is tried.
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let fill = |text: &str| {
            text.replace("@PORT@", &port.to_string())
                .replace("@DIR@", folder.path().to_str().unwrap())
                .replace("@CERT@", CERTIFICATE)
                .replace("@KEY@", KEY)
        };
        std::fs::write(folder.path().join("server.conf"), fill(config)).unwrap();
        std::fs::write(folder.path().join("index.html"), "all is well\n").unwrap();
        let log = std::fs::File::create(folder.path().join("server.log")).unwrap();
        let mut command = Command::new(&path);
        command.args(args.iter().map(|arg| fill(arg))).current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child = command.spawn().unwrap();
        let began = Instant::now();
        while began.elapsed() < START_DEADLINE && child.try_wait().unwrap().is_none() {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(Real { child, port, _folder: folder });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        let _ = child.wait();
        let said = std::fs::read_to_string(folder.path().join("server.log")).unwrap_or_default();
        say(&format!("{program} did not start on port {port}: {said}"));
    }
    say(&format!("skipped: {program} does not start here"));
    None
}

/// A port that nobody listens on, and none that the system gives to whoever asks for any: the server
/// of another test would answer there while this one is on its way.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = std::process::id().wrapping_mul(61) as u16;
    let ports = (0..1000).map(|_| 20_000 + first.wrapping_add(NEXT.fetch_add(1, Relaxed)) % 10_000);
    let mut free = ports.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().unwrap()
}

/// Probes a server at `good.test`; the series that must have these values.
async fn check(module: &str, target: &str, is_good: bool, expected: &[(&str, f64)]) {
    let names = Names::with(&[("good.test", &["127.0.0.1"])]);
    let outcome = probe_with(names, module, target, LONG).await;
    assert_eq!(outcome.is_success, is_good, "{module} {target}\n{}", outcome.log);
    for (series, wanted) in expected {
        assert_eq!(value(&outcome, series), Some(*wanted), "{series}\n{}", outcome.log);
    }
}

/// A web server with TLS that serves `index.html`: pages, versions, lengths, certificates.
async fn check_web(port: u16, version: f64) {
    let url = format!("https://good.test:{port}/index.html");
    let tls = format!("tls_config: {{ca_file: {ROOT}}}");
    let module = |keys: &str| format!("{{prober: http, http: {{{tls}{keys}}}}}");
    let expected = [
        ("probe_http_status_code", 200.0),
        ("probe_http_version", version),
        ("probe_http_content_length", 12.0),
        ("probe_http_uncompressed_body_length", 12.0),
        ("probe_http_ssl", 1.0),
        ("probe_tls_version_info{version=\"TLS 1.3\"}", 1.0),
    ];
    check(&module(""), &url, true, &expected).await;
    check(&module(", fail_if_body_not_matches_regexp: ['^all is']"), &url, true, &[]).await;
    let old =
        format!("{{prober: http, http: {{tls_config: {{ca_file: {ROOT}, max_version: TLS12}}}}}}");
    check(&old, &url, true, &[("probe_tls_version_info{version=\"TLS 1.2\"}", 1.0)]).await;
    let one = [("probe_http_version", 1.1)];
    check(&module(", enable_http2: false"), &url, true, &one).await;
    let missing = format!("https://good.test:{port}/missing");
    check(&module(""), &missing, false, &[("probe_http_status_code", 404.0)]).await;
    check("{prober: http}", &url, false, &[("probe_http_ssl", 0.0)]).await;
    check(&module(""), &format!("https://127.0.0.1:{port}/index.html"), true, &[]).await;
    let plain = format!("http://good.test:{port}/");
    check("{prober: http}", &plain, false, &[("probe_http_status_code", 400.0)]).await;
    let tcp = format!("{{prober: tcp, tcp: {{tls: true, tls_config: {{ca_file: {ROOT}}}}}}}");
    check(&tcp, &format!("good.test:{port}"), true, &[]).await;
}

#[tokio::test]
async fn nginx() {
    let config = "daemon off; master_process off; pid @DIR@/pid; error_log stderr;\n\
        events {}\n\
        http {\n  access_log off; client_body_temp_path @DIR@; proxy_temp_path @DIR@;\n  \
        fastcgi_temp_path @DIR@; uwsgi_temp_path @DIR@; scgi_temp_path @DIR@;\n  \
        server {\n    listen 127.0.0.1:@PORT@ ssl http2; root @DIR@;\n    \
        ssl_certificate @CERT@; ssl_certificate_key @KEY@; ssl_protocols TLSv1.2 TLSv1.3;\n  }\n}\n";
    let Some(server) =
        start("nginx", &["-e", "stderr", "-p", "@DIR@", "-c", "@DIR@/server.conf"], config)
    else {
        return;
    };
    check_web(server.port, 2.0).await;
}

#[tokio::test]
async fn apache() {
    let config = "ServerRoot /usr/lib/apache2\nServerName good.test\nListen 127.0.0.1:@PORT@\n\
        PidFile @DIR@/pid\nDefaultRuntimeDir @DIR@\nErrorLog @DIR@/error.log\n\
        LoadModule mpm_event_module modules/mod_mpm_event.so\n\
        LoadModule authz_core_module modules/mod_authz_core.so\n\
        LoadModule socache_shmcb_module modules/mod_socache_shmcb.so\n\
        LoadModule ssl_module modules/mod_ssl.so\n\
        LoadModule http2_module modules/mod_http2.so\n\
        DocumentRoot @DIR@\nProtocols h2 http/1.1\nMutex file:@DIR@ default\n\
        SSLEngine on\nSSLCertificateFile @CERT@\nSSLCertificateKeyFile @KEY@\n";
    // One process, so that nothing outlives it.
    let args = ["-X", "-f", "@DIR@/server.conf"];
    let Some(server) = start("apache2", &args, config) else { return };
    check_web(server.port, 2.0).await;
}

#[tokio::test]
async fn unbound() {
    let config = "server:\n  interface: 127.0.0.1@@PORT@\n  port: @PORT@\n  do-daemonize: no\n  \
        use-syslog: no\n  logfile: \"\"\n  username: \"\"\n  chroot: \"\"\n  directory: \"@DIR@\"\n  \
        pidfile: \"@DIR@/pid\"\n  do-not-query-localhost: no\n  module-config: \"iterator\"\n  \
        local-zone: \"good.test.\" static\n  local-data: \"good.test. 300 IN A 192.0.2.7\"\n  \
        local-data: \"good.test. 300 IN MX 10 mail.good.test.\"\n  \
        local-data: \"good.test. 300 IN SOA ns.good.test. who.good.test. 77 2 3 4 5\"\n  \
        local-data: 'good.test. 300 IN TXT \"v=1; all\"'\nremote-control:\n  control-enable: no\n";
    let Some(server) = start("unbound", &["-d", "-c", "@DIR@/server.conf"], config) else {
        return;
    };
    let target = format!("127.0.0.1:{}", server.port);
    let dns = |keys: &str| format!("{{prober: dns, dns: {{query_name: good.test, {keys}}}}}");
    let found = [("probe_dns_answer_rrs", 1.0), ("probe_dns_query_succeeded", 1.0)];
    for transport in ["udp", "tcp"] {
        let keys = |rest: &str| dns(&format!("transport_protocol: {transport}, {rest}"));
        let a = "query_type: A, validate_answer_rrs: {fail_if_not_matches_regexp: \
                 ['^good.test.\\t300\\tIN\\tA\\t192.0.2.7$']}";
        check(&keys(a), &target, true, &found).await;
        let mx = "query_type: MX, validate_answer_rrs: {fail_if_matches_regexp: ['10 mail']}";
        check(&keys(mx), &target, false, &found).await;
        let txt =
            "query_type: TXT, validate_answer_rrs: {fail_if_not_matches_regexp: ['v=1; all']}";
        check(&keys(txt), &target, true, &found).await;
        check(&keys("query_type: SOA"), &target, true, &[("probe_dns_serial", 77.0)]).await;
    }
    let missing = "{prober: dns, dns: {query_name: no.good.test, query_type: A}}";
    check(missing, &target, false, &[("probe_dns_query_succeeded", 1.0)]).await;
    let wanted = missing.replace("A}", "A, valid_rcodes: [NXDOMAIN]}");
    check(&wanted, &target, true, &[]).await;
}

#[tokio::test]
async fn smtp_with_starttls() {
    let args = [
        "-n",
        "-l",
        "127.0.0.1:@PORT@",
        "--tlscert",
        "@CERT@",
        "--tlskey",
        "@KEY@",
        "-c",
        "aiosmtpd.handlers.Sink",
    ];
    let Some(server) = start("aiosmtpd", &args, "") else { return };
    let dialogue = "query_response: [{expect: '^220 (.+)', labels: [{name: who, value: '${1}'}]}, \
        {send: \"EHLO prober\\r\"}, {expect: '^250[- ]STARTTLS'}, {send: \"STARTTLS\\r\"}, \
        {expect: '^220'}, {starttls: true}, {send: \"EHLO prober\\r\"}, {expect: '^250'}, \
        {send: \"QUIT\\r\"}]";
    let module = |tls: &str| format!("{{prober: tcp, tcp: {{{dialogue}, tls_config: {{{tls}}}}}}}");
    let target = format!("good.test:{}", server.port);
    let good = module(&format!("ca_file: {ROOT}"));
    check(&good, &target, true, &[("probe_failed_due_to_regex", 0.0)]).await;
    check(&module(&format!("ca_file: {ROOT}, server_name: a.test")), &target, false, &[]).await;
    check(&module("server_name: good.test"), &target, false, &[]).await;
}

#[tokio::test]
async fn sshd() {
    let config = "ListenAddress 127.0.0.1\nPort @PORT@\nHostKey @DIR@/key\nPidFile none\n\
                  UsePAM no\nStrictModes no\n";
    let make = "ssh-keygen -q -t ed25519 -N '' -f @DIR@/key && mkdir -p /run/sshd 2>/dev/null; \
                exec /usr/sbin/sshd -D -e -f @DIR@/server.conf";
    if !Path::new("/usr/sbin/sshd").exists() {
        say("skipped: sshd is not installed");
        return;
    }
    let Some(server) = start("sh", &["-c", make], config) else { return };
    let module = "{prober: tcp, tcp: {query_response: [{expect: '^SSH-2.0-([^ -]+)', labels: \
                  [{name: software, value: '${1}'}]}, {send: SSH-2.0-blackbox}]}}";
    let target = format!("127.0.0.1:{}", server.port);
    let banner = "probe_expect_info{software=\"OpenSSH_";
    let outcome = probe_with(Names::with(&[]), module, &target, LONG).await;
    assert!(outcome.is_success, "{}", outcome.log);
    assert!(String::from_utf8(outcome.text()).unwrap().contains(banner), "{}", outcome.log);
    check(&module.replace("SSH-2.0-(", "SSH-1.99-("), &target, false, &[]).await;
}
