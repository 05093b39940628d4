/** A browser over TLS: a page with its images by HTTP/2 from three servers, a WebSocket echo, and server-sent events. */

import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { hasOpenssl } from '../support/certificates.ts';
import { startProcess, temporaryFolder } from '../support/processes.ts';
import { findProgram, HOST, skippedFor, startFronted, startScript } from '../support/real-clients.ts';
import { listen } from '../support/recording-backend.ts';
import { createWatch } from '../support/until.ts';
import { hasApache, hasNginx, publicFolder, startApache, startNginx, startNodeServer } from '../support/web-servers.ts';

const BROWSER = findProgram('/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome');
const IMAGES = 48;
const MESSAGES = 20;
/** A browser that shares two cores with other tests takes its time to start. */
const PATIENCE_MS = 45_000;

it.skipIf(BROWSER === null || !hasOpenssl)(
  `a browser shows a page over HTTP/2, echoes over a WebSocket and hears events${skippedFor(BROWSER)}`,
  { timeout: 60_000 },
  async () => {
    const root = publicFolder();
    for (let i = 0; i < IMAGES; i++) {
      writeFileSync(join(root, `${i}.svg`), `<svg xmlns="http://www.w3.org/2000/svg" width="${i + 1}" height="7"/>`);
    }
    writeFileSync(join(root, 'index.html'), page());
    const servers = await Promise.all([
      startNodeServer(root),
      ...(hasNginx ? [startNginx(root)] : []),
      ...(hasApache ? [startApache(root)] : []),
    ]);
    const reports = await receiveReports();
    const probe = { interval: '1s', fast_interval: '100ms' };
    const one = (port: number, id: string) => ({ backends: [{ id, url: `http://127.0.0.1:${port}` }], probe: false });
    const web = servers.map(({ name, port }) => ({ id: name, url: `http://127.0.0.1:${port}` }));
    const proxy = await startFronted(
      {
        web: { balance: 'round_robin', backends: web, probe },
        echo: one(await startScript('echo-process.mjs'), 'echo'),
        events: one((await startNodeServer(root)).port, 'events'),
        reports: one(reports.port, 'reports'),
      },
      servers.map(({ name }) => name),
      [
        { path: '/echo', upstream: 'echo' },
        { path: '/events', upstream: 'events' },
        { path: '/report', upstream: 'reports' },
        { upstream: 'web' },
      ],
    );

    const key = new X509Certificate(readFileSync(proxy.certFile)).publicKey.export({ type: 'spki', format: 'der' });
    const browser = startProcess(
      BROWSER as string,
      [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
        `--user-data-dir=${temporaryFolder()}`,
        `--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`,
        `--host-resolver-rules=MAP ${HOST} 127.0.0.1, MAP * ~NOTFOUND`,
        // Without it, a browser ends as soon as the page has loaded.
        '--remote-debugging-port=0',
        `https://${HOST}:${proxy.securePort}/`,
      ],
      'SIGTERM',
    );
    const seen = await Promise.race([
      reports.first(),
      browser.exited.then(() => Promise.reject(new Error(`the browser ended: ${browser.lines.join('\n')}`))),
    ]);
    expect(seen).toEqual({
      widths: Array.from({ length: IMAGES }, (_, i) => i + 1),
      // The page itself, and its images.
      protocols: ['h2'],
      echoes: Array.from({ length: MESSAGES }, (_, i) => 'x'.repeat(i * 1_000)),
      // Each was asked for when the one before it had come.
      events: ['one', 'two', 'three'],
    });
  },
);

/** A backend that takes what the page has to say. */
async function receiveReports() {
  const watch = createWatch();
  const received: unknown[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      response.end();
      received.push(JSON.parse(text));
      watch.notify();
    });
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    port,
    first: () =>
      watch.until(
        () => received[0] ?? null,
        () => 'the page reported nothing',
        PATIENCE_MS,
      ),
  };
}

/** Says what became of it in a `POST /report`; what fails, says so, too. */
function page(): string {
  const images = Array.from({ length: IMAGES }, (_, i) => `<img src="/${i}.svg" alt="">`).join('');
  return `<!doctype html><title>Everything</title>${images}<script>
const report = (value) => fetch('/report', { method: 'POST', body: JSON.stringify(value) });
const loaded = new Promise((resolve) => addEventListener('load', resolve));

const echo = () => new Promise((resolve, reject) => {
  const echoes = [];
  const socket = new WebSocket('wss://' + location.host + '/echo');
  socket.onerror = () => reject('the WebSocket failed');
  socket.onopen = () => { for (let i = 0; i < ${MESSAGES}; i++) socket.send('x'.repeat(i * 1000)); };
  socket.onmessage = ({ data }) => {
    echoes.push(data);
    if (echoes.length === ${MESSAGES}) { socket.onclose = () => resolve(echoes); socket.close(); }
  };
});

const listen = () => new Promise((resolve, reject) => {
  const expected = ['one', 'two', 'three'];
  const events = [];
  const source = new EventSource('/events');
  const ask = () => fetch('/events?text=' + expected[events.length], { method: 'POST' });
  source.onerror = () => reject('the events broke off after ' + events);
  source.onopen = ask;
  source.onmessage = ({ data }) => {
    events.push(data);
    if (events.length < expected.length) ask();
    else { source.close(); resolve(events); }
  };
});

Promise.all([echo(), listen(), loaded]).then(([echoes, events]) => {
  const entries = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
  const shown = entries.filter(({ name }) => name.endsWith('/') || name.endsWith('.svg'));
  return report({
    widths: [...document.images].map((image) => image.naturalWidth),
    protocols: [...new Set(shown.map((entry) => entry.nextHopProtocol))],
    echoes,
    events,
  });
}).catch((error) => report({ failed: String(error) }));
</script>`;
}
