/** Metrics of the proxy itself: its process, its configuration, how well it runs. */

import { each, type Family, family, single } from './samples.ts';

export const PROCESS_FAMILIES: readonly Family[] = [
  single(
    'pulsegate_self_awareness',
    'gauge',
    'How badly we run ourselves: 0, well, to 7; time-outs are stretched by as much.',
    ({ input }) => input.awareness,
  ),
  single(
    'pulsegate_event_loop_lag_seconds',
    'gauge',
    '99th percentile of how late the event loop ran, since the last scrape.',
    ({ input }) => input.process.loopLagSeconds,
  ),
  single('pulsegate_workers', 'gauge', 'Processes that carry requests.', ({ input }) => input.workers),
  single(
    'pulsegate_config_generation',
    'gauge',
    'Number of the configuration in force; it grows with every reload that succeeds.',
    ({ input }) => input.generation,
  ),
  family(
    'pulsegate_config_reloads_total',
    'counter',
    'result',
    'Reloads of the configuration: ok or failed.',
    function* ({ input: { reloads } }) {
      yield* each('pulsegate_config_reloads_total', '', 'result', ['ok', 'failed'], [reloads.ok, reloads.failed]);
    },
  ),
  single(
    'pulsegate_log_lines_dropped_total',
    'counter',
    'Lines of the log that nobody took in time, and that were given up so that serving goes on.',
    ({ input }) => input.process.logLinesDropped,
  ),
  family(
    'pulsegate_build_info',
    'gauge',
    'version node_version',
    'Always 1; which version runs, and on which Node.js.',
    function* ({ input: { process } }) {
      yield `pulsegate_build_info{version="${process.version}",node_version="${process.nodeVersion}"} 1\n`;
    },
  ),
  single(
    'process_cpu_seconds_total',
    'counter',
    'CPU time of this process, user and system.',
    ({ input }) => input.process.cpuSeconds,
  ),
  single(
    'process_resident_memory_bytes',
    'gauge',
    'Resident memory of this process.',
    ({ input }) => input.process.residentBytes,
  ),
  single(
    'process_open_fds',
    'gauge',
    'Open file descriptors of this process.',
    ({ input }) => input.process.openDescriptors,
  ),
  single(
    'process_max_fds',
    'gauge',
    'How many file descriptors this process may have open.',
    ({ input }) => input.process.maxDescriptors,
  ),
  single(
    'process_start_time_seconds',
    'gauge',
    'When this process started, in seconds since the Unix epoch.',
    ({ input }) => input.process.startSeconds,
  ),
];
