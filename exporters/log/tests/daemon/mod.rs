//! `hearth-log` as a process that follows logs.

mod hostile;
mod push;
mod reload;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A result that has not come by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running exporter with one log and a folder of programs.
struct Daemon {
    child: Child,
    address: String,
    folder: tempfile::TempDir,
}

impl Daemon {
    /// Follows `x.log` with the program `p.mtail`.
    fn start(program: &str, args: &[&str]) -> Daemon {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("programs");
        std::fs::create_dir(&programs).unwrap();
        std::fs::write(programs.join("p.mtail"), program).unwrap();
        let log = folder.path().join("x.log");
        std::fs::write(&log, "").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_hearth-log"));
        command.args(["--address", "127.0.0.1", "--port", "0"]).args(args);
        command.arg("--progs").arg(&programs).arg("--logs").arg(&log);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let listening = lines.find(|line| line.contains("Listening on")).unwrap();
        let address = listening.split("address=").nth(1).unwrap();
        let address = address.trim_matches('"').to_owned();
        // Somebody must read on, or the exporter waits.
        std::thread::spawn(move || lines.for_each(drop));
        Daemon { child, address, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, bytes: impl AsRef<[u8]>) {
        let mut log = std::fs::File::options().append(true).open(self.path("x.log")).unwrap();
        log.write_all(bytes.as_ref()).unwrap();
    }

    fn get(&self, page: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {page} HTTP/1.0\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// The sample of `/metrics` that begins so, as soon as it has this value.
    fn wait_for(&self, sample: &str, value: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            let page = self.get("/metrics");
            let found = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
            if found == Some(value) {
                return;
            }
            assert!(Instant::now() < until, "expected {sample} {value}, found {found:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The most memory that the process ever had, in bytes.
    fn memory_peak(&self) -> u64 {
        let status = Path::new("/proc").join(self.child.id().to_string()).join("status");
        let status = std::fs::read_to_string(status).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
