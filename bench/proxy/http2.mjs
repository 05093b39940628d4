/**
 * `node bench/proxy/http2.mjs`: what a request over HTTP/2 and TLS costs a proxy, in CPU time of its process tree; backends speak
 * HTTP/1. The load is h2load's. Proxies are measured in turn; the one to compare with is what Node itself offers.
 *
 *   --only a,b   of pulsegate, node-http2, nginx, haproxy    --runs N  3       --seconds S      a run, 5
 *   --body 66|1024    --connections N  16                    --streams N  16   --node PATH      --out FILE
 */

import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { LOAD_CPU, PROXY_CPU, startBackends } from '../lib/backends.mjs';
import { round, summarise, table, withSpread } from '../lib/figures.mjs';
import { describeMachine, root } from '../lib/machine.mjs';
import { cpuTimeUs, findOnPath, freePorts, listening, pinned, start } from '../lib/process.mjs';
import * as configs from './configs.mjs';
import { requests } from './exchange.mjs';

const REFERENCE = 'node-http2';
const WARM_UP_SECONDS = 1;
const PEER = fileURLToPath(new URL('http2-peer.mjs', import.meta.url));

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'pulsegate,node-http2,nginx,haproxy' },
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    body: { type: 'string', default: '1024' },
    connections: { type: 'string', default: '16' },
    streams: { type: 'string', default: '16' },
    node: { type: 'string', default: process.execPath },
    out: { type: 'string', default: `${root}bench/results/http2.json` },
  },
});
if (findOnPath('h2load') === null) {
  say('h2load is missing; install it with: apt-get install nghttp2-client');
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'pulsegate-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const certificate = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), both: join(folder, 'both.pem') };
makeCertificate();

const backends = await startBackends(4, Number(values.body));
const contenders = [];
for (const [name, launch] of Object.entries(targets())) {
  if (!values.only.split(',').includes(name)) continue;
  const [port = 0, adminPort = 0] = await freePorts(2);
  const command = launch({ port, adminPort, backends, folder });
  if (command === null) {
    say(`${name} is missing`);
    continue;
  }
  const running = start(name, PROXY_CPU, command, { NODE_ENV: 'production' });
  await listening(running, port);
  contenders.push({ name, running, port, runs: /** @type {Awaited<ReturnType<typeof measure>>[]} */ ([]) });
}
for (const { running, port } of contenders) await measure(running.pid, port, WARM_UP_SECONDS);
for (let round = 1; round <= Number(values.runs); round++) {
  say(`run ${round} of ${values.runs}`);
  for (const { running, port, runs } of contenders) runs.push(await measure(running.pid, port, Number(values.seconds)));
}
report();
process.exit(0);

/** @returns {Record<string, (place: configs.Place) => string[] | null>} */
function targets() {
  const { cert, key, both } = certificate;
  const write = (/** @type {string} */ name, /** @type {string} */ text) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  return {
    pulsegate: (place) => {
      const tls = `    tls: { cert_file: ${cert}, key_file: ${key} }\n`;
      const text = configs.pulsegate(place).replace(/( {2}- bind: .*\n)/, `$1${tls}`);
      return [values.node, `${root}dist/main.js`, 'run', '-c', write('pulsegate.yaml', text)];
    },
    'node-http2': ({ port, backends }) => [values.node, PEER, String(port), backends.join(','), cert, key],
    nginx: (place) => {
      const tls = `listen 127.0.0.1:${place.port} ssl http2;\n    ssl_certificate ${cert};\n    ssl_certificate_key ${key};`;
      const text = configs.nginx(place).replace(/listen .*;/, tls);
      const program = findOnPath('nginx');
      return program && [program, '-p', folder, '-c', write('nginx.conf', text)];
    },
    haproxy: (place) => {
      const text = configs.haproxy(place).replace(/bind (.*)/, `bind $1 ssl crt ${both} alpn h2`);
      const program = findOnPath('haproxy');
      return program && [program, '-db', '-f', write('haproxy.cfg', text)];
    },
  };
}

function makeCertificate() {
  const { cert, key, both } = certificate;
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const files = [
    '-subj',
    '/CN=api.example.com',
    '-addext',
    'subjectAltName=DNS:api.example.com',
    '-keyout',
    key,
    '-out',
    cert,
  ];
  execFileSync('openssl', ['req', ...kind, ...files], { stdio: 'ignore' });
  writeFileSync(both, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'));
}

/** @param {number} pid @param {number} port @param {number} seconds */
async function measure(pid, port, seconds) {
  const uris = join(folder, `uris-${port}`);
  writeFileSync(
    uris,
    requests()
      .map(({ path }) => `https://127.0.0.1:${port}${path}\n`)
      .join(''),
  );
  const { host, ...headers } = /** @type {{ headers: Record<string, string> }} */ (requests()[1]).headers;
  const fields = Object.entries({ ':authority': host ?? '', ...headers }).flatMap(([name, value]) => [
    '-H',
    `${name}: ${value}`,
  ]);
  const size = ['-t1', '-c', values.connections, '-m', values.streams, '-D', String(seconds)];
  const [program = '', ...rest] = pinned(LOAD_CPU, ['h2load', ...size, ...fields, '-i', uris]);
  const before = cpuTimeUs(pid);
  const { stdout } = await promisify(execFile)(program, rest);
  const [, succeeded = '0', failed = '0'] = /(\d+) succeeded, (\d+) failed/.exec(stdout) ?? [];
  const others = /status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(stdout)?.slice(1) ?? [];
  const whole = Number(succeeded);
  if (whole === 0) throw new Error(`h2load was not served: ${stdout}`);
  return {
    requests: whole,
    errors: others.reduce((sum, count) => sum + Number(count), Number(failed)),
    perSecond: whole / seconds,
    meanMs: milliseconds(/time for request: +\S+ +\S+ +(\S+)/.exec(stdout)?.[1] ?? ''),
    cpuUsPerRequest: (cpuTimeUs(pid) - before) / whole,
  };
}

/** @param {string} text of h2load: `1.23ms`, `456us`, `1.02s` */
function milliseconds(text) {
  const value = Number.parseFloat(text);
  return text.endsWith('us') ? value / 1_000 : text.endsWith('ms') ? value : value * 1_000;
}

function report() {
  const results = contenders.map(({ name, runs }) => ({
    name,
    cpuUsPerRequest: summarise(runs.map((run) => run.cpuUsPerRequest)),
    perSecond: summarise(runs.map((run) => run.perSecond)),
    meanMs: summarise(runs.map((run) => run.meanMs)),
    errors: runs.reduce((sum, run) => sum + run.errors, 0),
  }));
  const { runs, seconds, body, connections, streams } = values;
  const options = Object.fromEntries(
    Object.entries({ runs, seconds, body, connections, streams }).map(([name, value]) => [name, Number(value)]),
  );
  mkdirSync(dirname(values.out), { recursive: true });
  const result = { machine: describeMachine(values.node), options, results };
  writeFileSync(values.out, `${JSON.stringify(result, null, 2)}\n`);
  const reference = results.find(({ name }) => name === REFERENCE)?.cpuUsPerRequest.median;
  const rows = results.map(({ name, cpuUsPerRequest, perSecond, meanMs, errors }) => [
    name,
    withSpread(cpuUsPerRequest, 1),
    reference === undefined ? '' : `${round(cpuUsPerRequest.median / reference, 2)}x`,
    round(perSecond.median, 0) + (errors === 0 ? '' : `, ${errors} failed`),
    round(meanMs.median, 2),
  ]);
  say(
    `\n${table(['proxy', 'CPU µs per request', `of ${REFERENCE}`, 'requests/s', 'mean ms'], rows)}\n\nwritten: ${values.out}`,
  );
}

/** @param {string} text */
function say(text) {
  process.stdout.write(`${text}\n`);
}
