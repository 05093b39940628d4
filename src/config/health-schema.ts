/** The configuration keys of an upstream that say how the health of its backends is judged. */

import { z } from 'zod';
import { isHost } from '../model/backend-url.ts';
import { count, duration, key, parsed, required, share, text, textThat } from './fields.ts';
import { GRPC_SERVICE, HEADER_NAME, LOAD_METRIC, parseStatusRange, ROUTE_PATH, readJsonPath } from './names.ts';

const expectation = z.strictObject({
  status: key(
    z.array(z.union([count(100, 599), parsed(parseStatusRange)])).min(1),
    ['200-299'],
    'Status codes that pass: numbers or ranges.',
  ),
  body: key(
    z.string().min(1).nullable(),
    null,
    'Text that the first 64 KiB of the body, or of what a tcp probe receives, must contain; null: anything.',
  ),
  header: key(
    z
      .strictObject({
        name: required(text(HEADER_NAME.pattern, HEADER_NAME.must), 'Name of the header that must be present.'),
        value: key(z.string().min(1).nullable(), null, 'Text that its value must contain; null: any value.'),
      })
      .nullable(),
    null,
    'A header that the answer must carry; null: none.',
  ),
  json: key(
    z
      .strictObject({
        path: required(parsed(readJsonPath), 'Where in the body: `$`, then `.name` and `[0]` as often as needed.'),
        equals: required(z.union([z.string(), z.number(), z.boolean(), z.null()]), 'The value that must stand there.'),
      })
      .nullable(),
    null,
    'A value that the body, read as JSON, must hold; null: none.',
  ),
});

const probe = z.strictObject({
  type: key(
    z.enum(['http', 'tcp', 'grpc']),
    'http',
    'How a backend is asked: for a page, by connecting to it, or through the gRPC health service.',
  ),
  path: key(text(ROUTE_PATH.pattern, ROUTE_PATH.must), '/healthz', 'What an http probe asks for; a query is allowed.'),
  method: key(z.enum(['GET', 'HEAD', 'OPTIONS', 'POST']), 'GET', 'How it asks for it.'),
  host: key(
    textThat(isHost, 'must be a host name or address').nullable(),
    null,
    "Host header of an http probe, authority of a grpc probe; null: the backend's own.",
  ),
  service: key(
    text(GRPC_SERVICE.pattern, GRPC_SERVICE.must).nullable(),
    null,
    'The service that a grpc probe asks about; null: the whole server.',
  ),
  send: key(z.string().min(1).nullable(), null, 'Text that a tcp probe sends once connected; null: nothing.'),
  port: key(count(1, 65_535).nullable(), null, "Port to probe; null: the backend's own."),
  interval: key(duration({ min: '10ms' }), '5s', 'Time between two probes of a backend.'),
  fast_interval: key(
    duration({ min: '10ms' }),
    '1s',
    'Time between two probes while a threshold is being counted, or evidence disagrees.',
  ),
  timeout: key(duration({ min: '10ms' }), '2s', 'A probe without a whole answer after this long has failed.'),
  rise: key(count(1, 100), 2, 'Passes in a row that bring a backend up.'),
  fall: key(count(1, 100), 3, 'Failures in a row that take a backend down.'),
  jitter: key(share(), '10%', 'Share of the interval by which each wait varies, so that probes do not march in step.'),
  expect: key(expectation, {}, 'What an answer must look like to pass.'),
});

const outliers = z.strictObject({
  consecutive: key(
    count(1, 10_000),
    5,
    'Failures in a row that eject: 5xx, connect errors, resets, timeouts, cut answers.',
  ),
  window: key(duration({ min: '1s' }), '10s', 'Length of the sliding window of outcomes.'),
  min_requests: key(
    count(1, 1_000_000),
    20,
    'Requests in the window below which a backend is not compared with its peers.',
  ),
  failure_rate: key(
    share({ min: '1%' }),
    '25%',
    "Share of failures in the window that ejects, if it is also at least twice its peers' median.",
  ),
  latency_factor: key(
    z.number().gt(1).nullable(),
    4,
    "Median latency in multiples of its peers' that lowers the weight, and ejects when that does not help; null: off.",
  ),
  ejection: key(duration({ min: '10ms' }), '10s', 'How long the first ejection lasts; doubled for each repeat.'),
  ejection_max: key(duration({ min: '10ms' }), '5m', 'The longest ejection.'),
  dry_run: key(z.boolean(), false, 'Eject nobody, and count who would have been.'),
});

