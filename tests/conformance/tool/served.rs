//! Commands that ask a server: one that always answers the same, asked by both programs.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use crate::{Run, ours, theirs};

/// Answers by the beginning of the path; what is not here is not found.
const ANSWERS: &[(&str, &str)] = &[
    (
        "/api/v1/query_range",
        r#"{"status":"success","warnings":["so so"],"data":{"resultType":"matrix","result":[
        {"metric":{"__name__":"a","job":"x","gone":"y"},"values":[[1700000042.184,"1"],[1700000102.184,"NaN"]]},
        {"metric":{"job":"z"},"values":[[1700000102.184,"-Inf"]]}]}}"#,
    ),
    (
        "/api/v1/query",
        r#"{"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{"__name__":"h_bucket","j":"x","le":"1"},"values":[[1,"0"],[2,"1"],[3,"1"]]},
        {"metric":{"__name__":"h_bucket","j":"x","le":"+Inf"},"values":[[1,"0"],[2,"4"],[3,"1"]]},
        {"metric":{"__name__":"n2","b":"x"},"values":[[1.5,"1e+06"]]},
        {"metric":{"a":"x","b":"y"},"values":[[1,"0"]]},
        {"metric":{"__name__":"other","le":"1"},"values":[[1,"0"],[2,"1"]]},
        {"metric":{"__name__":"n"},"histograms":[
            [1,{"count":"1","sum":"2","buckets":[[0,"1","2","1"]]}],
            [2,{"count":"3","sum":"NaN","buckets":[[0,"1e-07","2","1"],[3,"2","1e+21","2"]]}]]}]}}"#,
    ),
    (
        "/api/v1/series",
        r#"{"status":"success","data":[{"__name__":"a","b":"c\"d"},{"__name__":"e"}]}"#,
    ),
    ("/api/v1/label/job/values", r#"{"status":"success","warnings":["cut"],"data":["x","y z"]}"#),
    ("/metrics", "# TYPE a gauge\na 1\n"),
    ("/-/healthy", "Prometheus Server is Healthy.\n"),
];

/// Serves [`ANSWERS`] until the test ends; returns the address.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            drop(answer(stream));
        }
    });
    address
}

/// Answers one request and closes the connection.
fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    let text = loop {
        let read = stream.read(&mut part)?;
        request.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            line.to_lowercase().strip_prefix("content-length: ").and_then(|n| n.parse().ok())
        });
        if read == 0 || body.len() >= length.unwrap_or(0) {
            break text;
        }
    };
    let path = text.split(' ').nth(1).unwrap_or_default();
    let found = ANSWERS.iter().find(|(begin, _)| path.starts_with(begin));
    let (status, body) = found.map_or(("404 Not Found", "none"), |(_, body)| ("200 OK", *body));
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// Both say the same and end alike.
#[track_caller]
fn check(folder: &Path, args: &[&str], code: i32) {
    let run = ours(folder, args);
    assert_eq!(run.code, Some(code), "{args:?}: {}{}", run.out, run.err);
    if let Some(promtool) = common_testkit::peer("promtool") {
        let peer = theirs(&promtool, folder, args);
        let told = |run: Run| (run.code, run.out, run.err);
        assert_eq!(told(run), told(peer), "{args:?}");
    }
}

