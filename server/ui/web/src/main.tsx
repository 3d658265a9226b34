// Where the page starts: the frame around the pages, and which of them is shown.

import "./style.css";
import { render } from "preact";
import type { ComponentType } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { LETTERS, onKey } from "./lib/keys";
import { currentPage, followLinks, useAddress, type Page } from "./lib/location";
import { Overview } from "./overview/page";
import { Alerts } from "./alerts";
import { Targets } from "./targets";
import { Status } from "./status";
import { Lazy } from "./parts/lazy";

const TITLES: Record<Page, string> = { overview: "Overview", query: "Graph", alerts: "Alerts", targets: "Targets", status: "Status" };

const PAGES: Record<Page, ComponentType> = {
  overview: Overview,
  query: () => <Lazy load={() => import("./query/page").then((module) => module.QueryPage)} />,
  alerts: Alerts,
  targets: Targets,
  status: Status,
};

function App() {
  useAddress();
  const page = currentPage();
  const help = useRef<HTMLDialogElement>(null);
  // Before the first paint: a key pressed at once is not lost.
  useLayoutEffect(() => {
    const toggle = () => (help.current?.open ? help.current.close() : help.current?.showModal());
    const key = (event: KeyboardEvent) => onKey(event, toggle);
    addEventListener("keydown", key);
    addEventListener("click", followLinks);
    return () => {
      removeEventListener("keydown", key);
      removeEventListener("click", followLinks);
    };
  }, []);
  useEffect(() => {
    document.title = `${TITLES[page]} · Hearth`;
  }, [page]);
  const Shown = PAGES[page];
  return (
    <>
      <a class="skip" href="#main">Skip to the content</a>
      <header class="bar">
        <a class="brand" href="overview" data-go>Hearth</a>
        <nav aria-label="Pages">
          {(Object.keys(TITLES) as Page[]).map((name) => (
            <a key={name} href={name} data-go aria-current={name === page ? "page" : undefined}>
              {TITLES[name]}
            </a>
          ))}
        </nav>
        <button class="quiet help" title="Keys (?)" aria-label="Keys" onClick={() => help.current?.showModal()}>?</button>
      </header>
      <main id="main" tabIndex={-1}>
        <Shown key={page} />
      </main>
      <dialog ref={help} class="keys" aria-label="Keys" onClick={(event) => event.target === help.current && help.current?.close()}>
        <h2>Keys</h2>
        <dl>
          <dt><kbd>/</kbd></dt><dd>search, or edit the expression</dd>
          {Object.entries(LETTERS).map(([letter, name]) => (
            <>
              <dt><kbd>g</kbd> <kbd>{letter}</kbd></dt><dd>{TITLES[name]}</dd>
            </>
          ))}
          <dt><kbd>Enter</kbd></dt><dd>run the expression; with <kbd>Shift</kbd> a new line</dd>
          <dt><kbd>Esc</kbd></dt><dd>close, leave the field</dd>
          <dt><kbd>?</kbd></dt><dd>this list</dd>
        </dl>
        <form method="dialog"><button>Close</button></form>
      </dialog>
    </>
  );
}

render(<App />, document.getElementById("app") as HTMLElement);
