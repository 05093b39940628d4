/**
 * What a page in a browser on the same machine, a name re-pointed at loopback, or a program without the token may send to the admin
 * address: each trick as a head that is put around a change or a read that would succeed if it were let through.
 */

/** `PORT` stands for the admin port. Headers replace the good Host unless `keepsHost`. */
export interface Trick {
  readonly name: string;
  readonly headers: readonly string[];
  readonly body?: string;
}

export interface Target {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

const JSON_TYPE = 'content-type: application/json';
const HOST = 'host: 127.0.0.1:PORT';

/** Every change that the API offers. */
export const CHANGES: readonly Target[] = [
  { method: 'POST', path: '/upstreams/app/backends/a/drain', body: '' },
  { method: 'POST', path: '/upstreams/app/backends/a/disable', body: '' },
  { method: 'PUT', path: '/upstreams/app/backends/a/weight', body: '{"weight":9}' },
  { method: 'POST', path: '/config/reload', body: '' },
];

/** Every read that tells something. */
export const READS = [
  ...['/health', '/health/app', '/health/app/a', '/config', '/metrics', '/recording'],
  ...['/events?since=0&follow=false', '/stream'],
];

const FOREIGN_HOSTS = [
  ...['evil.example', 'evil.example:PORT', 'localhost.evil.example', '127.0.0.1.evil.example:PORT', 'rebind.localhost'],
  ...[
    'localhost.',
    '127.0.0.2:PORT',
    '0.0.0.0:PORT',
    '[::]:PORT',
    '[::ffff:127.0.0.1]:PORT',
    '2130706433',
    '0177.0.0.1',
  ],
  ...['127.1', '', ':PORT', 'localhost@evil.example', 'localhost, evil.example', 'evil.example#localhost'],
  ...[
    'http://localhost',
    'localhost:PORT:PORT',
    '127.0.0.1%00.evil.example',
    'l\u00f6calhost',
    'localhost\tevil.example',
  ],
];

/** A page whose name was re-pointed at this address: its Host is that name, its origin agrees. */
export const REBINDING: readonly Trick[] = [
  ...FOREIGN_HOSTS.map((host) => ({ name: `Host ${JSON.stringify(host)}`, headers: [`host: ${host}`, JSON_TYPE] })),
  { name: 'no Host', headers: [JSON_TYPE] },
  { name: 'two Hosts', headers: ['host: evil.example', HOST, JSON_TYPE] },
  { name: 'two Hosts, ours first', headers: [HOST, 'host: evil.example', JSON_TYPE] },
  { name: 'x-forwarded-host', headers: ['host: evil.example', 'x-forwarded-host: 127.0.0.1:PORT', JSON_TYPE] },
  { name: 'forwarded', headers: ['host: evil.example', 'forwarded: host=localhost', JSON_TYPE] },
  {
    name: 'Host and origin agree',
    headers: ['host: evil.example:PORT', 'origin: http://evil.example:PORT', 'sec-fetch-site: same-origin', JSON_TYPE],
  },
];

/** A foreign page that knows the address: the browser says where the request comes from, or what made it. */
export const FORGERY: readonly Trick[] = [
  ...[
    'null',
    'http://evil.example',
    'http://localhost',
    'https://127.0.0.1:PORT',
    'http://127.0.0.1:PORT.evil.example',
  ].map((origin) => ({ name: `Origin ${origin}`, headers: [HOST, `origin: ${origin}`, JSON_TYPE] })),
  ...[
    'http://127.0.0.1:PORT@evil.example',
    'http://127.0.0.1',
    'http://127.0.0.1:PORT/',
    'file://',
    'ws://127.0.0.1:PORT',
    'http://[::1]:PORT',
    '',
  ].map((origin) => ({
    name: `Origin ${JSON.stringify(origin)}`,
    headers: [HOST, `origin: ${origin}`, JSON_TYPE],
  })),
  ...['cross-site', 'same-site', 'Same-Origin', ''].map((site) => ({
    name: `Sec-Fetch-Site ${JSON.stringify(site)}`,
    headers: [HOST, `sec-fetch-site: ${site}`, JSON_TYPE],
  })),
  ...[
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain',
    'text/plain;application/json',
  ].map((type) => ({
    name: `a form as ${type}`,
    headers: [HOST, 'origin: http://127.0.0.1:PORT', `content-type: ${type}`],
    body: 'weight=9',
  })),
  {
    name: 'a beacon',
    headers: [HOST, 'sec-fetch-site: cross-site', 'sec-fetch-mode: no-cors', 'content-type: text/plain'],
  },
  { name: 'our origin, then another', headers: [HOST, 'origin: http://127.0.0.1:PORT', 'origin: null', JSON_TYPE] },
];

/** Requests that reach a change, or seem to, by another name: `METHOD PATH`. */
export const DISGUISES: readonly string[] = [
  ...['GET', 'HEAD', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'PUT', 'post', 'P0ST'].map(
    (method) => `${method} /upstreams/app/backends/a/drain`,
  ),
  ...['GET', 'POST', 'PATCH', 'DELETE'].map((method) => `${method} /upstreams/app/backends/a/weight`),
  ...['GET', 'PUT', 'HEAD', 'DELETE'].map((method) => `${method} /config/reload`),
  ...[
    '//upstreams/app/backends/a/drain',
    '/upstreams/app/backends/a/drain/',
    '/upstreams//app/backends/a/drain',
    '/upstreams/app/backends/a/drain%00',
    '/upstreams/app/backends/a/drain%20',
    '/upstreams/app/backends/a/drain;x=1',
    '/upstreams/app/backends/a/%64rain%2f',
    '/upstreams/app/backends/a/drain%3f',
    '/upstreams/app/backends/a/DRAIN',
    '/Upstreams/app/backends/a/drain',
    '/upstreams/app/backends/a/../a/drain',
    '/upstreams/app/backends/./a/drain',
    '/upstreams/app/backends/%2e/a/drain',
    '/health/../upstreams/app/backends/a/drain',
    '/livez/..;/upstreams/app/backends/a/drain',
    '/livez%2f..%2fupstreams/app/backends/a/drain',
    '/upstreams%2fapp%2fbackends%2fa%2fdrain',
    '/upstreams\\app\\backends\\a\\drain',
    '/upstreams/app/backends/a%252fdrain',
    '/upstreams/app/backends//drain',
    '/upstreams/app/backends/%zz/drain',
    '/upstreams/app/backends/%c0%af/drain',
    '/upstreams/__proto__/backends/a/drain',
    '/upstreams/app/backends/constructor/drain',
    '/upstreams/toString/backends/valueOf/drain',
    '/?_method=POST&path=/config/reload',
    '/config/reload/',
    '/config/reload%00',
    '/config%2freload',
    '/config//reload',
    'http://127.0.0.1:PORT/config/reload',
    'http://evil.example/config/reload',
    'config/reload',
    '*',
    '/config/reload#x',
  ].map((path) => `POST ${path}`),
  'CONNECT 127.0.0.1:PORT',
  'GET /config/reload?x-http-method-override=POST',
];

/** What stands in for the token, once there is one: never it. `TOKEN` stands for the right one. */
export const CREDENTIALS: readonly Trick[] = [
  { name: 'none', headers: [HOST] },
  ...[
    'Bearer',
    'Bearer ',
    'Bearer wrong',
    'Bearer TOKENx',
    'Bearer xTOKEN',
    'Bearer "TOKEN"',
    'Bearer TOKEN, Bearer wrong',
    'Bearer TOKEN wrong',
    'Bearer: TOKEN',
    'TOKEN',
    'Token TOKEN',
    'Basic OlRPS0VO',
    'Bearer TOKEN\u0000',
    'Digest TOKEN',
    'Bearer null',
    'Bearer undefined',
    'Bearer ${env:PULSEGATE_ADMIN_TOKEN}',
  ].map((value) => ({ name: value, headers: [HOST, `authorization: ${value}`] })),
  { name: 'twice, wrong first', headers: [HOST, 'authorization: Bearer wrong', 'authorization: Bearer TOKEN'] },
  { name: 'in a cookie', headers: [HOST, 'cookie: authorization=Bearer TOKEN; token=TOKEN'] },
  { name: 'in proxy-authorization', headers: [HOST, 'proxy-authorization: Bearer TOKEN'] },
  { name: 'in x-auth-token', headers: [HOST, 'x-auth-token: TOKEN', 'x-api-key: TOKEN'] },
  { name: 'as another header', headers: [HOST, 'authorization_: Bearer TOKEN'] },
  { name: 'as from loopback', headers: [HOST, 'x-forwarded-for: 127.0.0.1', 'x-real-ip: 127.0.0.1'] },
];
