import { describe, expect, test } from 'vitest';
import type { ListenerSettings } from '../../../src/model/settings.ts';
import { problemsOf, settingsOf } from './support.ts';

const FILES = { 'c.pem': 'c', 'k.pem': 'k', 'shop.pem': 's', 'shop-key.pem': 'sk', '/etc/ca.pem': 'ca' };
const DEFAULT_PAIR = 'cert_file: c.pem, key_file: k.pem';
const SHOP_PAIR = 'cert_file: shop.pem, key_file: shop-key.pem';

function fileWith(keys: string): string {
  return `listeners: [{ bind: "127.0.0.1:1", ${keys} }]\nupstreams: { app: { backends: [http://a] } }`;
}

function listenerWith(keys: string): ListenerSettings {
  return settingsOf(fileWith(keys), { files: FILES }).listeners[0] as ListenerSettings;
}

function problemsWith(keys: string): string[] {
  return problemsOf(fileWith(keys), { files: FILES }).map((problem) => problem.split(' ').slice(1).join(' '));
}

describe('TLS', () => {
  test('has the default certificate first, then those chosen by name, in lower case', () => {
    const others = `certificates: [{ ${SHOP_PAIR}, names: [Shop.example.com, "*.Shop.example.com"] }]`;
    expect(
      listenerWith(`tls: { ${others}, ${DEFAULT_PAIR}, client_ca_file: /etc/ca.pem, min_version: "1.3" }`).tls,
    ).toEqual({
      certificates: [
        { certFile: 'c.pem', keyFile: 'k.pem', names: [] },
        { certFile: 'shop.pem', keyFile: 'shop-key.pem', names: ['shop.example.com', '*.shop.example.com'] },
      ],
      clientCaFile: '/etc/ca.pem',
      minVersion: 'TLSv1.3',
    });
  });

  test('needs no default certificate beside others, nor names for them', () => {
    expect(listenerWith(`tls: { certificates: [{ ${SHOP_PAIR} }] }`).tls).toEqual({
      certificates: [{ certFile: 'shop.pem', keyFile: 'shop-key.pem', names: [] }],
      clientCaFile: null,
      minVersion: 'TLSv1.2',
    });
  });

  test.each([
    ['1.2', 'TLSv1.2'],
    ['"1.2"', 'TLSv1.2'],
    ['1.3', 'TLSv1.3'],
    ['"1.3"', 'TLSv1.3'],
  ])('reads the version %s, whether YAML takes it for a number or not', (written, minVersion) => {
    expect(listenerWith(`tls: { ${DEFAULT_PAIR}, min_version: ${written} }`).tls?.minVersion).toBe(minVersion);
  });

  test.each([
    ['{}', ['listeners[0].tls: needs a certificate: write cert_file and key_file']],
    ['{ certificates: [] }', ['listeners[0].tls.certificates: must have at least one entry']],
    ['{ cert_file: c.pem }', ['listeners[0].tls.key_file: is required with cert_file']],
    ['{ key_file: k.pem }', ['listeners[0].tls.cert_file: is required with key_file']],
    ['{ certificates: [{ cert_file: c.pem }] }', ['listeners[0].tls.certificates[0].key_file: is required']],
    [
      `{ ${DEFAULT_PAIR}, min_version: "1.1" }`,
      ['listeners[0].tls.min_version: must be one of 1.2, 1.3, received "1.1"; did you mean "1.2"?'],
    ],
    [
      `{ certificates: [{ ${SHOP_PAIR}, names: [a.example, A.example] }] }`,
      ['listeners[0].tls.certificates[0].names[1]: has the same host as listeners[0].tls.certificates[0].names[0]'],
    ],
    [
      `{ certificates: [{ ${SHOP_PAIR}, names: ["*"] }] }`,
      ['listeners[0].tls.certificates[0].names[0]: must be a host name without port, or *.suffix, received "*"'],
    ],
  ])('refuses tls: %s', (tls, problems) => {
    expect(problemsWith(`tls: ${tls}`)).toEqual(problems);
  });

  test('names files that can be read', () => {
    const others = 'certificates: [{ cert_file: shop.pem, key_file: gone-key.pem }]';
    expect(
      problemsWith(`tls: { cert_file: gone.pem, key_file: k.pem, ${others}, client_ca_file: gone-ca.pem }`),
    ).toEqual([
      'listeners[0].tls.cert_file: must be a file that can be read, received "gone.pem" (ENOENT)',
      'listeners[0].tls.certificates[0].key_file: must be a file that can be read, received "gone-key.pem" (ENOENT)',
      'listeners[0].tls.client_ca_file: must be a file that can be read, received "gone-ca.pem" (ENOENT)',
    ]);
  });

  test('shows no file name that came from the environment', () => {
    const text = fileWith('tls: { cert_file: "${env:CERT}", key_file: k.pem }');
    const [problem] = problemsOf(text, { files: FILES, env: { CERT: 'hush.pem' } });
    expect(problem).toMatch(/received \$\{env:CERT\} \(ENOENT\)$/);
  });
});

describe('what listeners speak', () => {
  test('can be changed', () => {
    const keys = 'http2: false, cleartext_http2: true, proxy_protocol: true, trusted_proxies: [10.0.0.0/8]';
    expect(listenerWith(`${keys}, timeouts: { handshake: 3s }`)).toMatchObject({
      tls: null,
      http2: false,
      cleartextHttp2: true,
      proxyProtocol: true,
      timeouts: { handshakeMs: 3_000 },
    });
  });

  test('is not HTTP/2 in cleartext where there is TLS', () => {
    expect(problemsWith(`tls: { ${DEFAULT_PAIR} }, cleartext_http2: true`)).toEqual([
      'listeners[0].cleartext_http2: is only for listeners without tls: over TLS, http2 is enough',
    ]);
  });

  test('speaks tcp to the backends of one route, which asks for nothing of HTTP', () => {
    expect(listenerWith('protocol: tcp').protocol).toBe('tcp');
    expect(listenerWith('protocol: tcp, routes: [{ upstream: app }]').protocol).toBe('tcp');
    for (const routes of [
      '{ path: /a, upstream: app }',
      '{ host: a.b, upstream: app }',
      '{ upstream: app }, { upstream: app }',
    ]) {
      expect(problemsWith(`protocol: tcp, routes: [${routes}]`)).toEqual([
        'listeners[0].routes: must be one without host and path, because the listener speaks tcp',
      ]);
    }
    expect(problemsWith('protocol: tcp, cleartext_http2: true')).toEqual([
      'listeners[0].cleartext_http2: is of no use with protocol: tcp',
    ]);
    const h2c = fileWith('protocol: tcp').replace('backends', 'protocol: h2c, backends');
    expect(problemsOf(h2c)).toEqual([
      expect.stringContaining('speaks h2c to its backends, which a listener with protocol: tcp cannot'),
    ]);
  });

  test('begins with a PROXY header only where somebody may send it', () => {
    expect(problemsWith('proxy_protocol: true')).toEqual([
      'listeners[0].proxy_protocol: needs trusted_proxies, who may send the header: write trusted_proxies: [10.0.0.0/8]',
    ]);
    expect(problemsOf(fileWith('proxy_protocol: true').replace('127.0.0.1:1', 'unix:/run/p.sock'))).toEqual([]);
  });
});
