// An application as people write them, on node's http module, for tests of what a proxy must pass untouched.
//
//     node application.mjs PORT
//
// Every path shows one habit of applications: cookies, redirects, event streams, compressed or chunked content, trailers,
// 100 (Continue) when it likes, 103 (Early Hints). What one request must tell another (that an event was received) goes
// through this process, so that no test depends on time.
import { createHash } from 'node:crypto';
import http from 'node:http';
import { gzipSync } from 'node:zlib';

const LARGE = 8 * 1024 * 1024;
const large = Buffer.alloc(LARGE);
for (let at = 0; at < LARGE; at += 4) large.writeUInt32LE((at * 2654435761) >>> 0, at);
const hash = (octets) => createHash('sha256').update(octets).digest('hex');

const waiting = new Map(); // event streams, by name: go on when told
const left = new Set(); // event streams whose client went away

function json(response, value) {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(value));
}

const routes = {
  '/echo': (request, response) => json(response, { method: request.method, url: request.url, fields: request.headers,
    version: request.httpVersion }),
  '/cookies': (request, response) => {
    response.setHeader('Set-Cookie', ['session=1; Path=/; HttpOnly', 'basket=2; Path=/shop; Max-Age=60']);
    json(response, { cookie: request.headers.cookie ?? null });
  },
  '/redirect': (request, response) => {
    response.writeHead(302, { Location: '/echo?redirected' }).end();
  },
  '/absolute': (request, response) => {
    response.writeHead(302, { Location: `http://${request.headers.host}/echo?absolute` }).end();
  },
  '/elsewhere': (request, response) => {
    response.writeHead(302, { Location: 'https://example.com/echo' }).end();
  },
  '/download': (request, response) => {
    response.writeHead(200, { 'Content-Length': LARGE, 'X-Hash': hash(large) }).end(large);
  },
  '/chunked': (request, response) => {
    response.writeHead(200, { 'X-Hash': hash(large) });
    for (let at = 0; at < LARGE; at += 65536) response.write(large.subarray(at, at + 65536));
    response.end();
  },
  '/gzip': (request, response) => {
    const octets = gzipSync('The quick brown fox. '.repeat(1000));
    response.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': octets.length, 'X-Hash': hash(octets),
      'Content-Type': 'text/plain', Vary: 'Accept-Encoding', ETag: '"zipped"' }).end(octets);
  },
  '/tagged': (request, response) => {
    response.setHeader('ETag', '"version-1"');
    response.setHeader('Cache-Control', 'no-cache');
    if (request.headers['if-none-match'] === '"version-1"') response.writeHead(304).end();
    else response.end('tagged');
  },
  '/trailers': (request, response) => {
    response.writeHead(200, { Trailer: 'X-Checksum' });
    response.write('content');
    response.addTrailers({ 'X-Checksum': hash('content') });
    response.end();
  },
  '/hints': (request, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    response.end('hinted');
  },
  '/nothing': (request, response) => response.writeHead(204).end(),
  '/upload': (request, response) => {
    const seen = createHash('sha256');
    let octets = 0;
    request.on('data', (part) => { seen.update(part); octets += part.length; });
    request.on('end', () => json(response, { octets, hash: seen.digest('hex'), trailers: request.trailers,
      length: request.headers['content-length'] ?? null, coding: request.headers['transfer-encoding'] ?? null }));
  },
  // One event; each further one when /next says so.
  '/events': (request, response, name) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    let number = 0;
    const next = () => response.write(`id: ${number}\ndata: event ${number++}\n\n`);
    next();
    waiting.set(name, { next, end: () => response.end() });
    response.on('close', () => { waiting.delete(name); left.add(name); });
  },
  '/next': (request, response, name) => {
    waiting.get(name).next();
    response.end();
  },
  '/end': (request, response, name) => {
    waiting.get(name).end();
    response.end();
  },
  '/left': (request, response, name) => json(response, left.has(name)),
};

routes['/base/echo'] = routes['/echo'];

const server = http.createServer((request, response) => {
  const [path, query] = request.url.split('?');
  const route = routes[path];
  if (route) route(request, response, query);
  else response.writeHead(404).end('not here');
});

// Without this, node says 100 (Continue) by itself.
server.on('checkContinue', (request, response) => {
  const [path, query] = request.url.split('?');
  if (query === 'refuse') {
    response.writeHead(413, { Connection: 'close' }).end('too much');
  } else {
    if (query !== 'silent') response.writeContinue();
    routes[path](request, response, query);
  }
});
server.listen(Number(process.argv[2]), '127.0.0.1');
