/**
 * The configuration keys of one hook, each with its type, its default and a sentence; and the forms of what hooks call. Rules that
 * relate several keys are in hook-checks.ts.
 */

import { z } from 'zod';
import { HOOK_TRIGGERS } from '../model/hook.ts';
import { duration, key, required, text, textThat } from './fields.ts';
import { HEADER_NAME } from './names.ts';

/** RFC 9110 §5.5, without what a line could be broken with. */
const FIELD_VALUE = /^[\t\x20-\x7e]*$/;

/** NUL would end an argument early. */
const argument = textThat((written) => !written.includes('\0'), 'must not contain a NUL character');

export const hook = z.strictObject({
  webhook: key(
    textThat(isWebhookUrl, 'must be a URL such as https://hooks.example.com/x, without a user name').nullable(),
    null,
    'URL that JSON is posted to; either this or `exec`.',
  ),
  exec: key(
    z.array(argument).min(1).nullable(),
    null,
    'Program and arguments, run without a shell; `{upstream}`, `{backend}`, `{from}`, `{to}`, `{reason}` and `{url}` are replaced in the arguments.',
  ),
  on: required(
    z.array(z.enum(HOOK_TRIGGERS)).min(1),
    'When: statuses that a backend comes to, or what befalls an upstream.',
  ),
  min_interval: key(duration({ max: '24h' }), '30s', 'At least so long between two calls about the same backend.'),
  timeout: key(
    duration({ min: '1ms', max: '1h' }),
    '10s',
    'Of a command, which is then killed, or of one try of a webhook.',
  ),
  secret: key(
    z.string().min(16).nullable(),
    null,
    'What the body of a webhook is signed with, 16 characters or more: better `${env:NAME}`; null: it is not signed.',
  ),
  headers: key(
    z.record(
      text(HEADER_NAME.pattern, HEADER_NAME.must),
      text(FIELD_VALUE, 'must be a header value in printable ASCII'),
    ),
    {},
    'Header fields of a webhook besides ours, such as `authorization`.',
  ),
});

function isWebhookUrl(written: string): boolean {
  if (!/^https?:\/\/[^/]/i.test(written) || !URL.canParse(written)) return false;
  const { username, password, hash, port } = new URL(written);
  return username === '' && password === '' && hash === '' && port !== '0';
}
