//! The program by itself, over its own listener.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// Stops the program when the test ends, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(address: &str, path: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_slim_program_serves_files_errors_and_itself() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.prom"), "m{x=\"1\"} 1\r\nm{x=\"2\"} 2").unwrap();
    fs::write(folder.path().join("b.prom"), "not it\n").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_hearth-textfile"));
    program
        .arg(format!("--collector.textfile.directory={}", folder.path().display()))
        .arg("--web.listen-address=127.0.0.1:0")
        .stderr(Stdio::piped());
    let mut running = Running(program.spawn().unwrap());
    let log = BufReader::new(running.0.stderr.take().unwrap());
    let address = log
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.split("address=").nth(1).map(|rest| rest.trim().to_owned()))
        .expect("it says where it listens");
    for _ in 0..2 {
        let page = get(&address, "/metrics");
        for line in [
            "m{x=\"1\"} 1",
            "m{x=\"2\"} 2",
            "node_textfile_scrape_error 1",
            "node_textfile_file_error{file=\"{}/b.prom\",reason=\"parse\"} 1",
        ] {
            let line = line.replace("{}", &folder.path().display().to_string());
            assert!(page.lines().any(|found| found == line), "{line}\n{page}");
        }
        assert!(page.contains("process_cpu_seconds_total "), "{page}");
    }
    assert!(get(&address, "/").contains("<a href=\"/metrics\">Metrics</a>"));
}
