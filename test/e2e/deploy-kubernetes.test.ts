/**
 * The manifests in docs/deploy hold together: their configuration is valid and its admin address answers what the probes
 * ask, in the way the kubelet asks; ports, names, selectors and times agree.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { isLoopback } from '../../src/config/addresses.ts';
import type { BindAddress } from '../../src/model/settings.ts';
import { serving, startBackendProcess, startPulsegateWith, temporaryFolder } from '../support/processes.ts';
import { settingsOf } from '../unit/config/support.ts';

// Whole programs are started, some of them several times: a machine with more to do takes its time.
vi.setConfig({ testTimeout: 60_000 });

const ROOT = join(import.meta.dirname, '../..');
const MARGIN_SECONDS = 5;
const POD_IP = '10.1.2.3';
const TOKEN = 'a-token-of-the-test';

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: object;
  readonly containers: readonly [Container];
  readonly volumes: readonly { readonly name: string; readonly configMap: { readonly name: string } }[];
}

interface Labels {
  readonly matchLabels: object;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data: Readonly<Record<string, string>>;
  readonly spec: {
    readonly replicas: number;
    readonly strategy: { readonly rollingUpdate: object };
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: Pod };
    readonly selector: object;
    readonly podSelector: Labels;
    readonly ports: readonly { readonly targetPort: string }[];
    readonly maxUnavailable: number;
    readonly ingress: readonly { readonly ports: readonly { readonly port: number }[] }[];
    readonly egress: readonly { readonly ports: readonly { readonly port: number }[] }[];
  };
}

const documents = parseAllDocuments(readFileSync(join(ROOT, 'docs/deploy/kubernetes.yaml'), 'utf8'), {
  uniqueKeys: true,
  strict: true,
});
const manifests = documents.map((document) => document.toJS() as Manifest);
const { spec: deployment } = manifestOf('Deployment');
const { metadata, spec: pod } = deployment.template;
const [container] = pod.containers;
const [fileName = '', file = ''] = Object.entries(manifestOf('ConfigMap').data)[0] ?? [];
const env = { POD_IP, PULSEGATE_ADMIN_TOKEN: TOKEN };
const settings = settingsOf(file, { env });

function manifestOf(kind: string): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind);
  expect(found.length, kind).toBe(1);
  return found[0] as Manifest;
}

const portOf = (bind: BindAddress | undefined) => (bind?.kind === 'tcp' ? bind.port : null);

test('are YAML without a mistake, and of one name', () => {
  expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
  expect(manifests.map(({ kind }) => kind)).toEqual([
    'ConfigMap',
    'Deployment',
    'Service',
    'PodDisruptionBudget',
    'NetworkPolicy',
  ]);
  expect(new Set(manifests.map(({ metadata: { name } }) => name))).toEqual(new Set(['pulsegate']));
});

test('mount the configuration where the program reads it, and give it every variable that it names', () => {
  const [mount] = container.volumeMounts;
  expect(container.args).toEqual(['run', '--watch', '-c', `${mount?.mountPath}/${fileName}`]);
  const volume = pod.volumes.find(({ name }) => name === mount?.name);
  expect(volume?.configMap.name).toBe(manifestOf('ConfigMap').metadata.name);
  const named = [...file.matchAll(/\$\{env:(\w+)\}/g)].map(([, name]) => name);
  expect(container.env.map(({ name }) => name).sort()).toEqual([...new Set(named)].sort());
});

test('run the image of this version, as nobody in particular', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string };
  expect(container.image).toBe(`pulsegate:${version}`);
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
});

test('name the ports that the configuration binds, for everybody to reach', () => {
  const ports = new Map(container.ports.map(({ name, containerPort }) => [name, containerPort]));
  const { listeners, admin } = settings;
  expect(portOf(listeners[0]?.bind[0])).toBe(ports.get('http'));
  expect(portOf(admin?.bind)).toBe(ports.get('admin'));
  for (const bind of [listeners[0]?.bind[0], admin?.bind]) expect(bind && isLoopback(bind)).toBe(false);
  expect(manifestOf('Service').spec.ports.map(({ targetPort }) => targetPort)).toEqual(['http']);
  const opened = manifestOf('NetworkPolicy').spec.ingress.flatMap((rule) => rule.ports.map(({ port }) => port));
  expect(opened).toEqual([ports.get('http'), ports.get('admin')]);
  const reached = manifestOf('NetworkPolicy').spec.egress.flatMap((rule) => rule.ports.map(({ port }) => port));
  expect(reached).toEqual([3000, 53, 53]);
});

test('select the pods of the Deployment everywhere', () => {
  const { labels } = metadata;
  expect(deployment.selector).toEqual({ matchLabels: labels });
  expect(manifestOf('Service').spec.selector).toEqual(labels);
  expect(manifestOf('PodDisruptionBudget').spec.selector).toEqual({ matchLabels: labels });
  expect(manifestOf('NetworkPolicy').spec.podSelector).toEqual({ matchLabels: labels });
});

test('leave a stop all the time that a drain takes, and never fewer pods than before', () => {
  const { delayMs, timeoutMs } = settings.drain;
  expect(delayMs).toBeGreaterThan(0);
  const drainSeconds = (delayMs + timeoutMs) / 1_000;
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(drainSeconds + MARGIN_SECONDS);
  expect(deployment.strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
  expect(deployment.replicas).toBeGreaterThan(manifestOf('PodDisruptionBudget').spec.maxUnavailable);
});

describe('the probes', () => {
  test('are answered in the way that the kubelet asks, without a token', async () => {
    const backend = await startBackendProcess('one');
    // As in the manifest, but for addresses: of this machine, on free ports, and with a backend that is there.
    const adapted = file
      .replace(/0\.0\.0\.0:\d+/g, '127.0.0.1:0')
      .replace(/discovery:\n.*$/m, `backends: [http://127.0.0.1:${backend.port}]`);
    expect(adapted).toContain('backends');
    const config = join(temporaryFolder(), fileName);
    writeFileSync(config, adapted);
    const proxy = await serving(startPulsegateWith(env, ['run', '-c', config, '--log-format', 'json']));
    const ask = (path: string) => statusOf(proxy.adminPort, path, `${POD_IP}:${proxy.adminPort}`);
    for (const { httpGet } of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
      expect(httpGet.port).toBe('admin');
      expect(await ask(httpGet.path), httpGet.path).toBe(200);
    }
    expect(await ask('/health')).toBe(401);
    expect(await statusOf(proxy.adminPort, '/livez', 'evil.example')).toBe(421);
    // From the first signal on it takes no new work, and is not killed for it.
    proxy.kill('SIGTERM');
    await proxy.watch.until(
      () => proxy.lines.some((line) => line.includes('stopping')) || null,
      () => 'the stop did not begin',
    );
    expect(await ask(container.readinessProbe.httpGet.path)).toBe(503);
    expect(await ask(container.livenessProbe.httpGet.path)).toBe(200);
  });
});

function statusOf(port: number, path: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers: { host }, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on('error', reject).end();
  });
}
