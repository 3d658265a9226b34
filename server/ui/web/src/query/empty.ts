// Why an answer is empty: no such metric, no such labels, or nothing at that time.

import { ask } from "../lib/api";
import { formatDuration } from "../lib/duration";
import type { Panel } from "../lib/panels";

/** Selectors of one expression that are looked at. */
const SELECTORS_MAX = 8;

/** Words of the language that stand where a metric's name could. */
const WORDS = /^(by|without|on|ignoring|group_left|group_right|and|or|unless|bool|offset|inf|nan|atan2|start|end|smoothed|anchored|fill|fill_left|fill_right)$/i;

export interface Selector {
  name: string;
  /** With its braces as written. */
  text: string;
}

/** Names and matchers as they stand in the expression; good enough to say what is missing. */
export function selectorsOf(expr: string): Selector[] {
  const bare = expr.replace(/#.*$/gm, " ").replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/gi, " ");
  const found: Selector[] = [];
  const pattern = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\[[^\]]*\]|([a-zA-Z_:][\w:]*)?\s*(\{(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^}"'])*\})|\b([a-zA-Z_:][\w:]*)(?!\s*[\w:(])/g;
  for (const [, named, braces, alone] of bare.matchAll(pattern)) {
    const name = named ?? alone ?? "";
    if (braces ? WORDS.test(name) : name === "" || WORDS.test(name)) continue;
    found.push({ name, text: `${name}${braces ?? ""}` });
  }
  return found.slice(0, SELECTORS_MAX);
}

export async function whyEmpty(panel: Panel, start: number, end: number, signal: AbortSignal): Promise<string> {
  const when = panel.tab === "graph" ? `in these ${formatDuration(panel.range)}` : panel.end === null ? "now" : "at that time";
  const from = panel.tab === "graph" ? start - 300 : end - 300;
  const exists = async (match: string, limits: boolean) =>
    (await ask<unknown[]>("series", { "match[]": match, limit: 1, ...(limits ? { start: from, end } : {}) }, signal)).data.length > 0;
  try {
    for (const { name, text } of selectorsOf(panel.expr)) {
      if (await exists(text, true)) continue;
      if (name && !(await exists(name, false))) return `There is no metric named ${name}.`;
      if (text !== name && !(await exists(text, false))) return `${name || "Some metric"} exists, but no series of it matches ${text}.`;
      return `${text} has no data ${when}, but it has at another time.`;
    }
  } catch (error) {
    if (signal.aborted) throw error;
    return `The result is empty ${when}.`;
  }
  return `Every series of this expression has data ${when}, but nothing is left of it: a comparison may be false for all of them, a rate may lack a second sample, or the two sides of an operator share no labels.`;
}
