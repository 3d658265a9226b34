//! The programs that ship inside: each over its sample log.

use std::path::{Path, PathBuf};

use common_testkit::golden;
use exporters_log::library::PROGRAMS;
use exporters_log::line::split;
use exporters_log::store::Store;
use exporters_log::store::output::{PrometheusOptions, prometheus};
use exporters_log::{CompileOptions, Engine, Line, LineSink as _, compile};

use crate::support::{engine_with, feed, load, samples};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")
}

#[test]
fn every_program_counts_in_its_sample_what_its_golden_says() {
    for program in PROGRAMS {
        let (mut engine, _) = engine_with(Store::default());
        load(&mut engine, program.name, program.text).unwrap();
        let sample = std::fs::read_to_string(folder().join(program.sample())).unwrap();
        feed(&mut engine, &sample.lines().collect::<Vec<_>>());
        let runtime_errors = engine.programs()[0].runtime_errors_total();
        assert_eq!(runtime_errors, 0, "{}: {}", program.name, engine.programs()[0].last_error());
        let options = PrometheusOptions { program_label: true, timestamps: false, as_mtail: false };
        let (text, _) = prometheus(engine.store(), options);
        golden(folder().join(program.sample()).with_extension("golden"), &text);
    }
}

#[test]
fn every_metric_of_a_program_is_counted_by_its_sample() {
    for program in PROGRAMS {
        let (mut engine, _) = engine_with(Store::default());
        load(&mut engine, program.name, program.text).unwrap();
        let sample = std::fs::read_to_string(folder().join(program.sample())).unwrap();
        feed(&mut engine, &sample.lines().collect::<Vec<_>>());
        for metric in engine.store().exported() {
            let touched = metric.series().any(|series| series.time_ns > 0);
            assert!(touched, "{}: nothing counts {}", program.name, metric.spec.name);
        }
    }
}

#[test]
fn every_program_of_the_folder_is_listed() {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".mtail") {
            names.push(name);
        }
    }
    names.sort();
    let listed: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
    assert_eq!(names, listed);
}

#[test]
fn no_two_programs_count_under_one_name() {
    let (mut engine, _) = engine_with(Store::default());
    for program in PROGRAMS {
        load(&mut engine, program.name, program.text).unwrap();
    }
    let exported = engine.store().exported();
    let names: Vec<_> = exported.iter().map(|metric| &metric.spec.name).collect();
    assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
}

/// All programs over all samples, as often as it takes for frequent texts to be given up.
#[test]
fn lines_at_once_count_like_lines_one_by_one() {
    let mut logs = Vec::new();
    for program in PROGRAMS {
        logs.extend(std::fs::read(folder().join(program.sample())).unwrap());
    }
    logs.extend_from_slice(b"\n\xff sshd[1]: Invalid user \xfe from\r\n sudo: x\r\n");
    let (mut by_line, _) = engine_with(Store::default());
    let (mut by_chunk, _) = engine_with(Store::default());
    for program in PROGRAMS {
        load(&mut by_line, program.name, program.text).unwrap();
        load(&mut by_chunk, program.name, program.text).unwrap();
    }
    let text = |engine: &Engine| {
        let options = PrometheusOptions { program_label: true, timestamps: false, as_mtail: false };
        prometheus(engine.store(), options).0
    };
    for round in 0..40 {
        for text in split(&logs) {
            by_line.line(Line { source: "/log", text });
        }
        by_chunk.chunk("/log", &logs);
        assert_eq!(text(&by_line), text(&by_chunk), "round {round}");
    }
    assert_eq!(by_line.lines_total(), by_chunk.lines_total());
    for (one, other) in by_line.programs().iter().zip(by_chunk.programs()) {
        assert_eq!(one.lines_total, other.lines_total, "{}", one.name);
        assert_eq!(one.runtime_errors_total(), other.runtime_errors_total(), "{}", one.name);
    }
}

#[test]
fn a_program_gets_lines_of_its_logs_only() {
    let (mut engine, _) = engine_with(Store::default());
    let text = b"counter lines\n/$/ {\n  lines++\n}\n";
    let object = compile(text, CompileOptions::default(), &mut |_, _| {}).unwrap();
    engine.load_for("p", object, &["/var/log/nginx/*access*.log"]).unwrap();
    engine.chunk("/var/log/nginx/access.log", b"a\nb\n");
    engine.chunk("/var/log/syslog", b"c\n");
    engine.line(Line { source: "/var/log/nginx/shop-access.log", text: b"d" });
    assert_eq!(samples(&engine), ["lines 3"]);
    assert_eq!(engine.programs()[0].lines_total, 3);
}
