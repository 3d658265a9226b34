//! The original Alertmanager takes our alerts.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common_client::{Client, ClientOptions, Request};
use common_config::HttpClientConfig;
use common_instrument::Registry;
use common_model::Labels;
use common_testkit::{peer, peers};
use server_notify::{Manager, Options};

use crate::support::{alert, alerting};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The package looks for its templates in `/usr/share`, which the peers' own folder therefore
/// covers, for this process alone. Nothing where the kernel does not let us.
fn start(program: &Path, folder: &Path, config: &Path, port: u16) -> Option<Child> {
    let share = peers()?.join("usr/share");
    let cover = |rest: &[&str]| {
        let mut command = Command::new("unshare");
        let script = "mount --bind \"$0\" /usr/share && exec \"$@\"";
        command.args(["-rm", "sh", "-c", script]).arg(&share).args(rest);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    if !cover(&["true"]).status().is_ok_and(|status| status.success()) {
        let excuse = "skipped: no name space for the original Alertmanager";
        // Past the test harness, which would swallow what a passing test prints.
        drop(writeln!(std::io::stderr(), "{excuse}"));
        return None;
    }
    let child = cover(&[])
        .arg(program)
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.path={}", folder.display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--cluster.listen-address=")
        .spawn();
    Some(child.unwrap())
}

async fn get(url: &str) -> Option<String> {
    let client = Client::new(&HttpClientConfig::default(), ClientOptions::default()).unwrap();
    let answer = client.send(Request::get(url)).await.ok()?;
    answer.status.is_success().then(|| String::from_utf8_lossy(&answer.body).into_owned())
}

async fn got(url: &str, wanted: &str) -> String {
    for _ in 0..400 {
        if let Some(text) = get(url).await.filter(|text| text.contains(wanted)) {
            return text;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{url} never says {wanted:?}");
}

#[tokio::test]
async fn the_original_alertmanager_shows_an_alert_as_we_know_it() {
    let Some(program) = peer("prometheus-alertmanager") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("am.yml");
    std::fs::write(&config, "route: {receiver: none}\nreceivers: [{name: none}]\n").unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let Some(child) = start(&program, folder.path(), &config, port) else {
        return;
    };
    let _running = Running(child);
    got(&format!("http://127.0.0.1:{port}/-/ready"), "").await;
    let manager = Manager::new(Options::default(), &Registry::new());
    let text =
        format!("  alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]");
    manager.apply(&alerting(&text), &Labels::from_pairs([("site", "here")])).unwrap();
    let mut ours = alert("OverHere");
    ours.generator_url = "http://h/graph?g0.expr=up".to_owned();
    manager.send(vec![ours.clone()]);
    let url = format!("http://127.0.0.1:{port}/api/v2/alerts");
    let shown = got(&url, "OverHere").await;
    manager.shutdown().await;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let labels = Labels::from_pairs([("alertname", "OverHere"), ("job", "x"), ("site", "here")]);
    let fingerprint = server_alertmanager::fingerprint(&labels);
    assert_eq!(shown[0]["fingerprint"], format!("{fingerprint:016x}"));
    assert_eq!(shown[0]["startsAt"], "2023-11-14T22:13:20.000Z");
    assert_eq!(shown[0]["annotations"]["summary"], "it is bad");
    assert_eq!(shown[0]["generatorURL"], ours.generator_url);
}
