//! `probes`: what an entry inherits, which scrape job it stands for, what is refused.

use std::time::Duration;

use common_config::Config;

fn parse(probes: &str) -> Result<Config, String> {
    let text = format!("global: {{scrape_interval: 30s}}\nprobes:\n{probes}\n");
    Config::load(&text, "/etc/p.yml", &|_| None).map_err(|error| error.to_string())
}

#[test]
fn an_entry_stands_for_a_scrape_job() {
    let probes = "- {module: icmp, targets: [a.test]}\n\
                  - {module: m, job: pages, config_file: b.yml, targets: ['https://x/?a=\"b\"'], \
                  interval: 1m, timeout: 20s, labels: {team: a}}";
    let config = parse(probes).unwrap();
    let jobs = config.all_scrape_configs(&|_| Ok(Vec::new())).unwrap();
    let shown: Vec<(&str, Duration, Duration)> = jobs
        .iter()
        .map(|job| (job.job_name.as_str(), job.scrape_interval, job.scrape_timeout))
        .collect();
    let seconds = Duration::from_secs;
    assert_eq!(
        shown,
        [("probe-icmp", seconds(30), seconds(10)), ("pages", seconds(60), seconds(20)),]
    );
    assert!(jobs.iter().all(|job| job.scheme == "inprocess" && job.metrics_path == "/probe"));
    assert_eq!(jobs[1].params["module"], ["m"]);
    assert_eq!(jobs[1].params["config_file"], ["/etc/b.yml"]);
    let yaml = config.to_yaml();
    assert!(yaml.contains("probes:\n") && yaml.contains("config_file: /etc/b.yml"), "{yaml}");
    assert!(!parse(" []").unwrap().to_yaml().contains("probes"));
}

#[test]
fn what_cannot_be_probed_is_refused_with_its_place() {
    let check = |probes: &str, expected: &str| {
        let error = parse(probes).and_then(|config| {
            let jobs = config.all_scrape_configs(&|_| Ok(Vec::new()));
            jobs.map(drop).map_err(|error| error.to_string())
        });
        let error = error.unwrap_err();
        assert!(error.contains(expected), "{probes}: {error}");
    };
    check("- {targets: [a]}", "module of a probe is missing");
    check("- {module: m}", "targets of a probe are missing");
    check("- {module: m, targets: ['']}", "targets of a probe are missing");
    check("- {module: m, targets: [a], timeout: 1h}", "probe timeout greater");
    check("- {module: m, targets: [a], nonsense: 1}", "field nonsense not found");
    check("- {module: m, targets: [a], labels: {'': x}}", "3:3");
    let twice = "- {module: m, targets: [a]}\n- {module: m, targets: [b]}";
    check(twice, "multiple scrape configs with job name \"probe-m\"");
}
