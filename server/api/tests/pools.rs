//! How targets are configured, and what is in the store beside the head.

use crate::world::World;

const RULES: [&str; 3] = [
    r#"{"sourceLabels":["a","b"],"separator":";","regex":"(.*)","targetLabel":"c","replacement":"$1","action":"replace"}"#,
    r#"{"sourceLabels":["a"],"separator":";","regex":"x|y\u003c","replacement":"$1","action":"drop"}"#,
    r#"{"separator":";","regex":"(.*)","targetLabel":"late","action":"replace"}"#,
];

/// Asks what rules make of the labels; wanted is the output of each, and whether it keeps them.
async fn check(labels: &str, wanted: [(&str, bool); 3]) {
    let world = World::new().await;
    let (status, body) =
        world.ask(&format!("GET targets/relabel_steps?scrapePool=j&labels={labels}")).await;
    let steps = RULES.iter().zip(wanted).map(|(rule, (output, keep))| {
        format!(r#"{{"rule":{rule},"output":{output},"keep":{keep}}}"#)
    });
    let steps = steps.collect::<Vec<_>>().join(",");
    let wanted = format!(r#"{{"status":"success","data":{{"steps":[{steps}]}}}}"#);
    assert_eq!((status.as_u16(), body), (200, wanted), "{labels}");
}

#[tokio::test]
async fn each_rule_shows_what_it_makes_of_the_labels() {
    let kept = r#"{"a":"1","c":"1;"}"#;
    check("{%22a%22:%221%22}", [(kept, true), (kept, true), (kept, true)]).await;
    let first = r#"{"a":"x","c":"x;"}"#;
    check("{%22a%22:%22x%22}", [(first, true), ("{}", false), ("{}", false)]).await;
}

#[tokio::test]
async fn the_configuration_of_a_pool_is_shown() {
    let world = World::new().await;
    let (status, body) = world.ask("GET scrape_pools/config?scrapePool=j").await;
    assert_eq!(status.as_u16(), 200);
    assert!(body.starts_with(r#"{"status":"success","data":{"yaml":"job_name: j\n"#), "{body}");
    assert!(body.contains("scrape_interval: 1m"), "{body}");
}

#[tokio::test]
async fn pools_that_are_not_there_are_refused() {
    let world = World::new().await;
    for (request, error) in [
        ("scrape_pools/config", "no scrapePool parameter provided"),
        (
            "scrape_pools/config?scrapePool=x",
            "error getting scrape config: scrape pool \"x\" not found",
        ),
        ("targets/relabel_steps?scrapePool=j", "no labels parameter provided"),
        ("targets/relabel_steps?labels={}", "no scrapePool parameter provided"),
        (
            "targets/relabel_steps?scrapePool=j&labels=x",
            "error parsing labels: expected value at line 1 column 1",
        ),
    ] {
        let (status, body) = world.ask(&format!("GET {request}")).await;
        let error = serde_json::to_string(error).unwrap();
        let wanted = format!(r#"{{"status":"error","errorType":"bad_data","error":{error}}}"#);
        assert_eq!((status.as_u16(), body), (400, wanted), "{request}");
    }
}