const heartbeat = z.strictObject({
  interval: key(duration({ min: '10ms' }), '2s', 'How often senders are asked to send.'),
  lease: key(duration({ min: '20ms' }), '6s', 'No heartbeat for this long: lost.'),
  suspect_phi: key(
    z.number().gt(0).max(16),
    5,
    'Suspicion (phi accrual) that lowers the weight before the lease ends: 5 is one false alarm in 100,000.',
  ),
  required: key(z.boolean(), false, 'A backend that sends none is not up; else one that probes pass stays in service.'),
});

const load = z.strictObject({
  sources: key(
    z.array(z.enum(['response', 'heartbeat', 'probe'])),
    ['response', 'heartbeat', 'probe'],
    'Where load reports are read; an empty list: nowhere.',
  ),
  utilization: key(
    z.array(text(LOAD_METRIC.pattern, LOAD_METRIC.must)).min(1),
    ['application_utilization', 'cpu_utilization'],
    'What counts as utilization: the first one that a report has.',
  ),
  blackout: key(duration(), '10s', 'Reports of a new process are not believed for this long.'),
  expiry: key(duration({ min: '100ms' }), '3m', 'A report is forgotten after this long.'),
  error_penalty: key(z.number().min(0), 1, 'How much an error rate of 100% adds to the utilization, 1 = all of it.'),
  max_ratio: key(z.number().gt(1).max(100), 4, 'A report moves a weight at most this many times up or down.'),
});

const slowStart = z.strictObject({
  window: key(duration({ min: '100ms' }), '30s', 'How long a backend takes to its whole weight.'),
  min_weight: key(share({ min: '1%' }), '10%', 'Share of the weight that it begins with.'),
  aggression: key(z.number().gt(0).max(10), 1, 'How the weight grows: 1 steadily, above 1 more of it early.'),
});

/** In the order of the reference page. */
export const healthKeys = {
  initial_state: key(
    z.enum(['probe', 'up', 'down', 'last']),
    'probe',
    'What a new backend counts as: `probe` waits for the first pass, but serves while nothing is proven yet; `last` is what `state_file` remembers, or else as `probe`.',
  ),
  probe: key(z.union([z.literal(false), probe]), {}, 'Asking backends how they are; false: off.'),
  outliers: key(z.union([z.literal(false), outliers]), {}, 'Judging backends by the traffic they serve; false: off.'),
  heartbeat: key(heartbeat, {}, 'Judging backends by the heartbeats they push; needs `heartbeats`, the receiver.'),
  load: key(load, {}, 'Weighing backends by the load that they report.'),
  slow_start: key(
    slowStart.nullable(),
    {},
    'Whoever comes into service, while others have the work in hand, gets its weight little by little; null: off.',
  ),
  budget: key(
    z.strictObject({
      max_removed: key(share(), '50%', 'Share of the backends that soft evidence of all sources together may remove.'),
      min_available: key(count(0, 10_000), 1, 'Backends that soft evidence must leave.'),
    }),
    {},
    'How much of the pool may be removed on suspicion. Refused connections and operators are exempt.',
  ),
  panic: key(
    z.strictObject({
      threshold: key(share(), '50%', 'Below this share of available backends panic rules apply; 0%: never.'),
      mode: key(
        z.enum(['least_bad', 'all', 'fail']),
        'least_bad',
        'Who serves in panic: the least bad backends, all of them, or none.',
      ),
    }),
    {},
    'What to do when too few backends are left.',
  ),
};
