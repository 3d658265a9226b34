//! The programs that ship inside, with the logs they are for.

use std::path::Path;

/// A program that ships inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LibraryProgram {
    /// The base name of its file, which is its `prog` label.
    pub name: &'static str,
    /// The program.
    pub text: &'static str,
    /// One sentence for a list.
    pub about: &'static str,
    /// Places of its logs as values of `--logs`, the better ones first: where a host has several, they
    /// hold the same lines, so that only the first one with a log is to be read.
    pub logs: &'static [&'static str],
}

/// Where syslog daemons put what concerns logins, and the journal where none runs.
const AUTH: &[&str] = &["/var/log/auth.log", "/var/log/secure", "journal://"];

/// Where everything else is that comes through syslog.
const SYSTEM: &[&str] = &["/var/log/syslog", "/var/log/messages", "journal://"];

macro_rules! program {
    ($name:literal, $about:literal, $logs:expr) => {
        LibraryProgram {
            name: concat!($name, ".mtail"),
            text: include_str!(concat!("../programs/", $name, ".mtail")),
            about: $about,
            logs: $logs,
        }
    };
}

/// All of them, sorted by name.
pub const PROGRAMS: &[LibraryProgram] = &[
    program!(
        "apache_access",
        "requests, errors and durations of Apache's access logs",
        &[
            "/var/log/apache2/*access*.log",
            "/var/log/httpd/*access_log",
            "/var/log/apache2/*access_log"
        ]
    ),
    program!(
        "fail2ban",
        "what fail2ban's jails find and ban",
        &["/var/log/fail2ban.log", "journal://"]
    ),
    program!(
        "haproxy",
        "requests, sessions and servers of HAProxy",
        &["/var/log/haproxy.log", "/var/log/syslog", "/var/log/messages", "journal://"]
    ),
    program!(
        "kernel",
        "processes killed for memory, failing disks and hardware",
        &["/var/log/kern.log", "/var/log/syslog", "/var/log/messages", "journal://"]
    ),
    program!(
        "mysql_slow",
        "slow queries of MySQL and MariaDB",
        &["/var/log/mysql/*slow*.log", "/var/lib/mysql/*slow*.log", "/var/log/mariadb/*slow*.log"]
    ),
    program!(
        "nginx_access",
        "requests, errors and durations of nginx's access logs",
        &["/var/log/nginx/*access*.log"]
    ),
    program!(
        "postfix",
        "mail taken, delivered, put off and refused by Postfix",
        &["/var/log/mail.log", "/var/log/maillog", "journal://"]
    ),
    program!(
        "postgresql",
        "errors, slow statements and checkpoints of PostgreSQL",
        &[
            "/var/log/postgresql/*.log",
            "/var/lib/pgsql/data/log/*.log",
            "/var/lib/pgsql/*/data/log/*.log"
        ]
    ),
    program!("sshd", "logins and failed logins of OpenSSH", AUTH),
    program!("sudo", "commands run and refused by sudo", AUTH),
    program!("systemd", "units that fail, restart or take too long", SYSTEM),
];

/// The program of this name, with or without `.mtail`.
#[must_use]
pub fn find(name: &str) -> Option<&'static LibraryProgram> {
    PROGRAMS.iter().find(|program| program.name.strip_suffix(".mtail") == Some(stem(name)))
}

fn stem(name: &str) -> &str {
    name.strip_suffix(".mtail").unwrap_or(name)
}

impl LibraryProgram {
    /// The value of `--logs` with the logs of this host, the first for which `exists` finds a log;
    /// `exists` gets a pattern of files, or `journal://`.
    pub fn logs_here(&self, mut exists: impl FnMut(&str) -> bool) -> Option<&'static str> {
        self.logs.iter().copied().find(|logs| exists(logs))
    }

    /// The base name of the sample log that is kept beside the program.
    #[must_use]
    pub fn sample(&self) -> String {
        Path::new(self.name).with_extension("log").to_string_lossy().into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{PROGRAMS, find};

    #[test]
    fn programs_are_sorted_and_found_by_name() {
        assert!(PROGRAMS.is_sorted_by_key(|program| program.name));
        assert_eq!(find("sshd"), find("sshd.mtail"));
        assert_eq!(find("sshd").unwrap().name, "sshd.mtail");
        assert_eq!(find("nothing"), None);
    }

    #[test]
    fn the_first_log_that_a_host_has_is_taken() {
        let sshd = find("sshd").unwrap();
        assert_eq!(sshd.logs_here(|_| true), Some("/var/log/auth.log"));
        assert_eq!(sshd.logs_here(|logs| logs.starts_with("journal")), Some("journal://"));
        assert_eq!(sshd.logs_here(|_| false), None);
    }
}
