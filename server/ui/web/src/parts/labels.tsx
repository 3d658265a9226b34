// Labels, times and values, always as text.

import type { Labels } from "../lib/api";
import { ago, localTime, utcTime } from "../lib/format";

/** `name{a="b"}` with the name in full strength and the quotes quiet. */
export function Metric({ metric }: { metric: Labels }) {
  const { __name__: name, ...rest } = metric;
  const pairs = Object.entries(rest);
  if (name === undefined && pairs.length === 0) return <span class="metric dim">{"{}"}</span>;
  return (
    <span class="metric">
      {name}
      {pairs.length > 0 && (
        <>
          <i>{"{"}</i>
          {pairs.map(([key, value], at) => (
            <span>
              {key}<i>="</i><b>{value}</b><i>"{at < pairs.length - 1 ? ", " : ""}</i>
            </span>
          ))}
          <i>{"}"}</i>
        </>
      )}
    </span>
  );
}

export function metricText(metric: Labels): string {
  const { __name__: name = "", ...rest } = metric;
  const pairs = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return pairs.length > 0 || name === "" ? `${name}{${pairs.join(", ")}}` : name;
}

export function LabelList({ labels, without = [] }: { labels: Labels; without?: string[] }) {
  const pairs = Object.entries(labels).filter(([key]) => !without.includes(key));
  if (pairs.length === 0) return null;
  return (
    <span class="labels">
      {pairs.map(([key, value]) => (
        <span class="label"><i>{key}=</i>{value}</span>
      ))}
    </span>
  );
}

const NEVER = "0001-01-01T00:00:00Z";

export function Time({ at, relative = true }: { at?: string | number; relative?: boolean }) {
  if (at === undefined || at === NEVER || at === "") return <span class="dim">never</span>;
  const ms = typeof at === "number" ? at : Date.parse(at);
  if (Number.isNaN(ms)) return <span>{at}</span>;
  const text = relative ? ago(ms) : localTime(ms);
  return <time dateTime={new Date(ms).toISOString()} title={`${localTime(ms)} local\n${utcTime(ms)}`}>{text}</time>;
}

/** A state by sign, word and colour. */
export function State({ state }: { state: string }) {
  const look: Record<string, [string, string]> = {
    firing: ["bad", "▲"],
    down: ["bad", "▲"],
    err: ["bad", "▲"],
    pending: ["warn", "◆"],
    unknown: ["warn", "◆"],
    inactive: ["good", "●"],
    up: ["good", "●"],
    ok: ["good", "●"],
  };
  const [tone, sign] = look[state] ?? ["", "○"];
  return <span class={`state ${tone}`}><span aria-hidden="true">{sign}</span> {state}</span>;
}
