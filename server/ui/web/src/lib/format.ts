// Numbers, sizes and times as people say them.

export type Unit = "ratio" | "bytes" | "bytes/s" | "/s" | "s" | "count" | "number";

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const DECIMAL = ["", "k", "M", "G", "T", "P"];

/** Three significant digits, no trailing zeros, no exponent in everyday sizes. */
function digits(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return trim(value.toFixed(1));
  return trim(value.toFixed(2));
}

function trim(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function scaled(value: number, base: number, names: string[]): [string, string] {
  let at = 0;
  let rest = Math.abs(value);
  // 999.5 would print as 1000: move on one unit before that.
  while (rest >= base - 0.5 && at < names.length - 1) {
    rest /= base;
    at += 1;
  }
  return [digits(Math.sign(value) * rest), names[at] ?? ""];
}

export function humanize(value: number, unit: Unit = "number"): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "−Inf";
  return plain(value, unit).replace(/^-/, "−");
}

function plain(value: number, unit: Unit): string {
  if (unit === "ratio") return `${digits(value * 100)} %`;
  if (unit === "s") return seconds(value);
  if (unit === "bytes" || unit === "bytes/s") {
    const [text, name] = scaled(value, 1024, BINARY);
    return `${text} ${name}${unit === "bytes/s" ? "/s" : ""}`;
  }
  if (value !== 0 && Math.abs(value) < 0.01) {
    const small = Math.abs(value) < 1e-5 ? value.toExponential(1) : trim(value.toFixed(1 - Math.floor(Math.log10(Math.abs(value)))));
    return unit === "/s" ? `${small} /s` : small;
  }
  const [text, name] = scaled(value, 1000, DECIMAL);
  if (unit === "/s") return `${text} ${name}/s`;
  return name ? `${text} ${name}` : text;
}

/** A span of time: 240 ms, 1.5 s, 3 min, 2.5 h, 4 d. */
export function seconds(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0 s";
  if (size < 0.001) return `${digits(value * 1e6)} µs`;
  if (size < 1) return `${digits(value * 1000)} ms`;
  if (size < 60) return `${digits(value)} s`;
  if (size < 3600) return `${digits(value / 60)} min`;
  if (size < 48 * 3600) return `${digits(value / 3600)} h`;
  if (size < 730 * 86400) return `${digits(value / 86400)} d`;
  return `${digits(value / (365.25 * 86400))} y`;
}

/** The same with two digits at most: good for what is only nearly known. */
export function coarse(value: number): string {
  const unit = value < 60 ? 1 : value < 3600 ? 60 : value < 48 * 3600 ? 3600 : 86400;
  const count = value / unit;
  return seconds((unit > 60 && count < 10 ? Math.round(count * 10) / 10 : Math.round(count)) * unit);
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

/** Local time; the day too when it is not today. */
export function localTime(ms: number): string {
  const date = new Date(ms);
  const today = new Date().toDateString() === date.toDateString();
  return today ? clock.format(date) : `${day.format(date)} ${clock.format(date)}`;
}

const pad = (count: number) => String(count).padStart(2, "0");

/** Marks of a time axis, `step` seconds apart: the hour of the day, with the date where it changes. */
export function timeTicks(ticks: number[], step: number): string[] {
  let before = "";
  return ticks.map((tick) => {
    const date = new Date(tick * 1000);
    const today = day.format(date);
    const time = `${pad(date.getHours())}:${pad(date.getMinutes())}${step < 60 ? `:${pad(date.getSeconds())}` : ""}`;
    const text = step >= 86400 ? today : today === before ? time : `${time}\n${today}`;
    before = today;
    return text;
  });
}

export const utcTime = (ms: number): string => `${new Date(ms).toISOString().replace("T", " ").replace("Z", "")} UTC`;

export function ago(ms: number, now = Date.now()): string {
  const past = (now - ms) / 1000;
  return past < 1 ? "just now" : `${coarse(past)} ago`;
}

/** A guess at the unit from the names that the field agreed on; plain numbers when unsure. */
export function unitOf(expr: string): Unit {
  const rate = /\b(rate|irate|deriv)\s*\(/.test(expr);
  if (/[/]/.test(expr) && !/\[.*\/.*\]/.test(expr)) return "number";
  if (/_bytes(_total)?\b/.test(expr)) return rate ? "bytes/s" : "bytes";
  return rate && !/_seconds(_total|_sum)?\b/.test(expr) ? "/s" : "number";
}
