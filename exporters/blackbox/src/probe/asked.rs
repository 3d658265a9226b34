//! Names asked of one server: the `resolver` of a module, in place of the system's.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::dns::message::{Answer, Question, decode};
use super::random;

/// A question that nobody answers is asked again after this time, this often.
const AGAIN: Duration = Duration::from_secs(1);
const ATTEMPTS_MAX: usize = 5;

/// Bytes of an answer by UDP without extensions. RFC 1035 section 2.3.4.
const DATAGRAM_BYTES_MAX: usize = 4096;

const A: u16 = 1;
const AAAA: u16 = 28;
const IN: u16 = 1;

/// The addresses of a name, those of IPv6 first. The caller sees to the deadline.
pub(super) async fn lookup(server: SocketAddr, host: &str) -> io::Result<Vec<IpAddr>> {
    let (six, four) = tokio::join!(ask(server, host, AAAA), ask(server, host, A));
    let mut found = Vec::new();
    // A server that cannot answer for one kind may for the other.
    if let (Err(error), Err(_)) = (&six, &four) {
        return Err(io::Error::new(error.kind(), error.to_string()));
    }
    for answer in [six, four].into_iter().flatten() {
        let fields = answer.sections[0].iter().filter_map(|record| record.text.rsplit_once('\t'));
        // Only addresses are such texts: other records begin with their type.
        let addresses = fields
            .filter(|(head, _)| head.ends_with("\tIN\tA") || head.ends_with("\tIN\tAAAA"))
            .filter_map(|(_, text)| text.parse::<IpAddr>().ok());
        found.extend(addresses);
    }
    Ok(found)
}

async fn ask(server: SocketAddr, host: &str, kind: u16) -> io::Result<Answer> {
    let question =
        Question { id: random::word() as u16, name: host, kind, class: IN, wants_recursion: true };
    let message = question.encode().map_err(io::Error::other)?;
    let mut outcome = Err(io::ErrorKind::TimedOut.into());
    for _ in 0..ATTEMPTS_MAX {
        match timeout(AGAIN, by_udp(server, &message, question.id)).await {
            Ok(answered) => {
                outcome = answered;
                break;
            }
            Err(_) => continue,
        }
    }
    match outcome {
        Ok(answer) if answer.is_truncated => by_tcp(server, &message, question.id).await,
        other => other,
    }
}

async fn by_udp(server: SocketAddr, message: &[u8], id: u16) -> io::Result<Answer> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    // Only the server can answer a connected socket.
    socket.connect(server).await?;
    socket.send(message).await?;
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let count = socket.recv(&mut buffer).await?;
        if let Some(answer) = decode(&buffer[..count], id).map_err(io::Error::other)? {
            return Ok(answer);
        }
    }
}

async fn by_tcp(server: SocketAddr, message: &[u8], id: u16) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], message].concat()).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    let answer = decode(&answer, id).map_err(io::Error::other)?;
    answer.ok_or_else(|| io::Error::other("an answer to another question"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers every question for `h.test` with one address, by TCP only.
    async fn server() -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let socket = UdpSocket::bind(address).await.unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((count, from)) = socket.recv_from(&mut buffer).await {
                let mut short = buffer[..count].to_vec();
                short[2] |= 0x82;
                socket.send_to(&short, from).await.unwrap();
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let length = stream.read_u16().await.unwrap();
                let mut bytes = vec![0; usize::from(length)];
                stream.read_exact(&mut bytes).await.unwrap();
                let is_six = bytes.ends_with(&[0, 28, 0, 1]);
                bytes[2] |= 0x80;
                bytes[7] = 1;
                let kind = if is_six { 28 } else { 1 };
                bytes.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 9, 0]);
                let data: &[u8] = if is_six { &[0xfd; 16] } else { &[10, 1, 2, 3] };
                bytes.push(data.len() as u8);
                bytes.extend_from_slice(data);
                stream.write_u16(bytes.len() as u16).await.unwrap();
                stream.write_all(&bytes).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn both_kinds_are_asked_for_and_short_answers_asked_again() {
        let found = lookup(server().await, "h.test").await.unwrap();
        let expected = ["fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd", "10.1.2.3"];
        assert_eq!(found, expected.map(|text| text.parse::<IpAddr>().unwrap()));
    }
}
