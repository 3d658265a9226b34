// The answer as rows: series and value.

import { useState } from "preact/hooks";
import { number, seriesOf, type Histogram, type QueryData, type Series } from "../lib/api";
import { humanize, localTime, unitOf, type Unit } from "../lib/format";
import { Metric } from "../parts/labels";

/** Rows drawn at first; more on demand. */
const ROWS = 500;
/** Points of a range vector that one row shows. */
const POINTS_MAX = 50;

export function Table({ data, expr }: { data: QueryData; expr: string }) {
  const [limit, setLimit] = useState(ROWS);
  if (data.resultType === "string") return <pre>{data.result[1]}</pre>;
  const series = seriesOf(data);
  const unit = unitOf(expr);
  return (
    <div class="scroll">
      <table class="list answer">
        <thead class="hidden"><tr><th scope="col">Series</th><th scope="col">Value</th></tr></thead>
        <tbody>{series.slice(0, limit).map((one) => <Row series={one} unit={unit} />)}</tbody>
      </table>
      {series.length > limit && <button onClick={() => setLimit(series.length)}>Show the other {series.length - limit} rows</button>}
    </div>
  );
}

function Row({ series, unit }: { series: Series; unit: Unit }) {
  return (
    <tr>
      <td class="break"><Metric metric={series.metric} /></td>
      <td class="num">
        {series.value && <Value text={series.value[1]} unit={unit} />}
        {series.histogram && <Buckets histogram={series.histogram[1]} />}
        {series.values?.slice(-POINTS_MAX).map(([time, text]) => <div><Value text={text} unit={unit} /> <span class="dim">{localTime(time * 1000)}</span></div>)}
        {(series.values?.length ?? 0) > POINTS_MAX && <div class="dim">the last {POINTS_MAX} of {series.values?.length}</div>}
        {series.histograms?.slice(-POINTS_MAX).map(([time, one]) => <div><Buckets histogram={one} /> <span class="dim">{localTime(time * 1000)}</span></div>)}
      </td>
    </tr>
  );
}

/** The exact value, and beside it the size as people say it where that helps. */
function Value({ text, unit }: { text: string; unit: Unit }) {
  const value = number(text);
  const said = (unit !== "number" || Math.abs(value) >= 1e4) && Number.isFinite(value) ? humanize(value, unit) : "";
  return <>{said && said !== text && <span class="dim said">{said}</span>} {text}</>;
}

function Buckets({ histogram }: { histogram: Histogram }) {
  return (
    <details>
      <summary>count {histogram.count}, sum {histogram.sum}</summary>
      {histogram.buckets?.map(([rule, low, high, count]) => (
        <div>{rule === 1 || rule === 3 ? "[" : "("}{low}, {high}{rule === 0 || rule === 3 ? "]" : ")"} {count}</div>
      ))}
    </details>
  );
}
