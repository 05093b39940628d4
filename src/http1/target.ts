/**
 * The request target (RFC 9112 §3.2). A target is accepted as it stands or refused; it is never rewritten, so that the
 * string that chose the route is the string that the backend sees. The one exception is absolute-form, which loses
 * its authority.
 */

/** Visible ASCII without `#`, `%` and `\`; a target of these without `/.` needs no closer look. */
const PLAIN = /^\/[!"$&-[\]-~]*$/;
const VISIBLE = /^[!-~]+$/;
const BROKEN_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const ENCODED_DELIMITER = /%(?:2f|5c|00|25)/i;

/**
 * `.` or `..` as a whole segment, in any spelling that some backend reads so: dots encoded, the segment's ends encoded,
 * path parameters behind it (`..;x`).
 */
const DOT_SEGMENT = /(?:\/|%2f|%5c)(?:\.|%2e){1,2}(?=$|\/|;|%2f|%5c|%3b|%00)/i;

/** Why an origin-form target is refused; empty when it is fine. */
export function checkOriginForm(target: string): string {
  if (PLAIN.test(target) && !target.includes('/.')) return '';
  if (!VISIBLE.test(target)) return 'target with a space, control or non-ASCII octet';
  if (!target.startsWith('/')) return 'target is not a path';
  if (target.includes('#')) return 'fragment in the target';
  const path = pathOf(target);
  if (path.includes('\\')) return 'backslash in the path';
  if (BROKEN_ESCAPE.test(path)) return 'incomplete percent-encoding in the path';
  if (DOT_SEGMENT.test(path)) return 'dot segment in the path';
  return '';
}

/** The target up to its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

/** Whether the path holds an encoded `/`, `\`, NUL or `%`: backends differ in whether those divide or end segments. */
export function hasEncodedDelimiter(path: string): boolean {
  return path.includes('%') && ENCODED_DELIMITER.test(path);
}

export interface AbsoluteTarget {
  /** Lower case. */
  readonly scheme: string;
  readonly authority: string;
  /** Path and query as received; may be empty. */
  readonly rest: string;
}

const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(.*)$/;

/** An absolute-form target in its parts; null when it has another form. */
export function splitAbsoluteForm(target: string): AbsoluteTarget | null {
  const match = ABSOLUTE.exec(target);
  if (match === null) return null;
  const [, scheme, authority, rest] = match as unknown as [string, string, string, string];
  return { scheme: scheme.toLowerCase(), authority, rest };
}
