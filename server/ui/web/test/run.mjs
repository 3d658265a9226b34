// Drives Chromium over the built page. Needs `npm ci` and Debian's chromium (or $CHROMIUM); says so and stops without.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { api, PAYLOADS } from "./fixtures.mjs";
import { serve } from "./server.mjs";

const chromium = process.env.CHROMIUM ?? "/usr/bin/chromium";
const playwright = await import("playwright-core").catch(() => null);
if (!playwright || !existsSync(chromium)) {
  console.log("skipped: no chromium");
  process.exit(0);
}
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const seen = [];
const site = await serve({ prefix: "/some/prefix", answer: api(seen) });
const browser = await playwright.chromium.launch({ executablePath: chromium, args: ARGS });

/** Opens `path`, runs `body`, and fails on any error of the browser's console (a refused script or style among them). */
async function visit(path, body, context = {}) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, ...context });
  page.setDefaultTimeout(8000);
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  // The API's own 4xx answers are logged by the browser and are part of some tests.
  page.on("console", (message) => message.type() === "error" && !message.text().includes("status of 4") && complaints.push(message.text()));
  await page.goto(`${site.url}/${path}`);
  await body(page);
  assert.deepEqual(complaints, []);
  assert.equal(await page.evaluate(() => window.pwned), undefined, "a payload ran");
  assert.equal(await page.locator("img, main script, main b b, [onload], [onerror], a[href^='javascript']").count(), 0, "a payload became an element");
  await page.close();
}

const q = (expr, more = "") => `query?g0.expr=${encodeURIComponent(expr)}&g0.tab=${more.includes("graph") ? 0 : 1}`;
const text = (page, wanted) => page.getByText(wanted).first().waitFor();
const address = (page, pattern) => page.waitForURL(pattern);

