// Made-up answers of the API: a small healthy host, one alert, and payloads wherever text can stand.

/** Text that becomes more than text on a careless page. */
export const PAYLOADS = [
  "<img src=x onerror=\"window.pwned=1\">",
  "<script>window.pwned=1</script>",
  "\"><svg onload=window.pwned=1>",
  "{{constructor.constructor('window.pwned=1')()}}",
  "javascript:window.pwned=1",
  "</title><b>bold</b>",
];
const everything = PAYLOADS.join(" ");

const now = () => Date.now() / 1000;
const ok = (data, more = {}) => ({ body: { status: "success", data, ...more } });
const refuse = (status, errorType, error) => ({ status, body: { status: "error", errorType, error } });

const HOST = { job: "node", instance: "box" };
const UNAME = { __name__: "node_uname_info", ...HOST, nodename: "box", sysname: "Linux", release: "6.12.0", machine: "x86_64" };
const ROOT = { ...HOST, device: "/dev/vda1", fstype: "ext4", mountpoint: "/" };
const HARM = { ...HOST, device: "/dev/vdb1", fstype: "ext4", mountpoint: PAYLOADS[0] };

/** First rule that fits answers: pattern of the expression, series and their values. */
const INSTANT = [
  [/^node_uname_info$/, [[UNAME, 1]]],
  [/^scrape_samples_scraped$/, [[HOST, 523]]],
  [/^node_os_info/, [[{ ...HOST, pretty_name: `Debian ${PAYLOADS[0]}` }, 1]]],
  [/^node_filesystem_size_bytes/, [[ROOT, 100e9], [HARM, 10e9]]],
  [/^node_filesystem_avail_bytes/, [[ROOT, 2e9], [HARM, 9e9]]],
  [/^1 - node_filesystem_files_free/, [[ROOT, 0.1], [HARM, 0.2]]],
  [/^node_filesystem_(readonly|device_error)/, []],
  [/^predict_linear.*deriv/, [[ROOT, 7200]]],
  [/^node_time_seconds/, [[HOST, 90000]]],
  [/^count\(count/, [[{}, 4]]],
  [/process_resident_memory_bytes/, [[{}, 44 * 2 ** 20]]],
  [/^harm$/, PAYLOADS.map((text, at) => [{ __name__: "harm", text }, at])],
  [/^count_over_time/, [[HOST, 4]]],
  [/^up$/, [[{ __name__: "up", ...HOST }, 1]]],
];
const RANGE = [
  [/node_memory_MemAvailable/, [[{}, 0.99]]],
  [/node_cpu_core_throttles|node_md_disks/, []],
  [/^harm$/, PAYLOADS.map((text, at) => [{ __name__: "harm", text }, at])],
  [/^many$/, Array.from({ length: 1000 }, (_, at) => [{ __name__: "many", number: String(at) }, at])],
  [/nothing_here|== 7/, []],
  [/./, [[{}, 0.25]]],
];
const pick = (table, expr) => table.find(([pattern]) => pattern.test(expr))?.[1] ?? [];

function instant(query) {
  if (query === "up +") return refuse(400, "bad_data", `1:5: parse error: unexpected end of input ${PAYLOADS[0]}`);
  const result = pick(INSTANT, query).map(([metric, value]) => ({ metric, value: [now(), String(value)] }));
  const more = query === "harm" ? { warnings: [`careful ${PAYLOADS[0]}`], infos: [`by the way ${PAYLOADS[1]}`] } : {};
  return ok({ resultType: "vector", result }, more);
}

function range(query, start, end, step) {
  const result = pick(RANGE, query).map(([metric, value]) => {
    const values = [];
    for (let time = start; time <= end; time += step) values.push([time, String(value)]);
    return { metric: query.startsWith("count by (job, instance)") ? HOST : metric, values };
  });
  return ok({ resultType: "matrix", result });
}

const ALERT = {
  labels: { alertname: "Harmful", severity: "page", text: everything },
  annotations: { summary: everything, runbook: "https://example.org/runbook", trap: "javascript:window.pwned=1" },
  state: "firing", activeAt: new Date(Date.now() - 600_000).toISOString(), value: "1e+00",
};
const RULES = [
  { type: "alerting", name: "Quiet", query: "up == 0", duration: 300, labels: {}, annotations: { summary: "down" }, alerts: [], state: "inactive", health: "ok" },
  { type: "alerting", name: "Harmful", query: `harm{text=${JSON.stringify(PAYLOADS[0])}}`, duration: 0, labels: { severity: "page" }, annotations: {}, alerts: [ALERT], state: "firing", health: "ok" },
  { type: "recording", name: "sum:harm", query: "sum(harm)", health: "err", lastError: everything },
];
const TARGET = {
  discoveredLabels: { __address__: "box:9100", __meta_text: everything }, labels: HOST, scrapePool: "node", scrapeUrl: "http://box:9100/metrics",
  globalUrl: "http://box:9100/metrics", lastError: "", lastScrape: new Date().toISOString(), lastScrapeDuration: 0.012, health: "up", scrapeInterval: "15s", scrapeTimeout: "10s",
};
const DOWN = { ...TARGET, labels: { job: everything, instance: "b" }, scrapePool: "b", scrapeUrl: "javascript:window.pwned=1", globalUrl: "javascript:window.pwned=1", lastError: `line 3: ${everything}`, health: "down" };

/** Answers like `/api/v1/{path}`; `seen` collects what was asked. */
export function api(seen = []) {
  return (path, form) => {
    seen.push(`${path}?${form}`);
    const get = (name) => form.get(name) ?? "";
    switch (path) {
      case "query": return instant(get("query"));
      case "query_range": return range(get("query"), Number(get("start")), Number(get("end")), Number(get("step")));
      case "series": return ok(/^(up|harm|many)/.test(get("match[]")) && !/absent/.test(get("match[]")) ? [{ __name__: "up" }] : []);
      case "labels": return ok(["__name__", "job"]);
      case "label/__name__/values": return ok(["up", "harm", "many", "node_load1"]);
      case "metadata": return ok({ up: [{ type: "gauge", help: everything, unit: "" }] });
      case "alerts": return ok({ alerts: [ALERT] });
      case "rules": return ok({ groups: [{ name: "group", file: `rules${PAYLOADS[0]}.yml`, interval: 15, rules: RULES }] });
      case "targets": return ok({ activeTargets: [TARGET, DOWN], droppedTargets: [] });
      case "status/config": return ok({ yaml: `# ${everything}\nglobal: {}\n` });
      case "status/flags": return ok({ "web.listen-address": "127.0.0.1:9090", "web.page-title": everything });
      case "status/runtimeinfo": return ok({ startTime: "2026-01-01T00:00:00Z", hostname: everything });
      case "status/buildinfo": return ok({ version: "3.5.0" });
      case "status/tsdb": return ok({
        headStats: { numSeries: 1234, numLabelPairs: 5, chunkCount: 6, minTime: 1, maxTime: 2 }, seriesCountByMetricName: [{ name: everything, value: 9 }],
        labelValueCountByLabelName: [], memoryInBytesByLabelName: [], seriesCountByLabelValuePair: [{ name: `text=${everything}`, value: 9 }],
      });
      default: return refuse(404, "not_found", `no ${path}`);
    }
  };
}
