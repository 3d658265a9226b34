// Range answers as columns on one time axis, as uPlot wants them.

import { number, seriesOf, type Labels, type QueryData } from "../lib/api";

export interface Columns {
  /** Seconds. */
  times: number[];
  metrics: Labels[];
  /** One column per series; null where it has no value. */
  values: (number | null)[][];
  /** Series left out because a line cannot show them (native histograms). */
  histograms: number;
}

export function align(data: QueryData, start: number, end: number, step: number): Columns {
  const count = Math.floor((end - start) / step + 1e-6) + 1;
  const times = Array.from({ length: count }, (_, at) => start + at * step);
  const columns: Columns = { times, metrics: [], values: [], histograms: 0 };
  for (const series of seriesOf(data)) {
    if (!series.values) {
      columns.histograms += 1;
      continue;
    }
    const column: (number | null)[] = new Array(count).fill(null);
    for (const [time, text] of series.values) {
      const at = Math.round((time - start) / step);
      const value = number(text);
      if (at >= 0 && at < count && Number.isFinite(value)) column[at] = value;
    }
    columns.metrics.push(series.metric);
    columns.values.push(column);
  }
  return columns;
}

/** Running sums of the columns that are shown; a missing value adds nothing. */
export function stack(values: (number | null)[][], shown: boolean[]): (number | null)[][] {
  const sums: number[] = [];
  return values.map((column, at) => {
    if (!shown[at]) return column;
    return column.map((value, row) => {
      sums[row] = (sums[row] ?? 0) + (value ?? 0);
      return value === null ? null : (sums[row] as number);
    });
  });
}
