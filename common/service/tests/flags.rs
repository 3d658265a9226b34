//! What the replaced programs take and refuse, word for word; taken down from their own answers.

use std::time::Duration;

use common_service::flags::{Arg, Command, Flag, Kind, Matches, Parsed, Program, Style, World};
use common_testkit::golden;

const LEVELS: Kind = Kind::OneOf("log level", &["debug", "info", "warn", "error"]);

const FLAGS: &[Flag] = &[
    Flag::new("config.file", Kind::Str, "Prometheus configuration file path.")
        .default("/etc/prometheus/prometheus.yml"),
    Flag::new(
        "web.listen-address",
        Kind::Str,
        "Address to listen on for API and telemetry. Can be repeated.",
    )
    .placeholder("0.0.0.0:9090")
    .default("0.0.0.0:9090")
    .repeatable(),
    Flag::new(
        "web.read-timeout",
        Kind::Duration,
        "Maximum duration before timing out read of the request, and closing idle connections.",
    )
    .default("5m"),
    Flag::switch("web.enable-lifecycle", "Enable shutdown and reload via HTTP request."),
    Flag::new(
        "storage.tsdb.retention.time",
        Kind::Duration,
        "How long to retain samples in storage. If neither this flag nor \
         \"storage.tsdb.retention.size\" is set, the retention time defaults to 15d. Units \
         Supported: y, w, d, h, m, s, ms. Use with server mode only.",
    ),
    Flag::new("storage.tsdb.retention.size", Kind::Bytes, "Bytes of all blocks.").hidden(),
    Flag::new("query.max-samples", Kind::Int, "Samples of one query.").default("50000000"),
    Flag::new("log.level", LEVELS, "Only log messages with the given severity or above.")
        .default("info")
        .env("LEVEL"),
];

const SERVER: Program = Program {
    root: Command {
        name: "prometheus",
        help: "The Prometheus monitoring server",
        flags: &[FLAGS],
        ..Command::EMPTY
    },
    style: Style::Prometheus,
    product: "prometheus",
};

const EXPORTER: Program = Program { style: Style::Kingpin, ..SERVER };

const TOOL: Program = Program {
    root: Command {
        name: "promtool",
        help: "Tooling for the Prometheus monitoring system.",
        commands: &[Command {
            name: "check",
            help: "Check the resources for validity.",
            flags: &[&[Flag::switch("extended", "More.")]],
            commands: &[
                Command {
                    name: "config",
                    help: "Check if the config files are valid or not.",
                    flags: &[&[Flag::switch("syntax-only", "Only check the config file syntax.")]],
                    args: &[Arg::required(
                        "config-files",
                        Kind::File,
                        "The config files to check.",
                    )
                    .rest()],
                    ..Command::EMPTY
                },
                Command { name: "metrics", help: "Lint metrics.", ..Command::EMPTY },
            ],
            ..Command::EMPTY
        }],
        ..Command::EMPTY
    },
    style: Style::Kingpin,
    product: "promtool",
};

const TAILER: Program = Program {
    root: Command {
        name: "mtail",
        flags: &[&[
            Flag::new("port", Kind::Str, "HTTP port to listen on.").default("3903"),
            Flag::new("logs", Kind::Str, "Logs.").repeatable(),
            Flag::new("poll_interval", Kind::GoDuration, "Poll.").default("250ms"),
            Flag::switch("one_shot", "Once."),
        ]],
        ..Command::EMPTY
    },
    style: Style::Go,
    product: "mtail",
};

fn parse(program: &Program, line: &str) -> Result<Parsed, (String, u8)> {
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let world = World {
        env: &|name| (name == "LEVEL").then(|| "warn".to_owned()),
        read: &|path| match path.to_str() {
            Some("args") => Ok("# a comment\n--web.read-timeout\n7s\n".to_owned()),
            _ => Err(std::io::Error::from_raw_os_error(2)),
        },
        exists: &|path| path.to_str() == Some("there"),
    };
    program.parse(&args, &world).map_err(|error| program.report(&error, &args))
}

fn run(program: &Program, line: &str) -> Matches {
    match parse(program, line) {
        Ok(Parsed::Run(matches)) => matches,
        other => panic!("{line}: {other:?}"),
    }
}

fn refused(program: &Program, line: &str, expected: &str, code: u8) {
    let (text, got) = parse(program, line).err().unwrap_or_else(|| panic!("{line}: taken"));
    let first = text.lines().next().unwrap_or("");
    assert_eq!((first, got), (expected, code), "{line}");
}

