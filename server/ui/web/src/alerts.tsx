// Alerts: every rule with its state, the firing ones first.

import { ask, number, type Alert, type Rule, type RuleGroup } from "./lib/api";
import { formatDuration } from "./lib/duration";
import { humanize, seconds } from "./lib/format";
import { go, useAddress } from "./lib/location";
import { queryLink } from "./lib/panels";
import { usePoll } from "./lib/poll";
import { LabelList, State, Time } from "./parts/labels";
import { Failure, Waiting } from "./parts/messages";

const REFRESH_MS = 5_000;
const STATES = ["firing", "pending", "inactive"] as const;
/** Instances of one rule that are listed. */
const SHOWN_MAX = 100;

interface Placed {
  rule: Rule;
  group: RuleGroup;
}

const contains = (rule: Rule, group: RuleGroup, text: string) =>
  JSON.stringify([rule.name, rule.query, rule.labels, rule.annotations, rule.alerts, group.name, group.file]).toLowerCase().includes(text.toLowerCase());

export function Alerts() {
  const address = new URLSearchParams(useAddress());
  const [state, search] = [address.get("state") ?? "", address.get("search") ?? ""];
  const rules = usePoll((signal) => ask<{ groups: RuleGroup[] }>("rules", {}, signal), REFRESH_MS, []);
  const change = (key: string, value: string) => {
    const next = new URLSearchParams(location.search);
    if (value) next.set(key, value);
    else next.delete(key);
    go(`alerts${next.size > 0 ? `?${next}` : ""}`, true);
  };
  const all = (rules.data?.data.groups ?? []).flatMap((group) => group.rules.map((rule): Placed => ({ rule, group })));
  const found = all.filter(({ rule, group }) => search === "" || contains(rule, group, search));
  const alerting = found.filter(({ rule }) => rule.type === "alerting");
  const recording = found.filter(({ rule }) => rule.type === "recording");
  return (
    <>
      <h1>Alerts</h1>
      <div class="filters">
        <input type="search" data-search placeholder="Name, label, text (/)" aria-label="Filter by text" value={search} onInput={(event) => change("search", event.currentTarget.value)} />
        <div role="group" aria-label="Filter by state">
          {["", ...STATES].map((name) => (
            <button aria-pressed={state === name} onClick={() => change("state", name)}>
              {name || "all"} <span class="dim">{name ? alerting.filter(({ rule }) => rule.state === name).length : alerting.length}</span>
            </button>
          ))}
        </div>
      </div>
      {rules.error && <Failure error={rules.error} />}
      {!rules.data && !rules.error && <Waiting what="Asking for the rules" />}
      {rules.data && all.length === 0 && <p class="empty"><b>No rules are loaded.</b> Name files with rules under <code>rule_files</code> in the configuration.</p>}
      {rules.data && all.length > 0 && found.length === 0 && <p class="empty">No rule contains “{search}”.</p>}
      {STATES.filter((name) => !state || state === name).map((name) => (
        <Section key={name} state={name} rules={alerting.filter(({ rule }) => rule.state === name)} />
      ))}
      {!state && recording.length > 0 && (
        <details class="recording">
          <summary>Recording rules <span class="dim">{recording.length}</span> {recording.some(({ rule }) => rule.health === "err") && <State state="err" />}</summary>
          {recording.map((placed) => <RuleView key={placed.group.file + placed.group.name + placed.rule.name} {...placed} />)}
        </details>
      )}
    </>
  );
}

function Section({ state, rules }: { state: string; rules: Placed[] }) {
  if (rules.length === 0) return null;
  return (
    <section aria-label={state}>
      <h2><State state={state} /> <span class="dim">{rules.length}</span></h2>
      {rules.map((placed, at) => <RuleView key={`${placed.group.file}\n${placed.group.name}\n${placed.rule.name}\n${at}`} {...placed} />)}
    </section>
  );
}

function RuleView({ rule, group }: Placed) {
  const active = rule.alerts ?? [];
  return (
    <details class="rule" open={rule.state === "firing" || rule.health === "err"}>
      <summary>
        <b>{rule.name}</b> {active.length > 0 && <span class="count">{active.length}</span>} <LabelList labels={rule.labels ?? {}} />
        <span class="dim place">{group.name}</span>
      </summary>
      {rule.lastError && <div class="message bad"><b>This rule fails:</b> {rule.lastError}</div>}
      <p class="expr">
        <a href={queryLink(rule.query)} data-go><code>{rule.query}</code></a>
        {rule.duration ? <span class="dim"> for {formatDuration(rule.duration)}</span> : null}
      </p>
      {active.length === 0 && <Annotations annotations={rule.annotations ?? {}} />}
      {active.length > 0 && <Active rule={rule} alerts={active} />}
      <p class="dim small">
        {group.file}, every {formatDuration(group.interval)}, evaluated <Time at={rule.lastEvaluation} />
        {rule.evaluationTime !== undefined && ` in ${seconds(rule.evaluationTime)}`}
      </p>
    </details>
  );
}

function Active({ rule, alerts }: { rule: Rule; alerts: Alert[] }) {
  const order = (alert: Alert) => STATES.indexOf(alert.state);
  const sorted = [...alerts].sort((a, b) => order(a) - order(b) || (a.activeAt ?? "").localeCompare(b.activeAt ?? ""));
  return (
    <div class="scroll">
      <table class="list">
        <thead><tr><th scope="col">State</th><th scope="col">Since</th><th class="num" scope="col">Value</th><th scope="col">Labels and annotations</th></tr></thead>
        <tbody>
          {sorted.slice(0, SHOWN_MAX).map((alert) => (
            <tr>
              <td><State state={alert.state} /></td>
              <td><a href={around(rule, alert)} data-go title="The expression around that time"><Time at={alert.activeAt} /></a></td>
              <td class="num" title={alert.value}>{humanize(number(alert.value))}</td>
              <td><LabelList labels={alert.labels} without={["alertname"]} /><Annotations annotations={alert.annotations} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      {sorted.length > SHOWN_MAX && <p class="dim">and {sorted.length - SHOWN_MAX} more</p>}
    </div>
  );
}

/** The expression from half an hour before to half an hour after the alert began. */
function around(rule: Rule, alert: Alert): string {
  const began = Date.parse(alert.activeAt ?? "");
  const end = began + 1800_000;
  return queryLink(rule.query, { range: 3600, end: Number.isNaN(began) || end > Date.now() ? null : end });
}

function Annotations({ annotations }: { annotations: Record<string, string> }) {
  return (
    <dl class="annotations">
      {Object.entries(annotations).map(([name, text]) => (
        <div><dt>{name}</dt><dd class="pre">{/^https?:\/\//.test(text) ? <a href={text} rel="noreferrer noopener" target="_blank">{text}</a> : text}</dd></div>
      ))}
    </dl>
  );
}
