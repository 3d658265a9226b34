//! Prints what a scrape of hosts of 2 to 256 CPUs costs a node exporter. Run with `--release`; the
//! program as argument.
//!
//! The files are made as a kernel of 6.x makes them for two sockets with two threads a core, and lie
//! in a temporary folder. `big_host DIR CPUS` only makes them, for a profiler.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may stop, and prints")]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const CPUS: [usize; 4] = [2, 16, 64, 256];

/// Scrapes before it is measured.
const WARM: usize = 5;

/// CPUs of all scrapes that are measured, together: small hosts are scraped more often.
const CPUS_SCRAPED: usize = 8000;

/// Collectors whose files grow with the CPUs, as they are by default and with all that can be
/// asked of them.
const RUNS: [(&str, &[&str]); 2] = [
    ("default", &["cpu", "cpufreq", "schedstat", "softnet", "stat"]),
    (
        "all",
        &["cpu", "cpufreq", "schedstat", "softnet", "stat", "interrupts", "softirqs", "cpu.info"],
    ),
];

/// Clock ticks in a second, as `/proc` counts on every architecture that matters.
const TICKS_PER_SECOND: f64 = 100.0;

const SOFTIRQS: [&str; 10] =
    ["HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"];

/// Interrupts that every CPU has a column of its own for.
const ARCHITECTURE_INTERRUPTS: [(&str, &str); 12] = [
    ("NMI", "Non-maskable interrupts"),
    ("LOC", "Local timer interrupts"),
    ("SPU", "Spurious interrupts"),
    ("PMI", "Performance monitoring interrupts"),
    ("IWI", "IRQ work interrupts"),
    ("RTR", "APIC ICR read retries"),
    ("RES", "Rescheduling interrupts"),
    ("CAL", "Function call interrupts"),
    ("TLB", "TLB shootdowns"),
    ("TRM", "Thermal event interrupts"),
    ("MCE", "Machine check exceptions"),
    ("MCP", "Machine check polls"),
];

/// What a server's CPUs say that they can do, in length.
const CPU_FLAGS: usize = 150;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [folder, cpus] = args.as_slice()
        && let Ok(cpus) = cpus.parse()
    {
        Host { root: PathBuf::from(folder), cpus }.write();
        return;
    }
    assert!(!args.is_empty(), "usage: big_host PROGRAM [ARGS] | big_host DIR CPUS");
    println!(
        "| collectors | CPUs | files | lines | KiB read | series | ms CPU a scrape | us a line |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    for (name, collectors) in RUNS {
        for cpus in CPUS {
            let root = std::env::temp_dir().join(format!("big-host-{}", std::process::id()));
            let host = Host { root, cpus };
            host.write();
            measure(&args, name, collectors, &host);
            std::fs::remove_dir_all(&host.root).unwrap();
        }
    }
}

fn measure(args: &[String], name: &str, collectors: &[&str], host: &Host) {
    let mut exporter = Exporter::start(args, collectors, host);
    (0..WARM).for_each(|_| drop(exporter.scrape()));
    let before = exporter.cpu_s();
    let mut page = String::new();
    let scrapes = (CPUS_SCRAPED / host.cpus).min(1000);
    (0..scrapes).for_each(|_| page = exporter.scrape());
    let cost_ms = (exporter.cpu_s() - before) * 1e3 / scrapes as f64;
    let series = page.lines().filter(|line| line.starts_with("node_")).count();
    let Size { files, lines, bytes } = host.size(collectors);
    println!(
        "| {name} | {} | {files} | {lines} | {} | {series} | {cost_ms:.2} | {:.2} |",
        host.cpus,
        bytes / 1024,
        cost_ms * 1e3 / lines as f64
    );
}

/// A running exporter; killed when the value goes.
struct Exporter {
    child: Child,
    address: String,
}

impl Exporter {
    fn start(args: &[String], collectors: &[&str], host: &Host) -> Exporter {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let child = Command::new(&args[0])
            .args(&args[1..])
            .args(["--collector.disable-defaults", "--web.disable-exporter-metrics"])
            .args(collectors.iter().map(|name| format!("--collector.{name}")))
            .arg(format!("--path.procfs={}", host.root.join("proc").display()))
            .arg(format!("--path.sysfs={}", host.root.join("sys").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let exporter = Exporter { child, address };
        let up = (0..300).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            TcpStream::connect(&exporter.address).is_ok()
        });
        assert!(up, "nobody answers at {}", exporter.address);
        exporter
    }

