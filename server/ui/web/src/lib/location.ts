// The address bar as the one place that says which page is shown and with what.

import { useEffect, useState } from "preact/hooks";

export type Page = "overview" | "query" | "alerts" | "targets" | "status";

const listeners = new Set<() => void>();
const notify = () => listeners.forEach((listener) => listener());
addEventListener("popstate", notify);

/** Everything before the page's own name: the route prefix, ending in a slash. */
export function prefix(): string {
  return location.pathname.slice(0, location.pathname.lastIndexOf("/") + 1);
}

export function currentPage(): Page {
  const name = location.pathname.slice(prefix().length);
  return name === "query" || name === "alerts" || name === "targets" || name === "status" ? name : "overview";
}

/** Shows another page or state; `replace` leaves no step for the browser's back button. */
export function go(target: string, replace = false): void {
  if (replace) history.replaceState(null, "", target);
  else history.pushState(null, "", target);
  notify();
}

/** Calls again whenever the address changed. */
export function useAddress(): string {
  const [, turn] = useState(0);
  useEffect(() => {
    const listener = () => turn((n) => n + 1);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return location.search;
}

/** Follows plain clicks on our own links without loading the page again. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element).closest?.("a[data-go]");
  const href = link?.getAttribute("href");
  if (!href) return;
  event.preventDefault();
  go(href);
  if (!href.includes("#")) scrollTo(0, 0);
}
