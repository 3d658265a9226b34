//! A program under test: started with its log in a file, ended with the value.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::api::Api;
use super::{PATIENCE, eventually, free_address};

/// The program under test.
pub(crate) const HEARTH: &str = env!("CARGO_BIN_EXE_hearth");

/// A running program. It is killed when the value goes.
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
    pub(crate) api: Api,
}

impl Program {
    /// Starts a program with an address to listen on in `folder`, and waits until it is ready.
    pub(crate) async fn start(program: impl AsRef<Path>, args: &[&str], folder: &Path) -> Program {
        let mut program = Program::launch(program.as_ref(), args, folder);
        program.ready().await;
        program
    }

    /// `hearth` with its data in `folder/data`.
    pub(crate) async fn hearth(args: &[&str], folder: &Path) -> Program {
        let args: Vec<&str> = args.iter().copied().chain(["--storage.tsdb.path=data"]).collect();
        Program::start(HEARTH, &args, folder).await
    }

    /// Starts a program without waiting.
    pub(crate) fn launch(program: &Path, args: &[&str], folder: &Path) -> Program {
        let address = free_address();
        let name = address.replace(':', "-");
        let log = folder.join(format!("log-{name}"));
        let file = File::create(&log).unwrap();
        let child = Command::new(program)
            .args(args)
            .arg(format!("--web.listen-address={address}"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        Program { child, log, api: Api::new(address) }
    }

    /// Waits until the program says that it is ready.
    pub(crate) async fn ready(&mut self) {
        let api = self.api.clone();
        eventually("the program is ready", PATIENCE, async || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the program ended with {status}:\n{}", self.log());
            }
            match api.get("/-/ready").await {
                Ok((200, _)) => Ok(()),
                // Exporters have no such page, and some let nobody in.
                Ok((404 | 401, _)) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where the program logs to.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.log.clone()
    }

    /// All that the program logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends a signal, by `kill`'s name for it.
    pub(crate) fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        let status =
            kill.arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success(), "kill -{name}: {status}");
    }

    /// Waits for the program's end.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        eventually("the program ends", PATIENCE, async || {
            self.child.try_wait().unwrap().ok_or_else(|| "it runs".to_owned())
        })
        .await
    }

    /// Ends the program as a power cut would, but for the page cache.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The most memory that the program ever held, in bytes.
    pub(crate) fn memory_peak(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Time that it has been computing, in hundredths of a second.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The name may contain anything; the fields after it begin with the third.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let ticks = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap());
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(40)..].join("\n");
            eprintln!("--- log of {}\n{tail}", self.api.address());
        }
    }
}

/// One scrape job for a target, in YAML.
pub(crate) fn job(name: &str, address: &str, path: &str) -> String {
    format!(
        "- job_name: {name}\n  metrics_path: {path}\n  static_configs: [{{targets: ['{address}']}}]\n"
    )
}

/// A configuration that scrapes at an interval.
pub(crate) fn config(interval: Duration, jobs: &[String]) -> String {
    let interval = format!("{}ms", interval.as_millis());
    format!(
        "global:\n  scrape_interval: {interval}\n  scrape_timeout: {interval}\n  \
         evaluation_interval: {interval}\nscrape_configs:\n{}",
        jobs.concat()
    )
}
