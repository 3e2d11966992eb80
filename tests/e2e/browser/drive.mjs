// Drives one Chromium tab for a test that is written in Python.
//
// The problem: the test must do things of its own (deploy a new build) between two steps of the browser. So each line on
// stdin is one step as JSON, {"step": "click", "selector": "#orders"}, and each line on stdout its outcome: {"value": ...}
// or {"error": "..."}. The end of stdin closes the browser, which takes its profile with it.
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

// Without these the browser looks for its maker's servers, which no test machine reaches.
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const browser = await chromium.launch({ executablePath: process.argv[2], headless: true, args: flags });
const page = await browser.newPage();
page.setDefaultTimeout(30_000);

const trouble = [];
page.on('pageerror', (error) => trouble.push(String(error)));

const steps = {
  open: async ({ url }) => (await page.goto(url)).status(),
  // As the reload button does it: what is fresh comes from the cache, what is stale is asked about.
  reload: async () => (await page.reload()).status(),
  click: async ({ selector }) => page.click(selector),
  await_text: async ({ selector, text }) =>
    page.waitForFunction(([s, t]) => document.querySelector(s)?.textContent === t, [selector, text]).then(() => text),
  text: async ({ selector }) => page.textContent(selector),
  evaluate: async ({ script }) => page.evaluate(script),
  address: async () => new URL(page.url()).pathname,
  trouble: async () => trouble.splice(0),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { step, ...options } = JSON.parse(line);
  let outcome;
  try {
    outcome = { value: (await steps[step](options)) ?? null };
  } catch (error) {
    outcome = { error: `${step}: ${error}` };
  }
  process.stdout.write(JSON.stringify(outcome) + '\n');
}
await browser.close();
