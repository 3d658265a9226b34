// The table of resources: utilisation, saturation, errors.

import { coarse, humanize } from "../lib/format";
import { queryLink } from "../lib/panels";
import { Sparkline } from "../parts/sparkline";
import type { Cell, Row } from "./cells";

export interface Measured {
  /** By expression: seconds and value. */
  points: Map<string, [number, number][]>;
  /** How often the host was scraped within the window of a rate. */
  scrapes: number;
  start: number;
  end: number;
}

export function UseTable({ rows, measured, interval }: { rows: Row[]; measured?: Measured; interval: number }) {
  const span = measured ? measured.end - measured.start : 3600;
  return (
    <table class="use">
      <thead>
        <tr>
          <th scope="col"><span class="hidden">Resource</span></th>
          <th scope="col">Utilisation</th>
          <th scope="col">Saturation</th>
          <th scope="col">Errors <small class="span">lines: the last {coarse(span)}</small></th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.name}>
            <th scope="row">{row.name}</th>
            {row.cells.map((cell) => (
              <td key={cell.caption}>
                <Measure cell={cell} measured={measured} interval={interval} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Measure({ cell, measured, interval }: { cell: Cell; measured?: Measured; interval: number }) {
  const points = measured?.points.get(cell.expr) ?? [];
  const last = points[points.length - 1];
  // A line that ended a while ago is history, not the present.
  const current = last && measured && measured.end - last[0] < Math.max(90, 5 * interval) ? last[1] : undefined;
  const tone = current === undefined ? "" : current >= (cell.bad ?? Infinity) ? "bad" : current >= (cell.warn ?? Infinity) ? "warn" : "";
  const young = measured && measured.scrapes < 2;
  const missing = !measured ? "" : cell.rate && young ? "after the next scrape" : cell.absent;
  return (
    <a class={`cell ${tone} ${current === undefined ? "absent" : ""}`} href={queryLink(cell.expr)} data-go title={`${cell.about}\n${current ?? missing}`}>
      <span class="value">
        {tone && <span aria-label={tone === "bad" ? "far out of bounds" : "out of bounds"}>{tone === "bad" ? "▲ " : "◆ "}</span>}
        {current === undefined ? <span class="dim">–</span> : humanize(cell.unit === "count" ? Math.round(current) : current, cell.unit)}
      </span>
      <span class="caption">{current === undefined && missing ? `${cell.caption}: ${missing}` : cell.caption}</span>
      {current !== undefined && <Sparkline points={points} start={measured?.start ?? 0} end={measured?.end ?? 0} ceiling={cell.ceiling} />}
    </a>
  );
}
