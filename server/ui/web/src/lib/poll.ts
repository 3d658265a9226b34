// Data that is asked for again and again while the page is looked at.

import { useEffect, useRef, useState } from "preact/hooks";

export interface Polled<T> {
  data?: T;
  error?: Error;
  /** When `data` was received, in milliseconds since 1970. */
  at: number;
  again: () => void;
}

/** Asks now and every `everyMs` (0: once); rests while the page is hidden, keeps old data on an error. */
export function usePoll<T>(load: (signal: AbortSignal) => Promise<T>, everyMs: number, keys: unknown[]): Polled<T> {
  const [state, setState] = useState<{ data?: T; error?: Error; at: number }>({ at: 0 });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;

  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    const run = async () => {
      if (!document.hidden) {
        try {
          const data = await latest.current(abort.signal);
          if (!abort.signal.aborted) setState({ data, at: Date.now() });
        } catch (error) {
          if (!abort.signal.aborted) setState((old) => ({ ...old, error: error as Error }));
        }
      }
      if (everyMs > 0 && !abort.signal.aborted) timer = window.setTimeout(run, everyMs);
    };
    const wake = () => {
      if (document.hidden || everyMs === 0) return;
      clearTimeout(timer);
      void run();
    };
    void run();
    document.addEventListener("visibilitychange", wake);
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", wake);
    };
  }, [...keys, everyMs, turn]);

  return { ...state, again: () => setTurn((n) => n + 1) };
}
