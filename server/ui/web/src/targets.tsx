// Targets: what is scraped, how that went, and why not.

import { ask, instant, seriesOf, type Target, type Targets as Answer } from "./lib/api";
import { humanize, seconds } from "./lib/format";
import { go, useAddress } from "./lib/location";
import { usePoll } from "./lib/poll";
import { LabelList, State, Time } from "./parts/labels";
import { Failure, Waiting } from "./parts/messages";

const REFRESH_MS = 5_000;
const HEALTHS = ["down", "unknown", "up"];

type Samples = Map<string, number>;
const key = ({ job, instance }: Record<string, string>) => `${job}\n${instance}`;

async function load(signal: AbortSignal): Promise<{ answer: Answer; samples: Samples }> {
  const [answer, scraped] = await Promise.all([
    ask<Answer>("targets?state=active", {}, signal),
    instant("scrape_samples_scraped", undefined, signal).catch(() => null),
  ]);
  const samples: Samples = new Map();
  for (const { metric, value } of scraped ? seriesOf(scraped.data) : []) samples.set(key(metric), Number(value?.[1]));
  return { answer: answer.data, samples };
}

export function Targets() {
  const address = new URLSearchParams(useAddress());
  const [health, search] = [address.get("health") ?? "", address.get("search") ?? ""];
  const targets = usePoll(load, REFRESH_MS, []);
  const change = (name: string, value: string) => {
    const next = new URLSearchParams(location.search);
    if (value) next.set(name, value);
    else next.delete(name);
    go(`targets${next.size > 0 ? `?${next}` : ""}`, true);
  };
  const all = targets.data?.answer.activeTargets ?? [];
  const matching = all.filter((target) => JSON.stringify(target).toLowerCase().includes(search.toLowerCase()));
  const shown = matching.filter((target) => !health || target.health === health);
  const pools = [...new Set(shown.map((target) => target.scrapePool))].sort();
  return (
    <>
      <h1>Targets</h1>
      <div class="filters">
        <input type="search" data-search placeholder="Address, label, error (/)" aria-label="Filter by text" value={search} onInput={(event) => change("search", event.currentTarget.value)} />
        <div role="group" aria-label="Filter by health">
          {["", ...HEALTHS].map((name) => (
            <button aria-pressed={health === name} onClick={() => change("health", name)}>
              {name || "all"} <span class="dim">{matching.filter((target) => !name || target.health === name).length}</span>
            </button>
          ))}
        </div>
      </div>
      {targets.error && <Failure error={targets.error} />}
      {!targets.data && !targets.error && <Waiting what="Asking for the targets" />}
      {targets.data && all.length === 0 && <p class="empty"><b>Nothing is scraped.</b> The configuration names no targets, or discovery has found none yet.</p>}
      {all.length > 0 && shown.length === 0 && <p class="empty">No target fits the filters.</p>}
      {pools.map((pool) => <Pool key={pool} name={pool} targets={shown.filter((target) => target.scrapePool === pool)} samples={targets.data?.samples ?? new Map()} />)}
    </>
  );
}

function Pool({ name, targets, samples }: { name: string; targets: Target[]; samples: Samples }) {
  const up = targets.filter(({ health }) => health === "up").length;
  const order = (target: Target) => HEALTHS.indexOf(target.health);
  const sorted = [...targets].sort((a, b) => order(a) - order(b) || a.scrapeUrl.localeCompare(b.scrapeUrl));
  return (
    <section aria-label={name}>
      <h2>{name} <span class={up < targets.length ? "bad" : "dim"}>{up} of {targets.length} up</span></h2>
      <div class="scroll">
        <table class="list targets">
          <thead>
            <tr><th scope="col">Health</th><th scope="col">Target</th><th scope="col">Labels</th><th class="num" scope="col">Last scrape</th><th class="num" scope="col">Took</th><th class="num" scope="col">Samples</th></tr>
          </thead>
          <tbody>
            {sorted.map((target) => <Row key={target.scrapeUrl + JSON.stringify(target.labels)} target={target} samples={samples.get(key(target.labels))} />)}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ target, samples }: { target: Target; samples?: number }) {
  const web = /^https?:\/\//.test(target.globalUrl);
  return (
    <>
      <tr class={target.lastError ? "joined" : ""}>
        <td><State state={target.health} /></td>
        <td>{web ? <a href={target.globalUrl} rel="noreferrer noopener" target="_blank">{target.scrapeUrl}</a> : target.scrapeUrl}</td>
        <td>
          <details class="relabel">
            <summary><LabelList labels={target.labels} /></summary>
            <dl class="annotations">
              <div><dt>before relabeling</dt><dd><LabelList labels={target.discoveredLabels} /></dd></div>
            </dl>
          </details>
        </td>
        <td class="num" data-name="scraped" title={`every ${target.scrapeInterval}, at most ${target.scrapeTimeout}`}><Time at={target.lastScrape} /></td>
        <td class="num" data-name="took" title={`${target.lastScrapeDuration} s`}>{seconds(target.lastScrapeDuration)}</td>
        <td class="num" data-name="samples" title={samples === undefined ? "" : String(samples)}>{samples === undefined ? "–" : humanize(samples, "count")}</td>
      </tr>
      {target.lastError && (
        <tr class="why">
          <td />
          <td colSpan={5}><span class="bad pre">{target.lastError}</span></td>
        </tr>
      )}
    </>
  );
}