    fn scrape(&mut self) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n").unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        assert!(!page.contains("collector_success{collector=\"cpu\"} 0"), "{page}");
        page
    }

    /// CPU time so far: fields 14 and 15 of proc_pid_stat(5).
    fn cpu_s(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
        fields.map(|field| field.parse::<f64>().unwrap()).sum::<f64>() / TICKS_PER_SECOND
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The files of a host below a folder.
struct Host {
    root: PathBuf,
    cpus: usize,
}

/// How much there is to read.
#[derive(Default)]
struct Size {
    files: usize,
    lines: usize,
    bytes: usize,
}

impl Host {
    fn write(&self) {
        self.put("proc/stat", &self.stat());
        self.put("proc/cpuinfo", &self.cpuinfo());
        self.put("proc/schedstat", &self.schedstat());
        self.put("proc/softirqs", &self.softirqs());
        self.put("proc/interrupts", &self.interrupts());
        self.put("proc/net/softnet_stat", &self.softnet_stat());
        let all = format!("0-{}\n", self.cpus - 1);
        for (name, content) in [
            ("online", &*all),
            ("possible", &all),
            ("present", &all),
            ("offline", "\n"),
            ("isolated", "\n"),
        ] {
            self.put(&format!("sys/devices/system/cpu/{name}"), content);
        }
        (0..self.cpus).for_each(|cpu| self.write_cpu(cpu));
    }

    fn write_cpu(&self, cpu: usize) {
        let (package, core) = self.place(cpu);
        let driver = "performance powersave\n";
        for (name, content) in [
            ("online", "1\n"),
            ("topology/physical_package_id", &format!("{package}\n")),
            ("topology/core_id", &format!("{core}\n")),
            ("thermal_throttle/core_throttle_count", &format!("{}\n", cpu * 3)),
            ("thermal_throttle/package_throttle_count", "17\n"),
            ("cpufreq/cpuinfo_cur_freq", &format!("{}\n", 2_400_000 + cpu)),
            ("cpufreq/cpuinfo_min_freq", "800000\n"),
            ("cpufreq/cpuinfo_max_freq", "3800000\n"),
            ("cpufreq/scaling_cur_freq", &format!("{}\n", 2_400_000 + cpu)),
            ("cpufreq/scaling_min_freq", "800000\n"),
            ("cpufreq/scaling_max_freq", "3800000\n"),
            ("cpufreq/scaling_governor", "powersave\n"),
            ("cpufreq/scaling_available_governors", driver),
        ] {
            self.put(&format!("sys/devices/system/cpu/cpu{cpu}/{name}"), content);
        }
    }

    /// Socket and core of a CPU: second threads follow after all cores.
    fn place(&self, cpu: usize) -> (usize, usize) {
        let cores = self.cpus.div_ceil(2);
        let sockets = if self.cpus >= 64 { 2 } else { 1 };
        let core = cpu % cores;
        (core * sockets / cores, core % cores.div_ceil(sockets))
    }

    fn stat(&self) -> String {
        let times = |n: usize| {
            format!("{} {} 55012 {} 7123 0 {} 12 0 0\n", 90_210 + n, 12 + n, 8_123_456 + n, 991 + n)
        };
        let mut text = format!("cpu  {}", times(0));
        for cpu in 0..self.cpus {
            write!(text, "cpu{cpu} {}", times(cpu)).unwrap();
        }
        // A number for each line that could be in /proc/interrupts.
        let interrupts: String = (0..256 + 16 * self.cpus).map(|n| format!(" {}", n % 7)).collect();
        write!(
            text,
            "intr 98123456{interrupts}\nctxt 1234567890\nbtime 1700000000\nprocesses 812345\n\
             procs_running 3\nprocs_blocked 0\nsoftirq 81234567 1 2 3 4 5 6 7 8 9 10\n"
        )
        .unwrap();
        text
    }

    fn cpuinfo(&self) -> String {
        let flags: String = (0..CPU_FLAGS).map(|n| format!(" feature{n}")).collect();
        let mut text = String::new();
        for cpu in 0..self.cpus {
            let (package, core) = self.place(cpu);
            write!(
                text,
                "processor\t: {cpu}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\n\
                 model name\t: A Processor\nstepping\t: 8\nmicrocode\t: 0x2b000590\n\
                 cpu MHz\t\t: 2400.000\ncache size\t: 107520 KB\nphysical id\t: {package}\n\
                 siblings\t: {}\ncore id\t\t: {core}\ncpu cores\t: {}\napicid\t\t: {cpu}\n\
                 initial apicid\t: {cpu}\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: 32\n\
                 wp\t\t: yes\nflags\t\t:{flags}\nbugs\t\t: spectre_v1 spectre_v2\n\
                 bogomips\t: 4800.00\nclflush size\t: 64\ncache_alignment\t: 64\n\
                 address sizes\t: 46 bits physical, 57 bits virtual\npower management:\n\n",
                self.cpus / 2,
                self.cpus / 4
            )
            .unwrap();
        }
        text
    }

    /// Version 17: a line for the CPU, then one for each of its scheduling domains.
    fn schedstat(&self) -> String {
        let mut text = "version 17\ntimestamp 4301234567\n".to_owned();
        let mask = "ffffffff,".repeat(self.cpus.div_ceil(32));
        for cpu in 0..self.cpus {
            writeln!(text, "cpu{cpu} 0 0 0 0 0 0 {} {} {}", 1_234_567 + cpu, 98_765, 8_123)
                .unwrap();
            for (level, domain) in ["SMT", "MC", "NUMA"].iter().enumerate() {
                let mask = mask.trim_end_matches(',');
                writeln!(text, "domain{level} {domain} {mask}{}", " 0".repeat(45)).unwrap();
            }
        }
        text
    }

    fn softnet_stat(&self) -> String {
        let line = |cpu| {
            format!(
                "{:08x} 00000000 00000003 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 {cpu:08x} 00000000 00000000\n",
                912_345 + cpu
            )
        };
        (0..self.cpus).map(line).collect()
    }

    fn softirqs(&self) -> String {
        let rows = SOFTIRQS.iter().map(|name| self.row(name, 12, 77, ""));
        self.columns(12) + &rows.collect::<String>()
    }

    /// The devices of a big host have a queue for each CPU: two network cards and two disks.
    fn interrupts(&self) -> String {
        let mut text = self.columns(6);
        for queue in 0..self.cpus {
            for (device, name) in
                ["eth0-TxRx-", "eth1-TxRx-", "nvme0q", "nvme1q"].iter().enumerate()
            {
                let number = format!("{}", 64 + queue * 4 + device);
                let about =
                    format!("  PCI-MSIX-0000:{device:02x}:00.0 {queue}-edge      {name}{queue}");
                text += &self.row(&number, 6, 5, &about);
            }
        }
        for (name, about) in ARCHITECTURE_INTERRUPTS {
            text += &self.row(name, 6, 123_456, &format!("   {about}"));
        }
        text + " ERR:          0\n MIS:          0\n"
    }

    fn columns(&self, indent: usize) -> String {
        let names: String = (0..self.cpus).map(|cpu| format!("CPU{cpu:<8}")).collect();
        format!("{:indent$}{names}\n", "")
    }

    fn row(&self, name: &str, width: usize, count: usize, about: &str) -> String {
        let counts: String = (0..self.cpus).map(|cpu| format!(" {:>10}", count + cpu)).collect();
        format!("{name:>width$}:{counts}{about}\n", width = width - 1)
    }

    fn put(&self, path: &str, content: &str) {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// What the collectors read of it.
    fn size(&self, collectors: &[&str]) -> Size {
        let mut size = Size::default();
        let more = ["interrupts", "softirqs", "cpuinfo"];
        let is_read = |path: &Path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let collector = if name == "cpuinfo" { "cpu.info" } else { &name };
            !more.contains(&&*name) || collectors.contains(&collector)
        };
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if is_read(&path) {
                    let text = std::fs::read(path).unwrap();
                    size.files += 1;
                    size.lines += text.iter().filter(|byte| **byte == b'\n').count();
                    size.bytes += text.len();
                }
            }
        }
        size
    }
}
