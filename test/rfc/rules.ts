/**
 * The rules of the HTTP standards that bind a gateway, in our words, and what becomes of each. docs/rfc.md is made of this table
 * and of a run of the tests that prove its rows.
 *
 * How a test says what it proves: it mentions the ids as words of their own, in its name or in that of a `describe`
 * around it: `it('a trailer is not merged into the head [R26 F20]', ...)`; a byte script has a line `proves: R26 F20`.
 * A rule that waits for code has `pending` with what it waits for; whoever writes its first test takes that out, and
 * `npm run generate:rfc` rewrites the page. A rule without a test is either `pending` or `exempt`.
 *
 * Long because it is one table.
 */

export type Level = 'MUST' | 'SHOULD' | 'MAY';

export interface Rule {
  readonly id: string;
  /** `9112` is RFC 9112. */
  readonly section: string;
  readonly level: Level;
  readonly text: string;
  /** What we do where the standard leaves a choice, or where we are stricter than it. */
  readonly ours?: string;
  /** Why it does not bind us; such a rule needs no test. */
  readonly exempt?: string;
  readonly pending?: string;
}

export interface Topic {
  readonly title: string;
  readonly rules: readonly Rule[];
}

type Extra = Pick<Rule, 'ours' | 'exempt' | 'pending'>;

const rule =
  (level: Level) =>
  (id: string, section: string, text: string, extra: Extra = {}): Rule => ({ id, section, level, text, ...extra });
const must = rule('MUST');
const should = rule('SHOULD');
const may = rule('MAY');

