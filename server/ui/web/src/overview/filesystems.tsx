// Filesystems: how full, and when they will be.

import type { Labels, Series } from "../lib/api";
import { coarse, humanize, seconds } from "../lib/format";
import { queryLink } from "../lib/panels";
import type { filesystems } from "./cells";

type Asked = ReturnType<typeof filesystems>;

const DAY = 86400;
/** A trend that leads further away than this is not worth a word. */
const FORECAST_S_MAX = 30 * DAY;
/** Below this age of the data a trend is noise. */
const TREND_AGE_S_MIN = 900;

interface Row {
  mount: string;
  labels: Labels;
  size: number;
  used: number;
  avail: number;
  inodes?: number;
  readonly: boolean;
  error: boolean;
  full?: number;
}

function collect(found: Record<keyof Asked, Series[]>): Row[] {
  const key = (metric: Labels) => `${metric.mountpoint}\n${metric.device}`;
  const by = (series: Series[]) => new Map(series.map(({ metric, value }) => [key(metric), Number(value?.[1])]));
  const [avail, inodes, readonly, error, full] = [found.avail, found.inodes, found.readonly, found.error, found.full].map(by);
  const rows = found.size.map(({ metric, value }): Row => {
    const [size, at] = [Number(value?.[1]), key(metric)];
    const free = avail?.get(at) ?? NaN;
    return {
      mount: metric.mountpoint ?? "", labels: metric, size, avail: free, used: 1 - free / size,
      inodes: inodes?.get(at), readonly: readonly?.has(at) ?? false, error: error?.has(at) ?? false, full: full?.get(at),
    };
  });
  for (const { metric } of found.error) {
    if (rows.some(({ mount }) => mount === metric.mountpoint)) continue;
    rows.push({ mount: metric.mountpoint ?? "", labels: metric, size: NaN, avail: NaN, used: NaN, readonly: false, error: true });
  }
  // One device mounted in many places is full only once: keep its shortest mount point.
  rows.sort((a, b) => a.mount.length - b.mount.length);
  const seen = new Set<string>();
  const once = rows.filter(({ labels }) => {
    const device = labels.device ?? "";
    if (!device.startsWith("/dev/")) return true;
    return seen.has(device) ? false : !!seen.add(device);
  });
  return once.sort((a, b) => a.mount.localeCompare(b.mount));
}

export function Filesystems({ asked, found, ageS }: { asked: Asked; found?: Record<keyof Asked, Series[]>; ageS: number }) {
  if (!found) return null;
  const rows = collect(found);
  if (rows.length === 0) return <p class="dim">No filesystems are exported.</p>;
  return (
    <div class="scroll">
      <table class="list">
        <thead>
          <tr><th scope="col">Filesystem</th><th scope="col">Used</th><th class="num" scope="col">Free</th><th class="num" scope="col">Size</th><th class="num" scope="col">Inodes</th><th scope="col">Forecast</th></tr>
        </thead>
        <tbody>{rows.map((row) => <One key={`${row.mount} ${row.labels.device}`} row={row} asked={asked} ageS={ageS} />)}</tbody>
      </table>
    </div>
  );
}

function One({ row, asked, ageS }: { row: Row; asked: Asked; ageS: number }) {
  const here = (expr: string) => expr.replace(/\{/g, `{mountpoint=${JSON.stringify(row.mount)},`);
  const tone = row.used >= 0.95 ? "bad" : row.used >= 0.85 ? "warn" : "";
  const inodes = (row.inodes ?? 0) >= 0.9 ? "warn" : "";
  return (
    <tr>
      <th scope="row" title={`${row.labels.device} (${row.labels.fstype})`}>{row.mount}</th>
      <td class={`used ${tone}`} title={String(row.used)}>
        {!Number.isNaN(row.used) && (
          <a href={queryLink(`1 - ${here(asked.avail)} / ${here(asked.size)}`)} data-go>
            <meter min={0} max={1} value={row.used} aria-hidden="true" /> {tone && <span aria-hidden="true">{tone === "bad" ? "▲ " : "◆ "}</span>}{humanize(row.used, "ratio")}
          </a>
        )}
      </td>
      <td class="num" title={`${row.avail} bytes`}>{Number.isNaN(row.avail) ? "–" : humanize(row.avail, "bytes")}</td>
      <td class="num" title={`${row.size} bytes`}>{Number.isNaN(row.size) ? "–" : humanize(row.size, "bytes")}</td>
      <td class={`num ${inodes}`}>{row.inodes === undefined ? "–" : humanize(row.inodes, "ratio")}</td>
      <td><Forecast row={row} link={queryLink(here(asked.forecast))} ageS={ageS} /></td>
    </tr>
  );
}

function Forecast({ row, link, ageS }: { row: Row; link: string; ageS: number }) {
  if (row.error) return <span class="bad">▲ cannot be read</span>;
  if (row.readonly) return <span class="warn">◆ read-only</span>;
  if (ageS < TREND_AGE_S_MIN) return <span class="dim">after {seconds(TREND_AGE_S_MIN)} of data</span>;
  if (row.full === undefined || !(row.full < FORECAST_S_MAX)) return <span class="dim">not filling up</span>;
  const tone = row.full < DAY ? "bad" : row.full < 4 * DAY && row.used > 0.6 ? "warn" : "";
  return (
    <a class={tone} href={link} data-go>
      {tone && <span aria-hidden="true">{tone === "bad" ? "▲ " : "◆ "}</span>}full in {coarse(Math.max(0, row.full))}
    </a>
  );
}