#[test]
fn what_a_server_answers_is_shown_as_promtool_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("http.yml"), "basic_auth: {username: a, password: b}\n").unwrap();
    let server = serve();
    let server = server.as_str();
    let range = ["--start=1700000000", "--end=1700000200", server];
    for flags in [&[][..], &["-o", "json"], &["--http.config.file=http.yml"]] {
        let query = |args: &[&'static str]| -> Vec<&str> {
            ["query"].iter().chain(args).chain(flags).copied().collect()
        };
        let with_range = |args: &[&'static str]| [query(args), range.to_vec()].concat();
        // As JSON the original orders keys of histograms, and writes numbers, in its own way.
        if !flags.contains(&"json") {
            check(folder, &[query(&["instant"]), vec![server, "x[5m]"]].concat(), 0);
        }
        let headers = &["range", "--step=30s", "--header=A=b", "--header=C:d"];
        check(folder, &[with_range(headers), vec!["x"]].concat(), 0);
        check(folder, &with_range(&["series", "--match=a", "--match=b"]), 0);
        check(folder, &[with_range(&["labels", "--match=a"]), vec!["job"]].concat(), 0);
        check(folder, &[with_range(&["labels"]), vec!["nobody"]].concat(), 1);
    }
    let asked = format!("--server={server}");
    check(folder, &["query", "analyze", &asked, "--type=histogram", "--match=h_bucket"], 0);
    check(folder, &["query", "analyze", &asked, "--type=summary", "--match=h_bucket"], 1);
    let url = format!("--url={server}");
    check(folder, &["check", "healthy", &url], 0);
    check(folder, &["check", "ready", &url], 1);
    check(folder, &["check", "ready", "--enable-feature=promql-delayed-name-removal", &url], 1);
}

#[test]
fn rules_are_backfilled_as_promtool_does_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rules =
        "groups: [{name: g, rules: [{record: 'x:y', expr: a, labels: {job: new, gone: ''}}]}]";
    // Under the labels of this rule both series would be one, but for the time they share.
    std::fs::write(folder.join("same.yml"), rules).unwrap();
    std::fs::write(folder.join("rules.yml"), rules.replace("job: new, ", "k: v, ")).unwrap();
    let url = format!("--url={}", serve());
    let command = |to, file| {
        let times = ["--start=1700000000", "--end=1700003600"];
        let mut args = vec!["tsdb", "create-blocks-from", "rules", &url, to];
        args.extend(times);
        args.push(file);
        args
    };
    let made = ours(folder, &command("--output-dir=ours", "rules.yml"));
    assert_eq!((made.code, made.out.as_str()), (Some(0), ""), "{}", made.err);
    let same = ours(folder, &command("--output-dir=same", "same.yml"));
    assert_eq!(same.code, Some(1));
    assert!(same.err.contains("two results at 1700000102184"), "{}", same.err);
    let dump = |data| ours(folder, &["tsdb", "dump", data]).out;
    assert_eq!(dump("ours").lines().count(), 3);
    let Some(promtool) = common_testkit::peer("promtool") else { return };
    let peer = theirs(&promtool, folder, &command("--output-dir=theirs", "rules.yml"));
    assert_eq!((made.code, made.out), (peer.code, peer.out), "{}", peer.err);
    assert_eq!(dump("ours"), dump("theirs"));
    for (args, code) in [
        (["--start=1700000000", "--end=1600000000", "rules.yml"], 1),
        (["--start=x", "--end=1600000000", "rules.yml"], 1),
        (["--end=1", "--eval-interval=1m", "rules.yml"], 1),
    ] {
        let args: Vec<_> =
            ["tsdb", "create-blocks-from", "rules", &url].into_iter().chain(args).collect();
        check(folder, &args, code);
    }
}

#[test]
fn the_metrics_of_a_server_are_packed_and_missing_profiles_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (own, peers) = (folder.path().join("ours"), folder.path().join("theirs"));
    std::fs::create_dir(&own).unwrap();
    std::fs::create_dir(&peers).unwrap();
    let server = serve();
    let run = ours(&own, &["debug", "pprof", &server]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("404 Not Found"), "{}", run.err);
    assert!(!own.join("debug.tar.gz").exists());
    let run = ours(&own, &["debug", "metrics", &server]);
    let unpacked = |folder: &Path| {
        let file = std::fs::File::open(folder.join("debug.tar.gz")).unwrap();
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
        bytes
    };
    let archive = unpacked(&own);
    assert_eq!(&archive[..12], b"metrics.txt\0");
    assert_eq!(&archive[512..532], b"# TYPE a gauge\na 1\n\0");
    if let Some(promtool) = common_testkit::peer("promtool") {
        let peer = theirs(&promtool, &peers, &["debug", "metrics", &server]);
        assert_eq!((run.code, run.out, run.err), (peer.code, peer.out, peer.err));
        assert_eq!(archive, unpacked(&peers));
    }
}
