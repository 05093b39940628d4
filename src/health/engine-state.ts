/**
 * An engine's whole state as plain JSON, and an engine from it that goes on exactly where the first one stood: what a recording
 * begins with when its earlier signals are no longer kept. Settings are part of the state.
 */

import { Histogram } from '../base/histogram.ts';
import { restoreGraph, type SavedGraph, saveGraph } from '../base/object-graph.ts';
import { SlidingCounter } from '../base/sliding-counter.ts';
import { BackendRecord } from './backend-record.ts';
import { DrainNotice } from './drain-notice.ts';
import { HealthEngine } from './engine.ts';
import { HeartbeatDetector } from './heartbeat-detector.ts';
import { LoadWeights } from './load-weight.ts';
import { MassFailure } from './mass-failure.ts';
import { OutlierDetector } from './outlier-detector.ts';
import { OutlierReview } from './outlier-review.ts';
import { ArrivalWindow } from './phi-accrual.ts';
import { PoolRecord } from './pool-record.ts';
import { ProbeDetector } from './probe-detector.ts';
import { ProbeTrial } from './probe-trial.ts';
import { Ramp } from './slow-start.ts';

const CLASSES = [
  HealthEngine,
  PoolRecord,
  BackendRecord,
  ProbeDetector,
  HeartbeatDetector,
  ArrivalWindow,
  OutlierDetector,
  OutlierReview,
  SlidingCounter,
  Histogram,
  DrainNotice,
  Ramp,
  LoadWeights,
  MassFailure,
  ProbeTrial,
];

/** What probes ask and expect: it may be secret, and decides nothing once they have their answer. */
const OMITTED = new Set(['path', 'host', 'expect', 'send', 'service']);

export function saveEngine(engine: HealthEngine): SavedGraph {
  return saveGraph(engine, CLASSES, OMITTED);
}

/** Throws TypeError when `saved` does not hold an engine. */
export function restoreEngine(saved: SavedGraph): HealthEngine {
  const engine = restoreGraph(saved, CLASSES);
  if (!(engine instanceof HealthEngine))
    throw new TypeError('Cannot restore an engine: the state is of something else');
  return engine;
}