#[test]
fn exporters_refuse_in_one_line() {
    let check = |line: &str, problem: &str| {
        let expected = format!("prometheus: error: {problem}, try --help");
        refused(&EXPORTER, line, &expected, 1);
    };
    check("--nope", "unknown long flag '--nope'");
    check("--web.read", "unknown long flag '--web.read'");
    check("--no-config.file x", "unknown long flag '--no-config.file'");
    check("-web.x", "unknown short flag '-w'");
    check("foo", "unexpected foo");
    check("--web.enable-lifecycle=true", "unexpected true");
    check("--config.file", "expected argument for flag '--config.file'");
    check("--config.file --log.level=info", "expected argument for flag '--config.file'");
    check("--query.max-samples=abc", "strconv.ParseFloat: parsing \"abc\": invalid syntax");
    check("--log.level=foo", "unrecognized log level foo");
    check("--config.file=a --config.file=b", "flag 'config.file' cannot be repeated");
    check(
        "--web.enable-lifecycle --no-web.enable-lifecycle",
        "flag 'web.enable-lifecycle' cannot be repeated",
    );
    check("@none", "failed to open arguments file \"none\": open none: no such file or directory");
}

#[test]
fn prometheus_has_two_exit_codes() {
    let check = |line: &str, problem: &str, code: u8| {
        let expected = format!("Error parsing command line arguments: {problem}");
        refused(&SERVER, line, &expected, code);
    };
    check("--nope", "unknown long flag '--nope'", 1);
    check("-h=3", "unknown short flag '-='", 1);
    check("--web.read-timeout=abc", "not a valid duration string: \"abc\"", 2);
    check("--storage.tsdb.retention.size=3x", "units: unknown unit x in 3x", 2);
}

#[test]
fn values_come_from_flags_then_environment_then_defaults() {
    let matches = run(
        &EXPORTER,
        "--web.listen-address=:1 --web.listen-address :2 --web.enable-lifecycle @args \
         --query.max-samples=5e7 --storage.tsdb.retention.size=1GB",
    );
    assert_eq!(matches.strs("web.listen-address"), [":1", ":2"]);
    assert!(matches.bool("web.enable-lifecycle") && matches.is_given("web.enable-lifecycle"));
    assert_eq!(matches.duration("web.read-timeout"), Duration::from_secs(7));
    assert_eq!(matches.int("query.max-samples"), 50_000_000);
    assert_eq!(matches.bytes("storage.tsdb.retention.size"), 1 << 30);
    assert_eq!(matches.str("log.level"), "warn");
    assert_eq!(matches.str("config.file"), "/etc/prometheus/prometheus.yml");
    assert!(!matches.is_given("config.file"));
    assert!(!run(&EXPORTER, "--no-web.enable-lifecycle").bool("web.enable-lifecycle"));
    assert_eq!(run(&EXPORTER, "--log.level=debug").str("log.level"), "debug");
}

#[test]
fn tools_have_commands() {
    let check = |line: &str, problem: &str| {
        refused(&TOOL, line, &format!("promtool: error: {problem}, try --help"), 1);
    };
    check("check", "must select a subcommand of 'check'");
    check("check nope", "expected command but got \"nope\"");
    check("check config", "required argument 'config-files' not provided");
    check("check config nowhere", "path 'nowhere' does not exist");
    check("check config --nope x", "unknown long flag '--nope'");
    check("--syntax-only check config there", "unknown long flag '--syntax-only'");
    let matches = run(&TOOL, "check config --extended there --syntax-only there");
    assert_eq!(matches.command(), ["check", "config"]);
    assert_eq!(matches.args("config-files"), ["there", "there"]);
    assert!(matches.bool("syntax-only") && matches.bool("extended"));
}

#[test]
fn mtail_takes_flags_as_go_does() {
    let check = |line: &str, problem: &str| refused(&TAILER, line, problem, 2);
    check("-nope", "flag provided but not defined: -nope");
    check("-port", "flag needs an argument: -port");
    check("-one_shot=foo", "invalid boolean value \"foo\" for -one_shot: parse error");
    check("--poll_interval=foo", "invalid value \"foo\" for flag -poll_interval: parse error");
    let matches = run(&TAILER, "-logs a --logs=b -port 1 --port=2 -one_shot=false");
    assert_eq!(matches.strs("logs"), ["a", "b"]);
    assert_eq!((matches.str("port"), matches.bool("one_shot")), ("2", false));
    assert_eq!(matches.duration("poll_interval"), Duration::from_millis(250));
}

#[test]
fn the_help_is_that_of_kingpin() {
    golden("tests/golden/server.help", &SERVER.help(&[]));
    golden("tests/golden/tool.help", &TOOL.help(&[]));
    golden("tests/golden/tool_check_config.help", &TOOL.help(&["check", "config"]));
}

#[test]
fn help_and_version_are_printed_and_nothing_else_is_done() {
    for line in ["--help", "-h", "--help-long", "--version", "--version --nope"] {
        assert!(matches!(parse(&SERVER, line), Ok(Parsed::Print(_))), "{line}");
    }
    assert!(matches!(parse(&TOOL, "help check"), Ok(Parsed::Print(_))));
    assert!(matches!(parse(&TOOL, ""), Ok(Parsed::Print(_))));
}
