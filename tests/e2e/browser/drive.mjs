// Drives one Chromium tab for a test that is written in Python.
//
//     node drive.mjs /usr/bin/chromium PROFILE [FLAG...]
//
// The problem: the test must do things of its own (deploy a new build) between two steps of the browser. So each line on
// stdin is one step as JSON, {"step": "click", "selector": "#orders"}, and each line on stdout its outcome: {"value": ...}
// or {"error": "..."}. The end of stdin closes the browser. The profile is the test's: a new folder that it deletes.
//
// What the browser fetched is read from its own network events (the DevTools protocol), because only these say which
// responses came from its caches and which came over the network as a 304.
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

// Without these the browser looks for its maker's servers, which no test machine reaches.
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
const [executablePath, profile, ...more] = process.argv.slice(2);
const args = [...flags, ...more];
const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args });
const page = context.pages()[0] ?? await context.newPage();
page.setDefaultTimeout(30_000);

const trouble = [];
page.on('pageerror', (error) => trouble.push(String(error)));
const said = [];
page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`));

// By the browser's id of a request; the events of one may come in any order.
let exchanges = new Map();
function note(id, what) {
  exchanges.set(id, { ...exchanges.get(id), ...what });
}
const network = await context.newCDPSession(page);
network.on('Network.requestWillBeSent', ({ requestId, request }) => note(requestId, { url: request.url }));
network.on('Network.requestWillBeSentExtraInfo', ({ requestId, headers }) =>
  note(requestId, { sent: Object.fromEntries(Object.entries(headers).map(([n, v]) => [n.toLowerCase(), v])) }));
network.on('Network.responseReceived', ({ requestId, response }) =>
  note(requestId, { status: response.status, type: response.mimeType, disk: response.fromDiskCache,
    security: response.securityState, protocol: response.securityDetails?.protocol, connection: response.connectionId }));
// The status on the wire, where there was a wire: a page that is still good is a 200 above and a 304 here.
network.on('Network.responseReceivedExtraInfo', ({ requestId, statusCode }) => note(requestId, { wire: statusCode }));
network.on('Network.requestServedFromCache', ({ requestId }) => note(requestId, { memory: true }));
network.on('Network.loadingFinished', ({ requestId }) => note(requestId, { ended: true }));
network.on('Network.loadingFailed', ({ requestId }) => note(requestId, { ended: true, failed: true }));
await network.send('Network.enable');

// What is told of a request comes in pieces, the status on the wire not always before the end.
const complete = ({ ended, failed, disk, memory, wire }) => ended && (failed || disk || memory || wire);
const ofTheSite = () => [...exchanges.values()].filter(({ url }) => url?.startsWith('http'));
async function allComplete() {
  await page.waitForLoadState('networkidle');
  for (let tries = 0; tries < 100 && !ofTheSite().every(complete); ++tries) await page.waitForTimeout(50);
  return ofTheSite();
}

const steps = {
  open: async ({ url }) => (await page.goto(url))?.status(),
  // As the reload button does it: what is fresh comes from the cache, what is stale is asked about.
  reload: async () => (await page.reload()).status(),
  click: async ({ selector }) => page.click(selector),
  await_text: async ({ selector, text }) =>
    page.waitForFunction(([s, t]) => document.querySelector(s)?.textContent === t, [selector, text]).then(() => text),
  text: async ({ selector }) => page.textContent(selector),
  evaluate: async ({ script }) => page.evaluate(script),
  address: async () => new URL(page.url()).pathname,
  trouble: async () => trouble.splice(0),
  said: async () => said.splice(0),
  // What was fetched since the last time, by any of the network and the caches; once nothing is under way.
  fetched: async () => {
    const all = await allComplete();
    exchanges = new Map();
    return all.map((one) => ({ ...one, path: new URL(one.url).pathname }));
  },
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
await context.close();
