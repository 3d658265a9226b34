// Serves dist/ the way the Rust router does (same security headers), with an API that a function answers or a server behind it.

import { createServer, request } from "node:http";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));
const RUST = fileURLToPath(new URL("../../src/pages.rs", import.meta.url));
const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript", css: "text/css", svg: "image/svg+xml", md: "text/plain" };
const PAGES = ["overview", "query", "alerts", "targets", "status"];

/** The policy as it stands in the Rust source, so that the two cannot drift apart. */
export async function policy() {
  const source = await readFile(RUST, "utf8");
  const [, text] = /CONTENT_SECURITY_POLICY: &str = "((?:[^"\\]|\\[^"])*)"/s.exec(source);
  return text.replace(/\\\n\s*/g, "");
}

/** `answer(path, parameters)` gives `{ status, body }`; or pass `behind`, the address of a real server. */
export async function serve({ prefix = "", answer, behind, port = 0 }) {
  const csp = await policy();
  const server = createServer(async (incoming, outgoing) => {
    const url = new URL(incoming.url, "http://x");
    const path = url.pathname.startsWith(`${prefix}/`) ? url.pathname.slice(prefix.length + 1) : "";
    if (path.startsWith("api/")) {
      if (behind) return forward(behind, path + url.search, incoming, outgoing);
      const { status = 200, body } = await answer(path.slice("api/v1/".length), url.searchParams);
      outgoing.writeHead(status, { "Content-Type": "application/json" });
      return outgoing.end(JSON.stringify(body));
    }
    const name = PAGES.includes(path) ? "index.html" : path;
    const body = await readFile(DIST + name).catch(() => null);
    outgoing.writeHead(body ? 200 : 404, { "Content-Type": TYPES[name.split(".").pop()] ?? "text/plain", "Content-Security-Policy": csp });
    outgoing.end(body);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}${prefix}`, close: () => server.closeAllConnections() ?? server.close() };
}

function forward(behind, target, incoming, outgoing) {
  const { host: _, ...headers } = incoming.headers;
  const asked = request(`${behind}/${target}`, { method: incoming.method, headers }, (answered) => {
    outgoing.writeHead(answered.statusCode, answered.headers);
    answered.pipe(outgoing);
  });
  asked.on("error", () => outgoing.destroy());
  incoming.pipe(asked);
}
