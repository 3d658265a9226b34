//! Names and values that resemble what is typed.

use crate::world::World;

const DONE: &str = "{\"status\":\"success\",\"has_more\":false}\n";

#[tokio::test]
async fn what_is_found_comes_in_lines() {
    let world = World::new().await;
    for (request, lines) in FOUND {
        let (status, body) = world.ask(request).await;
        assert_eq!((status.as_u16(), body), (200, format!("{lines}{DONE}")), "{request}");
    }
    let (_, body) = world.ask("GET search/label_values?label=job&limit=1").await;
    let wanted = "{\"results\":[{\"name\":\"a\"}]}\n{\"status\":\"success\",\"has_more\":true}\n";
    assert_eq!(body, wanted);
    let answer = world.open("search/metric_names").await;
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson; charset=utf-8");
}

#[tokio::test]
async fn wrong_searches_are_refused() {
    let world = World::new().await;
    for (query, wanted) in REFUSED {
        let (status, body) = world.ask(&format!("GET search/metric_names?{query}")).await;
        let error = serde_json::to_string(wanted).unwrap();
        let wanted =
            format!("{{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":{error}}}");
        assert_eq!((status.as_u16(), body), (400, wanted), "{query}");
    }
    let (status, body) = world.ask("GET search/label_values").await;
    assert_eq!(status.as_u16(), 400);
    assert!(body.contains("missing required parameter \\\"label\\\""), "{body}");
}

/// Request, lines before the last.
const FOUND: &[(&str, &str)] = &[
    ("GET search/metric_names", "{\"results\":[{\"name\":\"up\"}]}\n"),
    ("GET search/metric_names?search[]=p", "{\"results\":[{\"name\":\"up\"}]}\n"),
    ("POST search/metric_names search[]=x", "{\"results\":[]}\n"),
    (
        "GET search/label_names?include_score=true",
        "{\"results\":[{\"name\":\"__name__\",\"score\":1},{\"name\":\"job\",\"score\":1}]}\n",
    ),
    (
        "GET search/label_values?label=job&batch_size=1&sort_by=alpha&sort_dir=dsc",
        "{\"results\":[{\"name\":\"b\"}]}\n{\"results\":[{\"name\":\"a\"}]}\n",
    ),
    (
        "GET search/label_values?label=job&match[]=up{job=%22b%22}",
        "{\"results\":[{\"name\":\"b\"}]}\n",
    ),
    (
        "GET search/label_values?label=job&match[]=up{job=%22b%22}&match[]={job=%22a%22}&limit=0",
        "{\"results\":[{\"name\":\"a\"},{\"name\":\"b\"}]}\n",
    ),
    (
        "GET search/label_names?search[]=ob&search[]=nam&sort_by=score&fuzz_alg=jarowinkler",
        "{\"results\":[{\"name\":\"__name__\"},{\"name\":\"job\"}]}\n",
    ),
];

/// Query, error.
const REFUSED: &[(&str, &str)] = &[
    ("start=x&end=y", "invalid time value for 'start': cannot parse \"x\" to a valid timestamp"),
    ("match[]={}", "match[] must contain at least one non-empty matcher"),
    ("fuzz_threshold=101", "invalid fuzz_threshold \"101\": must be 0-100"),
    ("fuzz_alg=x", "unsupported fuzz_alg \"x\": must be one of [subsequence jarowinkler]"),
    ("case_sensitive=yes", "invalid case_sensitive \"yes\": must be boolean"),
    ("include_metadata=2", "invalid include_metadata \"2\": must be boolean"),
    ("sort_dir=asc", "sort_dir is only valid when sort_by is set"),
    ("sort_by=score&sort_dir=asc", "sort_dir is not supported for sort_by=score"),
    ("sort_by=alpha&sort_dir=up", "invalid sort_dir \"up\": must be \"asc\" or \"dsc\""),
    ("sort_by=score", "sort_by=score requires search[] to be set"),
    ("sort_by=x", "invalid sort_by \"x\" for metric_names: must be \"alpha\" or \"score\""),
    ("limit=-1", "invalid limit \"-1\": must be non-negative integer"),
    ("batch_size=x", "invalid batch_size \"x\": must be non-negative integer"),
];
