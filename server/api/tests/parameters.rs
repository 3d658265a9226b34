//! Parameters that are wrong, odd or at their limits.

use crate::refused::REFUSED;
use crate::world::World;

#[tokio::test]
async fn wrong_parameters_are_refused_in_the_originals_words() {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for (request, kind, error) in REFUSED {
        let (status, body) = world.ask(request).await;
        let code = match *kind {
            "timeout" => 503,
            "execution" => 422,
            "not_found" => 404,
            _ => 400,
        };
        let error = serde_json::to_string(error).unwrap();
        let error = error.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
        let wanted = format!("{{\"status\":\"error\",\"errorType\":\"{kind}\",\"error\":{error}}}");
        if (status.as_u16(), body.as_str()) != (code, wanted.as_str()) {
            wrong.push(format!("{request}\n  {status} {body}\n  {code} {wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn odd_parameters_are_taken_as_the_original_takes_them() {
    let world = World::new().await;
    for (request, data) in TAKEN {
        let (status, body) = world.ask(request).await;
        let wanted = format!("{{\"status\":\"success\",\"data\":{data}}}");
        assert_eq!((status.as_u16(), body), (200, wanted), "{request}");
    }
}

#[tokio::test]
async fn rules_are_shown_without_alerts_and_by_pages() {
    let world = World::new().await;
    for (request, wanted) in [
        ("GET rules?exclude_alerts=T", "\"alerts\":null"),
        ("GET rules?exclude_alerts=tRue", "\"alerts\":null"),
        ("GET rules?exclude_alerts=f", "\"alerts\":[]"),
        (
            "GET rules?group_limit=1",
            "\"groupNextToken\":\"733b43e5e6f85fc2638dabad501a472c41636b09\"",
        ),
        ("GET rules?match[]={a=%22b%22}", "\"groups\":[{\"name\":\"two\""),
    ] {
        let (status, body) = world.ask(request).await;
        assert_eq!(status.as_u16(), 200, "{request}: {body}");
        assert!(body.contains(wanted), "{request}: {body}");
    }
    let (_, first) = world.ask("GET rules?group_limit=1").await;
    let token = first.split("\"groupNextToken\":\"").nth(1).unwrap().split('"').next().unwrap();
    let (_, second) = world.ask(&format!("GET rules?group_limit=1&group_next_token={token}")).await;
    assert!(second.contains("\"groups\":[{\"name\":\"two\""), "{second}");
    assert!(!second.contains("groupNextToken"), "{second}");
}

#[tokio::test]
async fn statistics_have_timings_where_they_are_asked_for() {
    let world = World::new().await;
    for (query, wanted) in [("stats=all", true), ("stats=1", true), ("stats=", false)] {
        let (_, body) = world.ask(&format!("GET query?query=up&time=60&{query}")).await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let timings = &body["data"]["stats"]["timings"];
        for key in ["evalTotalTime", "innerEvalTime", "execQueueTime", "execTotalTime"] {
            assert_eq!(timings[key].is_number(), wanted, "{query} {key}: {body}");
        }
    }
}

/// Request, data.
const TAKEN: &[(&str, &str)] = &[
    ("GET query?query=1&time=0&x=%zz", r#"{"resultType":"scalar","result":[0,"1"]}"#),
    ("POST query query=1&time=0&a;b", r#"{"resultType":"scalar","result":[0,"1"]}"#),
    ("POST query?query=2 query=1&time=0", r#"{"resultType":"scalar","result":[0,"1"]}"#),
    ("GET query?query=1&time=1_000", r#"{"resultType":"scalar","result":[1000,"1"]}"#),
    ("GET query?query=1&time=-0.5", r#"{"resultType":"scalar","result":[-0.5,"1"]}"#),
    ("GET query?query=1&time=1.0005", r#"{"resultType":"scalar","result":[1,"1"]}"#),
    ("GET query?query=up&time=900&lookback_delta=-1", r#"{"resultType":"vector","result":[]}"#),
    ("GET query?query=up&time=900&lookback_delta=NaN", r#"{"resultType":"vector","result":[]}"#),
    ("GET metadata?limit=0", "{}"),
    ("GET metadata?limit=-1", "{}"),
    ("GET targets/metadata?limit=0", "[]"),
    ("GET targets/metadata?limit=-1", "[]"),
    (
        "GET targets?state=active&scrapePool=zz",
        r#"{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":null}"#,
    ),
    (
        "GET targets?state=bogus",
        r#"{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":null}"#,
    ),
    ("GET label/job/values?x=%zz", r#"["a","b"]"#),
];
