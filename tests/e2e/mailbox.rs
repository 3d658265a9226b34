//! A mail server that takes every message and keeps it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A mail server on a free port; it ends with the value.
pub(crate) struct Mailbox {
    address: SocketAddr,
    messages: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Mailbox {
    pub(crate) async fn open() -> Mailbox {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let messages = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&messages);
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(converse(socket, Arc::clone(&kept)));
            }
        });
        Mailbox { address, messages, task }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// All messages so far with their headers, soft line breaks joined.
    pub(crate) fn messages(&self) -> Vec<String> {
        let messages = self.messages.lock().unwrap();
        messages.iter().map(|message| message.replace("=\r\n", "")).collect()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The part of RFC 5321 that a client needs which wants neither TLS nor a login.
async fn converse(socket: TcpStream, kept: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let (reader, mut writer) = socket.into_split();
    let mut reader = BufReader::new(reader);
    writer.write_all(b"220 mailbox\r\n").await?;
    let mut line = String::new();
    while {
        line.clear();
        reader.read_line(&mut line).await?
    } > 0
    {
        let verb = line.get(..4).unwrap_or("").to_ascii_uppercase();
        match verb.as_str() {
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await?;
                let message = message(&mut reader).await?;
                kept.lock().unwrap().push(message);
                writer.write_all(b"250 taken\r\n").await?;
            }
            "QUIT" => return writer.write_all(b"221 bye\r\n").await,
            "EHLO" => writer.write_all(b"250-mailbox\r\n250 8BITMIME\r\n").await?,
            _ => writer.write_all(b"250 fine\r\n").await?,
        }
    }
    Ok(())
}

/// All lines up to the one with a dot.
async fn message(
    reader: &mut BufReader<tokio::net::tcp::OwnedReadHalf>,
) -> std::io::Result<String> {
    let mut message = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(message);
        }
        message.push_str(&line);
    }
}
