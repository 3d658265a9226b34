//! What changes the store, and what keeps strangers from it.

use crate::world::World;

const TIME: &str = "cannot parse \"x\" to a valid timestamp";

#[tokio::test]
async fn series_are_deleted_on_request() {
    let world = World::new().await;
    for (request, status) in [
        ("POST admin/tsdb/delete_series?match[]=nothing", 204),
        ("PUT admin/tsdb/delete_series match[]=nothing&start=10&end=5", 204),
        ("POST admin/tsdb/delete_series?match[]={}", 204),
        ("GET admin/tsdb/delete_series?match[]=up", 405),
        ("DELETE admin/tsdb/delete_series?match[]=up", 405),
        ("OPTIONS admin/tsdb/delete_series", 204),
        ("POST admin/tsdb/clean_tombstones", 204),
        ("PUT admin/tsdb/clean_tombstones", 204),
        ("GET admin/tsdb/clean_tombstones", 405),
        ("GET admin/tsdb/snapshot", 405),
        ("POST admin/tsdb/nothing", 404),
    ] {
        assert_eq!(world.ask(request).await.0.as_u16(), status, "{request}");
    }
}

#[tokio::test]
async fn wrong_deletions_are_refused() {
    let world = World::new().await;
    for (query, error) in [
        ("", "no match[] parameter provided".to_owned()),
        (
            "match[]=up&start=x",
            format!("invalid parameter \"start\": invalid time value for 'start': {TIME}"),
        ),
        (
            "match[]=up&end=x",
            format!("invalid parameter \"end\": invalid time value for 'end': {TIME}"),
        ),
        (
            "match[]=up%7B",
            "invalid parameter \"match[]\": 1:4: parse error: unexpected end of input inside braces"
                .to_owned(),
        ),
    ] {
        let (status, body) = world.ask(&format!("POST admin/tsdb/delete_series?{query}")).await;
        let error = serde_json::to_string(&error).unwrap();
        let wanted =
            format!("{{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":{error}}}");
        assert_eq!((status.as_u16(), body), (400, wanted), "{query}");
    }
}

#[tokio::test]
async fn a_snapshot_has_the_name_of_its_time() {
    for (request, status, wanted) in [
        ("POST admin/tsdb/snapshot", 200, r#""data":{"name":"19700101T001000Z-000000000000007f"}"#),
        ("PUT admin/tsdb/snapshot skip_head=T", 200, r#""name":"19700101T001000Z-"#),
        (
            "POST admin/tsdb/snapshot?skip_head=x",
            400,
            r#""bad_data","error":"invalid parameter \"skip_head\": unable to parse boolean: strconv.ParseBool: parsing \"x\": invalid syntax""#,
        ),
    ] {
        let world = World::new().await;
        let (answered, body) = world.ask(request).await;
        assert_eq!(answered.as_u16(), status, "{request}: {body}");
        assert!(body.contains(wanted), "{request}: {body}");
        let folders = world.data().join("snapshots");
        assert_eq!(
            std::fs::read_dir(folders).map_or(0, Iterator::count),
            usize::from(status == 200)
        );
    }
}

#[tokio::test]
async fn what_the_operator_did_not_allow_is_refused() {
    let world = World::restricted().await;
    for (request, error) in [
        ("POST admin/tsdb/delete_series", "admin APIs disabled"),
        ("POST admin/tsdb/clean_tombstones", "admin APIs disabled"),
        ("POST admin/tsdb/snapshot?skip_head=x", "admin APIs disabled"),
        ("GET search/metric_names?limit=x", "search API disabled"),
    ] {
        let (status, body) = world.ask(request).await;
        let wanted = format!(r#"{{"status":"error","errorType":"unavailable","error":"{error}"}}"#);
        assert_eq!((status.as_u16(), body), (503, wanted), "{request}");
    }
}
