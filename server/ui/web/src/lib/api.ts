// The Prometheus HTTP API: one function per endpoint, answers in its own shapes.

import { prefix } from "./location";

export type Labels = Record<string, string>;
/** Seconds since 1970 and the value as the server prints it. */
export type Point = [number, string];
export interface Histogram {
  count: string;
  sum: string;
  /** Boundary rule, lower and upper bound, count. */
  buckets?: [number, string, string, string][];
}
export interface Series {
  metric: Labels;
  value?: Point;
  values?: Point[];
  histogram?: [number, Histogram];
  histograms?: [number, Histogram][];
}
export type QueryData =
  | { resultType: "vector" | "matrix"; result: Series[] }
  | { resultType: "scalar" | "string"; result: Point };
export interface Answer<T> {
  data: T;
  warnings: string[];
  infos: string[];
}

export interface Alert {
  labels: Labels;
  annotations: Labels;
  state: "firing" | "pending" | "inactive";
  activeAt?: string;
  value: string;
}
export interface Rule {
  type: "alerting" | "recording";
  name: string;
  query: string;
  health: string;
  lastError?: string;
  lastEvaluation?: string;
  evaluationTime?: number;
  labels?: Labels;
  annotations?: Labels;
  duration?: number;
  keepFiringFor?: number;
  state?: Alert["state"];
  alerts?: Alert[];
}
export interface RuleGroup {
  name: string;
  file: string;
  interval: number;
  rules: Rule[];
}
export interface Target {
  discoveredLabels: Labels;
  labels: Labels;
  scrapePool: string;
  scrapeUrl: string;
  globalUrl: string;
  lastError: string;
  lastScrape: string;
  lastScrapeDuration: number;
  health: "up" | "down" | "unknown";
  scrapeInterval: string;
  scrapeTimeout: string;
}
export interface Targets {
  activeTargets: Target[];
  droppedTargets?: { discoveredLabels: Labels; scrapePool?: string }[];
  droppedTargetCounts?: Record<string, number>;
}
export interface Count {
  name: string;
  value: number;
}
export interface TsdbStatus {
  headStats: { numSeries: number; numLabelPairs: number; chunkCount: number; minTime: number; maxTime: number };
  seriesCountByMetricName: Count[];
  labelValueCountByLabelName: Count[];
  memoryInBytesByLabelName: Count[];
  seriesCountByLabelValuePair: Count[];
}

/** The server's own words about what is wrong, with its kind (`bad_data`, `timeout`, ...). */
export class ApiError extends Error {
  constructor(
    readonly kind: string,
    message: string,
  ) {
    super(message);
  }
}

/** Longest query string that is sent as a GET; longer ones go into the body. */
const GET_LENGTH_MAX = 2000;

export type Parameters = Record<string, string | number | undefined>;

export async function ask<T>(path: string, parameters: Parameters = {}, signal?: AbortSignal): Promise<Answer<T>> {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) form.append(name, String(value));
  }
  const long = form.toString().length > GET_LENGTH_MAX;
  const url = `${prefix()}api/v1/${path}`;
  let response: Response;
  try {
    response = long
      ? await fetch(url, { method: "POST", body: form, signal })
      : await fetch(form.size > 0 ? `${url}?${form}` : url, { signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError("unreachable", "The server does not answer. It may be restarting; this page tries again.");
  }
  const text = await response.text();
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ApiError("http", `${response.status} ${response.statusText}: ${text.slice(0, 300).trim()}`);
  }
  if (body.status !== "success") throw new ApiError(body.errorType ?? "http", body.error ?? `status ${response.status}`);
  return { data: body.data, warnings: body.warnings ?? [], infos: body.infos ?? [] };
}

export const instant = (query: string, time?: number, signal?: AbortSignal, limit?: number) =>
  ask<QueryData>("query", { query, time, limit }, signal);

export const range = (query: string, start: number, end: number, step: number, signal?: AbortSignal, limit?: number) =>
  ask<QueryData>("query_range", { query, start, end, step, limit }, signal);

/** The series of an instant answer; a scalar counts as one series without labels. */
export function seriesOf(data: QueryData): Series[] {
  if (data.resultType === "vector" || data.resultType === "matrix") return data.result;
  return [{ metric: {}, value: data.result as Point }];
}

/** "+Inf", "NaN" and numbers as the server prints them. */
export function number(text: string): number {
  if (text === "+Inf") return Infinity;
  if (text === "-Inf") return -Infinity;
  return Number(text);
}
