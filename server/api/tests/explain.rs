//! `explain`: the plan of a query with what was counted; times are only compared with each other.

use serde_json::{Value, json};

use crate::world::World;

/// Takes the times out, after a look at whether they add up.
fn without_seconds(node: &mut Value) -> f64 {
    let seconds = node.as_object_mut().unwrap().remove("seconds").unwrap();
    let (own, total) = (seconds["own"].as_f64().unwrap(), seconds["total"].as_f64().unwrap());
    let children = node["children"].as_array_mut().unwrap();
    let below: f64 = children.iter_mut().map(without_seconds).sum();
    assert!((own + below - total).abs() < 1e-6, "{own} + {below} = {total}");
    total
}

async fn ask(world: &World, request: &str) -> Value {
    let (status, body) = world.ask(request).await;
    assert_eq!(status.as_u16(), 200, "{request}: {body}");
    let mut answer: Value = serde_json::from_str(&body).unwrap();
    let data = &mut answer["data"];
    let evaluation = without_seconds(&mut data["plan"]);
    let seconds = data.as_object_mut().unwrap().remove("seconds").unwrap();
    assert_eq!(seconds["evaluation"].as_f64().unwrap(), evaluation, "{request}");
    assert!(seconds["total"].as_f64().unwrap() >= evaluation, "{request}");
    answer
}

#[tokio::test]
async fn a_query_is_explained_node_by_node() {
    let world = World::new().await;
    let query = "query=sum(up%7Bjob=~%22a%7Cb%22%7D)&start=0&end=60&step=30";
    let selector = json!({
        "expr": "up{job=~\"a|b\"}", "position": {"start": 4, "end": 18},
        "kind": "selector", "type": "vector",
        "execution": "streamed", "invariant": false, "steps": 3,
        "series": 2, "samples": 6, "seriesRead": 2, "samplesRead": 4, "peakBytes": 0,
        "matchers": [
            {"name": "job", "type": "=~", "value": "a|b", "search": "literals", "literals": 2},
            {"name": "__name__", "type": "=", "value": "up", "search": "equal"},
        ],
        "children": [],
    });
    let plan = json!({
        "expr": "sum(up{job=~\"a|b\"})", "position": {"start": 0, "end": 19},
        "kind": "aggregation", "name": "sum", "type": "vector",
        "execution": "materialised", "invariant": false, "steps": 3,
        "series": 1, "samples": 3, "seriesRead": 0, "samplesRead": 0, "peakBytes": 0,
        "children": [selector],
    });
    let data = json!({
        "mode": "range", "sequential": true, "resultType": "matrix", "series": 1,
        "seriesRead": 2, "totalQueryableSamples": 6, "peakSamples": 6, "peakBytes": 0,
        "plan": plan,
    });
    let wanted = json!({"status": "success", "data": data});
    for request in [format!("GET explain?{query}"), format!("POST explain {query}")] {
        let mut found = ask(&world, &request).await;
        // How many bytes a group takes is the evaluator's business.
        for pointer in ["/data/peakBytes", "/data/plan/peakBytes"] {
            let bytes = found.pointer_mut(pointer).unwrap();
            assert!(bytes.as_u64().unwrap() > 0, "{request}: {pointer}");
            *bytes = json!(0);
        }
        assert_eq!(found, wanted, "{request}");
    }
}

#[tokio::test]
async fn without_start_end_and_step_one_time_is_explained() {
    let world = World::new().await;
    for (query, kind, read, series) in [
        ("up&time=60", "vector", 2, 2),
        ("up&time=1e6", "vector", 0, 0),
        // Sixty samples later than the last one, by the clock of the server.
        ("up", "vector", 0, 0),
        ("up&lookback_delta=1h", "vector", 2, 2),
        ("up[10m]&time=60", "matrix", 2, 2),
        ("'x'", "string", 0, 1),
        ("1%2B1", "scalar", 0, 1),
    ] {
        let answer = ask(&world, &format!("GET explain?query={query}")).await;
        let data = &answer["data"];
        assert_eq!(data["mode"], "instant", "{query}");
        assert_eq!(data["resultType"], kind, "{query}");
        assert_eq!(data["seriesRead"], read, "{query}");
        assert_eq!(data["series"], series, "{query}");
    }
    let warned = ask(&world, "GET explain?query=rate(up[5m])&time=60").await;
    assert_eq!(warned["infos"].as_array().map(Vec::len), Some(1), "{warned}");
}

#[tokio::test]
async fn what_a_query_is_refused_for_its_explanation_is_too() {
    let world = World::new().await;
    for (instant, parameters) in [
        (true, "query=sum("),
        (true, "query=up&time=x"),
        (true, "query=up&timeout=0"),
        (true, "query=up&lookback_delta=x"),
        (true, "query=max_over_time(vector(1)[100y:1ms])"),
        (false, "query=up&start=0"),
        (false, "query=up&start=0&end=1"),
        (false, "query=up&start=2&end=1&step=1"),
        (false, "query=up&start=0&end=11001&step=1"),
        (false, "query=up[5m]&start=0&end=1&step=1"),
    ] {
        let query = if instant { "query" } else { "query_range" };
        let wanted = world.ask(&format!("GET {query}?{parameters}")).await;
        let found = world.ask(&format!("GET explain?{parameters}")).await;
        assert!(wanted.0.as_u16() >= 400, "{parameters}");
        assert_eq!(found, wanted, "{parameters}");
    }
    let many = format!("query=label_join(up,'a','b'{})", ",'c'".repeat(10_000));
    let (status, body) = world.ask(&format!("POST explain {many}")).await;
    assert_eq!(status.as_u16(), 400);
    assert!(body.contains("at most 10000 nodes"), "{body}");
}
