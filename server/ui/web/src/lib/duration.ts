// Prometheus durations (`1h30m`) to seconds and back.

const UNITS: [string, number][] = [
  ["y", 365 * 86400],
  ["w", 7 * 86400],
  ["d", 86400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
  ["ms", 0.001],
];

/** Seconds, or null when this is no duration. A bare number counts as seconds, as the API has it. */
export function parseDuration(text: string): number | null {
  const input = text.trim();
  if (/^\d+(\.\d+)?$/.test(input)) return Number(input) || null;
  const match = /^(?:\d+(?:ms|[ywdhms]))+$/.exec(input);
  if (!match) return null;
  let total = 0;
  for (const [, count, unit] of input.matchAll(/(\d+)(ms|[ywdhms])/g)) {
    total += Number(count) * (UNITS.find(([name]) => name === unit)?.[1] ?? 0);
  }
  return total > 0 ? total : null;
}

export function formatDuration(seconds: number): string {
  let rest = Math.round(seconds * 1000) / 1000;
  let text = "";
  for (const [name, size] of UNITS) {
    if (name === "w" || name === "y") continue;
    const count = Math.floor(rest / size + 1e-9);
    if (count > 0) text += `${count}${name}`;
    rest = Math.round((rest - count * size) * 1000) / 1000;
  }
  return text || "0s";
}
