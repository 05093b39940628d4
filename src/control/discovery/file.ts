/** Backends from a file of their own, read again whenever it changes; one of no use leaves the last good one in force. */

import type { BackendSpec } from '../../model/backend.ts';
import type { Watched } from '../../tls/file-watch.ts';
import type { Discovery, DiscoveryContext } from './discovery.ts';

export class FileDiscovery implements Discovery {
  private readonly path: string;
  private readonly context: DiscoveryContext;
  private watched: Watched<readonly BackendSpec[]> | null = null;
  private isStopped = false;

  constructor(path: string, context: DiscoveryContext) {
    this.path = path;
    this.context = context;
  }

  async start(): Promise<void> {
    const { files, readList, upstream, onFound } = this.context;
    const watched = await files.open({
      what: `backends of upstream ${upstream}`,
      paths: [this.path],
      read: ([file]) => {
        const list = readList(file?.content.toString('utf8') ?? '');
        if (!list.ok) return list;
        return { ok: true, value: list.backends, summary: `${list.backends.length} in ${this.path}` };
      },
    });
    this.watched = watched;
    watched.onChange = () => {
      if (!this.isStopped) onFound(watched.value);
    };
    if (!this.isStopped) onFound(watched.value);
  }

  stop(): void {
    this.isStopped = true;
    if (this.watched !== null) this.watched.onChange = () => {};
  }
}
