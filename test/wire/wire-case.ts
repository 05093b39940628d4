/**
 * Reads the byte scripts of this folder. A file is one case, or one case in many variants:
 *
 *     # What must hold, as a sentence
 *     proves: F4 R19                           rows of test/rfc/faults.ts and test/rfc/rules.ts
 *     listener: {"timeouts":{"header":"1s"}}   keys of the configuration, optional; `upstream:` likewise
 *     feed: whole                              optional: not byte by byte as well (large or timed cases)
 *     each value                               optional: one run per line, `{value}` stands for it everywhere below
 *     xchunked
 *     chunked, gzip
 *
 *     client>                                  bytes the client sends: \r \n \t \0 \\ \xNN, {repeat 9 text}
 *     GET / HTTP/1.1\r\n
 *     client> close | reset
 *     backend<                                 the next message that must have reached the backend, byte for byte
 *     backend< nothing | no request | closed   not a byte; nothing complete, and the connection is closed; it is closed
 *     backend>                                 the bytes it answers; without any `backend>` it echoes method and target
 *     backend> close | reset
 *     client< 400 bad_request, closed          one of our own answers, and the state of the connection afterwards
 *     client< 200 HEAD, open                   a relayed answer (to HEAD); then header lines it must have,
 *     content-type: text/plain                 `- name` for those it must not have,
 *     - server                                 and its whole body
 *     body: text
 *     client< cut                              the connection ends inside an answer
 *
 * Lines are joined without a separator; empty lines separate. Steps run in order. In expected bytes, {id} is a request
 * id, {any} is anything within a line, and {added} is what the proxy adds for Host a.example.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Step =
  | { readonly kind: 'client-sends' | 'backend-sends'; readonly bytes: string }
  | { readonly kind: 'client-ends' | 'backend-ends'; readonly how: 'close' | 'reset' }
  | { readonly kind: 'backend-gets'; readonly pattern: RegExp; readonly text: string }
  | { readonly kind: 'backend-gets-nothing' | 'backend-gets-no-request' | 'backend-sees-close' | 'client-is-cut' }
  | ({ readonly kind: 'client-gets' } & ExpectedAnswer);

export interface ExpectedAnswer {
  readonly status: number;
  /** Code of one of our own answers; null for a relayed one. */
  readonly code: string | null;
  readonly method: string;
  /** What becomes of the connection; null = another answer follows. */
  readonly after: 'open' | 'closed' | null;
  readonly present: readonly string[];
  readonly absent: readonly string[];
  /** null = not looked at. */
  readonly body: string | null;
}

export interface WireCase {
  readonly name: string;
  readonly listener: object;
  readonly upstream: object;
  readonly trickles: boolean;
  readonly steps: readonly Step[];
}

const ADDED = String.raw`x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: a.example\r\nvia: 1.1 pulsegate\r\nx-request-id: {id}\r\n`;
const TOKENS: Readonly<Record<string, string>> = { '{id}': '[!-~]+', '{any}': '[^\\r\\n]*' };

export interface Script {
  /** `framing/cl-zero.txt` */
  readonly file: string;
  /** All its cases have names that begin with this. */
  readonly title: string;
  /** Each variant by itself. */
  readonly cases: readonly WireCase[];
}

export function loadScripts(folder: string): Script[] {
  const directory = join(import.meta.dirname, folder);
  return readdirSync(directory)
    .sort()
    .map((name) => {
      const file = `${folder}/${name}`;
      try {
        return { file, ...parseScript(readFileSync(join(directory, name), 'utf8')) };
      } catch (error) {
        throw new Error(`${file}: ${(error as Error).message}`);
      }
    });
}

/** All cases of a folder. */
export function loadCases(folder: string): WireCase[] {
  return loadScripts(folder).flatMap(({ cases }) => cases);
}

function parseScript(text: string): Omit<Script, 'file'> {
  const [heading = '', ...lines] = text.split('\n');
  const stepsAt = lines.findIndex((line) => isStep(line));
  const prelude = readPrelude(lines.slice(0, stepsAt));
  const body = lines.slice(stepsAt);
  if (!heading.startsWith('# ') || stepsAt < 0) throw new Error('no title or no steps');
  if (prelude.proves === '') throw new Error('it does not say what it proves');
  const title = `${heading.slice(2)} [${prelude.proves}]`;
  const { variable, variants } = prelude;
  if (variable === null) return { title, cases: [{ name: title, ...prelude, steps: readSteps(body) }] };
  const cases = variants.map((variant) => ({
    name: `${title}: ${variant}`,
    ...prelude,
    steps: readSteps(body.map((line) => line.replaceAll(`{${variable}}`, () => variant))),
  }));
  return { title, cases };
}