export const TOPICS: readonly Topic[] = [
  {
    title: 'Reading a message',
    rules: [
      must('R1', '9112 §2.2', 'A message is read as octets: no byte becomes part of a wider character.'),
      must('R2', '9112 §2.2', 'A CR without its LF is an error, or white space.', { ours: 'An error.' }),
      may('R2b', '9112 §2.2', 'LF alone may end a line.', {
        ours: 'It is refused: other parsers do not see that end.',
      }),
      must('R3', '9112 §2.2', 'White space before the first field line is refused, or the line is dropped.', {
        ours: 'Refused.',
      }),
      should('R3b', '9112 §2.2', 'An empty line before a request is passed over.'),
      should('R4', '9112 §2.2', 'What does not begin like a request is answered with 400, and the connection closed.'),
      must('R5', '9112 §2.3', 'A message that is forwarded carries the version of the gateway, not of the sender.'),
      must('R6', '9112 §3', 'A target that is too long is answered with 414.'),
      should('R6b', '9112 §3', 'A method that is too long is answered with 501.'),
      should('R6c', '9112 §3', 'Request lines of up to 8,000 octets are accepted.'),
      should('R7', '9112 §3', 'A malformed request line is refused with 400 and not repaired.'),
      must(
        'R8',
        '9112 §3.2',
        'A request without a Host, with two, or with one that is malformed is answered with 400.',
      ),
      must('R9', '9112 §3.2.2', 'A target in absolute-form is accepted.'),
      must('R9b', '9112 §3.2.2', 'The authority of an absolute-form target counts, whatever the Host says.', {
        ours: 'Stricter: where the two differ the request is refused with 400, so that nobody behind us can choose the other.',
      }),
      must('R10', '9112 §3.2.3', 'Only CONNECT may have a target in authority-form.', {
        ours: 'And CONNECT is refused.',
      }),
      must('R10b', '9112 §3.2.4', 'Only OPTIONS may have the target `*`.'),
      must('R10c', '9112 §3.2.4', 'OPTIONS of an absolute-form target without path and query asks for `*`.'),
      must('R11', '9112 §5.1', 'White space between a name and its colon is answered with 400.'),
      must('R11b', '9112 §5.1', 'In an answer, white space before a colon does not reach the client.', {
        ours: 'Stricter: the whole answer becomes a 502.',
      }),
      must('R12', '9112 §5.2', 'A folded line in a request is refused with 400, or unfolded.', { ours: 'Refused.' }),
      must('R12b', '9112 §5.2', 'A folded line in an answer becomes a 502, or is unfolded.', { ours: 'A 502.' }),
      must('R13', '9110 §5.5', 'A value with CR, LF or NUL is refused, or they become spaces.', {
        ours: 'Refused, as are all control characters but the tab.',
      }),
    ],
  },
  {
    title: 'Where a message ends',
    rules: [
      must('R14', '9112 §6.1', 'No Transfer-Encoding in an answer of status 1xx or 204.'),
      must('R14b', '9112 §6.1', 'No Transfer-Encoding to a client of HTTP/1.0.'),
      should('R15', '9112 §6.1', 'A transfer coding that is not known is answered with 501.'),
      must(
        'R16',
        '9112 §6.3',
        'Content-Length next to Transfer-Encoding is refused, or loses and ends the connection.',
        {
          ours: 'Refused with 400, in an answer with 502.',
        },
      ),
      must('R17', '9112 §6.1', 'Transfer-Encoding in HTTP/1.0 is faulty framing, and ends the connection.', {
        ours: 'Refused with 400, in an answer with 502.',
      }),
      must('R18', '9112 §6.2', 'No message is sent with both Content-Length and Transfer-Encoding.'),
      must(
        'R19',
        '9112 §6.3',
        'A request whose last coding is not chunked is answered with 400, and the connection closed.',
      ),
      must(
        'R20',
        '9112 §6.3',
        'A request with an invalid Content-Length is answered with 400, and the connection closed.',
        {
          ours: 'So is one with several equal values, and one with leading zeros.',
        },
      ),
      must(
        'R20b',
        '9112 §6.3',
        'An answer with an invalid Content-Length becomes a 502, and its connection is closed.',
      ),
      must('R21', '9112 §6.3', 'A body that ends before its length is incomplete, and ends the connection.'),
      must('R22', '9110 §8.6', 'No message is forwarded with a Content-Length that is known to be wrong.'),
      must('R23', '9112 §6.3', 'Answers to HEAD, and 1xx, 204 and 304, end with their head, whatever it says.'),
      must('R23b', '9112 §6.3', 'What follows a 2xx to CONNECT is a tunnel.', { exempt: 'CONNECT is refused.' }),
      must('R24', '9112 §7.1', 'The chunked coding is understood, and sizes cannot overflow.'),
      must('R25', '9112 §7.1.1', 'Chunk extensions that are not known are ignored.'),
      should('R25b', '9112 §7.1.1', 'The length of chunk extensions is limited.', { ours: 'To 4 KiB in a body.' }),
      must('R26', '9112 §7.1.2', 'Trailers are not merged into the head.', { ours: 'Of HTTP/1 they are dropped.' }),
      must('R27', '9110 §10.1.4', 'A TE field that is sent is named in Connection.', {
        ours: 'None is sent over HTTP/1.',
      }),
      should('R28', '9112 §7.1.3', 'When chunks are undone, Transfer-Encoding and Trailer do not survive them.'),
    ],
  },
  {
    title: 'Incomplete messages, and whose answer it is',
    rules: [
      must('R29', '9112 §8', 'An answer that was cut short is not made to look complete.'),
      must('R30', '9112 §9.2', 'Bytes on a connection without an open request are not an answer.', {
        ours: 'And the connection is closed.',
      }),
      must('R31', '9112 §6.3', 'Bytes behind the last answer are neither processed nor forwarded as one.'),
      must('R32', '9112 §9.3', 'The body of a request is read to its end, or the connection is closed.'),
      must('R33', '9112 §9.3', 'A connection with an HTTP/1.0 client does not persist.'),
      must('R34', '9112 §9.6', 'Nothing behind a request that says `close` is processed.'),
      must('R34b', '9112 §9.6', 'A last answer says `close`.'),
      must('R34c', '9112 §9.6', 'No request follows an answer that says `close` on its connection.'),
      should('R35', '9112 §9.6', 'A connection is closed in stages, so that the last answer is not lost in a reset.'),
      must('R36', '9112 §9.8', 'Closure alerts are exchanged before a TLS connection is closed.'),
      must('R37', '9112 §9.3.2', 'Pipelined requests are answered in the order in which they came.'),
    ],
  },
  {
    title: 'Forwarding',
    rules: [
      must('R38', '9110 §7.6.1', 'The Connection field is understood, and does not cross.'),
      must('R39', '9110 §7.6.1', 'What Connection names does not cross.', {
        ours: 'But nobody can have Host, framing, credentials, cookies or what we say of the client removed.',
      }),
      should('R40', '9110 §7.6.1', 'Keep-Alive, Proxy-Connection, TE and Upgrade do not cross, named or not.'),
      must('R41', '9110 §7.6', 'A request is not forwarded to the gateway itself.', { ours: 'A loop is a 508.' }),
      must('R42', '9110 §7.6.2', 'OPTIONS with `Max-Forwards: 0` is answered here.'),
      must('R42b', '9110 §7.6.2', 'OPTIONS with a larger Max-Forwards crosses with one less.'),
      must('R42c', '9110 §9.3.7', 'Max-Forwards is not added.'),
      must('R43', '9110 §7.6.3', 'Via is added to each request, with the version in which it came.'),
      may('R43b', '9110 §7.6.3', 'Via is added to answers.', { exempt: 'Answers do not tell of the gateway.' }),
      must('R44', '9110 §7.7', 'Path and query are not altered.', { ours: 'Unless a route says `strip_prefix`.' }),
      must('R45', '9110 §7.7', 'Content is not transformed where `no-transform` forbids it.', { ours: 'It never is.' }),
      must('R46', '9110 §5.1', 'Fields that are not known cross.'),
      must('R46b', '9110 §5.3', 'Lines of one name keep their order.'),
      must('R47', '9110 §6.6.1', 'An answer without a Date gets one.'),
      must('R48', '9110 §10.2.1, §11.6', 'Allow, WWW-Authenticate and Authorization cross unchanged.'),
      must('R49', '9110 §11.7', 'Proxy-Authorization is for the next proxy, and is not relayed by default.'),
      must('R50', '9110 §13.2.1', 'Conditions are forwarded and not evaluated by who has no cache.'),
      must('R51', '9110 §14', 'Ranges, also of unknown units, are left to the origin.'),
      should('R52', '9110 §7.4', 'A target whose scheme is not that of the connection is misdirected.', {
        ours: 'A 421: before its backends, the gateway is the origin.',
      }),
      must('R53', '9110 §15.2', 'Informational answers are forwarded, unless we asked for them.'),
      must('R53b', '9110 §15.2', 'None is sent to a client of HTTP/1.0.'),
      must('R54', '9110 §10.1.1', '`Expect: 100-continue` is forwarded or answered; others may fail with 417.', {
        ours: 'We answer it once a backend is ready for the body.',
      }),
      must('R54b', '9110 §10.1.1', 'An expectation of an HTTP/1.0 client is ignored.'),
      must('R55', '9110 §7.8', 'Upgrade counts only where Connection names it.'),
      must('R55b', '9110 §7.8', 'Upgrade in HTTP/1.0 is ignored.'),
      must('R55c', '9110 §15.2.2', 'A 101 that nobody asked for does not cross.'),
      must('R56', '9110 §9.3.6', 'Both sides of a CONNECT tunnel are closed together.', {
        exempt: 'CONNECT is refused.',
      }),
      must('R57', '9110 §9.3.8', 'TRACE reveals no credentials.', { ours: 'It is refused with 405.' }),
      must('R58', '9110 §9.2.2', 'A request that is not idempotent is not sent again, once it may have been acted on.'),
      should(
        'R59',
        '9110 §15.6',
        '502 tells of a bad answer, 503 of nobody to ask, with Retry-After, and 504 of silence.',
      ),
      should('R59b', '9110 §15.6.6', 'Another major version of HTTP is answered with 505.'),
      must('R60', '9110 §15.5.6', 'A 405 says in Allow what is allowed.'),
      should('R60b', '9110 §15.6.2', 'A method that is not known is answered with 501.', {
        ours: 'Methods are for the backends to know: only those that are no upper-case token of at most 32 letters are refused.',
      }),
      must('R61', '9110 §8.6', 'No Content-Length in an answer of status 1xx or 204.'),
      should('R61b', '9110 §9.3.2', 'An answer to HEAD has the fields that GET would have.'),
    ],
  },
  {
    title: 'HTTP/2',
    rules: [
      must('R62', '9113 §8.1.1', 'A malformed request is a stream error and is not forwarded.'),
      must('R63', '9113 §8.1.1', 'Content-Length is the sum of the DATA frames, or the request is malformed.'),
      must('R64', '9113 §8.3', 'Pseudo-fields come first, once each, are known ones, and are never trailers.'),
      must('R65', '9113 §8.2.1', 'Names and values hold only the octets that they may hold.'),
      must('R66', '9113 §8.2.2', 'No fields of the connection; of TE only `trailers`.'),
      must('R67', '9113 §8.2.3', 'Cookie fields are joined with `; ` before they cross into HTTP/1.'),
      must('R68', '9113 §8.3.1', 'Host is made of `:authority`; where both differ the request is malformed.'),
      must('R69', '9113 §10.3', 'What is translated into HTTP/1 cannot form a delimiter there.'),
      must(
        'R70',
        '9113 §8.7',
        'Only a request that was not processed is refused as such, and only such is sent again.',
      ),
      should('R71', '9113 §10.5', 'A peer that abuses the protocol loses its connection.'),
      should('R72', '9113 §6.8', 'GOAWAY comes before a connection is closed, and open streams end.'),
      must('R73', '9113 §9.2', 'TLS 1.2 or later, without compression and renegotiation.'),
      must('R74', '9113 §8.4', 'Nothing is pushed, neither to clients nor by backends.'),
      must('R75', '8441 §3', 'Extended CONNECT only after the setting that offers it.'),
    ],
  },
  {
    title: 'Extensions',
    rules: [
      should('R76', '7239 §4', 'Forwarded of an untrusted client is dropped; what a trusted one says is appended to.'),
      must('R77', '8470 §5', 'Early-Data is believed from nobody.', { ours: 'Dropped: TLS here takes no early data.' }),
      may('R78', '9209 §2', 'Proxy-Status tells of what the gateway met.', {
        exempt: 'Clients learn no more than a status, a code and a request id.',
      }),
      may('R79', '8297 §2', 'A 103 crosses.'),
      must('R80', '6455 §4', 'A WebSocket handshake is complete on both sides before bytes flow.'),
      must('R81', '9110 §9.3.6', 'A CONNECT that is refused ends the connection: what follows is not a request.', {
        ours: 'As later drafts about optimistic upgrades demand.',
      }),
    ],
  },
];

export const RULES: readonly Rule[] = TOPICS.flatMap(({ rules }) => rules);
