/**
 * What may go wrong between a client, us and a backend, and what must happen then: our catalogue of faults. Tests
 * name its rows as they name rules; rules.ts says how, and what `pending` and `exempt` mean.
 *
 * Long because it is one table.
 */

export interface Fault {
  readonly id: string;
  readonly fault: string;
  readonly outcome: string;
  readonly exempt?: string;
  readonly pending?: string;
}

export interface FaultGroup {
  readonly title: string;
  readonly faults: readonly Fault[];
}

type Extra = Pick<Fault, 'exempt' | 'pending'>;

function row(id: string, fault: string, outcome: string, extra: Extra = {}): Fault {
  return { id, fault, outcome, ...extra };
}

export const GROUPS: readonly FaultGroup[] = [
  {
    title: 'Framing of requests',
    faults: [
      row('F1', 'Content-Length and Transfer-Encoding together', '400, close, nothing reaches a backend'),
      row('F2', 'Several Content-Lengths, equal or not', '400, close; we send exactly one'),
      row('F3', 'A Content-Length that is no plain number', '400, close'),
      row(
        'F4',
        'Transfer-Encoding in disguise',
        'Only the one value `chunked` on one line passes; else 400, or 501 for a coding above it',
      ),
      row('F5', 'Chunks, or a body until close, in HTTP/1.0', '400, close; no request ends with its connection'),
      row('F6', 'Lines that CRLF does not end', '400, close'),
      row('F7', 'Malformed chunks', '400, close; chunks are written anew'),
      row('F8', 'Chunk extensions', 'Dropped, and 413 above 4 KiB of them'),
      row('F9', 'Field lines that are folded, nameless, without a colon or with space before it', '400, close'),
      row(
        'F10',
        'Control characters and bytes above 0x7f in fields',
        '400 for the former; the latter cross as they came',
      ),
      row(
        'F11',
        'Names that resemble framing fields',
        'Refused with an underscore, else ordinary fields without a meaning',
      ),
      row('F12', 'A body with GET, HEAD, DELETE or OPTIONS', 'Crosses with exact framing'),
      row('F13', 'An answer before the request is whole', 'Neither connection is used again'),
      row('F14', 'Expectations, known, unknown and disguised', '100 from us, 417, or 400; none reaches a backend'),
      row(
        'F15',
        'A pause in a request, then the rest as a new one',
        '408; both connections closed; the rest is not parsed',
      ),
      row('F16', 'Pipelining, also behind `Connection: close`', 'In order, bounded, and nothing after the close'),
      row(
        'F17',
        'An answer of our own before the body was read',
        'The connection is closed; the body is never a request',
      ),
      row('F18', 'Versions other than HTTP/1.0 and 1.1', '1.2 to 1.9 as 1.1; other majors 505; what is not HTTP 400'),
      row(
        'F19',
        'Methods that are unknown, long, in lower case, or open tunnels',
        'Forwarded if an upper-case token of 32 letters; else 501, 400 or 405',
      ),
      row(
        'F20',
        'Trailers that speak of framing, routes, credentials or identity',
        'None crosses; framing names are 400',
      ),
      row('F21', 'More or longer fields than the limit', '431 or 414, close; nothing hides behind them'),
      row('F22', 'Names that JavaScript objects know', 'Ordinary fields'),
    ],
  },
  {
    title: 'Who is asking, and for which host',
    faults: [
      row('F23', 'Connection names fields of identity', 'They stay; ours are added afterwards'),
      row('F24', 'The same on a request with Upgrade', 'One code for both'),
      row('F25', 'Forwarded fields of the client’s own making', 'Replaced, or appended to for a trusted peer'),
      row('F26', 'Underscore twins of fields', 'Refused by default'),
      row('F27', 'A field of identity that outlives its removal', 'Removed first, set afterwards'),
      row('F28', 'Fields between us and backends, from a client or to one', 'They cross in neither direction'),
      row(
        'F29',
        'A Host that is missing, double or no host',
        '400; else normalised once, for routing and forwarding alike',
      ),
      row('F30', 'A target in absolute-form that differs from the Host', '400'),
      row('F31', '`:authority` that differs from Host, or with user information', 'A stream error'),
      row('F32', 'A host that the certificate or client certificate of the connection is not for', '421'),
      row('F33', 'Fields joined or out of order', 'They cross line by line, in order'),
      row('F34', 'A request that comes back to us', '508, after one round'),
      row('F35', 'Fields of the backend’s connection in an answer', 'They do not cross'),
    ],
  },
  {
    title: 'Paths and routes',
    faults: [
      row(
        'F36',
        'Dot segments, encoded delimiters, backslashes',
        '400; what is accepted crosses exactly as it was matched',
      ),
      row('F37', 'A path that becomes another when its prefix is taken off', '400'),
      row('F38', 'Letter case and percent-encoding around a route', 'Bytes are compared; nothing is folded or decoded'),
      row('F39', 'Hosts and prefixes that match in part', 'Whole hosts, and prefixes that end at a segment'),
      row('F40', 'Expressions that take for ever', 'Routes are no expressions', {
        exempt: 'No configuration takes a regular expression for routes.',
      }),
      row('F41', 'A target that chooses the host to connect to', 'Backends come from the configuration alone'),
      row('F42', 'Fragments, spaces, tabs and raw UTF-8 in a target', '400'),
    ],
  },
  {
    title: 'Upgrade, WebSocket and CONNECT',
    faults: [
      row('F43', 'Bytes behind an Upgrade, before the 101', 'Held back until the 101, or never parsed'),
      row('F44', 'Handshakes that are not quite WebSocket', 'Served as plain requests'),
      row('F45', 'A 101 that nobody asked for', '502; the connection is destroyed'),
      row('F46', '`Upgrade: h2c`', 'Removed; no tunnel'),
      row('F47', 'A runtime that hands over every Upgrade', 'Ours to parse', {
        exempt: 'HTTP/1 is parsed here, not by the runtime.',
      }),
      row('F48', 'CONNECT, with bytes behind it', '405, close; nothing behind it is read'),
      row('F49', 'Tunnels that are half closed, idle or dead', 'Ends are passed on; both sides close in time'),
      row('F50', 'A handshake at a backend that drains or is dead', 'Another backend'),
      row('F51', 'Bombs inside WebSocket frames', 'Frames are not looked into'),
    ],
  },
  {
    title: 'HTTP/2 and TLS',
    faults: [
      row('F52', 'Streams opened and reset in masses', 'A budget, then GOAWAY'),
      row('F53', 'Resets that a peer makes us send', 'The same budget'),
      row('F54', 'CONTINUATION without end', 'The connection is closed, memory is bounded'),
      row('F55', 'Small frames that grow into large heads', 'Heads are bounded in number and bytes'),
      row('F56', 'Sessions that leave something behind', 'Every session is destroyed in the end'),
      row('F57', 'Floods of control frames', 'Counted, then closed'),
      row('F58', 'Requests that would mean something else in HTTP/1', 'A stream error'),
      row('F59', 'A client that does not read', 'The backend waits; memory is bounded; in the end a cut'),
      row('F60', 'Malformed or stalled TLS handshakes', 'Closed in time, and no crash'),
      row('F61', 'Certificates that are missing, torn or expired on reload', 'The last good ones stay'),
      row('F62', 'One protocol on the port of another', 'An error, close'),
    ],
  },
  {
    title: 'Exhaustion',
    faults: [
      row('F63', 'Clients that are slow to send', '408 and close in time'),
      row('F64', 'More connections than the limit', 'Closed at once, and the others are served'),
      row('F65', 'More requests than the capacity', 'Early 503 with Retry-After'),
      row('F66', 'Large bodies and slow peers', 'Backpressure; memory stays flat'),
      row('F67', 'Want of memory', 'Keep-alive ends, then refusals; nothing under way is lost'),
      row('F68', 'Want of processor time', 'Nobody else is blamed'),
      row('F69', 'Informational answers without end', '502 after 16; the connection is destroyed'),
      row('F70', 'Heads of answers beyond all measure', '502; the connection is destroyed'),
      row('F71', 'Compression bombs', 'Nothing is ever decompressed'),
      row('F72', 'Logs and metrics that grow with what clients choose', 'Cut, and no label from a request'),
      row('F73', 'Want of local ports', 'No backend’s fault'),
    ],
  },
  {
    title: 'Backends',
    faults: [
      row('F74', 'Answers that are cut short', 'The client sees that; never a whole answer'),
      row('F75', 'An end before the head of an answer', '502, or another attempt where that is safe'),
      row('F76', 'Malformed answers', '502; the connection is destroyed'),
      row('F77', 'Bytes that answer nothing', 'Nobody’s answer; the connection is destroyed'),
      row('F78', 'A body where there is none', 'It does not cross; the connection is closed'),
      row('F79', 'Heads within fields or reason phrases', 'Refused; the reason phrase is ours'),
      row(
        'F80',
        'Backends that are slow to accept, answer or go on',
        '504 or a cut, in time, and both sides are let go',
      ),
      row('F81', 'Connections to a machine that is gone', 'One time-out, and its idle connections go too'),
      row('F82', 'Clients that leave', 'The backend is let go at once, and not blamed'),
      row('F83', 'Backends with the wrong certificate', '502; nothing was sent'),
      row('F84', 'Names that resolve badly', 'The last good addresses stay'),
      row('F85', 'An address that another service has taken over', 'A probe may ask who it is'),
      row('F86', 'Requests that are executed twice', 'Only what is idempotent, or was not sent, is sent again'),
    ],
  },
  {
    title: 'The process, and what others learn of it',
    faults: [
      row(
        'F89',
        'A worker that dies or stands still',
        'Its own requests are lost; it is replaced, and health is not touched',
      ),
      row('F90', 'A primary that dies', 'Its workers serve on, until they are asked to stop'),
      row('F91', 'A stop, a reload or a hand-over while requests are open', 'They end; then connections do, in time'),
      row('F92', 'A full or read-only disk, a log that nobody reads', 'One complaint; serving goes on'),
      row('F96', 'Too little processor time for ourselves', 'Slower, and nobody else is blamed'),
      row('F114', 'Health at a reload', 'Who stays keeps what is known'),
      row('F115', 'A backend that leaves while requests are under way', 'They end; no idle connection is left'),
      row('F117', 'A new probe that would take everybody down', 'The old verdicts stay, and an alarm'),
      row('F130', 'An invalid configuration at a reload', 'All problems are told, and nothing changes'),
      row('F131', 'Workers that could take different configurations', 'All take it together, or none'),
      row('F132', 'Secrets in the configuration that is shown', 'Struck out'),
      row('F138', 'Forged and re-pointed requests to the admin API', 'Refused before anything is read or changed'),
      row('F139', 'Guessed tokens', 'Compared in constant time; nothing but the token is of use'),
      row('F140', 'Markup in what the dashboard shows', 'Text, under a policy that allows no script but its own'),
      row('F141', 'Answers of our own that tell of the inside', 'A status, a code and the request’s id, no more'),
      row('F142', 'Requests that write lines into the log', 'One line a request, escaped'),
      row('F143', 'Names that clients choose, in metrics', 'No series'),
      row('F144', 'Paths on the data port that reach the admin API', 'They are ordinary paths'),
      row('F145', 'Who changed what', 'A line in the log for each change, made or refused'),
    ],
  },
];

export const FAULTS: readonly Fault[] = GROUPS.flatMap(({ faults }) => faults);
