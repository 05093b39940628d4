/**
 * What is published: the right files and no others, and a package that works in an empty project: its command with the
 * README's first example, and its two imports with their types. PULSEGATE_TEST_NODE names another node to run it with.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type InstalledPackage,
  installInto,
  type Packed,
  packInto,
  runtimeDependencies,
} from '../support/installed-package.ts';
import { serving, startBackendProcess, startProcess } from '../support/processes.ts';

// Whole programs are started, some of them several times: a machine with more to do takes its time.
vi.setConfig({ testTimeout: 60_000 });

const ROOT = join(import.meta.dirname, '../..');
const NODE = process.env.PULSEGATE_TEST_NODE ?? process.execPath;

/** Much more than it has now would be a mistake: a folder of results, a map, a bundled dependency. */
const MAX_PACKED_BYTES = 800_000;
const MAX_UNPACKED_BYTES = 3_000_000;

let folder: string;
let packed: Packed;
let installed: InstalledPackage;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pulsegate-package-'));
  packed = packInto(folder);
  installed = installInto(join(folder, 'project'), packed);
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the tarball', () => {
  const KINDS: Readonly<Record<string, RegExp>> = {
    'compiled sources': /^dist\/(?!tools\/).+\.js$/,
    'declarations of the imports': /^dist\/sender\/[a-z-]+\.d\.ts$/,
    'the dashboard': /^dist\/dashboard\/[\w.-]+\.(?:css|html|svg|txt)$/,
    samples: /^config\/(?:scenarios\/)?[\w.-]+\.(?:yaml|json)$/,
    documents: /^docs\/(?:[\w.-]+\/)*(?:[\w.-]+\.(?:md|svg|png|json|ya?ml|service)|Dockerfile)$/,
    'documents at the top': /^(?:README|ARCHITECTURE|CHANGELOG|CONTRIBUTING|SECURITY)\.md$|^LICENSE$|^package\.json$/,
  };

  test('holds what runs, what is imported and what is read, and nothing else', () => {
    const kinds = Object.values(KINDS);
    const others = packed.files.map(({ path }) => path).filter((path) => !kinds.some((kind) => kind.test(path)));
    expect(others).toEqual([]);
    for (const [name, kind] of Object.entries(KINDS)) {
      expect(
        packed.files.some(({ path }) => kind.test(path)),
        name,
      ).toBe(true);
    }
  });

  test('is small', () => {
    expect(packed.size).toBeLessThan(MAX_PACKED_BYTES);
    expect(packed.unpackedSize).toBeLessThan(MAX_UNPACKED_BYTES);
  });

  test('has an executable command', () => {
    expect(readFileSync(installed.command, 'utf8').split('\n', 1)[0]).toBe('#!/usr/bin/env node');
    const listing = execFileSync('tar', ['tvzf', packed.tarball, 'package/dist/bin.js'], { encoding: 'utf8' });
    expect(listing).toMatch(/^-rwxr-xr-x /);
  });

  test('has every file that the documents in it link to', () => {
    const missing = packed.files
      .filter(({ path }) => path.endsWith('.md'))
      .flatMap(({ path }) => {
        const text = readFileSync(join(installed.folder, path), 'utf8');
        const links = [...text.matchAll(/\]\((?!#|[a-z]+:)([^)\s#]+)/g)].map(([, link]) => link as string);
        return links
          .filter((link) => !existsSync(join(installed.folder, path, '..', link)))
          .map((link) => `${path}: ${link}`);
      });
    // What only makes sense in a checkout.
    expect(missing.filter((link) => !/: \.\.\/(?:bench|test|src)\//.test(link))).toEqual([]);
  });

  test('runs no script when it is installed, nor does any of its dependencies', () => {
    for (const path of ['node_modules/pulsegate', ...runtimeDependencies()]) {
      const { scripts = {} } = JSON.parse(readFileSync(join(installed.project, path, 'package.json'), 'utf8')) as {
        readonly scripts?: Record<string, string>;
      };
      const run = Object.keys(scripts).filter((name) => /^(?:pre|post)?install$/.test(name));
      expect(run, path).toEqual([]);
    }
  });
});

describe(`in an empty project, on ${process.env.PULSEGATE_TEST_NODE ?? 'this node'}`, () => {
  test('the command says its version and helps', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string };
    expect(pulsegate('--version').trim()).toContain(version);
    expect(pulsegate('--help')).toContain('check');
    // As a shell runs it, by its first line.
    const env = { ...process.env, PATH: `${dirname(NODE)}:${process.env.PATH}` };
    expect(execFileSync(installed.command, ['--version'], { env, encoding: 'utf8' })).toContain(version);
  });

  test.each([
    ['18.20.8', 1],
    ['20.18.3', 1],
    ['20.19.0', 0],
    ['99.0.0', 0],
  ])('Node.js %s exits with %i', (version, code) => {
    const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
    const args = ['--import', `data:text/javascript,${pretend}`, installed.command, '--version'];
    const { status, stderr } = spawnSync(NODE, args, { encoding: 'utf8' });
    const refusal = `Cannot run on Node.js ${version}: pulsegate needs 20.19 or newer.\n`;
    expect({ status, stderr }).toEqual({ status: code, stderr: code === 0 ? '' : refusal });
    const { engines } = JSON.parse(readFileSync(join(installed.folder, 'package.json'), 'utf8')) as { engines: object };
    expect(engines).toEqual({ node: '>=20.19' });
  });

  test("the README's first example is valid and proxies", async () => {
    const backends = [await startBackendProcess('one'), await startBackendProcess('two')];
    const [, example = ''] =
      /```yaml\n(# yaml-language-server.*?)```/s.exec(readFileSync(join(ROOT, 'README.md'), 'utf8')) ?? [];
    const file = join(installed.project, 'pulsegate.yaml');
    writeFileSync(file, example);
    expect(pulsegate('check', '-c', file)).toMatch(/^ok\n/);
    const ports = [3001, 3002].entries();
    let adapted = example.replace('127.0.0.1:8080', '127.0.0.1:0');
    for (const [index, port] of ports) adapted = adapted.replace(`:${port}`, `:${backends[index]?.port}`);
    expect(adapted).not.toMatch(/:8080|:3001|:3002/);
    writeFileSync(file, `${adapted}admin: { bind: 127.0.0.1:0 }\n`);
    const proxy = await serving(startProcess(NODE, [installed.command, 'run', '-c', file]));
    const answer = await fetch(`http://127.0.0.1:${proxy.port}/hello`);
    expect(await answer.text()).toMatch(/^(one|two) \/hello$/);
    const health = await fetch(`http://127.0.0.1:${proxy.adminPort}/livez`);
    expect(health.status).toBe(200);
    proxy.kill('SIGTERM');
    expect(await proxy.exited).toBe(0);
  });

  test('the demo finds its configuration, and the admin address its page', async () => {
    const config = join(installed.project, 'page.yaml');
    writeFileSync(
      config,
      'listeners: [{ bind: 127.0.0.1:0 }]\nadmin: { bind: 127.0.0.1:0 }\nupstreams: { a: { backends: [http://127.0.0.1:9], probe: false } }\n',
    );
    const proxy = await serving(startProcess(NODE, [installed.command, 'run', '-c', config]));
    const page = await fetch(`http://127.0.0.1:${proxy.adminPort}/`);
    expect(page.status).toBe(200);
    expect(await page.text()).toMatch(/^<!doctype html>/i);
    expect(existsSync(join(installed.folder, 'config/demo.yaml'))).toBe(true);
  });

  test('the imports of backends work, and so do their types', () => {
    writeFileSync(
      join(installed.project, 'backend.ts'),
      `import { createServer } from 'node:http';
       import { type HeartbeatHandle, startHeartbeat } from 'pulsegate/heartbeat';
       import { loadReport } from 'pulsegate/load-report';
       const handle: HeartbeatHandle = startHeartbeat({ to: 'http://127.0.0.1:9', upstream: 'app', backend: 'b', load: { cpu_utilization: 0.5 } });
       handle.abandon();
       const headers = new Map<string, string>();
       loadReport({ setHeader: (name: string, value: string) => headers.set(name, value) }, { application_utilization: 0.25 });
       createServer((_request, response) => loadReport(response, { eps: 1 }));
       // @ts-expect-error a number is needed
       loadReport({ setHeader: () => 0 }, { eps: '1' });
       process.stdout.write([...headers].join());`,
    );
    const compiler = ['--module', 'nodenext', '--strict', '--exactOptionalPropertyTypes', '--types', 'node'];
    const types = ['--typeRoots', join(ROOT, 'node_modules/@types'), '--outDir', join(installed.project, 'out')];
    execFileSync(join(ROOT, 'node_modules/.bin/tsc'), [...compiler, ...types, 'backend.ts'], {
      cwd: installed.project,
    });
    const printed = execFileSync(NODE, [join(installed.project, 'out/backend.js')], { encoding: 'utf8' });
    expect(printed).toBe('endpoint-load-metrics,TEXT application_utilization=0.25');
  });

  test('nothing else can be imported', () => {
    const script = "import('pulsegate/dist/main.js').catch((error) => process.stdout.write(error.code))";
    const args = ['--input-type=module', '-e', script];
    expect(execFileSync(NODE, args, { cwd: installed.project, encoding: 'utf8' })).toBe(
      'ERR_PACKAGE_PATH_NOT_EXPORTED',
    );
  });
});

function pulsegate(...args: string[]): string {
  return execFileSync(NODE, [installed.command, ...args], { cwd: installed.project, encoding: 'utf8' });
}
