/** What the benches say to a name that does not exist, instead of measuring something else for an hour. */

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { benchModule } from './modules.ts';

const BENCH = join(import.meta.dirname, '../../../bench');

function run(script: string, ...args: string[]) {
  const { status, stderr, stdout } = spawnSync(process.execPath, [join(BENCH, script), ...args], { encoding: 'utf8' });
  return { status, stderr, stdout };
}

describe('npm run bench', () => {
  it('names the rows and programs that there are', async () => {
    const { ROWS } = await benchModule('proxy/rows.mjs');
    const { status, stderr, stdout } = run('proxy/run.mjs', '--only', '1k,nonsense');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toBe(`there is no row nonsense; there are ${ROWS.map(({ name }) => name).join(', ')}\n`);
    expect(run('proxy/run.mjs', '--targets', 'envoy').stderr).toMatch(/^there is no target envoy; .*nginx, haproxy/);
  });

  it('refuses a number that is none', () => {
    const { status, stderr } = run('proxy/run.mjs', '--runs', 'many');
    expect({ status, stderr }).toEqual({ status: 1, stderr: '--runs must be a number above 0, received many\n' });
  });
});

describe('npm run bench:faults', () => {
  it('refuses a number that is none', () => {
    const { status, stderr } = run('faults/run.mjs', '--seconds', '0');
    expect({ status, stderr }).toEqual({ status: 1, stderr: '--seconds must be a number above 0, received 0\n' });
  });

  it('prints what each proxy is given', () => {
    const { status, stdout } = run('faults/run.mjs', '--configs');
    expect(status).toBe(0);
    for (const name of ['pulsegate', 'pulsegate-tuned', 'nginx', 'haproxy', 'caddy', 'http-proxy-3', 'node-undici'])
      expect(stdout).toContain(`# ---- ${name}\n`);
    expect(stdout).toContain('proxy_next_upstream_tries 3;');
    expect(stdout).toContain('option redispatch 1');
    expect(stdout).toContain('lb_retries 2');
  });
});
