// A part of the page that is fetched when it is first needed.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failure } from "./messages";

export function Lazy({ load }: { load: () => Promise<ComponentType> }) {
  const [part, setPart] = useState<{ Loaded?: ComponentType; error?: Error }>({});
  useEffect(() => {
    load().then(
      (Loaded) => setPart({ Loaded }),
      () => setPart({ error: new Error("A part of this page could not be loaded. The server may have been updated: reload the page.") }),
    );
  }, []);
  if (part.error) return <Failure error={part.error} />;
  return part.Loaded ? <part.Loaded /> : null;
}
