// Lighthouse on pages of the built site, in one Chromium. The task is read from standard input:
//   {"site": folder, "chromium": program, "tasks": [{"page": "intro", "kind": "rules"}, …]}
// and each result is written as a line of JSON when it is there.
// Kinds: "rules" looks at accessibility, best practices and what search engines ask for, without
// any throttling; "desktop" and "mobile" time the page as Lighthouse does by default.
import { text } from "node:stream/consumers";

import { launch } from "chrome-launcher";
import lighthouse, { desktopConfig } from "lighthouse";

import { openServer } from "./server.mjs";

const RULES = ["accessibility", "best-practices", "seo"];
const ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic"];
// A page from this machine is there at once; Lighthouse would wait seconds to be sure. It takes
// shorter waits only where it throttles nothing while the page loads, which is "simulate".
const AT_ONCE = {
  throttlingMethod: "simulate",
  pauseAfterFcpMs: 0,
  pauseAfterLoadMs: 250,
  networkQuietThresholdMs: 250,
  cpuQuietThresholdMs: 0,
};

function settingsFor(kind) {
  const base = { output: "json", logLevel: "error", disableFullPageScreenshot: true };
  if (kind === "rules") {
    return { ...base, ...AT_ONCE, onlyCategories: RULES };
  }
  return { ...base, onlyCategories: ["performance"] };
}

function failuresOf(report) {
  const failed = [];
  for (const category of Object.values(report.categories)) {
    for (const { id, weight } of category.auditRefs) {
      const audit = report.audits[id];
      const scored = weight > 0 && audit.score !== null && audit.score < 1;
      if (scored && category.id !== "performance") {
        const places = (audit.details?.items ?? []).map((item) => item.node?.snippet).slice(0, 3);
        failed.push([category.id, id, ...places.filter(Boolean)].join(" "));
      }
    }
  }
  return failed;
}

async function measure(origin, port, { page, kind }) {
  const config = kind === "mobile" ? undefined : desktopConfig;
  const settings = { ...settingsFor(kind), port };
  const { lhr } = await lighthouse(`${origin}/${page}.html`, settings, config);
  const scores = Object.values(lhr.categories).map(({ id, score }) => [id, Math.round(score * 100)]);
  const error = lhr.runtimeError?.message ?? null;
  return { page, kind, error, scores: Object.fromEntries(scores), failures: failuresOf(lhr) };
}

const { site, chromium, tasks } = JSON.parse(await text(process.stdin));
const { server, origin } = await openServer(site);
const browser = await launch({ chromePath: chromium, chromeFlags: ARGUMENTS });
try {
  for (const task of tasks) {
    console.log(JSON.stringify(await measure(origin, browser.port, task)));
  }
} finally {
  browser.kill();
  server.close();
}
