/** A browser sees a page with its images through the proxy, from three different servers. */

import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startProxyProcess, temporaryFolder, transitionsInOrder } from '../support/processes.ts';
import { hasApache, hasNginx, publicFolder, startApache, startNginx, startNodeServer } from '../support/web-servers.ts';

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const IMAGES = 24;

const browser = BROWSERS.find((path) => existsSync(path));
const reason = browser === undefined ? ' (skipped: chromium is not installed)' : '';

it.skipIf(browser === undefined)(
  `a browser loads a page and all of its images${reason}`,
  { timeout: 60_000 },
  async () => {
    const root = publicFolder();
    const names = Array.from({ length: IMAGES }, (_, i) => `image-${i}.svg`);
    names.forEach((name, i) => {
      writeFileSync(join(root, name), `<svg xmlns="http://www.w3.org/2000/svg" width="${i + 1}" height="7"/>`);
    });
    writeFileSync(join(root, 'index.html'), page(names));
    const servers = await Promise.all([
      startNodeServer(root),
      ...(hasNginx ? [startNginx(root)] : []),
      ...(hasApache ? [startApache(root)] : []),
    ]);
    const proxy = await startProxyProcess({
      upstreams: {
        web: {
          balance: 'round_robin',
          backends: servers.map(({ name, port }) => ({ id: name, url: `http://127.0.0.1:${port}` })),
          probe: { interval: '1s', fast_interval: '100ms' },
        },
      },
    });
    for (const { name } of servers) await transitionsInOrder(proxy, name, ['up']);

    const { stdout } = await promisify(execFile)(browser as string, [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      `--user-data-dir=${temporaryFolder()}`,
      '--virtual-time-budget=10000',
      '--dump-dom',
      `http://127.0.0.1:${proxy.port}/`,
    ]);
    const widths = names.map((_, i) => i + 1).join(',');
    expect(stdout).toContain(`<output>${widths}</output>`);
  },
);

/** Writes the widths of its images into the document when all have loaded. */
function page(names: readonly string[]): string {
  const images = names.map((name) => `<img src="/${name}" alt="">`).join('');
  return `<!doctype html><title>Images</title>${images}<output></output><script>
addEventListener('load', () => {
  document.querySelector('output').textContent = [...document.images].map((image) => image.naturalWidth).join(',');
});
</script>`;
}
