/** GHSA-f59h-q822-g45g, Caddy: `Remote_User` became `Remote-User` behind a proxy that had removed only the latter. */

import { it } from 'vitest';
import { expectRefused } from '../support/attack.ts';

it.each([
  `GET / HTTP/1.1\r\nHost: a.example\r\nRemote_User: admin\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: a.example\r\nX_Forwarded_For: 10.0.0.1\r\n\r\n`,
])('%j is refused [F26]', (request) => expectRefused(request));
