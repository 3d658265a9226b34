//! Mails to a tiny SMTP server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::webhook::{alert, metric, start, until};

/// Takes mails; what clients said is kept, line by line.
struct Server {
    port: u16,
    said: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// A server that offers these extensions and answers RCPT as told.
    fn start(extensions: &'static [&'static str], rcpt: &'static str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let said = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&said);
        std::thread::spawn(move || {
            while let Ok((socket, _)) = listener.accept() {
                // A client that goes away ends its own conversation only.
                drop(converse(socket, extensions, rcpt, &log));
            }
        });
        Server { port, said }
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }
}

fn converse(
    mut socket: TcpStream,
    extensions: &[&str],
    rcpt: &str,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(socket.try_clone()?).lines();
    socket.write_all(b"220 test\r\n")?;
    let mut in_mail = false;
    while let Some(line) = lines.next().transpose()? {
        log.lock().unwrap().push(line.clone());
        let verb = line.split(' ').next().unwrap_or("").to_uppercase();
        let answer = match verb.as_str() {
            _ if in_mail && line != "." => continue,
            "." => {
                in_mail = false;
                "250 taken".to_owned()
            }
            "EHLO" => {
                let mut text = "250-test\r\n".to_owned();
                extensions.iter().for_each(|name| text.push_str(&format!("250-{name}\r\n")));
                text + "250 8BITMIME"
            }
            "AUTH" => "235 welcome".to_owned(),
            "RCPT" => rcpt.to_owned(),
            "DATA" => {
                in_mail = true;
                "354 go on".to_owned()
            }
            "QUIT" => "221 bye".to_owned(),
            _ => "250 ok".to_owned(),
        };
        socket.write_all(format!("{answer}\r\n").as_bytes())?;
    }
    Ok(())
}

fn config(port: u16, more: &str) -> String {
    format!(
        "route: {{receiver: m, group_by: [alertname], group_wait: 0s, group_interval: 1m}}\n\
         receivers: [{{name: m, email_configs: [{{to: 'Ops <ops@x.example>, b@x.example', from: am@x.example, \
         hello: here, smarthost: '127.0.0.1:{port}'{more}}}]}}]\n"
    )
}

#[tokio::test]
async fn a_mail_goes_to_all_with_the_default_subject_and_escaped_html() {
    let server = Server::start(&["AUTH PLAIN LOGIN"], "250 ok");
    let more = ", require_tls: false, auth_username: u, auth_password: p, headers: {x-a: 'b\n\n  c'}, \
                text: '{{ template \"email.default.text\" . }}'";
    let (manager, registry, _) = start(&config(server.port, more));
    manager.put(vec![alert(&[("alertname", "A"), ("job", "b<c")], 0)]);
    until(|| metric(&registry, "alertmanager_notifications_total", "email") == 1.0).await;
    let said = server.said();
    for part in [
        "EHLO here",
        // "\0u\0p"
        "AUTH PLAIN AHUAcA==",
        "MAIL FROM:<am@x.example>",
        "RCPT TO:<ops@x.example>",
        "RCPT TO:<b@x.example>",
        "\nSubject: [FIRING:1] A (b<c)\n",
        "\nX-A: b c\n",
        "\nFrom: am@x.example\n",
        "\nDate: Fri, 20 Nov 2026 01:02:04 +0000\n",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "* A since 2026-11-20 01:02:03 UTC",
        "job=b<c",
        "s: x &amp; y",
    ] {
        assert!(said.replace("=3D", "=").contains(part), "{part} in\n{said}");
    }
    assert_eq!(metric(&registry, "alertmanager_notifications_failed_total", "email/other"), 0.0);
}

#[tokio::test]
async fn a_server_without_starttls_is_refused_unless_told_otherwise() {
    let server = Server::start(&[], "250 ok");
    let (manager, registry, _) = start(&config(server.port, ""));
    manager.put(vec![alert(&[("alertname", "A")], 0)]);
    let failed = "alertmanager_notification_requests_failed_total";
    until(|| metric(&registry, failed, "email") == 1.0).await;
    assert!(!server.said().contains("MAIL"), "{}", server.said());
}

#[tokio::test]
async fn a_recipient_that_is_refused_for_good_is_not_tried_again() {
    let server = Server::start(&[], "550 nobody here");
    let (manager, registry, _) = start(&config(server.port, ", require_tls: false"));
    manager.put(vec![alert(&[("alertname", "A")], 0)]);
    let failed = "alertmanager_notifications_failed_total";
    until(|| metric(&registry, failed, "email/clientError") == 1.0).await;
    assert_eq!(server.said().matches("RCPT").count(), 1, "{}", server.said());
}
