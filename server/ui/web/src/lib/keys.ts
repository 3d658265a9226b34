// Keys that work on every page: `/` to search, `g` then a letter to go somewhere, `?` for help.

import { go, type Page } from "./location";

/** `g` then this letter shows the page. */
export const LETTERS: Record<string, Page> = { o: "overview", q: "query", a: "alerts", t: "targets", s: "status" };

/** How long after `g` the letter counts. */
const LETTER_MS_MAX = 1500;

let goPressedAt = -Infinity;

function isTyping(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return !!element && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));
}

export function onKey(event: KeyboardEvent, toggleHelp: () => void): void {
  const target = event.composedPath()[0] ?? null;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape" && isTyping(target)) {
    (target as HTMLElement).blur();
    return;
  }
  if (isTyping(target)) return;
  const page = LETTERS[event.key];
  if (page && event.timeStamp - goPressedAt < LETTER_MS_MAX) {
    event.preventDefault();
    goPressedAt = -Infinity;
    go(page);
    return;
  }
  if (event.key === "g") goPressedAt = event.timeStamp;
  if (event.key === "?") toggleHelp();
  if (event.key === "/") {
    const search = document.querySelector<HTMLElement>("[data-search]");
    if (search) {
      event.preventDefault();
      search.dispatchEvent(new CustomEvent("hearth-focus"));
      search.focus();
    }
  }
}
