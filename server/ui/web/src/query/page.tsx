// The Graph page: panels, kept in the address.

import { go, useAddress } from "../lib/location";
import { decodePanels, emptyPanel, encodePanels, type Panel } from "../lib/panels";
import { PanelView } from "./panel";

export function QueryPage() {
  const panels = decodePanels(useAddress());
  const show = (next: Panel[]) => {
    const search = encodePanels(next);
    if (search !== location.search) go(`query${search}`);
  };
  return (
    <>
      <h1 class="hidden">Graph</h1>
      {panels.map((panel, at) => (
        <PanelView
          key={at}
          panel={panel}
          first={at === 0}
          change={(changed) => show(panels.map((old, other) => (other === at ? { ...old, ...changed } : old)))}
          remove={panels.length > 1 ? () => show(panels.filter((_, other) => other !== at)) : undefined}
        />
      ))}
      <button onClick={() => show([...panels, { ...emptyPanel(), tab: panels[panels.length - 1]?.tab ?? "table" }])}>Add panel</button>
    </>
  );
}
