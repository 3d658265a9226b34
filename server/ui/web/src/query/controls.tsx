// Table or Graph, and for which time.

import { useEffect, useState } from "preact/hooks";
import { formatDuration, parseDuration } from "../lib/duration";
import { utcTime } from "../lib/format";
import type { Panel } from "../lib/panels";
import { stepOf } from "./panel";

const RANGES = [60, 300, 900, 1800, 3600, 2 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400, 14 * 86400, 28 * 86400, 56 * 86400, 182 * 86400, 365 * 86400];

interface Props {
  panel: Panel;
  change: (changed: Partial<Panel>) => void;
}

export function Controls({ panel, change }: Props) {
  const wider = RANGES.find((range) => range > panel.range);
  const narrower = RANGES.findLast((range) => range < panel.range);
  const end = panel.end ?? Date.now();
  const half = (panel.range * 1000) / 2;
  const move = (to: number) => change({ end: to >= Date.now() ? null : Math.round(to / 1000) * 1000 });
  return (
    <div class="controls">
      <div role="group" aria-label="How to show it" class="tabs">
        <button aria-pressed={panel.tab === "table"} onClick={() => change({ tab: "table" })}>Table</button>
        <button aria-pressed={panel.tab === "graph"} onClick={() => change({ tab: "graph" })}>Graph</button>
      </div>
      {panel.tab === "graph" && (
        <div role="group" aria-label="Range">
          <button aria-label="Shorter range" disabled={!narrower} onClick={() => change({ range: narrower })}>−</button>
          <DurationField label="Range" value={panel.range} change={(range) => range && change({ range })} />
          <button aria-label="Longer range" disabled={!wider} onClick={() => change({ range: wider })}>+</button>
        </div>
      )}
      <div role="group" aria-label="End time">
        <button aria-label="Earlier" onClick={() => move(end - half)}>‹</button>
        <input type="datetime-local" step={1} aria-label="End time" title={panel.end === null ? "Now" : utcTime(panel.end)} class={panel.end === null ? "dim" : ""} value={localInput(end)}
          onChange={(event) => { const at = Date.parse(event.currentTarget.value); change({ end: Number.isNaN(at) ? null : at }); }} />
        <button aria-label="Later" disabled={panel.end === null} onClick={() => move(end + half)}>›</button>
        <button aria-pressed={panel.end === null} onClick={() => change({ end: null })}>Now</button>
      </div>
      {panel.tab === "graph" && (
        <>
          <label>Step <DurationField label="Step" value={panel.step} placeholder={formatDuration(stepOf(panel))} change={(step) => change({ step })} /></label>
          <label><input type="checkbox" checked={panel.stacked} onChange={(event) => change({ stacked: event.currentTarget.checked })} /> Stacked</label>
        </>
      )}
    </div>
  );
}

/** What a `datetime-local` field takes: local time without zone. */
function localInput(ms: number): string {
  const date = new Date(ms);
  return new Date(ms - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

interface FieldProps {
  label: string;
  value: number | null;
  placeholder?: string;
  change: (seconds: number | null) => void;
}

/** Takes `90m` or `1h30m` on Enter or when left; what is no duration stays and is marked. */
function DurationField({ label, value, placeholder, change }: FieldProps) {
  const shown = value === null ? "" : formatDuration(value);
  const [text, setText] = useState(shown);
  useEffect(() => setText(shown), [shown]);
  const wrong = text.trim() !== "" && parseDuration(text) === null;
  const take = () => {
    if (wrong || text === shown) return;
    change(text.trim() === "" ? null : parseDuration(text));
  };
  return (
    <input class="duration" aria-label={label} aria-invalid={wrong} title={wrong ? "Write a duration such as 90m or 1h30m" : label} size={5} value={text} placeholder={placeholder}
      onInput={(event) => setText(event.currentTarget.value)} onBlur={take} onKeyDown={(event) => event.key === "Enter" && take()} />
  );
}
