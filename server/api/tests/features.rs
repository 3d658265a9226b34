//! What the API says it can do.

use crate::world::World;

#[tokio::test]
async fn features_say_what_is_there_and_what_is_switched_on() {
    let world = World::new().await;
    let (status, body) = world.ask("GET features").await;
    assert_eq!(status.as_u16(), 200);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    for (group, name, wanted) in [
        ("api", "lifecycle", Some(false)),
        ("api", "admin", Some(true)),
        ("api", "query_stats", Some(true)),
        ("promql", "at_modifier", Some(true)),
        ("promql", "duration_expr", Some(true)),
        ("promql", "anchored", Some(false)),
        ("promql_functions", "rate", Some(true)),
        ("promql_functions", "info", Some(false)),
        ("promql_operators", "=~", Some(true)),
        ("promql_operators", "limitk", Some(false)),
        ("promql_operators", "sum", Some(true)),
        ("service_discovery_providers", "static", Some(true)),
        ("service_discovery_providers", "kubernetes", None),
        ("templating_functions", "humanize", Some(true)),
        ("prometheus", "server_mode", Some(true)),
        ("scrape", "start_timestamp_zero_ingestion", Some(false)),
    ] {
        assert_eq!(body["data"][group][name].as_bool(), wanted, "{group} {name}");
    }
}
