// A line of the last while, as small as a word.

const WIDTH = 100;
const HEIGHT = 22;

interface Props {
  /** Seconds and value, in order of time. */
  points: [number, number][];
  start: number;
  end: number;
  /** The least that the upper edge stands for, so that noise near zero stays flat. */
  ceiling: number;
}

export function Sparkline({ points, start, end, ceiling }: Props) {
  const finite = points.filter(([, value]) => Number.isFinite(value));
  if (finite.length < 2 || end <= start) return <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" />;
  const top = Math.max(ceiling, ...finite.map(([, value]) => value));
  const bottom = Math.min(0, ...finite.map(([, value]) => value));
  const x = (time: number) => (((time - start) / (end - start)) * WIDTH).toFixed(1);
  const y = (value: number) => (HEIGHT - 1 - ((value - bottom) / (top - bottom || 1)) * (HEIGHT - 2)).toFixed(1);
  const gap = usualStep(finite) * 1.5;
  let line = "";
  finite.forEach(([time, value], at) => {
    const previous = finite[at - 1];
    line += `${previous && time - previous[0] <= gap ? "L" : "M"}${x(time)} ${y(value)}`;
  });
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="floor" d={`M0 ${HEIGHT - 0.5}H${WIDTH}`} />
      <path class="line" d={line} />
    </svg>
  );
}

/** The usual distance of two points: the median, so that holes do not count. */
function usualStep(points: [number, number][]): number {
  const steps = points.slice(1).map(([time], at) => time - (points[at]?.[0] ?? time));
  steps.sort((a, b) => a - b);
  return steps[steps.length >> 1] ?? 0;
}
