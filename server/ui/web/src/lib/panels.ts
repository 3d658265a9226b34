// The panels of the Graph page in the address, in the form that Prometheus and its links use.

import { formatDuration, parseDuration } from "./duration";

export interface Panel {
  expr: string;
  tab: "graph" | "table";
  /** Seconds. */
  range: number;
  /** Milliseconds since 1970; null means now. */
  end: number | null;
  /** Seconds; null means chosen from the range. */
  step: number | null;
  stacked: boolean;
}

export const RANGE_DEFAULT = 3600;
/** More panels than this in an address are ignored. */
const PANELS_MAX = 50;

export const emptyPanel = (): Panel => ({ expr: "", tab: "table", range: RANGE_DEFAULT, end: null, step: null, stacked: false });

export function decodePanels(search: string): Panel[] {
  const panels: Panel[] = [];
  for (const [key, value] of new URLSearchParams(search)) {
    const match = /^g(\d{1,3})\.(\w+)$/.exec(key);
    if (!match) continue;
    const at = Number(match[1]);
    if (at >= PANELS_MAX) continue;
    while (panels.length <= at) panels.push(emptyPanel());
    set(panels[at] as Panel, match[2] as string, value);
  }
  return panels.length > 0 ? panels : [emptyPanel()];
}

function set(panel: Panel, key: string, value: string): void {
  switch (key) {
    case "expr":
      panel.expr = value;
      break;
    case "tab":
      panel.tab = value === "0" || value === "graph" ? "graph" : "table";
      break;
    case "range_input":
      panel.range = parseDuration(value) ?? panel.range;
      break;
    case "end_input":
    case "moment_input":
      panel.end = parseTime(value) ?? panel.end;
      break;
    case "step_input":
    case "res_step":
      panel.step = parseDuration(value) ?? panel.step;
      break;
    case "stacked":
      panel.stacked = value === "1";
      break;
    case "display_mode":
      panel.stacked = value === "stacked";
  }
}

/** `2026-11-21 04:30:00` in UTC, as Prometheus writes it, or anything ISO 8601. */
function parseTime(text: string): number | null {
  const utc = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}(:\d{2}(\.\d+)?)?$/.test(text) ? `${text.replace(" ", "T")}Z` : text;
  const ms = Date.parse(utc);
  return Number.isNaN(ms) ? null : ms;
}

export function formatEnd(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}

export function encodePanels(panels: Panel[]): string {
  const form = new URLSearchParams();
  panels.forEach((panel, at) => {
    const add = (key: string, value: string) => form.append(`g${at}.${key}`, value);
    add("expr", panel.expr);
    add("tab", panel.tab === "graph" ? "0" : "1");
    add("range_input", formatDuration(panel.range));
    if (panel.end !== null) {
      add("end_input", formatEnd(panel.end));
      add("moment_input", formatEnd(panel.end));
    }
    if (panel.step !== null) add("step_input", String(panel.step));
    if (panel.stacked) {
      add("stacked", "1");
      add("display_mode", "stacked");
    }
  });
  return `?${form}`;
}

/** The Graph page with this expression. */
export function queryLink(expr: string, options: Partial<Panel> = {}): string {
  return `query${encodePanels([{ ...emptyPanel(), tab: "graph", ...options, expr }])}`;
}
