// What this host is, and what Hearth itself costs it.

import type { ComponentChildren } from "preact";
import { ask, instant, seriesOf, type Labels } from "../lib/api";
import { humanize, seconds, type Unit } from "../lib/format";
import { queryLink } from "../lib/panels";
import { usePoll } from "../lib/poll";

const REFRESH_MS = 10_000;
/** The job that Hearth's own series carry, or Prometheus' usual one where its configuration is taken over. */
const OWN = 'job=~"hearth|prometheus"';

interface Found {
  metric: Labels;
  value: number;
}

async function first(expr: string, signal: AbortSignal): Promise<Found | undefined> {
  const series = seriesOf((await instant(expr, undefined, signal)).data)[0];
  return series?.value && { metric: series.metric, value: Number(series.value[1]) };
}

export function Facts({ uname, selector, window }: { uname: Labels; selector: string; window: string }) {
  const exprs = {
    os: `node_os_info{${selector}}`,
    boot: `node_time_seconds{${selector}} - node_boot_time_seconds{${selector}}`,
    cores: `count(count by (cpu) (node_cpu_seconds_total{${selector}}))`,
    memory: `node_memory_MemTotal_bytes{${selector}}`,
    exporter: `node_exporter_build_info{${selector}}`,
    rss: `sum(process_resident_memory_bytes{${OWN}})`,
    cpu: `sum(rate(process_cpu_seconds_total{${OWN}}[${window}]))`,
    series: `sum(prometheus_tsdb_head_series{${OWN}})`,
    samples: `sum(rate(prometheus_tsdb_head_samples_appended_total{${OWN}}[${window}]))`,
  };
  type Name = keyof typeof exprs;
  const facts = usePoll(async (signal) => {
    const names = Object.keys(exprs) as Name[];
    const found = await Promise.allSettled(names.map((name) => first(exprs[name], signal)));
    return Object.fromEntries(names.map((name, at) => [name, found[at]?.status === "fulfilled" ? found[at].value : undefined])) as Partial<Record<Name, Found>>;
  }, REFRESH_MS, [selector, window]);
  const build = usePoll((signal) => ask<Record<string, string>>("status/buildinfo", {}, signal), 0, []);
  const found = facts.data ?? {};
  const measured = (name: Name, unit: Unit, more = "") =>
    found[name] && (
      <a href={queryLink(exprs[name])} data-go title={String(found[name].value)}>{humanize(found[name].value, unit)}{more}</a>
    );
  return (
    <div class="facts">
      <dl>
        <Fact name="Host">{uname.nodename}</Fact>
        <Fact name="System">{found.os?.metric.pretty_name}</Fact>
        <Fact name="Kernel">{uname.release && `${uname.sysname} ${uname.release} ${uname.machine}`}</Fact>
        <Fact name="Up for">{found.boot && <span title={`${found.boot.value} s`}>{seconds(found.boot.value)}</span>}</Fact>
        <Fact name="Cores">{found.cores && String(found.cores.value)}</Fact>
        <Fact name="Memory">{measured("memory", "bytes")}</Fact>
        <Fact name="Exporter">{found.exporter?.metric.version}</Fact>
      </dl>
      <dl>
        <Fact name="Hearth">{build.data && (build.data.data.hearthVersion ?? build.data.data.version)}</Fact>
        <Fact name="takes">{measured("rss", "bytes", " of memory")}</Fact>
        <Fact name="and">{measured("cpu", "ratio", " of a core")}</Fact>
        <Fact name="keeps">{measured("series", "count", " series")}</Fact>
        <Fact name="takes in">{measured("samples", "number", " samples/s")}</Fact>
      </dl>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  if (!children) return null;
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}