function readPrelude(lines: readonly string[]) {
  const values = { proves: '', listener: '{}', upstream: '{}', feed: '' };
  const variants: string[] = [];
  let variable: string | null = null;
  for (const line of lines) {
    const setting = /^(proves|listener|upstream|feed): (.*)$/.exec(line);
    const each = /^each (\w+)$/.exec(line);
    if (each !== null) variable = each[1] as string;
    else if (variable !== null && line !== '') variants.push(line === '\\e' ? '' : line);
    else if (setting !== null) values[setting[1] as keyof typeof values] = setting[2] as string;
    else if (line !== '') throw new Error(`cannot read ${JSON.stringify(line)}`);
  }
  return {
    proves: values.proves as string,
    listener: JSON.parse(values.listener as string) as object,
    upstream: JSON.parse(values.upstream as string) as object,
    trickles: values.feed !== 'whole',
    variable,
    variants,
  };
}

function isStep(line: string): boolean {
  return /^(client|backend)[<>]( |$)/.test(line);
}

function readSteps(lines: readonly string[]): Step[] {
  const steps: Step[] = [];
  for (let i = 0; i < lines.length; ) {
    const directive = lines[i++] as string;
    if (directive === '') continue;
    if (!isStep(directive)) throw new Error(`bytes without a direction: ${JSON.stringify(directive)}`);
    const content: string[] = [];
    while (i < lines.length && !isStep(lines[i] as string)) content.push(lines[i++] as string);
    steps.push(
      readStep(
        directive,
        content.filter((line) => line !== ''),
      ),
    );
  }
  return steps;
}

function readStep(directive: string, content: readonly string[]): Step {
  const [arrow, ...words] = directive.split(' ');
  const argument = words.join(' ');
  const text = content.join('');
  if (arrow === 'client<') return argument === 'cut' ? { kind: 'client-is-cut' } : readAnswer(argument, content);
  if (arrow === 'backend<') {
    if (argument === 'nothing') return { kind: 'backend-gets-nothing' };
    if (argument === 'no request') return { kind: 'backend-gets-no-request' };
    if (argument === 'closed') return { kind: 'backend-sees-close' };
    return { kind: 'backend-gets', pattern: compile(text), text };
  }
  const side = arrow === 'client>' ? 'client' : 'backend';
  if (argument === 'close' || argument === 'reset') return { kind: `${side}-ends`, how: argument };
  if (argument !== '' || text === '') throw new Error(`cannot read ${JSON.stringify(directive)}`);
  return { kind: `${side}-sends`, bytes: bytesOf(text) };
}

function readAnswer(argument: string, content: readonly string[]): Step {
  const match = /^([1-5]\d\d)(?: ([a-z_]+))?(?: (HEAD))?(?:, (open|closed))?$/.exec(argument);
  if (match === null) throw new Error(`cannot read the answer ${JSON.stringify(argument)}`);
  const body = content.find((line) => line.startsWith('body:'));
  return {
    kind: 'client-gets',
    status: Number(match[1]),
    code: match[2] ?? null,
    method: match[3] ?? 'GET',
    after: (match[4] as 'open' | 'closed' | undefined) ?? null,
    present: content.filter((line) => !line.startsWith('body:') && !line.startsWith('- ')).map(bytesOf),
    absent: content.filter((line) => line.startsWith('- ')).map((line) => line.slice(2)),
    body: body === undefined ? null : bytesOf(body.slice(5).trimStart()),
  };
}

/** Escaped text to bytes, one character each. */
function bytesOf(text: string): string {
  return text
    .replace(/\{repeat (\d+) ([^}]*)\}/g, (_, times: string, unit: string) => unit.repeat(Number(times)))
    .replace(/\\(?:x([0-9A-Fa-f]{2})|(.))/g, (_, hex: string | undefined, letter: string) =>
      hex === undefined ? plain(letter) : String.fromCharCode(Number.parseInt(hex, 16)),
    );
}

function plain(letter: string): string {
  const escapes: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '0': '\0', '\\': '\\' };
  const byte = escapes[letter];
  if (byte === undefined) throw new Error(`unknown escape \\${letter}`);
  return byte;
}

function compile(text: string): RegExp {
  const parts = text.replaceAll('{added}', ADDED).split(/(\{id\}|\{any\})/);
  const source = parts.map((part) => TOKENS[part] ?? bytesOf(part).replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
  return new RegExp(`^${source.join('')}$`, 's');
}
