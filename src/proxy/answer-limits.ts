/** How much of an answer is read, over HTTP/1 and HTTP/2 alike: a backend is trusted no more than a client. */

import type { HeadLimits } from '../http1/request-head.ts';

/** Of an answer's head. */
export const HEAD_LIMITS: HeadLimits = { headerBytes: 65_536, headerCount: 200, underscoreHeaders: 'allow' };

/** Informational responses to one request. */
export const MAX_INFORMATIONAL = 16;
