/** GHSA-3ccp-42pg-hgv6, Traefik, and CVE-2025-64763, Envoy: bytes behind CONNECT shifted the answers of other users. */

import { it } from 'vitest';
import { expectRefused } from '../support/attack.ts';

it.each([
  `CONNECT a.example:80 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhelloGET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n`,
  `CONNECT / HTTP/1.1\r\nHost: a.example\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n`,
])('%j is refused [F48 R81]', (request) => expectRefused(request, 405));
