//! Requests with wrong parameters, and what they are told.

const EMPTY: &str = "match[] must contain at least one non-empty matcher";
const STEP: &str = "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer";
const POINTS: &str = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";
const LATE: &str = "query timed out in query execution";

/// Request, kind of error, error.
pub(crate) const REFUSED: &[(&str, &str, &str)] = &[
    (
        "GET rules?group_limit=0",
        "bad_data",
        "invalid parameter \"group_limit\": group_limit needs to be greater than 0",
    ),
    (
        "GET rules?group_limit=-1",
        "bad_data",
        "invalid parameter \"group_limit\": group_limit needs to be greater than 0",
    ),
    (
        "GET rules?group_limit=x",
        "bad_data",
        "invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.ParseInt: parsing \"x\": invalid syntax",
    ),
    (
        "GET rules?group_limit=1&group_next_token=zz",
        "bad_data",
        "invalid parameter \"group_next_token\": invalid group_next_token 'zz'. were rule groups changed?",
    ),
    (
        "GET rules?group_next_token=zz",
        "bad_data",
        "invalid parameter \"group_next_token\": group_limit needs to be present in order to paginate over the groups",
    ),
    ("GET rules?match[]=%7B%7D", "bad_data", EMPTY),
    ("GET rules?match[]=%7Ba=%22b", "bad_data", "1:4: parse error: unterminated quoted string"),
    (
        "GET rules?exclude_alerts=maybe",
        "bad_data",
        "invalid parameter \"exclude_alerts\": error converting exclude_alerts: strconv.ParseBool: parsing \"maybe\": invalid syntax",
    ),
    ("GET rules?type=x", "bad_data", "invalid parameter \"type\": not supported value \"x\""),
    (
        "GET rules?group_limit=99999999999999999999",
        "bad_data",
        "invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.ParseInt: parsing \"99999999999999999999\": value out of range",
    ),
    ("GET metadata?limit=x", "bad_data", "limit must be a number"),
    ("GET metadata?limit_per_metric=x", "bad_data", "limit_per_metric must be a number"),
    ("GET targets/metadata?limit=x", "bad_data", "limit must be a number"),
    (
        "GET targets/metadata?match_target=%7Bjob=%22",
        "bad_data",
        "invalid parameter \"match_target\": 1:6: parse error: unterminated quoted string",
    ),
    ("GET query_range?query=up&start=0&end=10&step=-1", "bad_data", STEP),
    ("GET query_range?query=up&start=0&end=10&step=NaN", "bad_data", STEP),
    ("GET query_range?query=up&start=0&end=10&step=0", "bad_data", STEP),
    (
        "GET query_range?query=up&start=0&end=10&step=Inf",
        "bad_data",
        "invalid parameter \"step\": cannot parse \"Inf\" to a valid duration. It overflows int64",
    ),
    (
        "GET query_range?query=up&start=0&end=10&step=1e300",
        "bad_data",
        "invalid parameter \"step\": cannot parse \"1e300\" to a valid duration. It overflows int64",
    ),
    (
        "GET query_range?query=up&start=0&end=10&step=-1e300",
        "bad_data",
        "invalid parameter \"step\": cannot parse \"-1e300\" to a valid duration. It overflows int64",
    ),
    (
        "GET query_range?query=up&start=0&end=10&step=x",
        "bad_data",
        "invalid parameter \"step\": cannot parse \"x\" to a valid duration",
    ),
    (
        "GET query_range?query=up&start=0&end=10&step=-5s",
        "bad_data",
        "invalid parameter \"step\": cannot parse \"-5s\" to a valid duration",
    ),
    ("GET query_range?query=up&start=0&end=10&step=0s", "bad_data", STEP),
    ("GET query_range?query=up&start=0&end=10&step=0.0001", "bad_data", POINTS),
    (
        "GET query_range?query=up&start=0&end=10&step=",
        "bad_data",
        "invalid parameter \"step\": cannot parse \"\" to a valid duration",
    ),
    (
        "GET query_range?query=up&start=0&end=10",
        "bad_data",
        "invalid parameter \"step\": cannot parse \"\" to a valid duration",
    ),
    (
        "GET query_range?query=up&start=10&end=0&step=1",
        "bad_data",
        "invalid parameter \"end\": end timestamp must not be before start time",
    ),
    (
        "GET query_range?query=up&start=x&end=0&step=1",
        "bad_data",
        "invalid parameter \"start\": cannot parse \"x\" to a valid timestamp",
    ),
    (
        "GET query_range?query=up&end=0&step=1",
        "bad_data",
        "invalid parameter \"start\": cannot parse \"\" to a valid timestamp",
    ),
    (
        "GET query_range?query=up&start=0&step=1",
        "bad_data",
        "invalid parameter \"end\": cannot parse \"\" to a valid timestamp",
    ),
    ("GET query_range?query=up&start=0&end=1000000&step=1", "bad_data", POINTS),
    (
        "GET query_range?query=up&start=0&end=10&step=1&limit=-1",
        "bad_data",
        "invalid parameter \"limit\": limit must be non-negative",
    ),
    (
        "GET query_range?query=up&start=0&end=10&step=1&limit=x",
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
    ),
    (
        "GET query_range?query=up&start=0&end=10&step=1&timeout=x",
        "bad_data",
        "invalid parameter \"timeout\": cannot parse \"x\" to a valid duration",
    ),
    (
        "GET query_range?query=up&start=0&end=10&step=1&lookback_delta=x",
        "bad_data",
        "error parsing lookback delta duration: cannot parse \"x\" to a valid duration",
    ),
    (
        "GET query_range?query=up[5m]&start=0&end=10&step=1",
        "bad_data",
        "invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be Scalar or instant Vector",
    ),
    (
        "GET query_range?query=%22a%22&start=0&end=10&step=1",
        "bad_data",
        "invalid parameter \"query\": invalid expression type \"string\" for range query, must be Scalar or instant Vector",
    ),
    (
        "GET query_range?query=up[5m:1m]&start=0&end=10&step=1",
        "bad_data",
        "invalid parameter \"query\": invalid expression type \"range vector\" for range query, must be Scalar or instant Vector",
    ),
    (
        "GET query_range?query=&start=0&end=10&step=1",
        "bad_data",
        "invalid parameter \"query\": unknown position: parse error: no expression found in input",
    ),
    (
        "GET query_range?query=1%2b&start=0&end=10&step=1",
        "bad_data",
        "invalid parameter \"query\": 1:3: parse error: unexpected end of input",
    ),
    ("GET query?query=1&time=0&timeout=0s", "timeout", "query timed out in query execution"),
    (
        "GET query?query=up&time=0&timeout=x",
        "bad_data",
        "invalid parameter \"timeout\": cannot parse \"x\" to a valid duration",
    ),
    (
        "GET query?query=up&time=x",
        "bad_data",
        "invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp",
    ),
    (
        "GET query?query=1&time=2020-01-01T00:00:00",
        "bad_data",
        "invalid parameter \"time\": invalid time value for 'time': cannot parse \"2020-01-01T00:00:00\" to a valid timestamp",
    ),
    (
        "GET query?query=1&time=2020-01-01",
        "bad_data",
        "invalid parameter \"time\": invalid time value for 'time': cannot parse \"2020-01-01\" to a valid timestamp",
    ),
    (
        "GET query?query=1&time=2020-01-01t00:00:00z",
        "bad_data",
        "invalid parameter \"time\": invalid time value for 'time': cannot parse \"2020-01-01t00:00:00z\" to a valid timestamp",
    ),
    (
        "GET query?query=1&time=0&limit=-1",
        "bad_data",
        "invalid parameter \"limit\": limit must be non-negative",
    ),
    (
        "GET query?query=1&time=0&limit=x",
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
    ),
    (
        "GET query?query=1&time=0&limit=99999999999999999999",
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"99999999999999999999\": value out of range",
    ),
    (
        "GET query?query=up&time=0&lookback_delta=x",
        "bad_data",
        "error parsing lookback delta duration: cannot parse \"x\" to a valid duration",
    ),
    (
        "GET query?query=up%7Ba=~%22(%22%7D&time=0",
        "bad_data",
        "invalid parameter \"query\": 1:4: parse error: error parsing regexp: missing closing ): `(`",
    ),
    (
        "GET query?query=up%7Ba=~%22*%22%7D&time=0",
        "bad_data",
        "invalid parameter \"query\": 1:4: parse error: error parsing regexp: missing argument to repetition operator: `*`",
    ),
    (
        "GET query?query=up%7Ba!~%22a%7B5,2%7D%22%7D&time=0",
        "bad_data",
        "invalid parameter \"query\": 1:4: parse error: error parsing regexp: invalid repeat count: `{5,2}`",
    ),
    (
        "GET query?query=up%7Ba=~%22[z-a]%22%7D&time=0",
        "bad_data",
        "invalid parameter \"query\": 1:4: parse error: error parsing regexp: invalid character class range: `z-a`",
    ),
    (
        "GET query?query=up%7Ba=~%22(?P%3Cn%22%7D&time=0",
        "bad_data",
        "invalid parameter \"query\": 1:4: parse error: error parsing regexp: invalid named capture: `(?P<n`",
    ),
    (
        "GET query?query=up%7Ba=~%22%5c%5cp%7BX%7D%22%7D&time=0",
        "bad_data",
        "invalid parameter \"query\": 1:4: parse error: error parsing regexp: invalid character class range: `\\p{X}`",
    ),
    (
        "GET query?query=label_replace(up,%22a%22,%22b%22,%22c%22,%22(%22)&time=0",
        "execution",
        "invalid regular expression in label_replace(): (",
    ),
    (
        "GET query?query=",
        "bad_data",
        "invalid parameter \"query\": unknown position: parse error: no expression found in input",
    ),
    (
        "GET query",
        "bad_data",
        "invalid parameter \"query\": unknown position: parse error: no expression found in input",
    ),
    (
        "GET query?query=%zz",
        "bad_data",
        "invalid parameter \"query\": unknown position: parse error: no expression found in input",
    ),
    (
        "GET query?query=1;time=0",
        "bad_data",
        "invalid parameter \"query\": unknown position: parse error: no expression found in input",
    ),
    (
        "POST series x;y",
        "bad_data",
        "error parsing form values: invalid semicolon separator in query",
    ),
    ("GET series", "bad_data", "no match[] parameter provided"),
    (
        "GET series?match[]=%7B%7D",
        "bad_data",
        "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher",
    ),
    (
        "GET series?match[]=%7Ba=~%22.*%22%7D",
        "bad_data",
        "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher",
    ),
    (
        "GET series?match[]=up%7B",
        "bad_data",
        "invalid parameter \"match[]\": 1:4: parse error: unexpected end of input inside braces",
    ),
    (
        "GET series?match[]=up&start=x",
        "bad_data",
        "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp",
    ),
    (
        "GET series?match[]=up&end=x",
        "bad_data",
        "invalid parameter \"end\": invalid time value for 'end': cannot parse \"x\" to a valid timestamp",
    ),
    (
        "GET series?match[]=up&limit=-1",
        "bad_data",
        "invalid parameter \"limit\": limit must be non-negative",
    ),
    (
        "GET series?match[]=up&limit=x",
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
    ),
    ("GET labels?match[]=%7B%7D", "bad_data", EMPTY),
    (
        "GET labels?match[]=up%7B",
        "bad_data",
        "1:4: parse error: unexpected end of input inside braces",
    ),
    (
        "GET labels?start=x",
        "bad_data",
        "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp",
    ),
    ("GET labels?limit=-1", "bad_data", "invalid parameter \"limit\": limit must be non-negative"),
    (
        "GET labels?limit=x",
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
    ),
    ("GET label/job/values?match[]=%7B%7D", "bad_data", EMPTY),
    (
        "GET label/job/values?start=x",
        "bad_data",
        "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp",
    ),
    (
        "GET label/job/values?limit=-1",
        "bad_data",
        "invalid parameter \"limit\": limit must be non-negative",
    ),
    (
        "GET format_query",
        "bad_data",
        "invalid parameter \"query\": unknown position: parse error: no expression found in input",
    ),
    (
        "GET format_query?query=",
        "bad_data",
        "invalid parameter \"query\": unknown position: parse error: no expression found in input",
    ),
    (
        "GET format_query?query=up%7B",
        "bad_data",
        "invalid parameter \"query\": 1:4: parse error: unexpected end of input inside braces",
    ),
    (
        "GET parse_query",
        "bad_data",
        "invalid parameter \"query\": unknown position: parse error: no expression found in input",
    ),
    (
        "GET parse_query?query=",
        "bad_data",
        "invalid parameter \"query\": unknown position: parse error: no expression found in input",
    ),
    (
        "GET parse_query?query=up%7B",
        "bad_data",
        "invalid parameter \"query\": 1:4: parse error: unexpected end of input inside braces",
    ),
    ("GET status/tsdb?limit=0", "bad_data", "limit must be a positive number"),
    ("GET status/tsdb?limit=-1", "bad_data", "limit must be a positive number"),
    ("GET status/tsdb?limit=x", "bad_data", "limit must be a positive number"),
    ("GET rules?x=%zz", "bad_data", "error parsing form values: invalid URL escape \"%zz\""),
    (
        "GET rules?x;y",
        "bad_data",
        "error parsing form values: invalid semicolon separator in query",
    ),
    ("GET series?x=%zz", "bad_data", "error parsing form values: invalid URL escape \"%zz\""),
    (
        "GET series?match[]=up&x=%zz&start=0&end=1",
        "bad_data",
        "error parsing form values: invalid URL escape \"%zz\"",
    ),
    (
        "POST series match[]=up&start=0&end=1&x=%z",
        "bad_data",
        "error parsing form values: invalid URL escape \"%z\"",
    ),
    (
        "POST series match[]=up&start=0&end=1&x=%zz1&a;b",
        "bad_data",
        "error parsing form values: invalid semicolon separator in query",
    ),
    (
        "POST series?a=%%% match[]=up&start=0&end=1",
        "bad_data",
        "error parsing form values: invalid URL escape \"%%%\"",
    ),
    (
        "GET rules?group_limit=x&type=zz",
        "bad_data",
        "invalid parameter \"type\": not supported value \"zz\"",
    ),
    ("GET rules?group_limit=x&match[]=%7B%7D", "bad_data", EMPTY),
    ("GET rules?exclude_alerts=x&match[]=%7B%7D", "bad_data", EMPTY),
    (
        "GET rules?exclude_alerts=x&group_limit=0",
        "bad_data",
        "invalid parameter \"exclude_alerts\": error converting exclude_alerts: strconv.ParseBool: parsing \"x\": invalid syntax",
    ),
    ("GET rules?type=x&match[]=%7B%7D", "bad_data", EMPTY),
    (
        "GET rules?type=x&exclude_alerts=x",
        "bad_data",
        "invalid parameter \"type\": not supported value \"x\"",
    ),
    (
        "GET rules?group_limit=-0",
        "bad_data",
        "invalid parameter \"group_limit\": group_limit needs to be greater than 0",
    ),
    (
        "GET rules?group_limit=+1&group_next_token=a",
        "bad_data",
        "invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.ParseInt: parsing \" 1\": invalid syntax",
    ),
    ("GET rules?rule_name[]=q&match[]=%7B%7D&group_limit=3", "bad_data", EMPTY),
    (
        "GET label/job/values?match[]=x%7B",
        "bad_data",
        "1:3: parse error: unexpected end of input inside braces",
    ),
    (
        "GET label/job/values?limit=x&match[]=x%7B",
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
    ),
    (
        "GET label/job/values?start=x&match[]=x%7B",
        "bad_data",
        "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp",
    ),
    (
        "GET series?match[]=x%7B&start=x",
        "bad_data",
        "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp",
    ),
    (
        "GET series?match[]=x%7B&limit=x",
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
    ),
    ("GET series?limit=x", "bad_data", "no match[] parameter provided"),
    ("GET series?start=x", "bad_data", "no match[] parameter provided"),
    (
        "GET series?match[]=up&match[]=%7B%7D",
        "bad_data",
        "invalid parameter \"match[]\": match[] must contain at least one non-empty matcher",
    ),
    (
        "GET series?match[]=up&match[]=x%7B",
        "bad_data",
        "invalid parameter \"match[]\": 1:3: parse error: unexpected end of input inside braces",
    ),
    (
        "GET labels?start=x&limit=x",
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
    ),
    (
        "GET labels?match[]=x%7B&limit=x",
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
    ),
    (
        "GET query?query=(&time=x",
        "bad_data",
        "invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp",
    ),
    (
        "GET query?query=(&timeout=x",
        "bad_data",
        "invalid parameter \"timeout\": cannot parse \"x\" to a valid duration",
    ),
    (
        "GET query?query=(&limit=x",
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
    ),
    (
        "GET query?query=(&lookback_delta=x",
        "bad_data",
        "error parsing lookback delta duration: cannot parse \"x\" to a valid duration",
    ),
    (
        "GET query?query=1&time=x&timeout=x",
        "bad_data",
        "invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp",
    ),
    (
        "GET query?query=1&limit=x&timeout=x",
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"x\": invalid syntax",
    ),
    (
        "GET query?query=1&lookback_delta=x&timeout=x",
        "bad_data",
        "invalid parameter \"timeout\": cannot parse \"x\" to a valid duration",
    ),
    (
        "GET query_range?query=(&start=x&end=y&step=z&limit=q",
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"q\": invalid syntax",
    ),
    (
        "GET query_range?query=(&start=1&end=0&step=z",
        "bad_data",
        "invalid parameter \"end\": end timestamp must not be before start time",
    ),
    (
        "GET query_range?query=(&start=0&end=1&step=z&timeout=x",
        "bad_data",
        "invalid parameter \"step\": cannot parse \"z\" to a valid duration",
    ),
    (
        "GET query_range?query=(&start=0&end=1&step=1&timeout=x",
        "bad_data",
        "invalid parameter \"timeout\": cannot parse \"x\" to a valid duration",
    ),
    (
        "GET query_range?query=(&start=0&end=1&step=1&lookback_delta=x",
        "bad_data",
        "error parsing lookback delta duration: cannot parse \"x\" to a valid duration",
    ),
    (
        "GET query_range?query=1&start=0&end=1&step=1&lookback_delta=x&timeout=x",
        "bad_data",
        "invalid parameter \"timeout\": cannot parse \"x\" to a valid duration",
    ),
    ("GET query_range?query=(&start=0&end=100000&step=1", "bad_data", POINTS),
    (
        "GET query_range?query=up[5m&start=0&end=1&step=1",
        "bad_data",
        "invalid parameter \"query\": 1:6: parse error: unclosed left bracket",
    ),
    (
        "GET query?query=1&time=2020-01-01T00:00:00%2b0100",
        "bad_data",
        "invalid parameter \"time\": invalid time value for 'time': cannot parse \"2020-01-01T00:00:00+0100\" to a valid timestamp",
    ),
    (
        "GET query?query=1&time=2020-01-01T00:00:60Z",
        "bad_data",
        "invalid parameter \"time\": invalid time value for 'time': cannot parse \"2020-01-01T00:00:60Z\" to a valid timestamp",
    ),
    (
        "GET query?query=1&time=2020-01-01T24:00:00Z",
        "bad_data",
        "invalid parameter \"time\": invalid time value for 'time': cannot parse \"2020-01-01T24:00:00Z\" to a valid timestamp",
    ),
    (
        "GET query?query=1&time=2020-1-01T04:00:00Z",
        "bad_data",
        "invalid parameter \"time\": invalid time value for 'time': cannot parse \"2020-1-01T04:00:00Z\" to a valid timestamp",
    ),
    (
        "GET query?query=1&time=2020-02-30T04:00:00Z",
        "bad_data",
        "invalid parameter \"time\": invalid time value for 'time': cannot parse \"2020-02-30T04:00:00Z\" to a valid timestamp",
    ),
    (
        "GET query?query=1&time=0x10",
        "bad_data",
        "invalid parameter \"time\": invalid time value for 'time': cannot parse \"0x10\" to a valid timestamp",
    ),
    (
        "GET query?query=1&time=0&limit=+1",
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \" 1\": invalid syntax",
    ),
    (
        "GET query?query=1&time=0&limit=1_0",
        "bad_data",
        "invalid parameter \"limit\": strconv.Atoi: parsing \"1_0\": invalid syntax",
    ),
    (
        "GET query?query=label_replace(up,%22a%22,%22b%22,%22c%22,%22(%22)&time=9e9",
        "execution",
        "invalid regular expression in label_replace(): (",
    ),
    ("GET query?query=1&timeout=0", "timeout", LATE),
    ("GET query?query=up&timeout=-1", "timeout", LATE),
    ("GET query_range?query=up&start=0&end=10&step=1&timeout=0", "timeout", LATE),
];
