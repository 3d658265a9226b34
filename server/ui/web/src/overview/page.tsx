// The Overview: is this host well, and what does Hearth see of it?

import { useState } from "preact/hooks";
import { ask, instant, range, seriesOf, type Alert, type Labels, type Series, type Targets } from "../lib/api";
import { formatDuration, parseDuration } from "../lib/duration";
import { usePoll } from "../lib/poll";
import { Failure, Waiting } from "../parts/messages";
import { filesystems, rows } from "./cells";
import { Facts } from "./facts";
import { Filesystems } from "./filesystems";
import { Firing } from "./firing";
import { UseTable, type Measured } from "./table";

const REFRESH_MS = 10_000;
/** While there is nothing yet. */
const REFRESH_YOUNG_MS = 2_000;
const HISTORY_S = 3600;
const POINTS = 60;

interface Host {
  job: string;
  instance: string;
  nodename: string;
  /** Seconds between scrapes. */
  interval: number;
  /** Seconds since the first sample of it, at most a day. */
  age: number;
  labels: Labels;
}

const quoted = (text: string) => JSON.stringify(text);
const matchers = (host: Host) => `job=${quoted(host.job)},instance=${quoted(host.instance)}`;

async function findHosts(signal: AbortSignal): Promise<Host[]> {
  const [names, targets] = await Promise.all([instant("node_uname_info", undefined, signal), ask<Targets>("targets?state=active", {}, signal)]);
  const now = Date.now() / 1000;
  const hosts = seriesOf(names.data).map(({ metric }): Host => {
    const { job = "", instance = "", nodename = instance } = metric;
    const target = targets.data.activeTargets.find(({ labels }) => labels.job === job && labels.instance === instance);
    return { job, instance, nodename, interval: parseDuration(target?.scrapeInterval ?? "") ?? 15, age: 0, labels: metric };
  });
  // The own host first: Hearth's own exporter is the job "node".
  hosts.sort((a, b) => Number(b.job === "node") - Number(a.job === "node") || a.nodename.localeCompare(b.nodename));
  const [oldest, scrapes] = await Promise.all([
    range("count by (job, instance) (node_uname_info)", now - 86400, now, 300, signal),
    instant("count_over_time(node_uname_info[1h])", undefined, signal),
  ]);
  for (const { metric, values } of seriesOf(oldest.data)) {
    const host = hosts.find(({ job, instance }) => job === metric.job && instance === metric.instance);
    if (host && values?.[0]) host.age = now - values[0][0];
  }
  // The day is looked at in steps of five minutes; a young host is counted by its scrapes.
  for (const { metric, value } of seriesOf(scrapes.data)) {
    const host = hosts.find(({ job, instance }) => job === metric.job && instance === metric.instance);
    if (host && host.age < HISTORY_S) host.age = Number(value?.[1]) * host.interval;
  }
  return hosts;
}

export function Overview() {
  const [chosen, choose] = useState("");
  const [young, setYoung] = useState(true);
  const hosts = usePoll(async (signal) => {
    const found = await findHosts(signal);
    setYoung(found.length === 0);
    return found;
  }, young ? REFRESH_YOUNG_MS : 60_000, []);
  const alerts = usePoll((signal) => ask<{ alerts: Alert[] }>("alerts", {}, signal), REFRESH_MS, []);
  const list = hosts.data ?? [];
  const host = list.find(({ instance, job }) => `${job} ${instance}` === chosen) ?? list[0];
  return (
    <div class="overview">
      <h1 class="hidden">Overview</h1>
      {hosts.error && <Failure error={hosts.error} />}
      <Firing alerts={alerts.data?.data.alerts} error={alerts.error} />
      {!host && hosts.data && <Nothing />}
      {!host && !hosts.data && !hosts.error && <Waiting what="Looking for hosts" />}
      {host && list.length > 1 && (
        <label class="host">
          Host{" "}
          <select value={`${host.job} ${host.instance}`} onChange={(event) => choose(event.currentTarget.value)}>
            {list.map(({ job, instance, nodename }) => (
              <option value={`${job} ${instance}`}>{nodename === instance ? nodename : `${nodename} (${instance})`}{job === "node" ? "" : `, job ${job}`}</option>
            ))}
          </select>
        </label>
      )}
      {host && <HostView key={`${host.job} ${host.instance}`} host={host} />}
    </div>
  );
}

function Nothing() {
  return (
    <p class="empty">
      <b>No host has been seen yet.</b> The first scrape usually comes within seconds; this page shows it as soon as it is there.
      If nothing appears, look at the <a href="targets" data-go>targets</a>: one of them has to export <code>node_uname_info</code>.
    </p>
  );
}

function HostView({ host }: { host: Host }) {
  const selector = matchers(host);
  const window = formatDuration(Math.max(60, 4 * host.interval));
  const trend = host.age > 7 * 3600 ? "6h" : "1h";
  const use = rows(selector, window);
  const exprs = use.flatMap((row) => row.cells.map((cell) => cell.expr));
  const measured = usePoll((signal) => measure(exprs, host, `count_over_time(node_uname_info{${selector}}[${window}])`, signal), REFRESH_MS, [selector, window]);
  const disks = filesystems(selector, trend);
  const space = usePoll((signal) => askAll(disks, signal), REFRESH_MS, [selector, trend]);
  return (
    <div class="columns">
      <section aria-label="Resources">
        {measured.error && <Failure error={measured.error} />}
        <UseTable rows={use} measured={measured.data} interval={host.interval} />
      </section>
      <section aria-label="Filesystems">
        {space.error && <Failure error={space.error} />}
        <Filesystems asked={disks} found={space.data} ageS={host.age} />
      </section>
      <section aria-label="This host and Hearth">
        <Facts uname={host.labels} selector={selector} window={window} />
      </section>
    </div>
  );
}

/** Every cell in one go: what it is now and what it was. One cell that fails does not hide the others. */
async function measure(exprs: string[], host: Host, scrapes: string, signal: AbortSignal): Promise<Measured> {
  const span = Math.min(HISTORY_S, Math.max(120, host.age));
  const step = Math.max(host.interval, Math.ceil(span / POINTS));
  const end = Date.now() / 1000;
  const counted = instant(scrapes, undefined, signal).then((answer) => Number(seriesOf(answer.data)[0]?.value?.[1] ?? 0), () => Infinity);
  const results = await Promise.allSettled(exprs.map((expr) => range(expr, end - span, end, step, signal)));
  const points = new Map<string, [number, number][]>();
  results.forEach((result, at) => {
    const series: Series | undefined = result.status === "fulfilled" ? seriesOf(result.value.data)[0] : undefined;
    points.set(exprs[at] as string, (series?.values ?? []).map(([time, text]) => [time, Number(text)]));
  });
  const first = results.find((result) => result.status === "rejected");
  if (first && results.every((result) => result.status === "rejected")) throw first.reason;
  return { points, start: end - span, end, scrapes: await counted };
}

async function askAll<K extends string>(exprs: Record<K, string>, signal: AbortSignal): Promise<Record<K, Series[]>> {
  const entries = Object.entries(exprs) as [K, string][];
  const answers = await Promise.all(entries.map(([, expr]) => instant(expr, undefined, signal)));
  return Object.fromEntries(entries.map(([name], at) => [name, seriesOf(answers[at]!.data)])) as Record<K, Series[]>;
}
