//! Several scrapes of hosts whose processes come and go.

use std::fs;
use std::path::Path;

use common_instrument::{Collector, SampleValue, Samples};

use super::Collection;
use crate::collectors::Context;
use crate::{NodeOptions, Settings};

/// A process: number, parent, name, start in ticks, ticks in user space, context switches of its
/// threads by their numbers.
struct Process(u32, u32, &'static str, u64, u64, &'static [(u32, u64)]);

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn status(switches: u64) -> String {
    format!("State:\tS (sleeping)\nUid:\t0\t0\t0\t0\nvoluntary_ctxt_switches:\t{switches}\n")
}

/// Replaces the processes below `procfs`. One with a higher number uses more memory.
fn set(procfs: &Path, processes: &[Process]) {
    let _ = fs::remove_dir_all(procfs);
    write(&procfs.join("stat"), "btime 1700000000\n");
    for Process(pid, parent, comm, start, ticks, threads) in processes {
        let directory = procfs.join(pid.to_string());
        let count = threads.len().max(1);
        let stat = format!(
            "{pid} ({comm}) S {parent} 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 {count} 0 {start} 0 {pid}"
        );
        write(&directory.join("stat"), &stat);
        write(&directory.join("status"), &status(threads.first().map_or(0, |thread| thread.1)));
        write(&directory.join("cmdline"), &format!("/bin/{comm}\0"));
        for (tid, switches) in *threads {
            write(&directory.join(format!("task/{tid}/status")), &status(*switches));
        }
    }
}

/// All values of one family by the name of the group.
fn values(samples: &Samples, family: &str, label: (&str, &str)) -> Vec<(String, f64)> {
    let family = samples.families().find(|one| one.name() == family).unwrap();
    let mut values = Vec::new();
    for sample in family.samples() {
        let mut group = String::new();
        let mut fits = label.0.is_empty();
        for (name, value) in sample.labels() {
            if name == "groupname" {
                value.clone_into(&mut group);
            }
            fits |= (name, value) == label;
        }
        if let (true, SampleValue::Number(value)) = (fits, sample.value()) {
            values.push((group, value));
        }
    }
    values
}

fn scrapes(settings: &[(&str, &str)], rounds: &[&[Process]]) -> Samples {
    let dir = tempfile::tempdir().unwrap();
    let mut options = NodeOptions::new(|| std::time::UNIX_EPOCH, jiff::tz::TimeZone::UTC);
    options.roots.procfs = dir.path().join("proc");
    options.settings = Settings::default();
    for (flag, value) in settings {
        let is_config = *flag == super::CONFIG.name;
        let value = if is_config {
            let path = dir.path().join("config.yml");
            write(&path, value);
            path.to_string_lossy().into_owned()
        } else {
            (*value).to_owned()
        };
        options.settings.set(flag, &value);
    }
    let collection = Collection::new(&Context { options: &options }).unwrap();
    let mut samples = Samples::default();
    for processes in rounds {
        set(&options.roots.procfs, processes);
        samples.clear();
        collection.collect(&mut samples).unwrap();
    }
    samples
}

fn expected(values: &[(&str, f64)]) -> Vec<(String, f64)> {
    values.iter().map(|(group, value)| ((*group).to_owned(), *value)).collect()
}

#[test]
fn counters_count_from_the_first_scrape_on_and_never_fall() {
    fn check(rounds: &[&[Process]], processes: f64, seconds: f64) {
        let samples = scrapes(&[], rounds);
        let found = values(&samples, "namedprocess_namegroup_num_procs", ("", ""));
        assert_eq!(found, expected(&[("a", processes)]));
        let cpu = "namedprocess_namegroup_cpu_seconds_total";
        assert_eq!(values(&samples, cpu, ("mode", "user")), expected(&[("a", seconds)]));
    }
    let a = |pid, start, ticks| Process(pid, 0, "a", start, ticks, &[]);
    check(&[&[a(5, 1, 100)]], 1.0, 0.0);
    check(&[&[a(5, 1, 100)], &[a(5, 1, 150)]], 1.0, 0.5);
    check(&[&[a(5, 1, 100)], &[a(5, 1, 150)], &[]], 0.0, 0.5);
    check(&[&[a(5, 1, 100)], &[a(5, 1, 100), a(6, 9, 30)]], 2.0, 0.3);
    // The number was given to another process.
    check(&[&[a(5, 1, 100)], &[a(5, 9, 40)]], 1.0, 0.4);
    check(&[&[a(5, 1, 100)], &[], &[a(5, 1, 100)]], 1.0, 1.0);
}

