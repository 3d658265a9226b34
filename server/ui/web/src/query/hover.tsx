// All series under the pointer, by value; those nearest to it when there are too many to show.

import { humanize, localTime, utcTime, type Unit } from "../lib/format";
import { metricText } from "../parts/labels";
import type { Columns } from "./align";

/** Lines that fit beside a graph. */
const LINES_MAX = 16;

export interface Pointer {
  index: number;
  /** Pixels from the left edge of the graph. */
  left: number;
  /** Where the pointer stands on the value axis. */
  y: number;
  width: number;
}

interface Props {
  pointer: Pointer;
  columns: Columns;
  shown: boolean[];
  drawn: (number | null)[][];
  palette: string[];
  unit: Unit;
}

export function Hover({ pointer, columns, shown, drawn, palette, unit }: Props) {
  const time = columns.times[pointer.index];
  if (time === undefined) return null;
  const here = columns.metrics
    .map((metric, at) => ({ metric, at, value: columns.values[at]?.[pointer.index] ?? null, height: drawn[at]?.[pointer.index] ?? null }))
    .filter((line): line is typeof line & { value: number; height: number } => line.value !== null && !!shown[line.at])
    .sort((a, b) => b.value - a.value);
  const distance = (line: { height: number }) => Math.abs(line.height - pointer.y);
  const nearest = here.reduce((best, line, at) => (distance(line) < distance(here[best] ?? line) ? at : best), 0);
  const from = Math.max(0, Math.min(nearest - (LINES_MAX >> 1), here.length - LINES_MAX));
  const lines = here.slice(from, from + LINES_MAX);
  const right = pointer.left > pointer.width / 2;
  return (
    <div class="hover" style={right ? { right: `${pointer.width - pointer.left + 14}px` } : { left: `${pointer.left + 14}px` }}>
      <div class="dim" title={utcTime(time * 1000)}>{localTime(time * 1000)}</div>
      {from > 0 && <div class="dim">{from} higher</div>}
      {lines.map((line) => (
        <div class={line === here[nearest] ? "line near" : "line"}>
          <span class="swatch" style={{ background: palette[line.at % palette.length] }} />
          <span class="name">{metricText(line.metric)}</span>
          <span class="num">{humanize(line.value, unit)}</span>
        </div>
      ))}
      {from + lines.length < here.length && <div class="dim">{here.length - from - lines.length} lower</div>}
      {here.length === 0 && <div class="dim">no values here</div>}
    </div>
  );
}
