// What went wrong, in words, where it went wrong; and waiting that shows only when it takes long.

import { useEffect, useState } from "preact/hooks";
import { ApiError, ask } from "../lib/api";
import { humanize } from "../lib/format";
import { usePoll } from "../lib/poll";

const KINDS: Record<string, string> = {
  bad_data: "Not understood",
  execution: "The query failed",
  timeout: "Took too long",
  canceled: "Canceled",
  internal: "The server failed",
  unavailable: "Not ready yet",
  not_found: "Not found",
  unreachable: "No answer",
};

export function Failure({ error }: { error: Error }) {
  const kind = error instanceof ApiError ? (KINDS[error.kind] ?? "Error") : "Error";
  const starting = /starting|not ready|unavailable/i.test(error.message) || (error instanceof ApiError && error.kind === "unavailable");
  return (
    <div class="message bad" role="alert">
      <b>{kind}:</b> <span class="pre">{error.message}</span>
      {starting && <Replay />}
    </div>
  );
}

/** How far the server is with reading what it wrote before it was started. */
function Replay() {
  const replay = usePoll((signal) => ask<{ min: number; max: number; current: number }>("status/walreplay", {}, signal), 1000, []);
  const data = replay.data?.data;
  if (!data || data.max <= data.min) return null;
  const done = (data.current - data.min) / (data.max - data.min);
  return (
    <>
      {" "}
      <progress value={done} max={1} aria-label="Reading the write-ahead log" /> reading the write-ahead log: {humanize(done, "ratio")}
    </>
  );
}

export function Notes({ warnings, infos }: { warnings: string[]; infos: string[] }) {
  if (warnings.length + infos.length === 0) return null;
  return (
    <ul class="notes">
      {warnings.map((text) => (
        <li class="message warn"><b>Warning:</b> {text}</li>
      ))}
      {infos.map((text) => (
        <li class="message"><b>Note:</b> {text}</li>
      ))}
    </ul>
  );
}

/** Nothing for 200 ms: a word that flashes by is worse than none. */
export function Waiting({ what }: { what: string }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 200);
    return () => clearTimeout(timer);
  }, []);
  return <p class="dim" aria-live="polite">{late ? `${what} …` : ""}</p>;
}