#[test]
fn context_switches_are_those_of_all_threads_that_ever_were() {
    fn check(rounds: &[&[Process]], switches: f64) {
        let samples = scrapes(&[], rounds);
        let family = "namedprocess_namegroup_context_switches_total";
        let found = values(&samples, family, ("ctxswitchtype", "voluntary"));
        assert_eq!(found, expected(&[("a", switches)]));
    }
    let a = |threads| Process(5, 0, "a", 1, 0, threads);
    check(&[&[a(&[(5, 10), (6, 20)])]], 0.0);
    check(&[&[a(&[(5, 10), (6, 20)])], &[a(&[(5, 11), (6, 23)])]], 4.0);
    check(&[&[a(&[(5, 10), (6, 20)])], &[a(&[(5, 11), (7, 3)])]], 4.0);
    check(&[&[a(&[(5, 10), (6, 20)])], &[a(&[(5, 15)])]], 5.0);
    check(&[&[a(&[(5, 10)])], &[a(&[(5, 15), (6, 2)])]], 7.0);
    check(&[&[a(&[(5, 10), (6, 20)])], &[a(&[(5, 10), (6, 2)])]], 2.0);
}

#[test]
fn what_fits_no_rule_belongs_to_its_parent_if_that_is_wanted() {
    fn check(children: &str, processes: &[(&str, f64)]) {
        const CONFIG: &str = "process_names:\n- comm: [srv]\n- comm: [other]\n";
        let flags = [(super::CONFIG.name, CONFIG), (super::CHILDREN.name, children)];
        let host = [
            Process(1, 0, "init", 1, 0, &[]),
            Process(5, 1, "srv", 1, 0, &[]),
            // Of two that are new, the child may have the smaller number.
            Process(3, 4, "sh", 1, 0, &[]),
            Process(4, 5, "sh", 1, 0, &[]),
            Process(6, 4, "other", 1, 0, &[]),
        ];
        let samples = scrapes(&flags, &[&host]);
        let found = values(&samples, "namedprocess_namegroup_num_procs", ("", ""));
        assert_eq!(found, expected(processes));
    }
    check("true", &[("other", 1.0), ("srv", 3.0)]);
    check("false", &[("other", 1.0), ("srv", 1.0)]);
}

#[test]
fn too_many_groups_are_left_out_and_counted() {
    let host = [
        Process(1, 0, "small", 1, 0, &[]),
        Process(2, 1, "small", 1, 0, &[]),
        Process(8, 1, "large", 1, 0, &[]),
        Process(9, 8, "larger", 1, 0, &[]),
    ];
    let flags = [(super::GROUPS.name, "2")];
    let samples = scrapes(&flags, &[&host, &host]);
    let found = values(&samples, "namedprocess_namegroup_num_procs", ("", ""));
    assert_eq!(found, expected(&[("large", 1.0), ("larger", 1.0)]));
    // One group, at two scrapes.
    assert_eq!(values(&samples, "namedprocess_left_out_total", ("", "")), expected(&[("", 2.0)]));
    // A group that has become empty makes room.
    let samples = scrapes(&flags, &[&host, &host[..3]]);
    let found = values(&samples, "namedprocess_namegroup_num_procs", ("", ""));
    assert_eq!(found, expected(&[("large", 1.0), ("small", 2.0)]));
}

#[test]
fn groups_without_processes_stay_unless_they_are_not_wanted() {
    fn check(remove: &str, processes: &[(&str, f64)]) {
        let flags = [(super::REMOVE_EMPTY.name, remove)];
        let a = [Process(1, 0, "a", 1, 0, &[]), Process(2, 0, "b", 1, 0, &[])];
        let samples = scrapes(&flags, &[&a, &a[1..]]);
        let found = values(&samples, "namedprocess_namegroup_num_procs", ("", ""));
        assert_eq!(found, expected(processes));
    }
    check("false", &[("a", 0.0), ("b", 1.0)]);
    check("true", &[("b", 1.0)]);
}

#[test]
fn a_configuration_that_is_wrong_is_refused_with_its_place() {
    fn check(config: &str, problem: &str) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.yml");
        write(&path, config);
        let mut options = NodeOptions::new(|| std::time::UNIX_EPOCH, jiff::tz::TimeZone::UTC);
        options.settings.set(super::CONFIG.name, &path.to_string_lossy());
        let error = Collection::new(&Context { options: &options }).err().unwrap().to_string();
        let expected = format!("--collector.process.config-file: {}{problem}", path.display());
        assert!(error.starts_with(&expected), "{error}");
    }
    check("process_names: [{name: x}]", ":1:17: no matchers provided");
    check("process_names: [{name: '{{.X}}', comm: [a]}]", ": bad name template \"{{.X}}\": ");
    check("process_names: [{cmdline: ['(']}]", ":1:28: bad cmdline regex");
}