const tests = {
  "the overview measures, warns and links to the query behind": () =>
    visit("overview", async (page) => {
      await text(page, "99 %");
      assert.match(await page.locator("a.cell.bad").first().innerText(), /▲ 99 %\s*used/);
      await text(page, "full in 2 h");
      await text(page, "no software RAID");
      await text(page, "44 MiB of memory");
      await text(page, "Harmful");
      await page.locator("a.cell.bad").first().click();
      await address(page, /\/query\?g0\.expr=.*MemAvailable/);
    }),
  "the table shows series, warnings and infos": () =>
    visit(q("harm"), async (page) => {
      await text(page, "careful");
      await text(page, "by the way");
      for (const payload of PAYLOADS) await text(page, payload);
    }),
  "the graph shows lines, a list under the pointer, and isolates on a click": () =>
    visit(q("harm", "graph"), async (page) => {
      await page.locator(".u-over").hover({ position: { x: 400, y: 100 } });
      await page.locator(".hover .line").first().waitFor();
      const values = await page.locator(".hover .num").allInnerTexts();
      assert.deepEqual(values, ["5", "4", "3", "2", "1", "0"]);
      await page.locator(".legend button").nth(2).click();
      assert.equal(await page.locator(".legend .off").count(), PAYLOADS.length - 1);
    }),
  "dragging zooms, and the browser's back button undoes it": () =>
    visit(q("up", "graph"), async (page) => {
      const box = await page.locator(".plot canvas").boundingBox();
      await page.mouse.move(box.x + 300, box.y + 100);
      await page.mouse.down();
      await page.mouse.move(box.x + 500, box.y + 120, { steps: 5 });
      await page.mouse.up();
      await address(page, /g0\.range_input=\d+m(\d+s)?&g0\.end_input=/);
      await page.goBack();
      assert.ok(!page.url().includes("end_input"), page.url());
    }),
  "a thousand series are drawn and a few of them listed": () =>
    visit(q("many", "graph"), async (page) => {
      await text(page, "1000 series");
      await page.locator(".u-over").hover({ position: { x: 400, y: 100 } });
      await page.locator(".hover .line").first().waitFor();
      assert.ok((await page.locator(".hover .line").count()) <= 16);
      assert.ok((await page.locator(".legend button").count()) <= 101);
    }),
  "the editor completes, runs on Enter and keeps its text in the address": () =>
    visit("query", async (page) => {
      await page.locator(".cm-content").waitFor();
      await page.keyboard.press("/");
      await page.keyboard.type("node_lo");
      await page.locator(".cm-tooltip-autocomplete").getByText("node_load1").first().waitFor();
      await page.waitForTimeout(150); // CodeMirror ignores Enter in the first moments of a completion list.
      await page.keyboard.press("Enter");
      await page.keyboard.press("Enter");
      await address(page, /g0\.expr=node_load1/);
    }),
  "a wrong expression is answered in the server's words": () => visit(q("up +"), (page) => text(page, "parse error: unexpected end of input")),
  "an empty result says why": async () => {
    await visit(q("nothing_here"), (page) => text(page, "There is no metric named nothing_here."));
    await visit(q('harm{text="absent"}'), (page) => text(page, "harm exists, but no series of it matches"));
    await visit(q("up == 7"), (page) => text(page, "nothing is left of it"));
  },
  "links in Prometheus' form open what they mean": () =>
    visit("query?g0.expr=up&g0.tab=0&g0.range_input=30m&g0.stacked=1&g0.step_input=10&g0.end_input=2026-01-02%2003%3A04%3A05&g1.expr=harm&g1.tab=1", async (page) => {
      await page.locator(".plot canvas").waitFor();
      await text(page, "a point every 10 s");
      assert.equal(await page.locator("section.panel").count(), 2);
      const asked = seen.filter((path) => path.startsWith("query_range?query=up&")).pop();
      const form = new URLSearchParams(asked.split("?")[1]);
      assert.equal(Number(form.get("end")), Date.UTC(2026, 0, 2, 3, 4, 5) / 1000);
      assert.equal(Number(form.get("end")) - Number(form.get("start")), 1800);
    }),
  "alerts stand with the firing ones first and can be filtered": () =>
    visit("alerts", async (page) => {
      await text(page, "Harmful");
      assert.deepEqual(await page.locator("main section h2").allInnerTexts(), ["▲ firing 1", "● inactive 1"]);
      await page.getByRole("searchbox").fill("quiet");
      await page.locator("details.rule").getByText("Harmful").waitFor({ state: "detached" });
      await address(page, /search=quiet/);
    }),
  "targets say why they are down, before the ones that are up": () =>
    visit("targets", async (page) => {
      await text(page, "line 3:");
      await page.getByRole("button", { name: /^up/ }).click();
      await page.getByText("line 3:").waitFor({ state: "detached" });
      await text(page, "523");
    }),
  "status shows configuration, flags and cardinality": () =>
    visit("status", async (page) => {
      await text(page, "global: {}");
      await text(page, "web.listen-address");
      await text(page, "1.23 k");
    }),
  "keys go everywhere": () =>
    visit("overview", async (page) => {
      for (const [letter, name] of [["a", "alerts"], ["t", "targets"], ["s", "status"], ["q", "query"], ["o", "overview"]]) {
        await page.keyboard.press("g");
        await page.keyboard.press(letter);
        await address(page, `**/${name}`);
      }
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      await page.keyboard.press("g");
      await page.keyboard.press("a");
      await page.getByRole("searchbox").waitFor();
      await page.keyboard.press("/");
      assert.equal(await page.evaluate(() => document.activeElement.getAttribute("type")), "search");
      await page.keyboard.press("Escape");
      assert.equal(await page.evaluate(() => document.activeElement.tagName), "BODY");
    }),
  "every page fits on a phone": async () => {
    for (const path of ["overview", q("harm", "graph"), "alerts", "targets", "status"]) {
      const phone = { viewport: { width: 390, height: 844 } };
      await visit(path, async (page) => {
        await page.waitForTimeout(400);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= 390, `${path} is ${width} wide`);
      }, phone);
    }
  },
};

/** A page that hangs must not hang the tests. */
const overdue = () => new Promise((_, reject) => setTimeout(() => reject(new Error("not done after 40 s")), 40_000).unref());

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await Promise.race([test(), overdue()]);
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL  ${name}\n      ${String(error.message).split("\n").slice(0, 8).join("\n      ")}`);
  }
}
await browser.close();
site.close();
console.log(`${Object.keys(tests).length - failed} of ${Object.keys(tests).length} passed`);
process.exit(failed > 0 ? 1 : 0);
