// Which line is which; a click shows one alone.

import { useState } from "preact/hooks";
import { humanize, type Unit } from "../lib/format";
import { Metric } from "../parts/labels";
import type { Columns } from "./align";

/** Lines drawn at first; more on demand. */
const LINES = 100;

interface Props {
  columns: Columns;
  palette: string[];
  alone: number | null;
  unit: Unit;
  isolate: (at: number) => void;
}

export function Legend({ columns, palette, alone, unit, isolate }: Props) {
  const [limit, setLimit] = useState(LINES);
  return (
    <div class="legend">
      {columns.metrics.slice(0, limit).map((metric, at) => {
        const last = columns.values[at]?.findLast((value) => value !== null);
        return (
          <button class={alone === null || alone === at ? "" : "off"} aria-pressed={alone === at} title="Show only this one" onClick={() => isolate(at)}>
            <span class="swatch" style={{ background: palette[at % palette.length] }} />
            <span class="name"><Metric metric={metric} /></span>
            <span class="num" title={String(last ?? "")}>{last == null ? "" : humanize(last, unit)}</span>
          </button>
        );
      })}
      {columns.metrics.length > limit && <button onClick={() => setLimit(columns.metrics.length)}>and {columns.metrics.length - limit} more</button>}
    </div>
  );
}
