// The answer as lines: uPlot with a list of all series under the pointer, zoom and isolation.

import "uplot/dist/uPlot.min.css";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { QueryData } from "../lib/api";
import { humanize, timeTicks, unitOf } from "../lib/format";
import { align, stack } from "./align";
import { Legend } from "./legend";
import { colors, css } from "./palette";
import { Hover, type Pointer } from "./hover";

const HEIGHT = 340;

interface Props {
  data: QueryData;
  expr: string;
  stacked: boolean;
  start: number;
  end: number;
  step: number;
  zoom: (from: number, to: number) => void;
}

export function Graph({ data, expr, stacked, start, end, step, zoom }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [alone, setAlone] = useState<number | null>(null);
  const [pointer, setPointer] = useState<Pointer | null>(null);
  const [dark, setDark] = useState(matchMedia("(prefers-color-scheme: dark)").matches);
  const columns = useMemo(() => align(data, start, end, step), [data, start, end, step]);
  const shown = useMemo(() => columns.metrics.map((_, at) => alone === null || alone === at), [columns, alone]);
  const drawn = useMemo(() => (stacked ? stack(columns.values, shown) : columns.values), [columns, stacked, shown]);
  const palette = colors(dark);
  const unit = unitOf(expr);
  const zoomed = useRef(zoom);
  zoomed.current = zoom;

  useEffect(() => {
    const media = matchMedia("(prefers-color-scheme: dark)");
    const turned = () => setDark(media.matches);
    media.addEventListener("change", turned);
    return () => media.removeEventListener("change", turned);
  }, []);
  useEffect(() => setAlone(null), [expr]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const axis = { stroke: css("--dim"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
    const lowest = shown.indexOf(true);
    const options: uPlot.Options = {
      width: element.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { drag: { x: true, y: false, setScale: false }, points: { show: columns.metrics.length <= 50 } },
      scales: { x: { time: true, range: () => [start, end] } },
      axes: [{ ...axis, values: (_, ticks, __, ___, step) => timeTicks(ticks, step) }, { ...axis, size: 76, values: (_, ticks) => ticks.map((tick) => humanize(tick, unit)) }],
      series: [
        {},
        ...columns.metrics.map((_, at) => ({
          stroke: palette[at % palette.length],
          fill: stacked && at === lowest ? `${palette[at % palette.length]}40` : undefined,
          width: 1.25,
          show: shown[at],
          points: { show: lonely(columns.values[at] ?? []) , size: 4 },
        })),
      ],
      bands: stacked ? bands(shown, palette) : [],
      hooks: {
        setCursor: [(u) => setPointer(u.cursor.idx == null || (u.cursor.left ?? -1) < 0 ? null : { index: u.cursor.idx, left: (u.cursor.left ?? 0) + u.bbox.left / devicePixelRatio, y: u.posToVal(u.cursor.top ?? 0, "y"), width: element.clientWidth })],
        setSelect: [(u) => {
          if (u.select.width < 4) return;
          zoomed.current(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
      },
    };
    const u = new uPlot(options, [columns.times, ...drawn] as uPlot.AlignedData, element);
    plot.current = u;
    const resized = new ResizeObserver(() => element.clientWidth > 0 && element.clientWidth !== u.width && u.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      u.destroy();
      plot.current = null;
      setPointer(null);
    };
  }, [columns, drawn, shown, stacked, dark, unit]);

  return (
    <div class="graph">
      {columns.histograms > 0 && <p class="message">{columns.histograms} native histograms cannot be drawn as lines; use histogram_quantile or look at the table.</p>}
      <div class="plot" ref={box} role="img" aria-label={`Graph of ${expr}`}>
        {pointer && <Hover pointer={pointer} columns={columns} shown={shown} drawn={drawn} palette={palette} unit={unit} />}
      </div>
      <Legend columns={columns} palette={palette} alone={alone} unit={unit} isolate={(at) => setAlone(alone === at ? null : at)} />
    </div>
  );
}

/** Fills the room between each shown line and the one below it. */
function bands(shown: boolean[], palette: string[]): uPlot.Band[] {
  const drawn = shown.flatMap((show, at) => (show ? [at] : []));
  return drawn.slice(1).map((at, below) => ({ series: [at + 1, (drawn[below] as number) + 1], fill: `${palette[at % palette.length]}40` }));
}

/** A series with single points between holes shows nothing as a line. */
function lonely(values: (number | null)[]): boolean {
  return values.some((value, at) => value !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null);
}
