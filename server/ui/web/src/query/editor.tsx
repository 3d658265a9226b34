// The expression: a plain field at once, the real editor when it has arrived.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Handle } from "./codemirror";

interface Props {
  /** What was run last; replaces what stands here whenever it changes. */
  expr: string;
  change: (text: string) => void;
  submit: (text: string) => void;
  /** Whether `/` leads here. */
  search: boolean;
}

export function Editor({ expr, change, submit, search }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const handle = useRef<Handle | null>(null);
  const [loaded, setLoaded] = useState(false);
  const text = useRef(expr);
  const calls = useRef({ change, submit });
  calls.current = { change, submit };
  const typed = (now: string) => {
    text.current = now;
    calls.current.change(now);
  };

  useEffect(() => {
    let gone = false;
    // Without it the plain field stays, which can do everything but complete.
    import("./codemirror").then(({ mount }) => {
      if (gone || !box.current) return;
      const focused = document.activeElement === field.current;
      handle.current = mount(box.current, text.current, typed, (now) => calls.current.submit(now));
      setLoaded(true);
      if (focused) handle.current.focus();
    }, () => undefined);
    return () => {
      gone = true;
      handle.current?.destroy();
    };
  }, []);
  // The text is never sent back while typing: two versions of it would chase each other.
  useEffect(() => {
    text.current = expr;
    handle.current?.set(expr);
    if (field.current) field.current.value = expr;
  }, [expr]);
  useEffect(() => {
    const element = box.current;
    const focus = () => handle.current?.focus();
    element?.addEventListener("hearth-focus", focus);
    return () => element?.removeEventListener("hearth-focus", focus);
  }, []);

  const key = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    submit((event.currentTarget as HTMLTextAreaElement).value);
  };
  return (
    <>
      <div class="editor" ref={box} data-search={search && loaded ? "" : undefined} hidden={!loaded} />
      {!loaded && (
        <textarea ref={field} data-search={search ? "" : undefined} aria-label="Expression" rows={1} spellcheck={false} placeholder="Expression (/)" defaultValue={expr}
          onInput={(event) => typed(event.currentTarget.value)} onKeyDown={key} />
      )}
    </>
  );
}
