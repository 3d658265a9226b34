// Status: what runs here, with which settings, and what fills the database.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ask, type Count, type TsdbStatus } from "./lib/api";
import { humanize, localTime, utcTime } from "./lib/format";
import { queryLink } from "./lib/panels";
import { usePoll } from "./lib/poll";
import { Failure, Waiting } from "./parts/messages";

type Facts = Record<string, string | number | boolean>;

function usePart<T>(path: string, everyMs = 0) {
  return usePoll(async (signal) => (await ask<T>(path, {}, signal)).data, everyMs, []);
}

export function Status() {
  const [filter, setFilter] = useState("");
  const runtime = usePart<Facts>("status/runtimeinfo", 10_000);
  const build = usePart<Facts>("status/buildinfo");
  const tsdb = usePart<TsdbStatus>("status/tsdb", 30_000);
  const flags = usePart<Record<string, string>>("status/flags");
  const config = usePart<{ yaml: string }>("status/config");
  const shownFlags = Object.entries(flags.data ?? {}).filter(([name, value]) => `${name} ${value}`.toLowerCase().includes(filter.toLowerCase()));
  return (
    <>
      <h1>Status</h1>
      <div class="status">
        <Part title="Running" part={runtime}>{runtime.data && <FactTable facts={runtime.data} />}</Part>
        <Part title="Build" part={build}>{build.data && <FactTable facts={build.data} />}</Part>
        <Part title="Storage" part={tsdb} wide>{tsdb.data && <Storage status={tsdb.data} />}</Part>
        <Part title="Configuration" part={config} wide>
          {config.data && <pre class="config" tabIndex={0}>{config.data.yaml || "# empty"}</pre>}
        </Part>
        <Part title="Flags" part={flags} wide>
          <input type="search" data-search placeholder="Name or value (/)" aria-label="Filter flags" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
          <FactTable facts={Object.fromEntries(shownFlags)} />
        </Part>
      </div>
    </>
  );
}

function Part({ title, part, wide, children }: { title: string; part: { data?: unknown; error?: Error }; wide?: boolean; children: ComponentChildren }) {
  return (
    <section class={wide ? "wide" : ""} aria-label={title}>
      <h2>{title}</h2>
      {part.error && <Failure error={part.error} />}
      {!part.data && !part.error ? <Waiting what="Asking" /> : children}
    </section>
  );
}

const ISO = /^\d{4}-\d{2}-\d{2}T/;

function FactTable({ facts }: { facts: Facts }) {
  return (
    <table class="list pairs">
      <tbody>
        {Object.entries(facts).map(([name, value]) => (
          <tr>
            <th scope="row">{name}</th>
            <td>{typeof value === "string" && ISO.test(value) ? <span title={utcTime(Date.parse(value))}>{localTime(Date.parse(value))}</span> : String(value) || "–"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Storage({ status }: { status: TsdbStatus }) {
  const head = status.headStats;
  const quoted = (pair: string) => {
    const at = pair.indexOf("=");
    return `{${pair.slice(0, at)}=${JSON.stringify(pair.slice(at + 1))}}`;
  };
  return (
    <>
      <p class="sums">
        <Sum value={head.numSeries} what="series" />
        <Sum value={head.chunkCount} what="chunks" />
        <Sum value={head.numLabelPairs} what="label pairs" />
        {head.maxTime > head.minTime && <span>in memory from <b title={utcTime(head.minTime)}>{localTime(head.minTime)}</b> to <b title={utcTime(head.maxTime)}>{localTime(head.maxTime)}</b></span>}
      </p>
      <div class="tops">
        <Top title="Metrics with the most series" counts={status.seriesCountByMetricName} unit="count" link={(name) => queryLink(`{__name__=${JSON.stringify(name)}}`, { tab: "table" })} />
        <Top title="Labels with the most values" counts={status.labelValueCountByLabelName} unit="count" />
        <Top title="Pairs with the most series" counts={status.seriesCountByLabelValuePair} unit="count" link={(pair) => queryLink(`count by (__name__) (${quoted(pair)})`, { tab: "table" })} />
        <Top title="Labels that take the most memory" counts={status.memoryInBytesByLabelName} unit="bytes" />
      </div>
    </>
  );
}

function Sum({ value, what }: { value: number; what: string }) {
  return <span title={String(value)}><b>{humanize(value, "count")}</b> {what}</span>;
}

function Top({ title, counts, unit, link }: { title: string; counts: Count[] | null; unit: "count" | "bytes"; link?: (name: string) => string }) {
  return (
    <table class="list">
      <caption>{title}</caption>
      <tbody>
        {(counts ?? []).map(({ name, value }) => (
          <tr>
            <td class="break">{link ? <a href={link(name)} data-go>{name}</a> : name}</td>
            <td class="num" title={String(value)}>{humanize(value, unit)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
