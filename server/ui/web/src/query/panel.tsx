// One panel: expression, table or graph, and what the server said about it.

import { useEffect, useRef, useState } from "preact/hooks";
import { instant, range, type Answer, type QueryData } from "../lib/api";
import { seconds } from "../lib/format";
import type { Panel } from "../lib/panels";
import { Failure, Notes, Waiting } from "../parts/messages";
import { Controls } from "./controls";
import { Editor } from "./editor";
import { whyEmpty } from "./empty";
import { Graph } from "./graph";
import { Table } from "./table";

/** Points per series when the step is left to us, as Prometheus has it. */
const POINTS = 250;

interface Props {
  panel: Panel;
  first: boolean;
  change: (changed: Partial<Panel>) => void;
  remove?: () => void;
}

interface Outcome {
  /** What was asked, so that old data is never drawn on new axes. */
  tab: Panel["tab"];
  start: number;
  end: number;
  step: number;
  answer?: Answer<QueryData>;
  error?: Error;
  /** Seconds. */
  took?: number;
  why?: string;
}

/** Seconds between two points. */
export const stepOf = (panel: Panel) => panel.step ?? Math.max(1, Math.floor(panel.range / POINTS));

export function PanelView({ panel, first, change, remove }: Props) {
  // What stands in the editor; only running it makes it the panel's.
  const text = useRef(panel.expr);
  const [turn, setTurn] = useState(0);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => void (text.current = panel.expr), [panel.expr]);

  useEffect(() => {
    if (!panel.expr.trim()) {
      setOutcome(null);
      return;
    }
    const abort = new AbortController();
    setBusy(true);
    void run(panel, abort.signal).then((result) => {
      if (abort.signal.aborted) return;
      setOutcome(result);
      setBusy(false);
    });
    return () => abort.abort();
  }, [panel.expr, panel.tab, panel.range, panel.end, panel.step, turn]);

  const submit = (expr = text.current) => {
    if (expr === panel.expr) setTurn((n) => n + 1);
    else change({ expr });
  };
  return (
    <section class="panel" aria-label={panel.expr || "New panel"}>
      <form class="ask" onSubmit={(event) => { event.preventDefault(); submit(); }}>
        <Editor expr={panel.expr} change={(typed) => void (text.current = typed)} submit={submit} search={first} />
        <button class="main" type="submit">Run</button>
        {remove && <button class="quiet" type="button" aria-label="Remove this panel" title="Remove this panel" onClick={remove}>✕</button>}
      </form>
      <Controls panel={panel} change={change} />
      <div class={busy ? "result busy" : "result"} aria-busy={busy}>
        {busy && !outcome && <Waiting what="Asking" />}
        {!panel.expr.trim() && <p class="empty">Type an expression and press Enter. <button class="link" onClick={() => submit("up")}>up</button> shows which targets answer.</p>}
        {outcome && <Result outcome={outcome} panel={panel} change={change} />}
      </div>
    </section>
  );
}

async function run(panel: Panel, signal: AbortSignal): Promise<Outcome> {
  const step = stepOf(panel);
  const end = (panel.end ?? Date.now()) / 1000;
  const start = end - panel.range;
  const asked = { tab: panel.tab, start, end, step };
  const began = performance.now();
  try {
    const answer =
      panel.tab === "graph"
        ? await range(panel.expr, start, end, step, signal)
        : await instant(panel.expr, panel.end === null ? undefined : end, signal);
    const took = (performance.now() - began) / 1000;
    const empty = answer.data.result.length === 0;
    return { ...asked, answer, took, why: empty ? await whyEmpty(panel, start, end, signal) : undefined };
  } catch (error) {
    return { ...asked, error: error as Error };
  }
}

function Result({ outcome, panel, change }: { outcome: Outcome; panel: Panel; change: Props["change"] }) {
  const { answer, error, why, took } = outcome;
  if (error) return <Failure error={error} />;
  if (!answer || outcome.tab !== panel.tab) return null;
  const { data, warnings, infos } = answer;
  const count = data.resultType === "vector" || data.resultType === "matrix" ? data.result.length : 1;
  return (
    <>
      <Notes warnings={warnings} infos={infos} />
      {why ? (
        <p class="empty">{why}</p>
      ) : (
        <>
          <p class="dim small">{count} series{took !== undefined && `, answered in ${seconds(took)}`}{outcome.tab === "graph" && `, a point every ${seconds(outcome.step)}`}</p>
          {outcome.tab === "graph" ? (
            <Graph data={data} expr={panel.expr} stacked={panel.stacked} start={outcome.start} end={outcome.end} step={outcome.step}
              zoom={(from, to) => change({ end: Math.round(to) * 1000, range: Math.max(1, Math.round(to) - Math.round(from)) })} />
          ) : (
            <Table data={data} expr={panel.expr} />
          )}
        </>
      )}
    </>
  );
}
