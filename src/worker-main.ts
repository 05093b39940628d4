/** The program of a worker process. It is started by the primary, with a channel to it, and by nobody else. */

import { randomBytes } from 'node:crypto';
import { onBrokenInvariant } from './base/invariant.ts';
import { createRng } from './base/rng.ts';
import { systemClock } from './platform/clock.ts';
import { adoptSocket } from './platform/listen-sockets.ts';
import { openLog } from './platform/logger.ts';
import { watchLoopLag } from './platform/loop-lag.ts';
import { memoryUse } from './platform/memory.ts';
import { openFilesLimit } from './platform/open-files.ts';
import { endProcess, onReloadSignal, onStopSignal, writeError } from './platform/process.ts';
import { type ParentLink, parentLink } from './platform/worker-process.ts';
import { FileWatch } from './tls/file-watch.ts';
import type { FromPrimary } from './workers/messages.ts';
import { Worker } from './workers/worker.ts';

function serve(link: ParentLink): void {
  let worker: Worker | null = null;
  let isOrphan = false;
  link.onMessage((data, handle) => {
    const message = data as FromPrimary;
    if (message.kind === 'start') worker = create(link, message);
    else worker?.hear(message, handle);
  });
  link.onGone(() => {
    isOrphan = true;
    if (worker === null) endProcess(1);
    else worker.outlive();
  });
  onStopSignal(() => {
    if (isOrphan) worker?.drain(worker.drainTimeoutMs);
  });
  onReloadSignal(() => {});
}

function create(link: ParentLink, { number, logLevel, logFormat }: Extract<FromPrimary, { kind: 'start' }>): Worker {
  const { log: base, flush } = openLog(logLevel ?? 'info', logFormat, { isShared: true });
  const log = base.child({ worker: number });
  onBrokenInvariant((sentence) => log.error({}, `broken invariant, a bug of ours: ${sentence}`));
  const files = new FileWatch({ clock: systemClock, log });
  const loopLag = watchLoopLag();
  const worker = new Worker({
    number,
    link,
    clock: systemClock,
    rng: createRng(randomBytes(16).toString('hex')),
    log,
    files,
    loopLag,
    openFiles: openFilesLimit(),
    memoryUse,
    adopt: (asked, address, handle) => {
      const socket = adoptSocket(asked, address, handle);
      socket.share();
      return socket;
    },
    onSettings: (settings) => {
      log.level = logLevel ?? settings.log.level;
    },
    onOver: () => {
      files.close();
      loopLag.stop();
      flush();
      link.close();
      endProcess(0);
    },
  });
  worker.start();
  return worker;
}

const link = parentLink();
if (link === null) {
  writeError('This is the program of a worker process; `pulsegate run` starts as many as `workers` says.\n');
  endProcess(2);
} else {
  serve(link);
}
